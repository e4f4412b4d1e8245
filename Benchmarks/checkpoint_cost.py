#!/usr/bin/env python3
"""What a checkpoint every so many steps costs: the same run with and without, in turn.

    python3 Benchmarks/checkpoint_cost.py CONFIG.yaml --every 100 --steps 400 --pairs 5

Counts from the command to its end, with one checkpoint at the end of both, and the processor time of all threads, which is
the better measure on a machine that is not left alone.
"""
import argparse
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("configuration")
parser.add_argument("--binary", default=".build/release/pretrain")
parser.add_argument("--every", type=int, default=100)
parser.add_argument("--steps", type=int, default=400)
parser.add_argument("--pairs", type=int, default=5)
parser.add_argument("--folder", help="where to write; default: the folder for temporary files")
options = parser.parse_args()


def run(every: int, folder: pathlib.Path) -> tuple[float, float]:
    """Wall time and processor time, in seconds."""
    settings = {"checkpoint_every": every, "steps": options.steps, "evaluate_every": 0}
    command = [options.binary, "run", options.configuration, "--output", str(folder), "--resume", "never"]
    command += [f"--set=training.{key}={value}" for key, value in settings.items()]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"failed: {' '.join(command)}")
    return time.perf_counter() - started, usage.ru_utime + usage.ru_stime


with tempfile.TemporaryDirectory(dir=options.folder) as folder:
    costs = []
    for pair in range(options.pairs):
        # First one, then the other first: a machine that becomes faster or slower favours neither.
        order = (0, options.every) if pair % 2 else (options.every, 0)
        times = {every: run(every, pathlib.Path(folder) / f"{pair}-{every}") for every in order}
        costs.append([100 * (a / b - 1) for a, b in zip(times[options.every], times[0])])
        print(
            f"every {options.every}: {times[options.every][0]:.2f} s, processors {times[options.every][1]:.2f} s; "
            f"none: {times[0][0]:.2f} s, processors {times[0][1]:.2f} s; "
            f"cost {costs[-1][0]:+.2f} %, processors {costs[-1][1]:+.2f} %",
            flush=True,
        )
    wall, processor = (statistics.median(column) for column in zip(*costs))
    print(f"median of {options.pairs} pairs: {wall:+.2f} %, processors {processor:+.2f} %")
