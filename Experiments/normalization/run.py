#!/usr/bin/env python3
"""Post-LN, Pre-LN and Mix-LN at 12 and 24 narrow layers: tunes the learning rate of each, trains with it, analyzes.

    Experiments/normalization/run.py --train PROSE.txt --valid HELD-OUT.txt --output FOLDER

For every placement and depth:
 1. Runs of a third of the steps, each with its own complete schedule, over a grid of learning rates; the grid grows by
    one value where the best stands at its edge, and by two lower ones where none of its rates comes below the entropy of
    the tokens' frequencies. The best is that of the lowest held-out loss of the generator, which, unlike the
    discriminator's, means the same in every run.
 2. Runs of all steps at the best learning rate, one for each seed.
Then `pretrain analyze` on the runs of the first seed, and a summary. Runs have one thread; two stand side by side.

FOLDER gets runs/, analysis-12/, analysis-24/, results.json and summary.md. What is there already is not done again, so an
interrupted experiment goes on where it stopped. Needs a built `pretrain` and nothing but Python's standard library.
"""

import argparse
import concurrent.futures
import json
import math
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
PLACEMENTS = {"post": "Post-LN", "pre": "Pre-LN", "mix": "Mix-LN"}
LEARNING_RATES = [5e-4, 1e-3, 2e-3, 4e-3]


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", required=True, type=pathlib.Path, help="training text, documents between empty lines")
    parser.add_argument("--valid", required=True, type=pathlib.Path, help="held-out text")
    parser.add_argument("--output", required=True, type=pathlib.Path)
    parser.add_argument("--pretrain", type=pathlib.Path, default=HERE.parent.parent / ".build/release/pretrain")
    parser.add_argument("--steps", type=int, default=1800, help="of the final runs (default: 1800)")
    parser.add_argument("--depths", type=int, nargs="+", default=[12, 24])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rates", type=float, nargs="+", default=LEARNING_RATES)
    parser.add_argument("--parallel", type=int, default=2, help="runs side by side, of one thread each (default: 2)")
    return parser.parse_args()


class Experiment:
    def __init__(self, options):
        self.options = options
        self.folder = options.output.resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.pretrain = str(options.pretrain.resolve())
        self.train, self.valid = str(options.train.resolve()), str(options.valid.resolve())
        self.started = time.monotonic()
        # Of the frequencies of the held-out tokens; the same for all runs.
        self.entropy = math.inf

    def note(self, text):
        minutes = (time.monotonic() - self.started) / 60
        print(f"{minutes:6.1f} min  {text}", flush=True)

    def call(self, *arguments):
        done = subprocess.run([self.pretrain, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        return done.returncode, done.stdout, done.stderr

    def make_tokenizer(self):
        path = self.folder / "tokenizer.json"
        if not path.exists():
            code, _, error = self.call("tokenizer", "train", "--input", self.train, "--vocabulary-size", 4096, "--pattern", "gpt2", "--output", path)
            if code:
                sys.exit(error)
        return path

    def run(self, placement, depth, rate, seed, steps):
        """Trains and evaluates one model; losses are infinite where training diverged."""
        name = f"{placement}-{depth}-{rate:g}-{seed}-{steps}"
        folder = self.folder / "runs" / name
        result = folder.parent / f"{name}.json"
        if result.exists():
            return json.loads(result.read_text())
        began = time.monotonic()
        settings = {
            "model.layer_count": depth, "model.normalization.placement": placement,
            "optimizer.peak_learning_rate": rate, "optimizer.warmup_steps": max(1, steps // 10),
            "training.steps": steps, "training.seed": seed, "tokenizer.path": self.tokenizer,
            "corpus.sources": json.dumps([{"path": self.train}]),
        }
        flags = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
        code, _, error = self.call("run", HERE / "base.yaml", *flags, "--output", folder, "--threads", 1)
        record = dict(placement=placement, depth=depth, rate=rate, seed=seed, steps=steps, folder=str(folder),
                      seconds=time.monotonic() - began)
        if code == 0:
            code, output, error = self.call(
                "evaluate", folder, "--corpus", self.valid, "--tokens", 65536, "--threads", 1, "--json")
        if code == 0:
            record["evaluation"] = json.loads(output)
            record["evaluation"].pop("samples", None)
            record["loss"] = record["evaluation"]["generator_loss"]
        elif "not finite" in error:
            record["loss"] = math.inf
        else:
            raise RuntimeError(f"{name}: {error.strip()}")
        result.write_text(json.dumps(record, indent=1) + "\n")
        auc = record.get("evaluation", {}).get("discriminator_auc")
        self.note(f"{name}: generator loss {record['loss']:.4f}, AUC {auc if auc is None else round(auc, 4)}, "
                  f"{record['seconds']:.0f} s")
        return record

    def all_of(self, runs):
        """Runs of (placement, depth, rate, seed, steps) side by side; the deepest first, so that none is left over."""
        runs = sorted(set(runs), key=lambda run: (-run[1] * run[4], run))
        with concurrent.futures.ThreadPoolExecutor(self.options.parallel) as pool:
            return dict(zip(runs, pool.map(lambda run: self.run(*run), runs)))

    def tune(self, schemes):
        """Losses by learning rate of every scheme, from runs of a third of the steps."""
        steps = max(1, self.options.steps // 3)
        found = {scheme: {} for scheme in schemes}

        def extend(wanted):
            for (placement, depth, rate, _, _), run in self.all_of((*s, rate, 0, steps) for s, rate in wanted).items():
                found[placement, depth][rate] = run["loss"]
                self.entropy = run.get("evaluation", {}).get("unigram_entropy", self.entropy)

        extend([(scheme, rate) for scheme in schemes for rate in self.options.rates])
        wanted = []
        for scheme, losses in found.items():
            best, low, high = min(losses, key=losses.get), min(losses), max(losses)
            if losses[best] > self.entropy:
                # Nothing was learned: the differences between these rates mean nothing.
                wanted += [(scheme, low / 2), (scheme, low / 4)]
            elif len(losses) > 1 and best in (low, high):
                wanted.append((scheme, best / 2 if best == low else best * 2))
        extend(wanted)
        return found

    def analyze(self, results, depth):
        chosen = [r for r in results if r["depth"] == depth and r["runs"][0]["loss"] < math.inf]
        if not chosen:
            return
        arguments = [r["runs"][0]["folder"] for r in chosen]
        for result in chosen:
            arguments += ["--label", f"{PLACEMENTS[result['placement']]} {depth}"]
        code, _, error = self.call("analyze", *arguments, "--corpus", self.valid, "--tokens", 16384, "--output",
                                   self.folder / f"analysis-{depth}", "--threads", self.options.parallel)
        if code:
            sys.exit(error)
        self.note(f"analyzed {depth} layers")

    def summary(self, results):
        lines = ["| placement | layers | learning rate | seed | generator loss | discriminator loss | AUC | minutes |",
                 "|---|---|---|---|---|---|---|---|"]
        for result in results:
            for run in result["runs"]:
                found = run.get("evaluation")
                numbers = (f"{found['generator_loss']:.4f} | {found['discriminator_loss']:.4f} | "
                           f"{found['discriminator_auc']:.4f}" if found else "diverged | | ")
                lines.append(f"| {PLACEMENTS[result['placement']]} | {result['depth']} | {result['rate']:g} | "
                             f"{run['seed']} | {numbers} | {run['seconds'] / 60:.1f} |")
        lines += ["", f"Screening: held-out generator loss after {max(1, self.options.steps // 3)} steps, seed 0.", ""]
        rates = sorted({rate for result in results for rate in result["screening"]})
        lines.append("| placement | layers | " + " | ".join(f"{rate:g}" for rate in rates) + " |")
        lines.append("|---|---|" + "---|" * len(rates))
        for result in results:
            cells = [f"{result['screening'][rate]:.4f}" if rate in result["screening"] else "" for rate in rates]
            lines.append(f"| {PLACEMENTS[result['placement']]} | {result['depth']} | " + " | ".join(cells) + " |")
        return "\n".join(lines) + "\n"

    def all(self):
        self.tokenizer = self.make_tokenizer()
        schemes = [(placement, depth) for depth in sorted(self.options.depths) for placement in PLACEMENTS]
        screening = self.tune(schemes)
        best = {scheme: min(losses, key=losses.get) for scheme, losses in screening.items()}
        self.note("best learning rates: " + ", ".join(f"{p} {d}: {rate:g}" for (p, d), rate in best.items()))
        steps = self.options.steps
        done = self.all_of((*s, best[s], seed, steps) for s in schemes for seed in self.options.seeds)
        results = [
            dict(placement=s[0], depth=s[1], rate=best[s], screening=screening[s],
                 runs=[done[(*s, best[s], seed, steps)] for seed in self.options.seeds])
            for s in schemes
        ]
        (self.folder / "results.json").write_text(json.dumps(results, indent=1) + "\n")
        (self.folder / "summary.md").write_text(self.summary(results))
        for depth in sorted(self.options.depths):
            self.analyze(results, depth)
        self.note(f"done: {self.folder}/summary.md")


if __name__ == "__main__":
    Experiment(parse()).all()
