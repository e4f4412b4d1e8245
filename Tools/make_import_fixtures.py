#!/usr/bin/env python3
"""Makes the miniatures that are imported: Tests/InterchangeTests/Fixtures/import.

    python3 Tools/make_import_fixtures.py

Tiny models with random weights as transformers' save_pretrained and torch.save write them, with the tokenizer of
Fixtures/tokenizer.json, and what transformers computes with them in double precision. Needs torch, transformers, safetensors.

electra-small/discriminator, generator
    Embeddings narrower than the hidden states, shared; a narrower generator. model.safetensors.
electra-base/discriminator, generator
    Embeddings as wide as the discriminator's hidden states, so that the generator alone has a projection; pytorch_model.bin as
    a zip archive, the discriminator's with strides as weights that came from TensorFlow have them.
bert
    BertForPreTraining with three token types' worth of nothing: two types, a pooler, a head for next sentences; as torch.save
    wrote it before 1.6, with a norm's parameters called gamma and beta.
roberta
    RobertaForMaskedLM: one token type, positions from the row behind the padding's; model.safetensors in two shards.
deberta
    DebertaV2ForMaskedLM without token types and absolute positions, and a head of DeBERTaV3's release that tells replaced
    tokens.

Beside each, expected.safetensors: `ids` of two sequences one after another, their `lengths`, and `hidden` states, and `logits`
of detection or of masked tokens. In electra-small and electra-base also one step: `step.*`, the inputs, losses, and every
parameter under the engine's name after one AdamW update.
"""

import collections
import json
import pathlib
import shutil

import torch
from safetensors.torch import save_file
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy
from transformers import (
    BertConfig, BertForPreTraining, DebertaV2Config, DebertaV2ForMaskedLM, ElectraConfig, ElectraForMaskedLM,
    ElectraForPreTraining, RobertaConfig, RobertaForMaskedLM, logging,
)

from engine_names import named_parameters
from fixture_file import save_fixture

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOKENIZER = ROOT / "Tests/InterchangeTests/Fixtures/tokenizer.json"
FIXTURES = ROOT / "Tests/InterchangeTests/Fixtures/import"
VOCABULARY = 280
LENGTHS = [14, 9]
DISCRIMINATOR_WEIGHT = 50
# A large epsilon, so that gradients that are zero but for rounding move nothing.
ADAM = dict(lr=1e-3, betas=(0.9, 0.999), eps=1e-3, weight_decay=0.01)


def scramble(model, seed):
    """Visible weights everywhere, exact in half precision."""
    randomness = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=randomness)
            norm = "LayerNorm.weight" in name or "layer_norm.weight" in name
            value = 1 + 0.2 * noise if norm else (0.1 if parameter.dim() == 1 else 0.2) * noise
            parameter.copy_(value.half().float())
    return model.eval()


def sequences(seed):
    randomness = torch.Generator().manual_seed(seed)
    rows = []
    for length in LENGTHS:
        row = torch.randint(5, VOCABULARY, (length,), generator=randomness)
        row[0], row[-1] = 2, 3
        rows.append(row)
    return rows


def folder(name):
    path = FIXTURES / name
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    shutil.copy(TOKENIZER, path / "tokenizer.json")
    (path / "tokenizer.json").chmod(0o644)
    return path


def save_configuration(model, path):
    config = json.loads(model.config.to_json_string())
    config["architectures"] = [type(model).__name__]
    (path / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def save(model, path):
    model.save_pretrained(path)
    (path / "generation_config.json").unlink(missing_ok=True)
    (path / "model.safetensors").chmod(0o644)


@torch.no_grad()
def expected(model, encoder, rows, path, logits=None):
    """Hidden states, and the logits of one of the model's heads."""
    double = model.double()
    hidden, outputs = [], []
    for row in rows:
        states = encoder(double)(input_ids=row[None]).last_hidden_state
        hidden.append(states[0])
        outputs.append((logits or (lambda model, states, row: model(input_ids=row[None]).logits))(double, states, row)[0])
    tensors = {
        "ids": torch.cat(rows).int(), "lengths": torch.tensor(LENGTHS).int(), "hidden": torch.cat(hidden).float(),
        # Of the vocabulary, every ninth column.
        "logits": torch.cat([x if x.dim() == 1 else x[:, ::9] for x in outputs]).float(),
    }
    save_fixture(tensors, path / "expected.safetensors")
    model.float()


def step(generator, discriminator, rows, path):
    """One update of both networks by the sum of their losses, as PyTorch makes it."""
    lengths = [len(row) for row in rows]
    ids = torch.cat(rows)
    positions = torch.tensor([2, 5, 9, LENGTHS[0] + 3, LENGTHS[0] + 6])
    masked = ids.clone()
    masked[positions[:4]] = 4
    randomness = torch.Generator().manual_seed(7)
    sampled = torch.randint(5, VOCABULARY, positions.shape, generator=randomness)
    sampled[1] = ids[positions[1]]
    corrupted = ids.clone()
    corrupted[positions] = sampled
    generator, discriminator = generator.double(), discriminator.double()
    # Both read the same tables here, as they did when they were trained.
    generator.electra.embeddings = discriminator.electra.embeddings
    generator.tie_weights()
    hidden = torch.cat([generator.electra(input_ids=row[None]).last_hidden_state[0] for row in torch.split(masked, lengths)])
    logits = generator.generator_lm_head(generator.generator_predictions(hidden[positions]))
    generator_loss = cross_entropy(logits, ids[positions])
    detection = torch.cat([discriminator(input_ids=row[None]).logits[0] for row in torch.split(corrupted, lengths)])
    loss = binary_cross_entropy_with_logits(detection, (corrupted != ids).double())
    total = generator_loss + DISCRIMINATOR_WEIGHT * loss
    parameters = collections.OrderedDict()
    for network, model in (("discriminator", discriminator), ("generator", generator)):
        for name, parameter in named_parameters(network, model):
            parameters.setdefault(name, parameter)
    decaying = [p for name, p in parameters.items() if p.dim() > 1]
    others = [p for name, p in parameters.items() if p.dim() == 1]
    optimizer = torch.optim.AdamW(
        [{"params": decaying}, {"params": others, "weight_decay": 0.0}], **ADAM)
    total.backward()
    optimizer.step()
    tensors = {
        "offsets": torch.tensor([0, lengths[0], sum(lengths)]).int(), "ids": ids.int(), "masked": masked.int(),
        "positions": positions.int(), "sampled": sampled.int(),
        "losses": torch.stack([generator_loss, loss, total]).detach(),
    } | {name: parameter.detach().float() for name, parameter in parameters.items()}
    metadata = {key: str(value) for key, value in ADAM.items() if key != "betas"}
    save_fixture(tensors, path, metadata | {"discriminator_weight": str(DISCRIMINATOR_WEIGHT)})


def electra(name, embedding, discriminator_sizes, generator_sizes, seed, write):
    common = dict(
        vocab_size=VOCABULARY, embedding_size=embedding, max_position_embeddings=16, hidden_dropout_prob=0.1,
        attention_probs_dropout_prob=0.0, attn_implementation="eager")
    discriminator = scramble(ElectraForPreTraining(ElectraConfig(**common, **discriminator_sizes)), seed)
    generator = scramble(ElectraForMaskedLM(ElectraConfig(**common, **generator_sizes)), seed + 1)
    generator.electra.embeddings.load_state_dict(discriminator.electra.embeddings.state_dict())
    rows = sequences(seed)
    for network, model in (("discriminator", discriminator), ("generator", generator)):
        path = folder(f"{name}/{network}")
        write(model, path, network)
        expected(model, lambda model: model.electra, rows, path)
    step(generator, discriminator, rows, FIXTURES / name / "step.safetensors")


def write_archive(model, path, network):
    """A zip archive; the discriminator's matrices are transposed views, as a conversion from TensorFlow leaves them."""
    save_configuration(model, path)
    state = model.state_dict()
    if network == "discriminator":
        for name, value in state.items():
            if value.dim() == 2 and "embeddings." not in name:
                state[name] = value.t().contiguous().t()
    torch.save(state, path / "pytorch_model.bin")


def bert():
    config = BertConfig(
        vocab_size=VOCABULARY, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
        max_position_embeddings=16, attn_implementation="eager")
    model = scramble(BertForPreTraining(config), 31)
    path = folder("bert")
    save_configuration(model, path)
    state = collections.OrderedDict()
    for name, value in model.state_dict().items():
        old = name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
        state[old] = value
    torch.save(state, path / "pytorch_model.bin", _use_new_zipfile_serialization=False)
    expected(
        model, lambda model: model.bert, sequences(31), path,
        lambda model, states, row: model(input_ids=row[None]).prediction_logits)


def roberta():
    config = RobertaConfig(
        vocab_size=VOCABULARY, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
        max_position_embeddings=18, type_vocab_size=1, pad_token_id=1, layer_norm_eps=1e-5, attn_implementation="eager")
    model = scramble(RobertaForMaskedLM(config), 41)
    path = folder("roberta")
    save_configuration(model, path)
    state = {name: value for name, value in model.state_dict().items() if name != "lm_head.decoder.weight"}
    names = list(state)
    shards = {"model-00001-of-00002.safetensors": names[:20], "model-00002-of-00002.safetensors": names[20:]}
    for shard, part in shards.items():
        # A tensor that two names share is one of them in a file of its own.
        save_file({name: state[name].clone().contiguous() for name in part}, path / shard, {"format": "pt"})
        (path / shard).chmod(0o644)
    index = {
        "metadata": {"total_size": sum(4 * value.numel() for value in state.values())},
        "weight_map": {name: shard for shard, part in shards.items() for name in part},
    }
    (path / "model.safetensors.index.json").write_text(json.dumps(index, indent=1) + "\n")
    # Token 1 is its padding, which has no position of its own; the sequences have none.
    expected(model, lambda model: model.roberta, sequences(41), path)


def deberta():
    config = DebertaV2Config(
        vocab_size=VOCABULARY, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
        max_position_embeddings=16, type_vocab_size=0, relative_attention=True, position_buckets=6,
        max_relative_positions=-1, pos_att_type=["p2c", "c2p"], norm_rel_ebd="layer_norm", share_att_key=True,
        position_biased_input=False, layer_norm_eps=1e-7)
    model = scramble(DebertaV2ForMaskedLM(config), 51)
    path = folder("deberta")
    save_configuration(model, path)
    randomness = torch.Generator().manual_seed(52)
    state = {name: value.clone() for name, value in model.state_dict().items() if not name.startswith("cls.predictions.decoder")}
    head = {}
    for name, shape in (
        ("dense.weight", (16, 16)), ("dense.bias", (16,)), ("LayerNorm.weight", (16,)), ("LayerNorm.bias", (16,)),
        ("classifier.weight", (1, 16)), ("classifier.bias", (1,)),
    ):
        noise = (0.2 * torch.randn(shape, generator=randomness)).half().float()
        head[name] = 1 + noise if name == "LayerNorm.weight" else noise
        state[f"mask_predictions.{name}"] = head[name]
    save_file({name: value.contiguous() for name, value in state.items()}, path / "model.safetensors", {"format": "pt"})
    (path / "model.safetensors").chmod(0o644)

    def detection(model, states, row):
        """As the release of DeBERTa computes it: the norm of a token's states and the first one's, a dense layer, GELU."""
        weights = {name: value.double() for name, value in head.items()}
        x = torch.nn.functional.layer_norm(
            states + states[:, :1], (16,), weights["LayerNorm.weight"], weights["LayerNorm.bias"], 1e-7)
        x = torch.nn.functional.gelu(torch.nn.functional.linear(x, weights["dense.weight"], weights["dense.bias"]))
        return torch.nn.functional.linear(x, weights["classifier.weight"], weights["classifier.bias"]).squeeze(-1)

    expected(model, lambda model: model.deberta, sequences(51), path, detection)


def sizes(hidden, feed_forward, heads, layers):
    return dict(
        hidden_size=hidden, intermediate_size=feed_forward, num_attention_heads=heads, num_hidden_layers=layers)


if __name__ == "__main__":
    torch.set_num_threads(1)
    logging.disable_progress_bar()
    electra("electra-small", 8, sizes(16, 24, 2, 2), sizes(8, 16, 1, 1), 11, lambda model, path, _: save(model, path))
    electra("electra-base", 16, sizes(16, 24, 2, 2), sizes(8, 16, 1, 2), 21, write_archive)
    bert()
    roberta()
    deberta()
