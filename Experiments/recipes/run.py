#!/usr/bin/env python3
"""Trains recipes of replaced-token detection for equal wall-clock time and compares them on the same replaced text.

    Experiments/recipes/run.py TEXT... --output FOLDER [--minutes 30] [--seeds 2] [--recipes electra,metro]

Every run has one thread; --jobs of them (2) run side by side. A pilot of each recipe, with as many runs beside it as later,
measures its tokens per second; its steps are what it does in --minutes at that speed. Runs that were interrupted go on,
finished ones are kept. At the end all models detect, and correct, the tokens that the generator of electra, seed 0, has
replaced in the held-out text: results.json, results.md and the curves of seed 0, curves.svg, in FOLDER. Standard library
only.
"""

import argparse
import concurrent.futures
import json
import pathlib
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent

# Generators as the papers have them: half as wide and as deep as the main encoder (ELECTRA), as wide and a quarter as deep
# (METRO), as wide and half as deep (DeBERTaV3).
ELECTRA = ["model.generator.width_multiplier=0.5"]
METRO = [
    "objective.name=metro", "model.generator.width_multiplier=1", "model.generator.layer_count=1",
    "model.initialization.zero_detection_output=true", "objective.mask_token_fraction=1",
]
GDES = ["model.embedding_sharing=disentangled"]
DEBERTA = GDES + [
    "model.generator.width_multiplier=1", "model.generator.layer_count=2", "model.detection_head=with_cls",
    "objective.mask_token_fraction=1",
]
SEPARATE = ["optimizer.separate=true"]

RECIPES = {
    "electra": ELECTRA,
    "electra-separate": ELECTRA + SEPARATE,
    # What two optimizers do for ELECTRA: each has its own clipping, and moments of the shared tables of its own.
    "electra-unclipped": ELECTRA + ["optimizer.clip_norm=0"],
    "electra-own-tables": ELECTRA + ["model.embedding_sharing=separate"],
    "metro": METRO + ["model.embedding_sharing=token_only"],
    "metro-separate": METRO + ["model.embedding_sharing=token_only"] + SEPARATE,
    "gdes": DEBERTA,
    "gdes-separate": DEBERTA + SEPARATE,
    "metro-gdes": METRO + GDES,
    "metro-gdes-separate": METRO + GDES + SEPARATE,
    "random": ["objective.replacements=random"],
}

METRICS = [
    ("generator_loss", "generator loss"), ("corrective_loss", "corrective loss"),
    ("discriminator_loss", "detection loss"), ("discriminator_auc", "detection AUC"),
]


def settings(values):
    return [part for value in values for part in ("--set", value)]


def command(options, name, seed, steps, folder, evaluations=10):
    sources = "[" + ", ".join(f"{{path: {json.dumps(str(path))}}}" for path in options.text) + "]"
    return [
        options.pretrain, "run", str(HERE / "base.yaml"), "--output", str(folder), "--threads", "1", "--quiet",
        *settings([
            f"corpus.sources={sources}", f"tokenizer.path={options.output / 'tokenizer.json'}",
            f"training.seed={seed}", f"training.steps={steps}", f"training.evaluate_every={max(steps // evaluations, 1) if evaluations else 0}",
            *RECIPES[name], *([] if evaluations else ["evaluation.tokens=1000", "training.log_every=1"]),
        ]),
    ]


def call(arguments, log):
    with open(log, "w") as file:
        status = subprocess.run(arguments, stdout=file, stderr=subprocess.STDOUT).returncode
    if status != 0 and "has finished its" not in log.read_text():
        sys.exit(f"{' '.join(arguments)}\nended with status {status}:\n{log.read_text()}")


def speed(folder):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    steps = [line for line in lines if "tokens_per_second" in line]
    return statistics.median(line["tokens_per_second"] for line in steps[1:] or steps)


def side_by_side(options, jobs):
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for done in concurrent.futures.as_completed([pool.submit(*job) for job in jobs]):
            done.result()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", nargs="+", type=lambda path: pathlib.Path(path).resolve())
    parser.add_argument("--output", required=True, type=lambda path: pathlib.Path(path).resolve())
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--pilot-steps", type=int, default=150)
    parser.add_argument("--vocabulary", type=int, default=4096)
    parser.add_argument("--recipes", default=",".join(RECIPES))
    parser.add_argument("--pretrain", default=".build/release/pretrain")
    options = parser.parse_args()
    options.pretrain = str(pathlib.Path(options.pretrain).resolve())
    names = options.recipes.split(",")
    for name in names:
        if name not in RECIPES:
            parser.error(f"no recipe {name}; there are {', '.join(RECIPES)}")
    if "electra" not in names:
        names.insert(0, "electra")
    options.output.mkdir(parents=True, exist_ok=True)

    tokenizer = options.output / "tokenizer.json"
    if not tokenizer.exists():
        call([
            options.pretrain, "tokenizer", "train", *[part for path in options.text for part in ("--input", str(path))],
            "--output", str(tokenizer), "--vocabulary-size", str(options.vocabulary), "--pattern", "gpt2",
        ], options.output / "tokenizer.log")

    budget = options.output / "budget.json"
    steps = json.loads(budget.read_text()) if budget.exists() else {}
    pilots = [name for name in names if name not in steps]
    side_by_side(options, [
        (call, command(options, name, 0, options.pilot_steps, options.output / f"pilot-{name}", 0),
         options.output / f"pilot-{name}.log") for name in pilots
    ])
    for name in pilots:
        rate = speed(options.output / f"pilot-{name}")
        steps[name] = max(int(options.minutes * 60 * rate / (32 * 64)), 1)
        print(f"{name}: {rate:,.0f} tokens/s, {steps[name]:,} steps in {options.minutes:g} minutes", flush=True)
    # Kept, so that a run that goes on has the length that it began with.
    budget.write_text(json.dumps(steps, indent=1) + "\n")

    runs = [(name, seed) for seed in range(options.seeds) for name in names]
    side_by_side(options, [
        (call, command(options, name, seed, steps[name], options.output / f"{name}-{seed}"),
         options.output / f"{name}-{seed}.log") for name, seed in runs
    ])

    results = {}
    for name, seed in runs:
        report = subprocess.run(
            [options.pretrain, "evaluate", str(options.output / f"{name}-{seed}"), "--corruption-from",
             str(options.output / "electra-0"), "--json"], check=True, capture_output=True, text=True).stdout
        results[f"{name}-{seed}"] = {"steps": steps[name], **json.loads(report)}
    (options.output / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    rows = ["| recipe | steps | " + " | ".join(label for _, label in METRICS) + " |", "|---" * (len(METRICS) + 2) + "|"]
    for name in names:
        cells = []
        for key, _ in METRICS:
            values = [results[f"{name}-{seed}"].get(key) for seed in range(options.seeds)]
            found = [value for value in values if value is not None]
            spread = f" ± {(max(found) - min(found)) / 2:.4f}" if len(found) > 1 else ""
            cells.append(f"{statistics.mean(found):.4f}{spread}" if found else "–")
        rows.append(f"| {name} | {steps[name]:,} | " + " | ".join(cells) + " |")
    (options.output / "results.md").write_text("\n".join(rows) + "\n")
    folders = [str(options.output / f"{name}-0") for name in names]
    labels = [part for name in names for part in ("--label", name)]
    subprocess.run(
        [options.pretrain, "plot", *folders, *labels, "--by", "tokens", "--output", str(options.output / "curves.svg")],
        check=True, stdout=subprocess.DEVNULL)
    print("\n".join(rows))


if __name__ == "__main__":
    main()
