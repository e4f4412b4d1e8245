#!/usr/bin/env python3
"""Makes Tests/FineTuningTests/Fixtures/entities.json: what seqeval says of labels of words.

    python3 Tools/make_entity_fixtures.py

Needs seqeval. Deterministic.
"""

import json
import pathlib
import random
import warnings

from seqeval.metrics import accuracy_score, f1_score, precision_score, recall_score
from seqeval.metrics.sequence_labeling import get_entities

PATH = pathlib.Path(__file__).resolve().parent.parent / "Tests/FineTuningTests/Fixtures/entities.json"


def main():
    warnings.simplefilter("ignore")
    chance = random.Random(31)
    # From proper BIO to labels in no order at all, with names that hold hyphens.
    schemes = [
        ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"],
        ["O", "I-PER", "I-LOC"],
        ["O", "B-A", "I-A", "E-A", "S-A", "B-b-c", "I-b-c", "E-b-c", "S-b-c"],
        ["O", "B", "I", "E", "S", "B-X"],
    ]
    cases = []
    for scheme in schemes:
        for skill in [0.9, 0.5, 0.0]:
            truth, guesses = [], []
            for _ in range(6):
                labels = [chance.choice(scheme + ["O"]) for _ in range(chance.randint(1, 12))]
                truth.append(labels)
                guesses.append([
                    label if chance.random() < skill else chance.choice(scheme) for label in labels])
            cases.append({
                "labels": truth, "predicted": guesses, "accuracy": accuracy_score(truth, guesses),
                "precision": precision_score(truth, guesses), "recall": recall_score(truth, guesses),
                "f1": f1_score(truth, guesses),
                "entities": [[[name, first, last] for name, first, last in get_entities(labels)] for labels in truth],
            })
    nothing = [["O", "O"], ["O"]]
    cases.append({
        "labels": nothing, "predicted": nothing, "accuracy": 1.0, "precision": float(precision_score(nothing, nothing)),
        "recall": float(recall_score(nothing, nothing)), "f1": float(f1_score(nothing, nothing)),
        "entities": [[], []]})
    text = json.dumps(cases).replace('}, {', '},\n{')
    PATH.write_text(text + "\n")
    print(f"{PATH.name}: {PATH.stat().st_size} bytes")


if __name__ == "__main__":
    main()
