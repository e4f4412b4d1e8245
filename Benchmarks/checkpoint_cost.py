#!/usr/bin/env python3
"""What a checkpoint every so many steps costs: the same run with and without, in turn.

    python3 Benchmarks/checkpoint_cost.py CONFIG.yaml --every 100 --steps 400 --pairs 5

Counts from the command to its end, with one checkpoint at the end of both, the processor time of all threads, and, as
whole runs drift by more than a checkpoint costs, how much longer than the others the steps take during which a checkpoint
is written: the ten after it. The copy before them, a few milliseconds, is what `pretrain bench checkpoint` tells.
"""
import argparse
import json
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
    settings = {"checkpoint_every": every, "steps": options.steps, "evaluate_every": 0, "log_every": 1}
    command = [options.binary, "run", options.configuration, "--output", str(folder), "--resume", "never"]
    command += [f"--set=training.{key}={value}" for key, value in settings.items()]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"failed: {' '.join(command)}")
    return time.perf_counter() - started, usage.ru_utime + usage.ru_stime


def slowed(every: int, folder: pathlib.Path) -> float:
    """Share of the run's time that the steps after checkpoints take more than others."""
    records = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
    speeds = {record["step"]: record["tokens_per_second"] for record in records if "tokens_per_second" in record}
    # Of a run without checkpoints, the same steps.
    after = {step for start in range(every, options.steps, every) for step in range(start + 1, start + 11)}
    usual = statistics.median(1 / speed for step, speed in speeds.items() if step not in after and step > 10)
    excess = sum(1 / speeds[step] - usual for step in after if step in speeds)
    return excess / (usual * options.steps)


with tempfile.TemporaryDirectory(dir=options.folder) as folder:
    costs = []
    for pair in range(options.pairs):
        # First one, then the other first: a machine that becomes faster or slower favours neither.
        order = (0, options.every) if pair % 2 else (options.every, 0)
        times = {every: run(every, pathlib.Path(folder) / f"{pair}-{every}") for every in order}
        costs.append([100 * (a / b - 1) for a, b in zip(times[options.every], times[0])])
        steps = [100 * slowed(options.every, pathlib.Path(folder) / f"{pair}-{every}") for every in (options.every, 0)]
        costs[-1].append(steps[0] - steps[1])
        print(
            f"every {options.every}: {times[options.every][0]:.2f} s, processors {times[options.every][1]:.2f} s; "
            f"none: {times[0][0]:.2f} s, processors {times[0][1]:.2f} s; "
            f"cost {costs[-1][0]:+.2f} %, processors {costs[-1][1]:+.2f} %, "
            f"steps after checkpoints {steps[0]:+.3f} %, the same steps without {steps[1]:+.3f} %",
            flush=True,
        )
    wall, processor, steps = (statistics.median(column) for column in zip(*costs))
    print(f"median of {options.pairs} pairs: {wall:+.2f} %, processors {processor:+.2f} %, steps after checkpoints {steps:+.3f} %")
