#!/usr/bin/env python3
"""Makes Tests/FineTuningTests/Fixtures/losses.json: what PyTorch says of outputs and targets.

    python3 Tools/make_loss_fixtures.py

Needs torch. Losses of one text each, and their gradients by the outputs, in double precision. Deterministic.
"""

import json
import pathlib

import torch
from torch.nn import functional

PATH = pathlib.Path(__file__).resolve().parent.parent / "Tests/FineTuningTests/Fixtures/losses.json"


def case(outputs, loss_of, **target):
    outputs = outputs.double().requires_grad_()
    loss = loss_of(outputs)
    loss.backward()
    return {"outputs": outputs.flatten().tolist(), "loss": loss.item(), "gradient": outputs.grad.flatten().tolist(),
            **target}


def main():
    randomness = torch.Generator().manual_seed(21)

    def draw(*shape, scale=2.0):
        # Exact as single precision too.
        return (scale * torch.randn(shape, generator=randomness)).half().float()

    labels = []
    for count, scale in [(1, 2.0), (4, 2.0), (3, 40.0)]:
        truth = (torch.rand(count, generator=randomness) < 0.5).double()
        labels.append(case(
            draw(count, scale=scale), lambda outputs: functional.binary_cross_entropy_with_logits(outputs, truth),
            truth=[bool(value) for value in truth]))
    words = []
    for count, size in [(1, 3), (5, 4), (7, 2)]:
        truth = torch.randint(0, size, (count,), generator=randomness)
        words.append(case(
            draw(count, size), lambda outputs: functional.cross_entropy(outputs, truth), truth=truth.tolist()))
    spans = []
    for count in [1, 6, 9]:
        start, end = (torch.randint(0, count, (1,), generator=randomness) for _ in range(2))
        spans.append(case(
            draw(count, 2), lambda outputs: (
                functional.cross_entropy(outputs[:, 0][None], start) + functional.cross_entropy(
                    outputs[:, 1][None], end)) / 2,
            truth=[start.item(), end.item()]))
    PATH.write_text(json.dumps({"labels": labels, "words": words, "spans": spans}, indent=1) + "\n")
    print(f"{PATH.name}: {PATH.stat().st_size} bytes")


if __name__ == "__main__":
    main()
