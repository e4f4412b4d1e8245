#!/usr/bin/env python3
"""Steps of a run that two ranks carry over links of given speeds, beside one rank by itself.

Two network namespaces stand for two machines of one core each, connected by a virtual cable whose rate `tc` limits. Needs root,
iproute2, Open MPI, and the library of `pretrain mpi-library`:

    pretrain mpi-library --output /tmp/libpretrain_mpi.so
    PRETRAIN_MPI=/tmp/libpretrain_mpi.so python3 Benchmarks/ranks_over_links.py TEXT --rates 1gbit,10gbit
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import tempfile

LINK = "pretrain"
ADDRESSES = ["10.77.0.1", "10.77.0.2"]


def connect(rate):
    """Two namespaces with a cable between them; rate None: as fast as it goes."""
    disconnect()
    call = lambda *words: subprocess.run(words, check=True)
    for side, address in enumerate(ADDRESSES):
        call("ip", "netns", "add", f"{LINK}{side}")
        call("ip", "-n", f"{LINK}{side}", "link", "set", "lo", "up")
    call("ip", "link", "add", f"{LINK}0", "type", "veth", "peer", "name", f"{LINK}1")
    for side, address in enumerate(ADDRESSES):
        name = f"{LINK}{side}"
        call("ip", "link", "set", name, "netns", name)
        call("ip", "-n", name, "addr", "add", f"{address}/24", "dev", name)
        call("ip", "-n", name, "link", "set", name, "up")
        if rate:
            call("ip", "netns", "exec", name, "tc", "qdisc", "add", "dev", name, "root", "tbf", "rate", rate,
                 "burst", "4mb", "latency", "50ms")


def disconnect():
    for side in range(2):
        subprocess.run(["ip", "netns", "del", f"{LINK}{side}"], stderr=subprocess.DEVNULL)


def launcher(folder):
    """Open MPI's launcher in the first namespace; its agent enters the second, under another host name."""
    agent = os.path.join(folder, "agent")
    with open(agent, "w") as file:
        file.write(f'#!/bin/sh\nshift\nexec ip netns exec {LINK}1 unshare --uts sh -c "hostname machine-1; $*"\n')
    os.chmod(agent, 0o755)
    network = ADDRESSES[0].rsplit(".", 1)[0] + ".0/24"
    return ["ip", "netns", "exec", f"{LINK}0", "unshare", "--uts", "sh", "-c", 'hostname machine-0; exec "$@"', "sh",
            "mpirun.openmpi", "--allow-run-as-root", "--bind-to", "none", "--mca", "plm_rsh_agent", agent,
            "--mca", "pml", "ob1", "--mca", "btl", "tcp,self", "--mca", "btl_tcp_if_include", network,
            "--mca", "oob_tcp_if_include", network, "-x", "PRETRAIN_MPI", "-H",
            ",".join(f"{address}:1" for address in ADDRESSES), "-np", "2"]


def measure(options, prefix, name, settings, folder, timeline=None):
    """Seconds of a step, what ranks waited for one, and what each sent; perhaps with a picture of a step."""
    output = os.path.join(folder, "run")
    shutil.rmtree(output, ignore_errors=True)
    command = [os.path.abspath(options.pretrain), "run", "--preset", options.preset, "--threads", "1", "--quiet",
               "--output", output]
    for setting in [f"corpus.sources=[{{path: {os.path.abspath(options.text)}}}]",
                    f"tokenizer.vocabulary_size={options.vocabulary_size}", f"training.precision={options.precision}",
                    f"training.batch_size={options.batch}", f"training.steps={options.steps}", "training.log_every=1",
                    f"training.evaluate_every={1000 * options.every}", "training.checkpoint_every=0", "corpus.held_out=0"] + settings:
        command += ["--set", setting]
    tokenizer = os.path.join(folder, "tokenizer.json")
    if os.path.exists(tokenizer):
        command += ["--set", f"tokenizer.path={tokenizer}"]
    if timeline:
        command += ["--timeline", os.path.abspath(timeline), "--timeline-step", str(options.warmup)]
    # Evaluations would have all gradients brought together. One core each: by the rank that Open MPI tells it, the first for a process by itself.
    pinned = ["sh", "-c", 'exec taskset -c ${OMPI_COMM_WORLD_RANK:-0} "$@"', "sh"]
    subprocess.run(prefix + pinned + command, check=True, cwd=folder)
    shutil.copy(os.path.join(output, "tokenizer.json"), tokenizer)
    with open(os.path.join(output, "metrics.jsonl")) as file:
        lines = [line for line in map(json.loads, file) if "loss" in line]
    lines = [line for line in lines if line["step"] > options.warmup]
    tokens = [b["tokens"] - a["tokens"] for a, b in zip(lines, lines[1:])]
    seconds = (lines[-1]["seconds"] - lines[0]["seconds"]) / (len(lines) - 1)
    ranks = [line["ranks"] for line in lines if "ranks" in line]
    every = len(lines) / max(1, len(ranks))
    return {
        "name": name, "seconds": seconds, "tokens_per_second": statistics.mean(tokens) / seconds,
        "megabytes": statistics.mean(r["sent"] for rank in ranks for r in rank) / every / 1e6 if ranks else 0,
        "waiting": statistics.mean(r["waiting"] for rank in ranks for r in rank) / every if ranks else 0,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text")
    parser.add_argument("--pretrain", default=".build/release/pretrain")
    parser.add_argument("--preset", default="electra-small")
    parser.add_argument("--vocabulary-size", type=int, default=8192)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=16)
    parser.add_argument("--warmup", type=int, default=4, help="steps that are not counted")
    parser.add_argument("--every", type=int, default=30, help="steps between exchanges of the last form")
    parser.add_argument("--rates", default="1gbit,10gbit", help="of the cable, as tc writes them; none: unlimited")
    parser.add_argument("--precision", default="bfloat16", help="of products")
    parser.add_argument("--forms", type=int, default=3, help="how many of the three ways to exchange")
    parser.add_argument("--timeline", help="draw the last step of the warmup of the first form (.svg, .json)")
    options = parser.parse_args()
    rounds = [f"training.synchronisation.every={options.every}", f"training.steps={2 * options.every}"]
    forms = [("every step, float32", []), ("every step, bfloat16", ["training.communication=bfloat16"]),
             (f"every {options.every} steps", rounds)]
    with tempfile.TemporaryDirectory() as folder:
        alone = measure(options, [], "one rank", [], folder)
        rows = [("", alone)]
        try:
            for rate in options.rates.split(","):
                connect(None if rate == "none" else rate)
                for index, (name, settings) in enumerate(forms[:options.forms]):
                    timeline = options.timeline if index == 0 else None
                    rows.append((rate, measure(options, launcher(folder), name, settings, folder, timeline)))
        finally:
            disconnect()
        rows.append(("", measure(options, [], "one rank, again", [], folder)))
    print("| link | form | tokens/s | times one rank | sent by a rank per step, MB | waiting, s of a step of |")
    print("|---|---|---|---|---|---|")
    for rate, row in rows:
        ratio = row["tokens_per_second"] / alone["tokens_per_second"]
        print(f"| {rate} | {row['name']} | {row['tokens_per_second']:,.0f} | {ratio:.2f} | {row['megabytes']:.1f} "
              f"| {row['waiting']:.2f} of {row['seconds']:.2f} |")


if __name__ == "__main__":
    main()
