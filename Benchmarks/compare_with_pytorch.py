"""Runs `pretrain bench step` and PyTorch's forms of the same step in turn and prints the ratios.

    python3 Benchmarks/compare_with_pytorch.py [--pairs 5] [--preset electra-small] [--batch 32] [--sequence 128]

Machines drift, so only runs side by side can be compared: each round measures every form once, and a ratio is the median
of the rounds' ratios. Needs torch and transformers in the Python that runs it; leave the machine alone meanwhile.
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
parser.add_argument("--pairs", type=int, default=5)
parser.add_argument("--preset", default="electra-small")
for name, value in [("batch", 32), ("sequence", 128), ("threads", 2), ("steps", 8)]:
    parser.add_argument(f"--{name}", type=int, default=value)
parser.add_argument("--binary", default=str(ROOT / ".build/release/pretrain"))
options = parser.parse_args()

shape = [f"--{name}={getattr(options, name)}" for name in ("preset", "batch", "sequence", "threads", "steps")]
torch = [sys.executable, str(ROOT / "Benchmarks/pytorch_step.py"), *shape]
forms = {
    "pretrain": [options.binary, "bench", "step", "--json", *shape],
    "PyTorch, one process": torch,
    f"PyTorch, {options.threads} processes": [*torch, "--processes"],
}
if options.threads == 1:
    forms.popitem()
rounds = []
for number in range(options.pairs):
    rounds.append({form: run(command) for form, command in forms.items()})
    speeds = "  ".join(f"{form} {result['tokens_per_second']:.0f}" for form, result in rounds[-1].items())
    print(f"round {number + 1}: {speeds} tokens/s", file=sys.stderr)

print(f"{options.preset}, {options.batch} x {options.sequence}, {options.threads} threads, {options.pairs} rounds\n")
print("| form | tokens/s, median | memory | pretrain is faster by (min to max) |")
print("|---|---|---|---|")
for form in forms:
    speed = statistics.median(result[form]["tokens_per_second"] for result in rounds)
    memory = statistics.median(result[form]["peak_memory_bytes"] for result in rounds)
    ratios = sorted(
        result["pretrain"]["tokens_per_second"] / result[form]["tokens_per_second"] for result in rounds)
    ratio = f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})" if form != "pretrain" else ""
    print(f"| {form} | {speed:,.0f} | {memory / 1e9:.2f} GB | {ratio} |")
ours = [result["pretrain"] for result in rounds]
print(
    f"\npretrain: {statistics.median(r['utilisation'] for r in ours):.0%} of "
    f"{statistics.median(r['gemm_peak_gflops'] for r in ours):.0f} GFLOP/s measured ({ours[0]['linear_algebra']})")
