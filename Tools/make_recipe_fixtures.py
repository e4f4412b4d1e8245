#!/usr/bin/env python3
"""Makes the golden fixtures of ELECTRA's relatives: Tests/GoldenTests/Fixtures/recipe-*.safetensors.

Weights, inputs, losses and gradients of one step of METRO, COCO-LM and DeBERTaV3's replaced-token detection: encoders by
Hugging Face's transformers, heads and losses by plain torch after the papers, gradients by torch's automatic
differentiation, in double precision. Deterministic; run it from anywhere:

    python3 Tools/make_recipe_fixtures.py

Needs torch, transformers, safetensors. Tests/GoldenTests/Fixtures/README.md says what the files hold.
"""

import math

import torch
from torch.nn import functional
from transformers import ElectraConfig, ElectraForMaskedLM, ElectraForPreTraining

from engine_names import named_parameters
from fixture_file import save_fixture
from make_electra_fixtures import FIXTURES, build, make_inputs, run_encoder, sizes

EPSILON = 1e-6
MASK_32 = 0xFFFFFFFF
CROPPING = 8


def philox(key, counter):
    """Philox4x32 with ten rounds (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3")."""
    key, counter = list(key), list(counter)
    for _ in range(10):
        first, second = 0xD2511F53 * counter[0], 0xCD9E8D57 * counter[2]
        counter = [
            second >> 32 ^ counter[1] ^ key[0], second & MASK_32, first >> 32 ^ counter[3] ^ key[1], first & MASK_32]
        key = [(key[0] + 0x9E3779B9) & MASK_32, (key[1] + 0xBB67AE85) & MASK_32]
    return counter


def uniform(seed, purpose, step, position):
    """What the engine draws for a step and a position."""
    key = philox([seed & MASK_32, seed >> 32], [purpose, 0, 0, 0x70726574])[:2]
    words = philox(key, [position & MASK_32, position >> 32, step & MASK_32, step >> 32])
    return ((words[0] << 32 | words[1]) >> 11) * 2.0**-53


def crops(ids, lengths, share):
    """The second view of every sequence: its first token, a stretch of those between, its last."""
    tokens, crop_lengths, start = [], [], 0
    for length in lengths:
        inner = length - 2
        kept = math.ceil(inner * share)
        skipped = int(uniform(0, CROPPING, 0, start) * (inner - kept + 1))
        row = ids[start : start + length]
        tokens.append(torch.cat([row[:1], row[1 + skipped : 1 + skipped + kept], row[-1:]]))
        crop_lengths.append(kept + 2)
        start += length
    return torch.cat(tokens), crop_lengths


def contrastive_loss(corrupted, cropped, temperature):
    """Mean over the sequences of half the cross-entropy of finding the other view, in both directions, among all views
    but the own one (Meng et al. 2021, arXiv 2102.08473, equation 5). Similarities are cosines."""
    count = len(corrupted)
    views = functional.normalize(torch.stack([corrupted, cropped], dim=1).reshape(2 * count, -1), dim=-1)
    similarities = views @ views.T / temperature
    similarities = similarities.masked_fill(torch.eye(2 * count, dtype=torch.bool), float("-inf"))
    return 0.5 * functional.cross_entropy(similarities, torch.arange(2 * count) ^ 1, reduction="sum") / count


class Parameters:
    """Parameters of heads that transformers lacks, by their engine names; exact in half precision."""

    def __init__(self, randomness):
        self.randomness = randomness
        self.tensors = {}

    def __call__(self, name, *shape):
        scale, offset = (0.2, 0) if len(shape) > 1 else (0.2, 1) if name.endswith("gain") else (0.1, 0)
        values = offset + scale * torch.randn(shape, generator=self.randomness)
        self.tensors[name] = values.half().double().requires_grad_()
        return self.tensors[name]

    def norm(self, name, x):
        width = x.shape[-1]
        return functional.layer_norm(
            x, (width,), self(f"{name}.gain", width), self(f"{name}.bias", width), EPSILON)


def share_embeddings(sharing, generator, discriminator, own):
    """Engine names of the tables of both networks; the discriminator's module is changed where it is not alone."""
    ours, theirs = discriminator.electra.embeddings, generator.electra.embeddings
    prefixes = {"generator": "generator.", "discriminator": "discriminator."}
    if sharing == "shared":
        discriminator.electra.embeddings = theirs
        prefixes = {"generator": "", "discriminator": ""}
    elif sharing == "token_only":
        ours.word_embeddings = theirs.word_embeddings
    elif sharing == "disentangled":
        # The discriminator's tables are the generator's, through which no gradient flows, plus differences.
        for kind in ("word", "position"):
            table = getattr(ours, f"{kind}_embeddings")
            base = getattr(theirs, f"{kind}_embeddings").weight
            del table.weight
            table.weight = base.detach() + own(f"discriminator.embeddings.{kind}_difference", *base.shape)

    def rename(network, name):
        if sharing == "token_only" and name == "embeddings.word":
            return name
        return prefixes[network] + name if name.startswith("embeddings.") else name

    return rename


def detect(kind, discriminator, hidden, lengths, own):
    """The detection head's logit of every token."""
    head = discriminator.discriminator_predictions
    if kind == "linear":
        return head.dense_prediction(hidden)[:, 0]
    if kind == "with_cls":
        rows = torch.split(hidden, lengths)
        hidden = own.norm("discriminator.head.norm", torch.cat([row + row[:1] for row in rows]))
    return head.dense_prediction(functional.gelu(head.dense(hidden)))[:, 0]


def make(name, seed, recipe, shared, discriminator_sizes, generator_sizes, choices):
    randomness = torch.Generator().manual_seed(seed)
    common = dict(
        **shared, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, layer_norm_eps=EPSILON,
        attn_implementation="eager")
    discriminator = build(ElectraConfig(**common, **discriminator_sizes), ElectraForPreTraining, randomness)
    generator = build(ElectraConfig(**common, **generator_sizes), ElectraForMaskedLM, randomness)
    own = Parameters(randomness)
    rename = share_embeddings(recipe["model.embedding_sharing"], generator, discriminator, own)
    generator.tie_weights()
    assert generator.generator_lm_head.weight is generator.electra.embeddings.word_embeddings.weight

    inputs = make_inputs(shared["vocab_size"], *choices, randomness)
    lengths = choices[0]
    original, corrupted = inputs["input.ids"].long(), inputs["input.corrupted_ids"].long()
    masked, targets = inputs["input.masked_positions"].long(), inputs["input.targets"].long()

    hidden = run_encoder(generator, inputs["input.generator_ids"].long(), lengths)
    logits = generator.generator_lm_head(generator.generator_predictions(hidden[masked]))
    losses = {"generator": functional.cross_entropy(logits, targets)}

    hidden = run_encoder(discriminator, corrupted, lengths)
    detection = detect(recipe["model.detection_head"], discriminator, hidden, lengths, own)
    losses["detection"] = functional.binary_cross_entropy_with_logits(detection, (corrupted != original).double())

    if recipe["objective.name"] != "electra":
        bias = own("discriminator.corrective.bias", shared["vocab_size"])
        table = discriminator.electra.embeddings.word_embeddings.weight
        probabilities = torch.softmax(hidden[masked] @ table.T + bias, dim=-1)
        predicted = probabilities.gather(1, targets[:, None])[:, 0]
        if recipe["objective.name"] == "coco_lm":
            # The gate copies what it believes to be original; it learns from detection alone.
            copy = torch.sigmoid(-detection[masked]).detach()
            predicted = copy * (corrupted[masked] == targets) + (1 - copy) * predicted
        losses["corrective"] = -predicted.log().mean()
    if recipe.get("objective.contrastive_weight"):
        crop_ids, crop_lengths = crops(original, lengths, recipe["objective.contrastive_crop"])
        assert all(short < long for short, long in zip(crop_lengths, lengths))
        width = hidden.shape[-1]
        weight = own("discriminator.contrastive.dense.weight", width, width)
        bias = own("discriminator.contrastive.dense.bias", width)
        gain, shift = own("discriminator.contrastive.norm.gain", width), own("discriminator.contrastive.norm.bias", width)

        def view(states, row_lengths):
            first = torch.stack([row[0] for row in torch.split(states, row_lengths)])
            return functional.layer_norm(
                functional.gelu(functional.linear(first, weight, bias)), (width,), gain, shift, EPSILON)

        cropped = run_encoder(discriminator, crop_ids, crop_lengths)
        losses["contrastive"] = contrastive_loss(
            view(hidden, lengths), view(cropped, crop_lengths), recipe["objective.contrastive_temperature"])
        inputs["input.crop_lengths"] = torch.tensor(crop_lengths, dtype=torch.int32)
        inputs["input.crop_ids"] = crop_ids.to(torch.int32)

    weights = {
        "generator": 1, "detection": recipe["objective.discriminator_weight"],
        "corrective": recipe.get("objective.corrective_weight"),
        "contrastive": recipe.get("objective.contrastive_weight"),
    }
    losses["total"] = sum(weights[kind] * loss for kind, loss in losses.items())
    losses["total"].backward()

    tensors = dict(inputs)
    for network, model in (("generator", generator), ("discriminator", discriminator)):
        for engine, parameter in named_parameters(network, model):
            if recipe["model.detection_head"] == "linear" and engine.startswith("discriminator.head.dense"):
                continue
            own.tensors[rename(network, engine)] = parameter
    for engine, parameter in own.tensors.items():
        assert torch.equal(parameter.half().double(), parameter)
        tensors[engine] = parameter.detach().half()
        assert parameter.grad is not None, engine
        assert parameter.grad.abs().max() > 1e-6 or "key.bias" in engine, engine
        tensors[f"gradient.{engine}"] = parameter.grad.float()
    for kind, loss in losses.items():
        tensors[f"output.loss.{kind}"] = loss.detach()[None]
    tensors["output.discriminator.logits"] = detection.detach().float()

    metadata = {"format": "pt", "layer_norm_eps": str(EPSILON)}
    metadata |= {key: str(value) for key, value in (shared | recipe).items()}
    metadata["discriminator_weight"] = metadata.pop("objective.discriminator_weight")
    for network, network_sizes in (("discriminator", discriminator_sizes), ("generator", generator_sizes)):
        metadata |= {f"{network}.{key}": str(value) for key, value in network_sizes.items()}
    save_fixture(tensors, FIXTURES / name, metadata)
    print({kind: loss.item() for kind, loss in losses.items()})


if __name__ == "__main__":
    torch.set_num_threads(1)
    tables = dict(vocab_size=41, embedding_size=16, max_position_embeddings=16)
    choices = ([9, 16, 7], [1, 4, 7, 12, 18, 20, 23, 26, 28], {2}, {0, 5, 8})
    # METRO-LM (Bajaj et al. 2022, arXiv 2204.06644): an auxiliary of full width and few layers, simplified correction.
    make(
        "recipe-metro.safetensors", 20260105,
        {
            "objective.name": "metro", "objective.discriminator_weight": 50, "objective.corrective_weight": 2,
            "model.embedding_sharing": "token_only", "model.detection_head": "linear",
        },
        tables, sizes(16, 32, 2, 2), sizes(16, 32, 2, 1), choices)
    # COCO-LM (Meng et al. 2021, arXiv 2102.08473): correction behind a copy gate, contrast of sequences.
    make(
        "recipe-coco-lm.safetensors", 20260106,
        {
            "objective.name": "coco_lm", "objective.discriminator_weight": 20, "objective.corrective_weight": 3,
            "objective.contrastive_weight": 4, "objective.contrastive_crop": 0.6,
            "objective.contrastive_temperature": 0.5,
            "model.embedding_sharing": "shared", "model.detection_head": "dense",
        },
        tables, sizes(16, 32, 2, 1), sizes(16, 32, 2, 1), choices)
    # DeBERTaV3 (He et al. 2021, arXiv 2111.09543): gradient-disentangled embeddings, a head that sees [CLS].
    make(
        "recipe-deberta-v3.safetensors", 20260107,
        {
            "objective.name": "electra", "objective.discriminator_weight": 10,
            "model.embedding_sharing": "disentangled", "model.detection_head": "with_cls",
        },
        tables, sizes(16, 32, 2, 2), sizes(16, 32, 2, 1), choices)
