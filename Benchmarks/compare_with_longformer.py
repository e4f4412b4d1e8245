"""Runs `pretrain bench step` on a long sequence and Hugging Face's Longformer in turn and prints the ratios.

    python3 Benchmarks/compare_with_longformer.py [--pairs 3] [--sequence 4096] [--window 512] [--lengths 16384,65536]

Longformer does forward and backward passes of an encoder. pretrain does the same work with a discriminator of that size on
text with random replacements, its detection head and the optimizer included; and, as a second form, a whole step with a
generator and its vocabulary head besides. Both as the preset has it, computing feed-forward activations again, and
keeping them. Machines drift, so only runs side by side can be compared: each round measures every form once, and a ratio
is the median of the rounds' ratios. --lengths measures whole steps at other lengths in the same rounds. Needs torch and
transformers in the Python that runs it; leave the machine alone meanwhile.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def run(command):
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1])


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
for name, value in [("pairs", 3), ("sequence", 4096), ("window", 512), ("threads", 2), ("steps", 3), ("lanes", 2)]:
    parser.add_argument(f"--{name}", type=int, default=value)
parser.add_argument("--lengths", default="", help="further lengths, separated by commas")
parser.add_argument("--binary", default=str(ROOT / ".build/release/pretrain"))
parser.add_argument("--dense", action="store_true", help="measure dense attention in PyTorch, too")
options = parser.parse_args()


def ours(length, more={}):
    command = [
        options.binary, "bench", "step", "--json", "--preset=longformer-rtd-small", "--batch=1",
        f"--sequence={length}", f"--threads={options.threads}", f"--steps={options.steps}", "--warmup=1",
    ]
    settings = {
        "model.maximum_positions": length, "model.attention.window": options.window, "training.lanes": options.lanes,
        "model.dropout": 0, "model.attention_dropout": 0, **more,
    }
    return command + [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]


torch = [sys.executable, str(ROOT / "Benchmarks/longformer_step.py")]
torch += [f"--{name}={getattr(options, name)}" for name in ("sequence", "window", "threads", "steps")]
alone = {"objective.replacements": "random"}
kept = {"training.recomputation": "none"}
forms = {
    "pretrain, discriminator alone": ours(options.sequence, alone),
    "pretrain, discriminator alone, activations kept": ours(options.sequence, alone | kept),
    "pretrain, whole step": ours(options.sequence),
    "pretrain, whole step, activations kept": ours(options.sequence, kept),
}
for length in options.lengths.split(","):
    if length:
        forms[f"pretrain, whole step, {length} tokens"] = ours(int(length))
baseline = "Longformer"
forms[baseline] = torch
if options.dense:
    forms["PyTorch, dense attention"] = [*torch, "--dense"]
rounds = []
for number in range(options.pairs):
    rounds.append({form: run(command) for form, command in forms.items()})
    speeds = "; ".join(f"{form} {result['tokens_per_second']:.0f}" for form, result in rounds[-1].items())
    print(f"round {number + 1}: {speeds} tokens/s", file=sys.stderr)

print(f"{options.sequence} tokens, window {options.window}, {options.threads} threads, {options.pairs} rounds\n")
print("| form | tokens/s, median | memory | tokens/s over Longformer's (min to max) | memory over Longformer's |")
print("|---|---|---|---|---|")


def ratios(key, form):
    return sorted(result[form][key] / result[baseline][key] for result in rounds)


for form in forms:
    speed = statistics.median(result[form]["tokens_per_second"] for result in rounds)
    memory = statistics.median(result[form]["peak_memory_bytes"] for result in rounds)
    faster = ratios("tokens_per_second", form)
    print(
        f"| {form} | {speed:,.0f} | {memory / 1e9:.2f} GB | {statistics.median(faster):.2f} "
        f"({faster[0]:.2f} to {faster[-1]:.2f}) | {statistics.median(ratios('peak_memory_bytes', form)):.2f} |")
