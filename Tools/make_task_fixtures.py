#!/usr/bin/env python3
"""Makes the fixture of fine-tuning: Tests/FineTuningTests/Fixtures/task.safetensors.

Logits, loss and gradients of Hugging Face's ElectraForSequenceClassification, tiny and in double precision, for three
classes of single texts and pairs. Deterministic; run it from anywhere:

    python3 Tools/make_task_fixtures.py

Needs torch, transformers, safetensors.
"""

import pathlib

import torch
from transformers import ElectraConfig, ElectraForSequenceClassification

from engine_names import engine_name
from fixture_file import save_fixture

PATH = pathlib.Path(__file__).resolve().parent.parent / "Tests/FineTuningTests/Fixtures/task.safetensors"
LENGTHS, PAIRS, LABELS = [9, 1, 17, 12], [0, 0, 8, 5], [2, 0, 1, 1]
CLASS_WEIGHTS = [0.5, 2.0, 1.25]
VOCABULARY = 47
HEAD = {"classifier.dense": "task.dense", "classifier.out_proj": "task.output"}


def name_of(name):
    module, kind = name.rsplit(".", 1)
    return f"{HEAD[module]}.{kind}" if module in HEAD else engine_name("discriminator", name)


def main():
    randomness = torch.Generator().manual_seed(57)
    config = ElectraConfig(
        vocab_size=VOCABULARY, embedding_size=16, hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=48, max_position_embeddings=24, num_labels=3, hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0, layer_norm_eps=1e-12)
    model = ElectraForSequenceClassification(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=randomness)
            if name.endswith("LayerNorm.weight"):
                value = 1 + 0.2 * noise
            else:
                value = (0.1 if parameter.dim() == 1 else 0.25) * noise
            parameter.copy_(value.half().float())
    model.double()
    rows = [torch.randint(5, VOCABULARY, (1, length), generator=randomness) for length in LENGTHS]
    logits = torch.cat([
        model(ids, token_type_ids=(torch.arange(ids.shape[1]) >= (pair or ids.shape[1])).long()[None]).logits
        for ids, pair in zip(rows, PAIRS)
    ])
    weights = torch.tensor(CLASS_WEIGHTS, dtype=torch.float64)
    loss = torch.nn.functional.cross_entropy(logits, torch.tensor(LABELS), weight=weights)
    loss.backward()
    tensors = {"input.ids": torch.cat(rows, 1)[0].int(), "output.logits": logits.float(), "output.loss": loss[None]}
    for name, parameter in model.named_parameters():
        tensors[name_of(name)] = parameter.detach().half()
        tensors[f"gradient.{name_of(name)}"] = parameter.grad.float()
    def text(values):
        return ",".join(map(str, values))

    save_fixture(tensors, PATH, {
        "lengths": text(LENGTHS), "pairs": text(PAIRS), "labels": text(LABELS), "weights": text(CLASS_WEIGHTS),
        "vocab_size": str(VOCABULARY)})


if __name__ == "__main__":
    main()
