"""Means and deviations over the seeds of run.sh, as a table."""

import json
import pathlib
import re
import statistics
import sys

folder = pathlib.Path(sys.argv[1])
found = {}
for path in sorted(folder.glob("*/metrics.jsonl")):
    optimizer, replicas, every, communication = re.match(r"(\w+)-(\d+)-(\d+)-(\w+)-\d+$", path.parent.name).groups()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    evaluations = [line["evaluation"] for line in lines if "evaluation" in line]
    if not evaluations:
        continue
    sent = [rank["sent"] for line in lines for rank in line.get("ranks", [])]
    found.setdefault((optimizer, int(replicas), int(every), communication), []).append(
        (evaluations[-1]["corrective_loss"], statistics.mean(sent) / int(every) if sent else None))
print("| optimizer | replicas | meet every | exchanged as | held-out loss | runs | sent per step and replica |")
print("|---|---|---|---|---|---|---|")
for (optimizer, replicas, every, communication), runs in sorted(found.items()):
    losses, sent = zip(*runs)
    spread = statistics.stdev(losses) if len(losses) > 1 else 0
    traffic = f"{statistics.mean(sent) / 1e6:.2f} MB" if sent[0] is not None else ""
    print(f"| {optimizer} | {replicas} | {every} | {communication} | {statistics.mean(losses):.3f} ± {spread:.3f} | {len(losses)} | {traffic} |")
