#!/usr/bin/env python3
"""Makes Tests/FineTuningTests/Fixtures/variability.json: hidden-state variability by its definition (arXiv 2210.10041).

    python3 Tools/make_variability_fixture.py

Needs numpy. Deterministic.
"""

import json
import pathlib

import numpy

PATH = pathlib.Path(__file__).resolve().parent.parent / "Tests/FineTuningTests/Fixtures/variability.json"


def variability(states, classes):
    groups = [states[classes == c] for c in sorted(set(classes))]
    means = numpy.array([group.mean(axis=0) for group in groups])
    center = means.mean(axis=0)
    between = sum(numpy.outer(mean - center, mean - center) for mean in means) / len(groups)
    within = sum((group - mean).T @ (group - mean) / len(group) for group, mean in zip(groups, means)) / len(groups)
    return numpy.trace(within @ numpy.linalg.pinv(between, rcond=1e-10, hermitian=True)) / len(groups)


def main():
    random = numpy.random.default_rng(0)
    cases = []
    for texts, width, count, spread in [(24, 5, 2, 1.0), (30, 6, 4, 0.3), (40, 3, 6, 2.0)]:
        classes = numpy.concatenate([numpy.arange(count), random.integers(0, count, texts - count)])
        states = numpy.round(random.normal(size=(count, width))[classes] + spread * random.normal(size=(texts, width)), 3)
        cases.append({"states": states.tolist(), "classes": classes.tolist(), "value": variability(states, classes)})
    PATH.write_text(json.dumps(cases) + "\n")


main()
