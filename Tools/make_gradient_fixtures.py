#!/usr/bin/env python3
"""Writes Tests/GradientTests/Fixtures/objectives.json: the ELECTRA objective as other software computes it, in float64.

Two tiny models with random weights: `hugging_face` through transformers' ElectraForMaskedLM and ElectraForPreTraining
(Post-LN, learned positions), and `mix_rotary` through plain torch functions and the rotary positions of transformers'
Llama (Mix-LN, rotary positions). Gradients come from torch's automatic differentiation. Every segment runs on its own,
so that nothing depends on how attention is confined.

Needs torch and transformers (written with torch 2 and transformers 5). Run from the root of the package.
"""

import json
from pathlib import Path

import torch
import torch.nn.functional as F
from transformers import ElectraConfig, ElectraForMaskedLM, ElectraForPreTraining
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

EPSILON = 1e-6
LAYERS = 2
HEADS = 2
DISCRIMINATOR_WEIGHT = 50.0
VOCABULARY = 11
EMBEDDING = 6
POSITIONS = 5
SIZES = {
    "hugging_face": {"generator": (4, 5), "discriminator": (6, 7)},
    "mix_rotary": {"generator": (4, 5), "discriminator": (8, 7)},
}
ROTARY_BASE = 100.0
BATCH = {
    "masked_tokens": [1, 4, 7, 4, 2, 9, 4, 8, 3],
    "positions": [1, 3, 6, 7],
    "targets": [10, 6, 5, 8],
    # Never 0: transformers' word table drops the gradient of its padding row.
    "replacements": [9, 6, 3, 8],
    "segment_offsets": [0, 5, 6, 9],
}


def shapes(case: str) -> dict[str, list[int]]:
    """Names and shapes of all parameters of a case."""
    rotary = case == "mix_rotary"
    result = {"embeddings.word": [VOCABULARY, EMBEDDING]}
    if not rotary:
        result["embeddings.position"] = [POSITIONS, EMBEDDING]
    result["embeddings.token_type"] = [2, EMBEDDING]

    def norm(name: str, width: int) -> None:
        result[f"{name}.gain"] = [width]
        result[f"{name}.bias"] = [width]

    def linear(name: str, outputs: int, inputs: int) -> None:
        result[f"{name}.weight"] = [outputs, inputs]
        result[f"{name}.bias"] = [outputs]

    norm("embeddings.norm", EMBEDDING)
    for network, (hidden, inner) in SIZES[case].items():
        if hidden != EMBEDDING:
            linear(f"{network}.projection", hidden, EMBEDDING)
        for layer in range(LAYERS):
            name = f"{network}.layers.{layer}"
            for part in ("query", "key", "value", "output"):
                linear(f"{name}.attention.{part}", hidden, hidden)
            norm(f"{name}.attention.norm", hidden)
            linear(f"{name}.feed_forward.input", inner, hidden)
            linear(f"{name}.feed_forward.output", hidden, inner)
            norm(f"{name}.feed_forward.norm", hidden)
        if rotary:
            norm(f"{network}.final_norm", hidden)
        if network == "generator":
            linear("generator.head.dense", EMBEDDING, hidden)
            norm("generator.head.norm", EMBEDDING)
            result["generator.head.bias"] = [VOCABULARY]
        else:
            linear("discriminator.head.dense", hidden, hidden)
            linear("discriminator.head.output", 1, hidden)
    return result


def draw(case: str) -> dict[str, torch.Tensor]:
    """Parameters of two decimals, so that the file holds them exactly in few characters."""
    generator = torch.Generator().manual_seed(0)
    parameters = {}
    for name, shape in shapes(case).items():
        values = torch.randn(shape, generator=generator, dtype=torch.float64) * 0.4
        if name.endswith("gain"):
            values = values + 1
        parameters[name] = (values * 100).round() / 100
    return parameters


def segments(tokens: list[int]) -> list[torch.Tensor]:
    offsets = BATCH["segment_offsets"]
    return [torch.tensor([tokens[a:b]]) for a, b in zip(offsets, offsets[1:])]


def corrupted() -> tuple[list[int], list[float]]:
    tokens = list(BATCH["masked_tokens"])
    labels = [0.0] * len(tokens)
    for position, target, replacement in zip(BATCH["positions"], BATCH["targets"], BATCH["replacements"]):
        tokens[position] = replacement
        labels[position] = float(replacement != target)
    return tokens, labels


def hugging_face_names(case: str) -> dict[str, tuple[str, str]]:
    """From our name to (network, name in the transformers model)."""
    result = {}
    for name in shapes(case):
        network, _, rest = name.partition(".")
        if network == "embeddings":
            network, rest = "generator", name
            rest = rest.replace("embeddings.norm", "electra.embeddings.LayerNorm")
            for table in ("word", "position", "token_type"):
                rest = rest.replace(f"embeddings.{table}", f"electra.embeddings.{table}_embeddings.weight")
        else:
            rest = rest.replace("projection", "electra.embeddings_project").replace("layers.", "electra.encoder.layer.")
            rest = rest.replace("attention.output", "attention.output.dense")
            rest = rest.replace("attention.norm", "attention.output.LayerNorm")
            for part in ("query", "key", "value"):
                rest = rest.replace(f"attention.{part}", f"attention.self.{part}")
            rest = rest.replace("feed_forward.input", "intermediate.dense")
            rest = rest.replace("feed_forward.output", "output.dense")
            rest = rest.replace("feed_forward.norm", "output.LayerNorm")
            if network == "generator":
                rest = "generator_lm_head.bias" if rest == "head.bias" else rest
                rest = rest.replace("head.dense", "generator_predictions.dense")
                rest = rest.replace("head.norm", "generator_predictions.LayerNorm")
            else:
                rest = rest.replace("head.dense", "discriminator_predictions.dense")
                rest = rest.replace("head.output", "discriminator_predictions.dense_prediction")
        result[name] = (network, rest.replace(".gain", ".weight"))
    return result


def hugging_face(case: str, parameters: dict[str, torch.Tensor]) -> dict:
    models = {}
    for network, kind in (("generator", ElectraForMaskedLM), ("discriminator", ElectraForPreTraining)):
        hidden, inner = SIZES[case][network]
        models[network] = kind(
            ElectraConfig(
                vocab_size=VOCABULARY,
                embedding_size=EMBEDDING,
                hidden_size=hidden,
                num_hidden_layers=LAYERS,
                num_attention_heads=HEADS,
                intermediate_size=inner,
                hidden_dropout_prob=0.0,
                attention_probs_dropout_prob=0.0,
                max_position_embeddings=POSITIONS,
                layer_norm_eps=EPSILON,
            )
        ).double()
    generator, discriminator = models["generator"], models["discriminator"]
    discriminator.electra.embeddings = generator.electra.embeddings
    generator.generator_lm_head.weight = generator.electra.embeddings.word_embeddings.weight
    places = hugging_face_names(case)
    leaves = {}
    for name, values in parameters.items():
        network, place = places[name]
        leaves[name] = models[network].get_parameter(place)
        assert leaves[name].shape == values.shape, name
        leaves[name].data.copy_(values)

    known = {id(leaf) for leaf in leaves.values()}
    for model in models.values():
        assert all(id(parameter) in known for parameter in model.parameters())

    tokens, _ = corrupted()
    generator_outputs = [generator(x, output_hidden_states=True) for x in segments(BATCH["masked_tokens"])]
    discriminator_outputs = [discriminator(x, output_hidden_states=True) for x in segments(tokens)]
    return finish(
        leaves,
        torch.cat([output.hidden_states[-1][0] for output in generator_outputs]),
        torch.cat([output.logits[0] for output in generator_outputs]),
        torch.cat([output.hidden_states[-1][0] for output in discriminator_outputs]),
        torch.cat([output.logits[0] for output in discriminator_outputs]),
    )


def mix_rotary(case: str, parameters: dict[str, torch.Tensor]) -> dict:
    p = {name: values.clone().requires_grad_() for name, values in parameters.items()}

    def linear(name: str, x: torch.Tensor) -> torch.Tensor:
        return F.linear(x, p[f"{name}.weight"], p[f"{name}.bias"])

    def norm(name: str, x: torch.Tensor) -> torch.Tensor:
        return F.layer_norm(x, x.shape[-1:], p[f"{name}.gain"], p[f"{name}.bias"], EPSILON)

    def attention(name: str, x: torch.Tensor) -> torch.Tensor:
        length, hidden = x.shape[1:]
        size = hidden // HEADS
        q, k, v = (
            linear(f"{name}.{part}", x).view(1, length, HEADS, size).transpose(1, 2)
            for part in ("query", "key", "value")
        )
        frequencies = 1.0 / ROTARY_BASE ** (torch.arange(0, size, 2, dtype=torch.float64) / size)
        angles = torch.outer(torch.arange(length, dtype=torch.float64), frequencies)
        angles = torch.cat([angles, angles], dim=-1)[None]
        q, k = apply_rotary_pos_emb(q, k, angles.cos(), angles.sin())
        context = F.scaled_dot_product_attention(q, k, v)
        return linear(f"{name}.output", context.transpose(1, 2).reshape(1, length, hidden))

    def feed_forward(name: str, x: torch.Tensor) -> torch.Tensor:
        return linear(f"{name}.output", F.gelu(linear(f"{name}.input", x)))

    def encode(network: str, tokens: torch.Tensor) -> torch.Tensor:
        x = norm("embeddings.norm", F.embedding(tokens, p["embeddings.word"]) + p["embeddings.token_type"][0])
        if f"{network}.projection.weight" in p:
            x = linear(f"{network}.projection", x)
        for layer in range(LAYERS):
            for kind, function in (("attention", attention), ("feed_forward", feed_forward)):
                name = f"{network}.layers.{layer}.{kind}"
                if layer < 0.5 * LAYERS:
                    x = norm(f"{name}.norm", x + function(name, x))
                else:
                    x = x + function(name, norm(f"{name}.norm", x))
        return norm(f"{network}.final_norm", x)[0]

    tokens, _ = corrupted()
    generator_hidden = torch.cat([encode("generator", x) for x in segments(BATCH["masked_tokens"])])
    transformed = norm("generator.head.norm", F.gelu(linear("generator.head.dense", generator_hidden)))
    generator_logits = transformed @ p["embeddings.word"].T + p["generator.head.bias"]
    discriminator_hidden = torch.cat([encode("discriminator", x) for x in segments(tokens)])
    discriminator_logits = linear(
        "discriminator.head.output", F.gelu(linear("discriminator.head.dense", discriminator_hidden)))[:, 0]
    return finish(p, generator_hidden, generator_logits, discriminator_hidden, discriminator_logits)


def finish(leaves, generator_hidden, generator_logits, discriminator_hidden, discriminator_logits) -> dict:
    """Losses and, through autograd, the gradients of all parameters."""
    chosen = generator_logits[BATCH["positions"]]
    generator_loss = F.cross_entropy(chosen, torch.tensor(BATCH["targets"]))
    labels = torch.tensor(corrupted()[1], dtype=torch.float64)
    discriminator_loss = F.binary_cross_entropy_with_logits(discriminator_logits, labels)
    total = generator_loss + DISCRIMINATOR_WEIGHT * discriminator_loss
    total.backward()
    return {
        "generator_hidden": generator_hidden,
        "generator_logits": chosen,
        "discriminator_hidden": discriminator_hidden,
        "discriminator_logits": discriminator_logits,
        "losses": torch.stack([generator_loss, discriminator_loss, total]),
        "gradients": {name: leaf.grad for name, leaf in leaves.items()},
    }


def numbers(tensor: torch.Tensor, form: str) -> str:
    return "[" + ",".join(form % value for value in tensor.flatten().tolist()) + "]"


def main() -> None:
    cases = []
    for case, compute in (("hugging_face", hugging_face), ("mix_rotary", mix_rotary)):
        parameters = draw(case)
        result = compute(case, parameters)
        gradients = result.pop("gradients")
        lines = [f'"name":"{case}"', f'"batch":{json.dumps(BATCH)}', f'"sizes":{json.dumps(SIZES[case])}']
        lines += [f'"{name}":{numbers(values, "%.12g")}' for name, values in result.items()]
        tensors = [
            f'{{"name":"{name}","shape":{list(values.shape)},"values":{numbers(values, "%g")},'
            f'"gradient":{numbers(gradients[name], "%.10g")}}}'
            for name, values in parameters.items()
        ]
        lines.append('"parameters":[\n' + ",\n".join(tensors) + "\n]")
        cases.append("{\n" + ",\n".join(lines) + "\n}")
    path = Path("Tests/GradientTests/Fixtures/objectives.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("[\n" + ",\n".join(cases) + "\n]\n")
    json.loads(path.read_text())
    print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
