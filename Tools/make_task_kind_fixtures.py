#!/usr/bin/env python3
"""Makes Tests/FineTuningTests/Fixtures/task_kinds.safetensors: heads on tokens and on several texts.

Logits, loss and gradients of Hugging Face's ElectraForTokenClassification, ElectraForQuestionAnswering and
ElectraForMultipleChoice over one encoder, tiny and in double precision. Deterministic; run it from anywhere:

    python3 Tools/make_task_kind_fixtures.py

Needs torch, transformers, safetensors.
"""

import json
import pathlib

import torch
from torch.nn.utils.rnn import pad_sequence
from transformers import (
    ElectraConfig, ElectraForMultipleChoice, ElectraForQuestionAnswering, ElectraForTokenClassification)

from engine_names import engine_name
from fixture_file import save_fixture

PATH = pathlib.Path(__file__).resolve().parent.parent / "Tests/FineTuningTests/Fixtures/task_kinds.safetensors"
VOCABULARY = 29
HEAD = {
    "classifier": "task.output", "qa_outputs": "task.output", "sequence_summary.summary": "task.dense",
}

# Of every row the lengths of its texts, and where their second halves begin.
TOKENS = [([9], [0], [1, 2, 5], [2, 0, 1]), ([13], [6], [3], [0]), ([4], [0], [1, 2], [1, 1])]
SPANS = [([11], [4], [6, 8]), ([7], [3], [0, 0]), ([15], [2], [14, 14])]
CHOICES = [([8, 12, 5], [3, 3, 3], 1), ([9, 6], [4, 4], 0)]


def name_of(name):
    module, kind = name.rsplit(".", 1)
    return f"{HEAD[module]}.{kind}" if module in HEAD else engine_name("discriminator", name)


def main():
    randomness = torch.Generator().manual_seed(83)
    config = ElectraConfig(
        vocab_size=VOCABULARY, embedding_size=8, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=24, max_position_embeddings=16, hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0, summary_last_dropout=0.0, layer_norm_eps=1e-12)
    shared, tensors, rows = {}, {}, {}

    def draw(lengths, pairs):
        ids = [torch.randint(5, VOCABULARY, (length,), generator=randomness) for length in lengths]
        types = [(torch.arange(length) >= (pair or length)).long() for length, pair in zip(lengths, pairs)]
        return {
            "input_ids": pad_sequence(ids, batch_first=True), "token_type_ids": pad_sequence(types, batch_first=True),
            "attention_mask": pad_sequence([torch.ones_like(each) for each in ids], batch_first=True)}

    def save(kind, model, logits, loss):
        loss.backward()
        tensors[f"{kind}.logits"] = torch.cat([each.flatten() for each in logits]).float()
        tensors[f"{kind}.loss"] = loss[None]
        for name, parameter in model.named_parameters():
            own = name_of(name)
            tensors[f"{kind}.{own}" if own.startswith("task.") else own] = parameter.detach().half()
            tensors[f"{kind}.gradient.{name_of(name)}"] = parameter.grad.float()

    def make(kind, outputs=1):
        config.num_labels = outputs
        model = kind(config).eval()
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if name not in shared or name_of(name).startswith("task."):
                    noise = torch.randn(parameter.shape, generator=randomness)
                    scale = 0.1 if parameter.dim() == 1 else 0.25
                    shared[name] = (1 + 0.2 * noise if name.endswith("LayerNorm.weight") else scale * noise).half()
                parameter.copy_(shared[name].float())
        return model.double()

    def keep(kind, lengths, pairs, inputs, **more):
        ids = [row[:length].tolist() for row, length in zip(inputs["input_ids"], lengths)]
        rows.setdefault(kind, []).append({"ids": ids, "pairs": pairs, **more})

    model = make(ElectraForTokenClassification, 3)
    logits, losses = [], []
    for lengths, pairs, places, labels in TOKENS:
        inputs = draw(lengths, pairs)
        keep("tokens", lengths, pairs, inputs, places=places, target=labels)
        logits.append(model(**inputs).logits[0, places])
        losses.append(torch.nn.functional.cross_entropy(logits[-1], torch.tensor(labels), reduction="none"))
    save("tokens", model, logits, torch.cat(losses).mean())

    model = make(ElectraForQuestionAnswering, 2)
    logits, losses = [], []
    for lengths, pairs, (start, end) in SPANS:
        inputs = draw(lengths, pairs)
        keep("span", lengths, pairs, inputs, places=list(range(lengths[0])), target=[start, end])
        output = model(**inputs, start_positions=torch.tensor([start]), end_positions=torch.tensor([end]))
        logits.append(torch.stack([output.start_logits[0], output.end_logits[0]], 1))
        losses.append(output.loss)
    save("span", model, logits, torch.stack(losses).mean())

    model = make(ElectraForMultipleChoice)
    logits, losses = [], []
    for lengths, pairs, label in CHOICES:
        inputs = draw(lengths, pairs)
        keep("choice", lengths, pairs, inputs, target=[label])
        output = model(**{name: each[None] for name, each in inputs.items()}, labels=torch.tensor([label]))
        logits.append(output.logits[0])
        losses.append(output.loss)
    save("choice", model, logits, torch.stack(losses).mean())

    save_fixture(tensors, PATH, {"rows": json.dumps(rows), "vocab_size": str(VOCABULARY)})


if __name__ == "__main__":
    main()
