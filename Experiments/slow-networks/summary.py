"""Means and deviations over the seeds of run.sh, as a table."""

import json
import pathlib
import re
import statistics
import sys

folder = pathlib.Path(sys.argv[1])
found = {}
for path in sorted(folder.glob("*-*-*-*/metrics.jsonl")):
    optimizer, replicas, every, seed = re.match(r"(\w+)-(\d+)-(\d+)-(\d+)$", path.parent.name).groups()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    evaluation = [line["evaluation"] for line in lines if "evaluation" in line][-1]
    sent = [rank["sent"] for line in lines for rank in line.get("ranks", [])]
    found.setdefault((optimizer, int(replicas), int(every)), []).append(
        (evaluation["generator_loss"], evaluation["discriminator_auc"], statistics.mean(sent) / int(every) if sent else 0))
print("| optimizer | replicas | meet every | generator loss | AUC | sent per step and replica |")
print("|---|---|---|---|---|---|")
for (optimizer, replicas, every), runs in sorted(found.items()):
    losses, areas, sent = zip(*runs)
    spread = lambda values, digits: f"{statistics.mean(values):.{digits}f} ± {statistics.stdev(values) if len(values) > 1 else 0:.{digits}f}"
    print(f"| {optimizer} | {replicas} | {every} | {spread(losses, 3)} | {spread(areas, 3)} | {statistics.mean(sent) / 1e6:.2f} MB |")
