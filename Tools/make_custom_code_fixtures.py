#!/usr/bin/env python3
"""Makes Tests/InterchangeTests/Fixtures/custom-code.json: what transformers computes with the code of exported folders.

    python3 Tools/make_custom_code_fixtures.py [--pretrain .build/release/pretrain]

Each case is a run of one step, exported and loaded with trust_remote_code. Its weights are then replaced by numbers that
both sides can make (`weight` below), and hidden states and logits are computed in double precision. The tests compare them
with the engine's, and fail when the code has changed since. Needs torch, transformers and a built `pretrain`.
"""

import argparse
import json
import math
import pathlib
import subprocess
import tempfile

import torch
from transformers import AutoModelForMaskedLM, AutoModelForPreTraining, logging

ROOT = pathlib.Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "Tests/InterchangeTests/Fixtures"
CODE = ROOT / "Sources/Interchange/CustomCode/modeling_pretrain.py"
TOKENIZER = FIXTURES / "tokenizer.json"

SIZES = [
    "model.hidden_size=32", "model.head_count=2", "model.intermediate_size=32", "model.layer_count=3",
    "model.embedding_size=16", "model.maximum_positions=24", "model.generator.width_multiplier=0.5",
    "model.generator.head_count=1", "corpus.sequence_length=24",
]
WINDOW = ["model.attention.pattern=window", "model.attention.window=4"]
CASES = {
    "post, learned": [],
    "pre, rotary": ["model.normalization.placement=pre", "model.positions=rotary", "model.rotary_base=500"],
    "mix, separate tables, head with [CLS]": [
        "model.normalization.placement=mix", "model.normalization.alpha=0.67", "model.normalization.epsilon=1e-3",
        "model.embedding_sharing=separate", "model.detection_head=with_cls",
    ],
    "pre without a norm before the first attention, no biases, GEGLU": [
        "model.normalization.placement=pre", "model.normalization.before_first_attention=false", "model.biases=false",
        "model.feed_forward=geglu", "model.positions=rotary",
    ],
    "peri, RMSNorm, GEGLU, no biases, untied output": [
        "model.normalization.placement=peri", "model.normalization.kind=rms_norm", "model.feed_forward=geglu",
        "model.biases=false", "model.positions=rotary", "model.generator.tied_output=false",
    ],
    "normalized queries and keys, squared ReLU": [
        "model.attention.query_key_norm=true", "model.feed_forward=squared_relu", "model.positions=rotary",
        "model.normalization.placement=pre", "model.normalization.epsilon=1e-3",
    ],
    "scaled, no biases, disentangled": [
        "model.normalization.placement=scaled", "model.biases=false", "model.embedding_sharing=disentangled",
    ],
    "metro, shared bias as in COCO-LM, linear head": [
        "objective.name=metro", "model.embedding_size=32", "model.generator.width_multiplier=1",
        "model.embedding_sharing=token_only", "model.detection_head=linear", "model.positions=none",
        "model.relative_bias.sharing=shared", "model.relative_bias.binning=coco_lm", "model.relative_bias.bins=8",
        "model.relative_bias.maximum_distance=9",
    ],
    "a bias for each layer as in T5": [
        "model.relative_bias.sharing=per_layer", "model.relative_bias.bins=12",
        "model.relative_bias.maximum_distance=11",
    ],
    "DeBERTa: disentangled attention and mask decoder, muP": [
        "model.positions=none", "model.attention.disentangled=true", "model.attention.position_buckets=6",
        "model.attention.maximum_relative_distance=9", "model.generator.mask_decoder=true",
        "model.embedding_sharing=disentangled", "model.detection_head=with_cls", "parametrization.base_hidden_size=16",
        "parametrization.base_head_size=32", "parametrization.attention_multiplier=1.3",
    ],
    "disentangled attention, a row for each distance, Pre-LN": [
        "model.positions=none", "model.attention.disentangled=true", "model.attention.position_buckets=0",
        "model.attention.maximum_relative_distance=20", "model.normalization.placement=pre", "model.biases=false",
    ],
    "muP multipliers": [
        "parametrization.base_hidden_size=16", "parametrization.base_head_size=32",
        "parametrization.attention_multiplier=1.3", "parametrization.output_multiplier=1.7",
    ],
    "windows of each layer, dilated": [
        *WINDOW, "model.attention.windows=[2, 4, 6]", "model.attention.dilations=[1, 3]",
    ],
    "windows, every document's first token": [*WINDOW, "model.attention.global_tokens=documents"],
    "windows, projections of their own, folded": [
        *WINDOW, "model.attention.global_tokens=documents", "model.attention.global_projections=own",
    ],
    "windows, projections of their own, rotary": [
        *WINDOW, "model.attention.global_tokens=every", "model.attention.global_every=5",
        "model.attention.maximum_global_tokens=5", "model.attention.global_projections=own", "model.positions=rotary",
        "model.relative_bias.sharing=shared", "model.relative_bias.bins=8", "model.relative_bias.maximum_distance=9",
    ],
    "alternating, chosen ids": [
        "model.attention.pattern=alternating", "model.attention.window=4", "model.attention.full_every=2",
        "model.attention.global_tokens=ids", "model.attention.global_ids=[40, 41, 42, 43, 44]",
        "model.attention.maximum_global_tokens=2", "model.positions=rotary", "model.attention.local_rotary_base=100",
    ],
}
SEQUENCES = [[2, *range(35, 53), 3], [2, 17, 250, 31, 42, 8, 3]]


def weight(tensor, index, is_gain):
    """Element `index` of the tensor that is at place `tensor` in the order of names."""
    value = 0.4 * math.sin(1 + 0.7 * tensor + 2.4 * index)
    return 1 + value if is_gain else value


def digest(data):
    """FNV-1a of 64 bits."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 % (1 << 64)
    return f"{value:016x}"


def fill(model):
    state = model.state_dict()
    for place, name in enumerate(sorted(state)):
        is_gain = name.endswith("norm.weight")
        values = [weight(place, index, is_gain) for index in range(state[name].numel())]
        # As the engine has them, in single precision.
        state[name].copy_(torch.tensor(values, dtype=torch.float32).reshape(state[name].shape))


@torch.no_grad()
def outputs(folder, network):
    cls = AutoModelForPreTraining if network == "discriminator" else AutoModelForMaskedLM
    model, report = cls.from_pretrained(folder, trust_remote_code=True, output_loading_info=True)
    assert not any(report.values()), (folder, report)
    model = model.double().eval()
    fill(model)
    hidden, logits = [], []
    for ids in SEQUENCES:
        ids = torch.tensor([ids])
        states = model.encoder(ids).last_hidden_state[0]
        hidden += states[:, ::5].flatten().tolist()
        found = model(ids).logits[0]
        logits += (found if network == "discriminator" else found[::6, ::19]).flatten().tolist()
        # Padding changes nothing, on neither side.
        for left, right in ((0, 3), (3, 0)):
            mask = torch.nn.functional.pad(torch.ones_like(ids), (left, right))
            batch = dict(input_ids=torch.nn.functional.pad(ids, (left, right)), attention_mask=mask)
            part = slice(left, left + ids.shape[1])
            assert torch.allclose(model.encoder(**batch).last_hidden_state[0, part], states, atol=1e-12), folder
            assert torch.allclose(model(**batch).logits[0, part], found, atol=1e-12), folder
    return {
        "config": json.loads((folder / "config.json").read_text()),
        "hidden": [float(f"{x:.9g}") for x in hidden], "logits": [float(f"{x:.9g}") for x in logits],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pretrain", type=pathlib.Path, default=ROOT / ".build/release/pretrain")
    options = parser.parse_args()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    cases = []
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        (work / "text.txt").write_text("\n\n".join(f"the text number {number}" for number in range(400)))
        for number, (name, changes) in enumerate(CASES.items()):
            settings = SIZES + changes
            run, exported = work / f"run-{number}", work / f"exported-{number}"
            flags = [
                *settings, f"tokenizer.path={TOKENIZER}", f"corpus.sources=[{{path: {work}/text.txt}}]",
                "corpus.held_out=0", "training.steps=1", "optimizer.warmup_steps=1", "training.batch_size=2",
                "training.evaluate_every=0",
            ]
            command = [str(options.pretrain), "run", "--preset", "electra-small", "--output", str(run)]
            subprocess.run(command + [x for flag in flags for x in ("--set", flag)], check=True, capture_output=True)
            subprocess.run(
                [str(options.pretrain), "export", str(run), "--output", str(exported), "--form", "custom-code"],
                check=True, capture_output=True)
            networks = {network: outputs(exported / network, network) for network in ("discriminator", "generator")}
            cases.append({"name": name, "settings": settings, "networks": networks})
            print(name)
    fixture = {"code": digest(CODE.read_bytes()), "sequences": SEQUENCES, "cases": cases}
    text = json.dumps(fixture, separators=(",", ":")).replace('{"name"', '\n{"name"')
    (FIXTURES / "custom-code.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
