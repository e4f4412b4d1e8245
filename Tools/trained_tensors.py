#!/usr/bin/env python3
"""Trains a small ELECTRA generator with AdamW for some steps and writes its weights and moments as raw floats.

    python3 Tools/trained_tensors.py TEXT... --output FOLDER [--steps 600]

The folder is what PRETRAIN_CHECKPOINT_TENSORS names for the speed test of checkpoints. Needs torch and transformers.
"""
import argparse
import collections
import pathlib
import re

import numpy as np
import torch
from transformers import ElectraConfig, ElectraForMaskedLM

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("text", type=pathlib.Path, nargs="+")
parser.add_argument("--output", type=pathlib.Path, required=True)
parser.add_argument("--steps", type=int, default=600)
arguments = parser.parse_args()

torch.manual_seed(0)
random = np.random.default_rng(0)
vocabulary_size, mask_id, batch, length = 8192, 4, 16, 64
words = re.findall(r"\w+|[^\w\s]", " ".join(path.read_text(errors="replace") for path in arguments.text))
common = collections.Counter(words).most_common(vocabulary_size - 5)
index = {word: number + 5 for number, (word, _) in enumerate(common)}
ids = np.array([index.get(word, 1) for word in words])

model = ElectraForMaskedLM(
    ElectraConfig(vocab_size=vocabulary_size, num_hidden_layers=6, num_attention_heads=4, intermediate_size=1024)
)
optimizer = torch.optim.AdamW(model.parameters(), lr=5e-4, betas=(0.9, 0.999), eps=1e-6, weight_decay=0.01)
for step in range(arguments.steps):
    optimizer.param_groups[0]["lr"] = 5e-4 * min(1, (step + 1) / 50)
    tokens = torch.tensor(np.stack([ids[start : start + length] for start in random.integers(0, len(ids) - length, batch)]))
    mask = torch.rand(tokens.shape) < 0.15
    loss = model(input_ids=tokens.masked_fill(mask, mask_id), labels=tokens.masked_fill(~mask, -100)).loss
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    if step % 50 == 0:
        print(step, loss.item(), flush=True)

arguments.output.mkdir(parents=True, exist_ok=True)
trained = [parameter for parameter in model.parameters() if parameter in optimizer.state]
for name, tensor in (
    ("weights", lambda parameter: parameter),
    ("first_moments", lambda parameter: optimizer.state[parameter]["exp_avg"]),
    ("second_moments", lambda parameter: optimizer.state[parameter]["exp_avg_sq"]),
):
    floats = np.concatenate([tensor(parameter).detach().numpy().ravel() for parameter in trained])
    floats.astype("<f4").tofile(arguments.output / f"{name}.bin")
