#!/usr/bin/env python3
"""Makes Tests/FineTuningTests/Fixtures/scores.json: what scikit-learn and scipy say of predictions.

    python3 Tools/make_score_fixtures.py

Needs numpy, scipy and scikit-learn. Deterministic.
"""

import json
import pathlib

import numpy
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef, roc_auc_score

PATH = pathlib.Path(__file__).resolve().parent.parent / "Tests/FineTuningTests/Fixtures/scores.json"


def several_labels(random):
    """Logits and any number of labels for each text; some label is nowhere, some is never predicted, some tie."""
    cases = []
    for size, count, skill in [(20, 3, 2.0), (30, 5, 0.0), (12, 2, 9.0), (9, 4, 0.5)]:
        truth = (random.random((size, count)) < random.uniform(0.2, 0.8, count)).astype(int)
        logits = numpy.round(skill * (truth - 0.5) + random.normal(size=(size, count)), 1)
        if size == 30:
            truth[:, 1] = 0
            logits[:, 1] = -1
        if size == 9:
            logits[:, 2] = -3
            logits[:, 3] = 0.5
        guesses = (logits > 0).astype(int)
        varying = [index for index in range(count) if 0 < truth[:, index].sum() < size]
        cases.append({
            "logits": logits.tolist(), "truth": truth.tolist(),
            "micro_f1": f1_score(truth, guesses, average="micro", zero_division=0),
            "macro_f1": f1_score(truth, guesses, average="macro", zero_division=0),
            "subset_accuracy": accuracy_score(truth, guesses),
            "auc": roc_auc_score(truth[:, varying], logits[:, varying], average="macro"),
        })
    return cases


def main():
    random = numpy.random.default_rng(11)
    classes, numbers = [], []
    for count, size, skill in [(2, 40, 0.7), (2, 30, 0.0), (3, 60, 0.5), (6, 80, 0.3), (5, 12, 0.2), (2, 10, 1.0)]:
        labels = random.integers(0, count, size)
        guesses = numpy.where(random.random(size) < skill, labels, random.integers(0, count, size))
        classes.append({
            "count": count, "labels": labels.tolist(), "predicted": guesses.tolist(),
            "accuracy": accuracy_score(labels, guesses), "macro_f1": f1_score(labels, guesses, average="macro"),
            "f1": f1_score(labels, guesses) if count == 2 else None, "matthews": matthews_corrcoef(labels, guesses),
        })
    # One class for all.
    labels = [0, 1, 1, 0, 1]
    classes.append({
        "count": 2, "labels": labels, "predicted": [1] * 5, "accuracy": accuracy_score(labels, [1] * 5),
        "macro_f1": f1_score(labels, [1] * 5, average="macro"), "f1": f1_score(labels, [1] * 5),
        "matthews": matthews_corrcoef(labels, [1] * 5)})
    for size, noise in [(25, 0.3), (40, 2.0), (7, 0.0)]:
        values = numpy.round(random.normal(size=size), 1)
        guesses = numpy.round(values + noise * random.normal(size=size), 2)
        numbers.append({
            "numbers": values.tolist(), "predicted": guesses.tolist(), "pearson": pearsonr(values, guesses)[0],
            "spearman": spearmanr(values, guesses)[0]})
    labels = several_labels(numpy.random.default_rng(12))
    PATH.write_text(json.dumps({"classes": classes, "numbers": numbers, "labels": labels}, indent=1) + "\n")
    print(f"{PATH.name}: {PATH.stat().st_size} bytes")


if __name__ == "__main__":
    main()
