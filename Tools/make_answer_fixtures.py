#!/usr/bin/env python3
"""Makes Tests/FineTuningTests/Fixtures/answers.json: exact match and F1 of answers as SQuAD's script counts them.

    python3 Tools/make_answer_fixtures.py

The rules (Rajpurkar et al. 2016, 2018) are written down here once more. Where transformers below version 5 is installed,
its `squad_metrics` has to agree. Deterministic.
"""

import json
import pathlib
import random
import re
import string
from collections import Counter
from fractions import Fraction

PATH = pathlib.Path(__file__).resolve().parent.parent / "Tests/FineTuningTests/Fixtures/answers.json"

WORDS = [
    "The", "the", "a", "An", "cat", "Cat's", "cats", "don't", "U.S.", "1,000", "Été", "ΑΘΗΝΑ", "the-end", "a_b", "theory",
    "“quoted”", "$5", "  ", "\t", "an.", "42", "日本", "naïve", "re-enter", "(the)", "non\u00a0break", "x²"]


def words(text):
    """Small letters, without ASCII punctuation, then without articles, divided at spaces."""
    text = "".join(sign for sign in text.lower() if sign not in string.punctuation)
    return re.sub(r"\b(?:the|an|a)\b", " ", text).split()


def judge(answer, truths):
    truths = [words(truth) for truth in truths if words(truth)] or [[]]
    given = words(answer)
    exact, best = 0, Fraction(0)
    for truth in truths:
        exact = max(exact, int(truth == given))
        if not truth or not given:
            best = max(best, Fraction(int(truth == given)))
            continue
        common = sum((Counter(truth) & Counter(given)).values())
        best = max(best, Fraction(2 * common, len(truth) + len(given)))
    return exact, float(best)


def check(cases):
    try:
        from transformers.data.metrics import squad_metrics
    except ImportError:
        print("transformers below version 5 is not installed: nothing to compare with")
        return
    from types import SimpleNamespace
    examples = [
        SimpleNamespace(qas_id=index, answers=[{"text": text} for text in case["truths"]])
        for index, case in enumerate(cases)]
    exact, f1 = squad_metrics.get_raw_scores(examples, {index: case["answer"] for index, case in enumerate(cases)})
    for index, case in enumerate(cases):
        assert exact[index] == case["exact_match"] and abs(f1[index] - case["token_f1"]) < 1e-12, case
    print(f"squad_metrics agrees on {len(cases)} answers")


def main():
    chance = random.Random(41)

    def text():
        return " ".join(chance.choice(WORDS) for _ in range(chance.randint(1, 5)))

    pairs = [("", []), ("", ["cat"]), ("cat", []), ("the", ["a"]), ("The U.S.", ["us", "America"]), ("a", [])]
    for _ in range(60):
        answer = text()
        truths = [text() for _ in range(chance.randint(1, 3))]
        if chance.random() < 0.3:
            truths.append(answer.upper() + "!")
        pairs.append((answer, truths))
    cases = []
    for answer, truths in pairs:
        exact, f1 = judge(answer, truths)
        cases.append({"answer": answer, "truths": truths, "exact_match": exact, "token_f1": f1})
    check(cases)
    PATH.write_text(json.dumps(cases).replace("}, {", "},\n{") + "\n")
    print(f"{PATH.name}: {PATH.stat().st_size} bytes")


if __name__ == "__main__":
    main()
