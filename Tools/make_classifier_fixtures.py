#!/usr/bin/env python3
"""Makes Tests/FineTuningTests/Fixtures/classifiers.json: what transformers computes with exported classifiers.

    python3 Tools/make_classifier_fixtures.py [--pretrain .build/release/pretrain]

Each case is a run of one step, fine-tuned for two epochs, exported and loaded as a class of transformers. What
`pretrain predict` says of texts and pairs, some too long, must be what transformers says of the same texts in a padded
batch. Then the weights are replaced as in make_custom_code_fixtures.py and logits computed in double precision, which
the tests compare with the engine's. Needs torch, transformers and a built `pretrain`.
"""

import argparse
import json
import logging
import pathlib
import subprocess
import tempfile
import warnings

import torch
import transformers
from transformers import (
    AutoModelForMultipleChoice, AutoModelForQuestionAnswering, AutoModelForSequenceClassification,
    AutoModelForTokenClassification, AutoTokenizer,
)

from make_custom_code_fixtures import CODE, ROOT, SEQUENCES, SIZES, TOKENIZER, WINDOW, digest, fill

PATH = ROOT / "Tests/FineTuningTests/Fixtures/classifiers.json"
MUP = [
    "parametrization.base_hidden_size=16", "parametrization.base_head_size=32",
    "parametrization.attention_multiplier=1.3", "parametrization.output_multiplier=1.7",
]
PRE = ["model.normalization.placement=pre", "model.positions=rotary"]
# Settings of the encoder, kind, pooling, and the class that has to come out.
CASES = {
    "ELECTRA, three classes": ([], "classes", "first", "ElectraForSequenceClassification"),
    "ELECTRA, a number": ([], "number", "first", "ElectraForSequenceClassification"),
    "ELECTRA without biases, muP": (
        ["model.biases=false", *MUP], "classes", "first", "ElectraForSequenceClassification"),
    "ELECTRA, mean": ([], "classes", "mean", "PretrainForSequenceClassification"),
    "Pre-LN, rotary, no biases, GEGLU, muP": (
        [*PRE, "model.biases=false", "model.feed_forward=geglu", *MUP], "classes", "first",
        "PretrainForSequenceClassification"),
    "DeBERTa, a number, mean": (
        ["model.positions=none", "model.attention.disentangled=true", "model.attention.position_buckets=6",
         "model.attention.maximum_relative_distance=9", "model.generator.mask_decoder=true",
         "model.embedding_sharing=disentangled"], "number", "mean", "PretrainForSequenceClassification"),
    "windows, a bias for each layer": (
        [*WINDOW, "model.attention.global_tokens=documents", "model.positions=none",
         "model.relative_bias.sharing=per_layer", "model.relative_bias.bins=12",
         "model.relative_bias.maximum_distance=11"], "classes", "first", "PretrainForSequenceClassification"),
    "ELECTRA, words": ([], "tokens", "first", "ElectraForTokenClassification"),
    "Pre-LN, words": (PRE, "tokens", "first", "PretrainForTokenClassification"),
    "ELECTRA, answers": ([], "span", "first", "ElectraForQuestionAnswering"),
    "Pre-LN, answers": (PRE, "span", "first", "PretrainForQuestionAnswering"),
    "ELECTRA, endings": ([], "choice", "first", "ElectraForMultipleChoice"),
    "Pre-LN, endings, mean": (PRE, "choice", "mean", "PretrainForMultipleChoice"),
}
AUTO = {
    "classes": AutoModelForSequenceClassification, "number": AutoModelForSequenceClassification,
    "tokens": AutoModelForTokenClassification, "span": AutoModelForQuestionAnswering,
    "choice": AutoModelForMultipleChoice,
}
PAIR = ([2, 17, 250, 3, 31, 42, 8, 3], 4)
LABELS = {"classes": ["fair", "foul", "so-so"], "number": [0.5, -1.25, 2]}


class Complaints(logging.Handler):
    """Whatever transformers logs while loading."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.texts = []

    def emit(self, record):
        self.texts.append(record.getMessage())


def row(kind, number):
    """A line of training text."""
    text, other = (f"the text {number}", f"number {number}") if kind in LABELS else (f"text {number % 10}", "number")
    if kind == "tokens":
        return {"words": f"{text} {other}".split(), "labels": [["B-A", "B-B"][number % 2], "B-C", "O"]}
    if kind == "span":
        answers = [{"text": "number", "start": len(text) + 1}] if number % 3 else []
        return {"question": "which", "context": f"{text} {other}", "answers": answers}
    if kind == "choice":
        return {"context": text, "choices": [other, "a text", "the text"], "label": number % 3}
    return {"text": text, "text_pair": other, "label": LABELS[kind][number % 3]}


def load(folder, name, auto):
    complaints = Complaints()
    transformers.logging.add_handler(complaints)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model, report = auto.from_pretrained(
            folder, trust_remote_code=True, output_loading_info=True)
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=True)
    transformers.logging.remove_handler(complaints)
    assert not any(report.values()), (name, report)
    assert not complaints.texts and not caught, (name, complaints.texts, [str(warning.message) for warning in caught])
    return model.eval(), tokenizer


@torch.no_grad()
def check_predictions(model, tokenizer, texts, lines, name):
    """`lines`: what `pretrain predict` has written of the texts."""
    columns = [list(column) for column in zip(*texts)]
    batch = tokenizer(*columns, truncation=True, padding=True, return_tensors="pt")
    logits = model(**batch).logits
    largest = 0
    for line, row in zip(lines, logits):
        found = json.loads(line)
        if model.config.problem_type == "regression":
            largest = max(largest, abs(found["number"] - row[0].item()))
        else:
            names = model.config.id2label
            shares = {names[index]: share.item() for index, share in enumerate(row.softmax(0))}
            assert shares.keys() == found["probabilities"].keys(), (name, names)
            largest = max([largest, *(abs(share - found["probabilities"][label]) for label, share in shares.items())])
    assert len(lines) == len(texts) and largest < 2e-5, (name, largest)
    return largest


@torch.no_grad()
def check_other(model, tokenizer, rows, lines, kind, name):
    """The same for words, answers and endings, one text at a time."""
    assert len(lines) == len(rows)
    for line, row in zip(map(json.loads, lines), rows):
        if kind == "tokens":
            text = " ".join(row["words"])
            batch = tokenizer(text, return_tensors="pt", return_offsets_mapping=True)
            ends = [end for _, end in batch.pop("offset_mapping")[0].tolist()]
            ids = model(**batch).logits[0].argmax(-1).tolist()
            starts = [len(" ".join(row["words"][:index])) + (index > 0) for index in range(len(row["words"]))]
            found = [model.config.id2label[ids[next(i for i, end in enumerate(ends) if end > start)]] for start in starts]
            assert found == line["labels"], (name, found, line)
        elif kind == "span":
            batch = tokenizer(row["question"], row["context"], return_tensors="pt", return_offsets_mapping=True)
            offsets = batch.pop("offset_mapping")[0].tolist()
            inside = [i for i, sequence in enumerate(batch.sequence_ids(0)) if sequence == 1]
            logits = model(**batch)
            start, end = logits.start_logits[0], logits.end_logits[0]
            score, first, last = max(
                ((start[i] + end[j]).item(), i, j) for i in inside for j in inside if i <= j < i + 30)
            score -= (start[0] + end[0]).item()
            answer = row["context"][offsets[first][0]:offsets[last][1]].strip() if score >= 0 else ""
            assert answer == line["answer"], (name, answer, line)
            assert not answer or abs(score - line["score"]) < 2e-5, (name, score, line)
        else:
            batch = tokenizer(
                [row["context"]] * len(row["choices"]), row["choices"], padding=True, return_tensors="pt")
            shares = model(**{key: value[None] for key, value in batch.items()}).logits[0].softmax(0)
            said = line["probabilities"]
            assert all(abs(said[str(i)] - share.item()) < 2e-5 for i, share in enumerate(shares)), (name, said, shares)
    return 2e-5


def numbers(output):
    """Of a text: a row, or one row after another."""
    if "start_logits" in output:
        return torch.stack([output.start_logits[0], output.end_logits[0]], -1)
    return output.logits[0]


@torch.no_grad()
def outputs(model, without_biases, kind):
    model = model.double()
    zeros = [key for key, value in model.state_dict().items() if not value.any() and key.endswith(".bias")]
    fill(model)
    if without_biases:
        # Zeros in place of the biases that the model does not have.
        for key in zeros:
            model.state_dict()[key].zero_()
    logits = []
    for ids, start in [(ids, len(ids)) for ids in SEQUENCES] + [PAIR]:
        types = torch.tensor([[0] * start + [1] * (len(ids) - start)])
        ids = torch.tensor([ids])
        if kind == "choice":
            ids, types = ids[None], types[None]
        row = numbers(model(input_ids=ids, token_type_ids=types))
        mask = torch.ones(*ids.shape[:-1], ids.shape[-1] + 3)
        mask[..., -3:] = 0
        def padded(x):
            return torch.nn.functional.pad(x, (0, 3))
        again = numbers(model(input_ids=padded(ids), token_type_ids=padded(types), attention_mask=mask))
        assert torch.allclose(again[:len(row)], row, atol=1e-12)
        logits.append([float(f"{x:.9g}") for x in row.flatten()])
    return logits


def texts():
    """Pairs, as what is trained here is trained on: `predict` takes no others for it."""
    return [("the text", "number 7"), ("x", "a text of the 3"), ("text " * 30, "a number"), ("a", "the number " * 30),
            ("text " * 12, "number " * 13), ("number " * 13, "text " * 12)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pretrain", type=pathlib.Path, default=ROOT / ".build/release/pretrain")
    options = parser.parse_args()
    transformers.logging.disable_progress_bar()
    cases = []
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)

        def pretrain(*arguments):
            done = subprocess.run([str(options.pretrain), *map(str, arguments)], capture_output=True, text=True)
            assert done.returncode == 0, (arguments, done.stderr)
            return done.stdout

        def write(path, rows):
            path.write_text("\n".join(map(json.dumps, rows)))
            return path

        (work / "text.txt").write_text("\n\n".join(f"the text number {number}" for number in range(400)))
        for kind in AUTO:
            write(work / f"{kind}.jsonl", [row(kind, number) for number in range(36)])
        for number, (name, (changes, kind, pooling, architecture)) in enumerate(CASES.items()):
            settings = SIZES + changes
            run, tuned, exported = (work / f"{part}-{number}" for part in ("run", "tuned", "exported"))
            flags = [
                *settings, f"tokenizer.path={TOKENIZER}", f"corpus.sources=[{{path: {work}/text.txt}}]",
                "corpus.held_out=0", "training.steps=1", "optimizer.warmup_steps=1", "training.batch_size=2",
                "training.evaluate_every=0",
            ]
            pretrain(
                "run", "--preset", "electra-small", "--output", run, *(x for flag in flags for x in ("--set", flag)))
            data = work / f"{kind}.jsonl"
            pretrain(
                "finetune", run, "--train", data, "--validation", data, "--output", tuned, "--quiet",
                "--set", f"kind={kind}", "--set", "training.epochs=2", "--set", f"training.pooling={pooling}",
                "--set", "training.peak_learning_rate=1e-2")
            pretrain("export", tuned / "seed-0", "--output", exported)
            model, tokenizer = load(exported, name, AUTO[kind])
            assert type(model).__name__ == architecture, (name, type(model))
            if kind not in LABELS:
                rows = [row(kind, number) for number in range(40, 46)]
                path = write(work / "new.jsonl", rows)
                lines = pretrain("predict", tuned / "seed-0", "--input", path, "--quiet").splitlines()
                largest = check_other(model, tokenizer, rows, lines, kind, name)
            else:
                path = write(work / "new.jsonl", [{"text": text, "text_pair": pair} for text, pair in texts()])
                lines = pretrain("predict", tuned / "seed-0", "--input", path, "--quiet").splitlines()
                largest = check_predictions(model, tokenizer, texts(), lines, name)
            cases.append({
                "name": name, "settings": settings, "kind": kind, "pooling": pooling, "architecture": architecture,
                "config": json.loads((exported / "config.json").read_text()),
                "logits": outputs(model, "model.biases=false" in settings, kind)})
            print(f"{name}: predictions differ by at most {largest:.2g}")
    fixture = {"code": digest(CODE.read_bytes()), "sequences": SEQUENCES, "pair": PAIR, "cases": cases}
    PATH.write_text(json.dumps(fixture, separators=(",", ":")).replace('{"name"', '\n{"name"') + "\n")
    print(f"{PATH.name}: {PATH.stat().st_size} bytes")


if __name__ == "__main__":
    main()
