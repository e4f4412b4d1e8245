"""Runs `pretrain bench step` and PyTorch's forms of the same step in turn and prints the ratios.

    python3 Benchmarks/compare_with_pytorch.py [--pairs 5] [--preset electra-small] [--batch 32] [--sequence 128] [--compile]

PyTorch runs in one process and in one per thread, in single precision and under bfloat16 autocast, and with --compile
compiled too; what counts is the ratio to the fastest of them. Machines drift, so only runs side by side can be compared:
each round measures every form once, and a ratio is the median of the rounds' ratios. Needs torch and transformers in the
Python that runs it (and a C++ compiler for --compile); leave the machine alone meanwhile.
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
parser.add_argument("--compile", action="store_true")
parser.add_argument("--binary", default=str(ROOT / ".build/release/pretrain"))
options = parser.parse_args()

shape = [f"--{name}={getattr(options, name)}" for name in ("preset", "batch", "sequence", "threads", "steps")]
ours = [options.binary, "bench", "step", "--json", *shape]
torch = [sys.executable, str(ROOT / "Benchmarks/pytorch_step.py"), *shape]
forms = {
    "pretrain, bfloat16": [*ours, "--set", "training.precision=bfloat16"],
    "pretrain, float32": ours,
}
for compiled in [[], ["--compile"]] if options.compile else [[]]:
    for processes in [[], ["--processes"]] if options.threads > 1 else [[]]:
        for precision in [["--bfloat16"], []]:
            name = ["one process" if not processes else f"{options.threads} processes"]
            name += ["bfloat16" if precision else "float32"] + ["compiled"] * len(compiled)
            forms["PyTorch, " + ", ".join(name)] = [*torch, *compiled, *processes, *precision]
rounds = []
for number in range(options.pairs):
    rounds.append({form: run(command) for form, command in forms.items()})
    speeds = "  ".join(f"{form} {result['tokens_per_second']:.0f}" for form, result in rounds[-1].items())
    print(f"round {number + 1}: {speeds} tokens/s", file=sys.stderr)

print(f"{options.preset}, {options.batch} x {options.sequence}, {options.threads} threads, {options.pairs} rounds\n")


def speed(form):
    return statistics.median(result[form]["tokens_per_second"] for result in rounds)


def ratio(ours, theirs):
    ratios = sorted(result[ours]["tokens_per_second"] / result[theirs]["tokens_per_second"] for result in rounds)
    return f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"


def memory(form):
    return statistics.median(result[form]["peak_memory_bytes"] for result in rounds)


best = max((form for form in forms if form.startswith("PyTorch")), key=speed)
print(f"| form | tokens/s, median | memory | times {best} (min to max) |")
print("|---|---|---|---|")
for form in forms:
    print(f"| {form} | {speed(form):,.0f} | {memory(form) / 1e9:.2f} GB | {ratio(form, best) if form != best else '1'} |")
for form in ("pretrain, bfloat16", "pretrain, float32"):
    results = [result[form] for result in rounds]
    print(
        f"\n{form}: {statistics.median(r['utilisation'] for r in results):.0%} of "
        f"{statistics.median(r['gemm_peak_gflops'] for r in results):.0f} GFLOP/s ({results[0]['linear_algebra']})")
