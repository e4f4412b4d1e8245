#!/usr/bin/env python3
"""Makes the golden fixtures of DeBERTa: Tests/GoldenTests/Fixtures/deberta.safetensors and deberta-buckets.json, and
Tests/InterchangeTests/Fixtures/deberta.json.

Hidden states, and gradients under a random upstream gradient, of a tiny Hugging Face DebertaV2Model in double precision;
the same of its last layer run as DeBERTa's mask decoder runs it; the buckets of distances; and names, shapes and
configuration of the classes that models are exported as. Deterministic; run it from
anywhere:

    python3 Tools/make_deberta_fixtures.py

Needs torch, transformers, safetensors. Tests/GoldenTests/Fixtures/README.md says what the files hold.
"""

import json
import pathlib

import torch
from transformers import DebertaV2Config, DebertaV2ForMaskedLM, DebertaV2Model
from transformers.models.deberta_v2.modeling_deberta_v2 import make_log_bucket_position

from fixture_file import save_fixture

TESTS = pathlib.Path(__file__).resolve().parent.parent / "Tests"
FIXTURES = TESTS / "GoldenTests/Fixtures"
LENGTHS = [19, 1, 37]
VOCABULARY, HIDDEN, LAYERS, BUCKETS, DISTANCE = 41, 16, 2, 8, 24
SHARED = {
    "embeddings.word_embeddings.weight": "embeddings.word",
    "embeddings.token_type_embeddings.weight": "embeddings.token_type",
    "embeddings.LayerNorm.weight": "embeddings.norm.gain",
    "embeddings.LayerNorm.bias": "embeddings.norm.bias",
    "encoder.rel_embeddings.weight": "network.relative_positions",
    "encoder.LayerNorm.weight": "network.relative_norm.gain",
    "encoder.LayerNorm.bias": "network.relative_norm.bias",
}
PARTS = {
    "attention.self.query_proj": "attention.query",
    "attention.self.key_proj": "attention.key",
    "attention.self.value_proj": "attention.value",
    "attention.output.dense": "attention.output",
    "attention.output.LayerNorm": "attention.norm",
    "intermediate.dense": "feed_forward.input",
    "output.dense": "feed_forward.output",
    "output.LayerNorm": "feed_forward.norm",
}


def engine_name(name):
    if name.startswith("cls."):
        head = name.removeprefix("cls.predictions.").removeprefix("transform.")
        return "network.head." + head.replace("LayerNorm.weight", "norm.gain").replace("LayerNorm", "norm")
    name = name.removeprefix("deberta.")
    if name in SHARED:
        return SHARED[name]
    prefix, index, rest = name.removeprefix("encoder.").split(".", 2)
    assert prefix == "layer", name
    module, kind = rest.rsplit(".", 1)
    if module.endswith("LayerNorm") and kind == "weight":
        kind = "gain"
    return f"network.layers.{index}.{PARTS[module]}.{kind}"


def decode(model, ids, positions):
    """`EnhancedMaskDecoder.emd_context_layer` of DeBERTa's release, by the layers of transformers."""
    encoder = model.encoder
    mask = encoder.get_attention_mask(torch.ones_like(ids))
    states = model.embeddings(ids)
    table = encoder.get_rel_embedding()
    relative = encoder.get_rel_pos(states)
    for layer in encoder.layer[:-1]:
        states = layer(states, mask, relative_pos=relative, rel_embeddings=table)[0]
    queries = states + positions[None, : ids.shape[1]]
    for _ in range(2):
        queries = encoder.layer[-1](
            states, mask, query_states=queries, relative_pos=relative, rel_embeddings=table)[0]
    return queries


def make_names(config):
    """What transformers saves of each class: names, the engine's names beside them, shapes; and its config.json."""
    classes = {}
    for network, kind in [("discriminator", DebertaV2Model), ("generator", DebertaV2ForMaskedLM)]:
        model = kind(config)
        tied = {"cls.predictions.decoder.weight", "cls.predictions.decoder.bias"}
        classes[kind.__name__] = {
            "network": network,
            "tensors": {
                name: [engine_name(name).replace("network.", network + "."), list(tensor.shape)]
                for name, tensor in model.state_dict().items() if name not in tied
            },
        }
    settings = json.loads(config.to_json_string(use_diff=False))
    path = TESTS / "InterchangeTests/Fixtures/deberta.json"
    path.write_text(json.dumps({"classes": classes, "config": settings}, indent=1) + "\n")
    print(f"{path.name}: {path.stat().st_size} bytes")


def main():
    randomness = torch.Generator().manual_seed(43)
    config = DebertaV2Config(
        vocab_size=VOCABULARY, hidden_size=HIDDEN, num_hidden_layers=LAYERS, num_attention_heads=2, intermediate_size=24,
        max_position_embeddings=40, type_vocab_size=2, layer_norm_eps=1e-7, relative_attention=True,
        position_buckets=BUCKETS, max_relative_positions=DISTANCE, pos_att_type=["p2c", "c2p"], share_att_key=True,
        norm_rel_ebd="layer_norm", position_biased_input=False, hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0)
    make_names(config)
    model = DebertaV2Model(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=randomness)
            if name.endswith("LayerNorm.weight"):
                value = 1 + 0.2 * noise
            else:
                value = (0.1 if parameter.dim() == 1 else 0.3) * noise
            parameter.copy_(value.half().float())
    positions = (0.5 * torch.randn(40, HIDDEN, generator=randomness)).half().double().requires_grad_()
    model.double()
    rows = [torch.randint(5, VOCABULARY, (1, length), generator=randomness) for length in LENGTHS]
    tensors = {"input.ids": torch.cat(rows, 1)[0].int(), "network.mask_decoder.position": positions.detach().half()}
    runs = {
        "output": lambda: torch.cat([model(ids).last_hidden_state[0] for ids in rows]),
        "decoder": lambda: torch.cat([decode(model, ids, positions)[0] for ids in rows]),
    }
    for run, forward in runs.items():
        model.zero_grad()
        hidden = forward()
        upstream = torch.randn(hidden.shape, generator=randomness).float()
        hidden.backward(upstream.double())
        tensors |= {f"{run}.upstream": upstream, f"{run}.hidden": hidden.float()}
        for name, parameter in model.named_parameters():
            renamed = engine_name(name)
            tensors[renamed] = parameter.detach().half()
            gradient = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
            tensors[f"{run}.gradient.{renamed}"] = gradient.float()
        if run == "decoder":
            tensors[f"{run}.gradient.network.mask_decoder.position"] = positions.grad.float()
    metadata = {
        "vocab_size": str(VOCABULARY), "lengths": ",".join(map(str, LENGTHS)), "buckets": str(BUCKETS),
        "distance": str(DISTANCE),
    }
    save_fixture(tensors, FIXTURES / "deberta.safetensors", metadata)
    buckets = [
        {"buckets": count, "distance": distance,
         "values": make_log_bucket_position(torch.arange(-700, 701), count, distance).long().tolist()}
        for count, distance in [(256, 512), (BUCKETS, DISTANCE), (32, 128), (64, 600)]
    ]
    path = FIXTURES / "deberta-buckets.json"
    path.write_text(json.dumps({"from": -700, "tables": buckets}, separators=(",", ":")) + "\n")
    print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
