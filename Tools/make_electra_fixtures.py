#!/usr/bin/env python3
"""Makes the golden fixtures of the ELECTRA pair: Tests/GoldenTests/Fixtures/electra*.safetensors.

Weights, inputs, outputs, losses and gradients of a tiny generator and discriminator that share their embeddings, as
Hugging Face's transformers computes them in double precision. Deterministic; run it from anywhere:

    python3 Tools/make_electra_fixtures.py

Needs torch, transformers, safetensors. Tests/GoldenTests/Fixtures/README.md says what the files hold.
"""

import math
import pathlib

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy
from transformers import ElectraConfig, ElectraForMaskedLM, ElectraForPreTraining

from engine_names import named_parameters
from fixture_file import save_fixture

FIXTURES = pathlib.Path(__file__).resolve().parent.parent / "Tests/GoldenTests/Fixtures"
CLS, SEP, MASK = 2, 3, 4
FIRST_ORDINARY = 5
DISCRIMINATOR_WEIGHT = 50
# Attention multiplier relative to 1/sqrt(head size), and output multiplier, of the "multiplied" outputs.
MULTIPLIERS = {"generator": (0.7, 0.6), "discriminator": (0.8, 1.3)}


def build(config, kind, randomness):
    """A model with visible weights everywhere, all of them exact in half precision so that the file stays small."""
    model = kind(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=randomness)
            if name.endswith("LayerNorm.weight"):
                value = 1 + 0.2 * noise
            elif parameter.dim() == 1:
                value = 0.1 * noise
            else:
                value = 0.2 * noise
            parameter.copy_(value.half().float())
    return model.double()


def pad(flat, lengths):
    rows = torch.split(flat, lengths)
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=0)


def unpad(padded, lengths):
    return torch.cat([padded[row, :length] for row, length in enumerate(lengths)])


def run_encoder(model, ids, lengths):
    """Last hidden states of the real tokens, [tokens, hidden]; checks that padding changes nothing."""
    mask = pad(torch.ones(sum(lengths), dtype=torch.long), lengths)
    hidden = unpad(model.electra(input_ids=pad(ids, lengths), attention_mask=mask).last_hidden_state, lengths)
    alone = torch.cat([model.electra(input_ids=row[None]).last_hidden_state[0] for row in torch.split(ids, lengths)])
    torch.testing.assert_close(hidden, alone, rtol=1e-12, atol=1e-12)
    # Positions start at 0 in every sequence, and the fixture can tell: continuing after the one before is far off.
    starts = [sum(lengths[:index]) for index in range(len(lengths))]
    for start, row, rows in list(zip(starts, torch.split(ids, lengths), torch.split(hidden, lengths)))[1:]:
        positions = (start + torch.arange(len(row))) % model.config.max_position_embeddings
        moved = model.electra(input_ids=row[None], position_ids=positions[None]).last_hidden_state[0]
        assert (moved - rows).abs().max() > 0.1
    return hidden


def forward(generator, discriminator, inputs, lengths):
    generator_hidden = run_encoder(generator, inputs["input.generator_ids"].long(), lengths)
    positions = inputs["input.masked_positions"].long()
    logits = generator.generator_lm_head(generator.generator_predictions(generator_hidden[positions]))
    generator_loss = cross_entropy(logits, inputs["input.targets"].long())
    discriminator_hidden = run_encoder(discriminator, inputs["input.corrupted_ids"].long(), lengths)
    detection = discriminator.discriminator_predictions(discriminator_hidden)
    discriminator_loss = binary_cross_entropy_with_logits(detection, inputs["input.replaced"].double())
    return {
        "generator.hidden": generator_hidden,
        "generator.logits": logits,
        "discriminator.hidden": discriminator_hidden,
        "discriminator.logits": detection,
        "loss.generator": generator_loss[None],
        "loss.discriminator": discriminator_loss[None],
        "loss.total": (generator_loss + DISCRIMINATOR_WEIGHT * discriminator_loss)[None],
    }


def check_against_whole_models(generator, discriminator, inputs, lengths, outputs):
    """The heads were called by hand above; the models' own forward passes and losses agree."""
    mask = pad(torch.ones(sum(lengths), dtype=torch.long), lengths)
    labels = torch.full((sum(lengths),), -100)
    labels[inputs["input.masked_positions"].long()] = inputs["input.targets"].long()
    padded = torch.nn.utils.rnn.pad_sequence(torch.split(labels, lengths), batch_first=True, padding_value=-100)
    masked = generator(
        input_ids=pad(inputs["input.generator_ids"].long(), lengths), attention_mask=mask, labels=padded)
    torch.testing.assert_close(masked.loss[None], outputs["loss.generator"], rtol=1e-12, atol=0)
    detected = discriminator(
        input_ids=pad(inputs["input.corrupted_ids"].long(), lengths), attention_mask=mask,
        labels=pad(inputs["input.replaced"].double(), lengths))
    # transformers computes this loss from labels in single precision.
    torch.testing.assert_close(
        detected.loss[None].double(), outputs["loss.discriminator"], rtol=1e-6, atol=0)


def multiplied(generator, discriminator, inputs, lengths):
    """Logits with the multipliers of the maximal update parametrization in the forward pass."""
    models = {"generator": generator, "discriminator": discriminator}
    for network, model in models.items():
        for layer in model.electra.encoder.layer:
            layer.attention.self.scaling *= MULTIPLIERS[network][0]
    generator_hidden = run_encoder(generator, inputs["input.generator_ids"].long(), lengths)
    features = generator.generator_predictions(generator_hidden[inputs["input.masked_positions"].long()])
    head = generator.generator_lm_head
    logits = MULTIPLIERS["generator"][1] * (features @ head.weight.T) + head.bias
    hidden = run_encoder(discriminator, inputs["input.corrupted_ids"].long(), lengths)
    head = discriminator.discriminator_predictions
    features = head.activation(head.dense(hidden))
    output = head.dense_prediction
    detection = MULTIPLIERS["discriminator"][1] * (features @ output.weight.T)[:, 0] + output.bias
    for network, model in models.items():
        for layer in model.electra.encoder.layer:
            layer.attention.self.scaling /= MULTIPLIERS[network][0]
    return {"generator.logits": logits, "discriminator.logits": detection}


def make_inputs(vocabulary, lengths, masked, kept, unchanged, randomness):
    """Ids and choices; `kept` and `unchanged` index into `masked`: not replaced by [MASK], and sampled right."""
    total = sum(lengths)
    offsets = [0]
    for length in lengths:
        offsets.append(offsets[-1] + length)
    ids = torch.randint(FIRST_ORDINARY, vocabulary, (total,), generator=randomness)
    for start, end in zip(offsets, offsets[1:]):
        ids[start] = CLS
        ids[end - 1] = SEP
    positions = torch.tensor(masked)
    assert not set(masked) & {p for start, end in zip(offsets, offsets[1:]) for p in (start, end - 1)}
    generator_ids = ids.clone()
    hidden = torch.tensor([index not in kept for index in range(len(masked))])
    generator_ids[positions[hidden]] = MASK
    sampled = torch.randint(FIRST_ORDINARY, vocabulary, (len(masked),), generator=randomness)
    for index in range(len(masked)):
        if index in unchanged:
            sampled[index] = ids[masked[index]]
        elif sampled[index] == ids[masked[index]]:
            sampled[index] = FIRST_ORDINARY if sampled[index] != FIRST_ORDINARY else FIRST_ORDINARY + 1
    corrupted = ids.clone()
    corrupted[positions] = sampled
    values = {
        "input.ids": ids,
        "input.sequence_offsets": torch.tensor(offsets),
        "input.lengths": torch.tensor(lengths),
        "input.generator_ids": generator_ids,
        "input.masked_positions": positions,
        "input.targets": ids[positions],
        "input.sampled": sampled,
        "input.corrupted_ids": corrupted,
        "input.replaced": (corrupted != ids).long(),
    }
    return {name: value.to(torch.int32) for name, value in values.items()}


def make(name, seed, shared, discriminator_sizes, generator_sizes, choices):
    randomness = torch.Generator().manual_seed(seed)
    common = dict(
        **shared, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, layer_norm_eps=1e-12,
        attn_implementation="eager")
    discriminator = build(ElectraConfig(**common, **discriminator_sizes), ElectraForPreTraining, randomness)
    generator = build(ElectraConfig(**common, **generator_sizes), ElectraForMaskedLM, randomness)
    generator.electra.embeddings = discriminator.electra.embeddings
    generator.tie_weights()
    assert generator.generator_lm_head.weight is discriminator.electra.embeddings.word_embeddings.weight

    inputs = make_inputs(shared["vocab_size"], *choices, randomness)
    lengths = choices[0]
    outputs = forward(generator, discriminator, inputs, lengths)
    check_against_whole_models(generator, discriminator, inputs, lengths, outputs)
    outputs["loss.total"].sum().backward()

    tensors = dict(inputs)
    for network, model in (("discriminator", discriminator), ("generator", generator)):
        for engine, parameter in named_parameters(network, model):
            if engine in tensors:
                assert engine.startswith("embeddings.")
                continue
            assert torch.equal(parameter.half().double(), parameter)
            tensors[engine] = parameter.detach().half()
            assert parameter.grad is not None and parameter.grad.abs().max() > 1e-6 or "key.bias" in engine, engine
            tensors[f"gradient.{engine}"] = parameter.grad.float()
    for output, value in outputs.items():
        tensors[f"output.{output}"] = value.detach() if output.startswith("loss") else value.detach().float()
    for output, value in multiplied(generator, discriminator, inputs, lengths).items():
        assert (value - outputs[output]).abs().max() > 0.05
        tensors[f"multiplied.{output}"] = value.detach().float()

    metadata = {"format": "pt", "discriminator_weight": str(DISCRIMINATOR_WEIGHT), "layer_norm_eps": "1e-12"}
    metadata |= {key: str(value) for key, value in shared.items()}
    for network, sizes in (("discriminator", discriminator_sizes), ("generator", generator_sizes)):
        metadata |= {f"{network}.{key}": str(value) for key, value in sizes.items()}
        attention, output = MULTIPLIERS[network]
        metadata |= {f"{network}.attention_multiplier": str(attention), f"{network}.output_multiplier": str(output)}
    losses = {key: value.item() for key, value in outputs.items() if key.startswith("loss")}
    assert all(math.isfinite(value) for value in losses.values())
    save_fixture(tensors, FIXTURES / name, metadata)
    print(losses)


def sizes(hidden, feed_forward, heads, layers):
    return dict(
        hidden_size=hidden, intermediate_size=feed_forward, num_attention_heads=heads, num_hidden_layers=layers)


if __name__ == "__main__":
    torch.set_num_threads(1)
    make(
        "electra.safetensors", 20260101,
        dict(vocab_size=97, embedding_size=16, max_position_embeddings=24),
        sizes(32, 64, 2, 2), sizes(16, 32, 1, 2),
        ([20, 13, 7], [2, 7, 11, 17, 22, 25, 30, 35, 37], {1, 5}, {3, 8}))
    # Embedding size = the discriminator's hidden size, as in the base model: only the generator has a projection.
    make(
        "electra-unprojected.safetensors", 20260102,
        dict(vocab_size=41, embedding_size=16, max_position_embeddings=16),
        sizes(16, 32, 2, 1), sizes(8, 16, 1, 1),
        ([9, 16, 5], [1, 4, 7, 12, 18, 20, 23, 26], {2}, {0, 6}))
