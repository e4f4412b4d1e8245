"""Fine-tunes one checkpoint on one task with `pretrain finetune` and with the Trainer of Hugging Face's transformers, in turn.

    python3 Benchmarks/compare_finetuning_with_transformers.py CHECKPOINT TASK [--seeds 3] [--rate 3e-4] [--epochs 3] [--form electra]

CHECKPOINT is one of pretraining, which `pretrain export` turns into what transformers loads; TASK a folder with train.jsonl and
test.jsonl, and validation.jsonl or a tenth of the training texts set aside. Both take ELECTRA's recipe: AdamW, layer-wise decay
of learning rates, warmup of a tenth, then linear; texts of like length in a batch, padded to the longest there. The Trainer runs in
single precision and under bfloat16 autocast; `pretrain` in both too (`--precisions float32` where the processor has no bfloat16).
Time is that of training with an evaluation after each epoch, without loading. Needs torch, transformers and accelerate; leave the
machine alone meanwhile.
"""

import argparse
import json
import pathlib
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import numpy
import torch
from transformers import (
    AutoModelForSequenceClassification, AutoTokenizer, DataCollatorWithPadding, Trainer, TrainingArguments,
    get_linear_schedule_with_warmup, set_seed,
)

ROOT = pathlib.Path(__file__).resolve().parent.parent

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("checkpoint")
parser.add_argument("task")
parser.add_argument("--seeds", type=int, default=3)
parser.add_argument("--rate", type=float, default=3e-4)
parser.add_argument("--decay", type=float, default=0.8)
parser.add_argument("--epochs", type=int, default=3)
parser.add_argument("--length", type=int, default=128)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--pooling", default="first")
parser.add_argument("--form", default="automatic")
parser.add_argument("--precisions", nargs="+", choices=["bfloat16", "float32"], default=["bfloat16", "float32"])
parser.add_argument("--binary", default=str(ROOT / ".build/release/pretrain"))
options = parser.parse_args()

folder = pathlib.Path(tempfile.mkdtemp())
task = pathlib.Path(options.task)


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines() if line]


train = lines(task / "train.jsonl")
if (task / "validation.jsonl").exists():
    validation = lines(task / "validation.jsonl")
else:
    random.Random(0).shuffle(train)
    held = len(train) // 10
    train, validation = train[held:], train[:held]
test = lines(task / "test.jsonl") if (task / "test.jsonl").exists() else validation
for name, rows in [("train", train), ("validation", validation), ("test", test)]:
    (folder / f"{name}.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
names = sorted({str(row["label"]) for row in train})

subprocess.run(
    [options.binary, "export", options.checkpoint, "--output", str(folder / "export"), "--form", options.form],
    check=True, capture_output=True)
exported = folder / "export/discriminator"
if options.form in ("automatic", "custom-code"):
    path = exported / "config.json"
    configuration = json.loads(path.read_text())
    if configuration["model_type"] == "pretrain":
        configuration["classifier_pooling"] = options.pooling
        path.write_text(json.dumps(configuration))


def ours(seed, precision):
    output = folder / f"ours-{precision}-{seed}"
    command = [options.binary, "finetune", options.checkpoint, "--output", str(output), "--threads", str(options.threads)]
    command += ["--json", "--quiet"]
    for name in ("train", "validation", "test"):
        command += [f"--{name}", str(folder / f"{name}.jsonl")]
    settings = {
        "peak_learning_rate": options.rate, "layer_decay": options.decay, "epochs": options.epochs, "precision": precision,
        "maximum_length": options.length, "pooling": options.pooling, "seed": seed,
        # As the other side has it.
        "embedding_learning_rate_factor": 1}
    for key, value in settings.items():
        command += ["--set", f"training.{key}={value}"]
    started = time.perf_counter()
    report = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return report["runs"][0]["test"]["accuracy"], time.perf_counter() - started


def groups(model, layers):
    """Learning rates that fall from the head to the embeddings, and no decay of norms and biases."""
    found = {}
    for name, parameter in model.named_parameters():
        layer = re.search(r"\.layers?\.(\d+)\.", name)
        distance = 0 if "classifier" in name or "final_norm" in name else layers - int(layer[1]) if layer else layers + 1
        decays = parameter.ndim > 1
        found.setdefault((distance, decays), []).append(parameter)
    return [
        {"params": parameters, "lr": options.rate * options.decay**distance, "weight_decay": 0.01 if decays else 0.0}
        for (distance, decays), parameters in found.items()]


def theirs(seed, precision):
    set_seed(seed)
    torch.set_num_threads(options.threads)
    tokenizer = AutoTokenizer.from_pretrained(exported)
    model = AutoModelForSequenceClassification.from_pretrained(
        exported, num_labels=len(names), trust_remote_code=True, dtype=torch.float32)

    def encode(rows):
        found = []
        for row in rows:
            item = dict(tokenizer(row["text"], row.get("text_pair"), truncation=True, max_length=options.length))
            item["labels"] = names.index(str(row["label"]))
            item["length"] = len(item["input_ids"])
            found.append(item)
        return found

    data = {name: encode(rows) for name, rows in [("train", train), ("validation", validation), ("test", test)]}
    arguments = TrainingArguments(
        output_dir=str(folder / f"theirs-{precision}-{seed}"), num_train_epochs=options.epochs,
        per_device_train_batch_size=32, per_device_eval_batch_size=64, eval_strategy="epoch", save_strategy="best",
        metric_for_best_model="accuracy", load_best_model_at_end=True, save_total_limit=1, logging_strategy="no",
        train_sampling_strategy="group_by_length", bf16=precision == "bfloat16", use_cpu=True, max_grad_norm=1.0, seed=seed,
        report_to=[], disable_tqdm=True)
    steps = options.epochs * -(-len(data["train"]) // 32)
    optimizer = torch.optim.AdamW(groups(model, model.config.num_hidden_layers), eps=1e-6)
    schedule = get_linear_schedule_with_warmup(optimizer, int(0.1 * steps), steps)
    trainer = Trainer(
        model, arguments, DataCollatorWithPadding(tokenizer), data["train"], data["validation"],
        optimizers=(optimizer, schedule),
        compute_metrics=lambda found: {"accuracy": float(numpy.mean(found[0].argmax(-1) == found[1]))})
    started = time.perf_counter()
    trainer.train()
    seconds = time.perf_counter() - started
    return trainer.evaluate(data["test"])["eval_accuracy"], seconds


forms = {
    f"{name}, {precision}": (run, precision)
    for name, run in [("pretrain", ours), ("transformers", theirs)] for precision in options.precisions}
results = {form: [] for form in forms}
for seed in range(options.seeds):
    for form, (run, precision) in forms.items():
        results[form].append(run(seed, precision))
        print(f"seed {seed}, {form}: accuracy {results[form][-1][0]:.4f}, {results[form][-1][1]:.1f} s", file=sys.stderr)

fastest = min(
    (form for form in forms if form.startswith("transformers")),
    key=lambda form: statistics.median(seconds for _, seconds in results[form]))
print(f"{task.name}, {len(train)} texts, {options.epochs} epochs, {options.threads} threads, {options.seeds} seeds\n")
print(f"| form | accuracy | seconds, median | times as fast as {fastest} |\n|---|---|---|---|")
for form, runs in results.items():
    accuracies = [100 * accuracy for accuracy, _ in runs]
    spread = f" ± {statistics.stdev(accuracies):.1f}" if len(runs) > 1 else ""
    ratios = [theirs / mine for (_, mine), (_, theirs) in zip(runs, results[fastest])]
    print(
        f"| {form} | {statistics.mean(accuracies):.1f}{spread} | {statistics.median(s for _, s in runs):.1f} "
        f"| {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) |")
shutil.rmtree(folder)
