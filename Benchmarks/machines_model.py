#!/usr/bin/env python3
"""What many machines would do, reckoned from what two ranks did over links of known speed (ranks_over_links.py).

Of P parameters each of R ranks sends 4·P·(R − 1)/R bytes of gradients, which leave while the backward pass goes on, and as many of
weights, which wait for it. A step of a batch that is shared out takes

    C + max(0, gradients/bandwidth − hidden·C/lanes) + weights/bandwidth + processor · bytes/threads + latency · messages

where C is the time that the rank with most lanes computes, `lanes` how many each of its threads carries in turn, `hidden` the part
of the last of them that the exchange of gradients may hide behind (a part of the gradients leaves when all lanes of the rank are
done with it), `processor` the seconds a thread works for a byte it sends and receives. The latter is taken from the measurement with
the fastest link, and the other links are told by the model beside what was measured:

    python3 Benchmarks/machines_model.py --parameters 11.3e6 --alone 1.74 --measured 1:1.18 10:0.99

then a table for other machines:

    python3 Benchmarks/machines_model.py --parameters 11.3e6 --alone 1.74 --measured 1:1.18 10:0.99 \\
        --machine-parameters 140e6 --machine-alone 92 --threads 32 --lanes 2048 --links 10,25,100 --machines 1,2,4,8,16,32,64
"""

import argparse
import math

# Of three parts of a lane, forward, backward by activations and by weights, gradients leave in the last two; the first layers' are
# the last, and nothing is left to hide them behind. Assumed: where links are slow enough to show it, two ranks were too fast.
# With objective.contrastive_weight above 0 or disentangled attention, whose gradients are complete with the lane alone, it is 0.
HIDDEN = 0.6
# Of a message between two machines, in seconds: usual for TCP, not measured here.
LATENCY = 50e-6


def step(ranks, *, parameters, alone, gigabits, processor, threads=1, lanes=None, parts=14):
    """Seconds of a step of one batch, of so many lanes, that ranks share; lanes None: one for each of their threads."""
    if ranks == 1:
        return alone
    share = 4 * parameters * (ranks - 1) / ranks
    wire = share * 8 / (gigabits * 1e9)
    # A lane is carried by one thread.
    lanes = lanes or ranks * threads
    in_turn = math.ceil(lanes / (ranks * threads))
    computing = alone * threads * in_turn / lanes
    messages = 2 * parts * (ranks - 1)
    return (computing + max(0, wire - HIDDEN * computing / in_turn) + wire + processor * 2 * share / threads
            + LATENCY * messages)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parameters", type=float, required=True, help="of the model that was measured")
    parser.add_argument("--alone", type=float, required=True, help="seconds of one rank's step")
    parser.add_argument("--measured", nargs="+", required=True, metavar="GBIT:SECONDS", help="of two ranks' steps")
    parser.add_argument("--measured-lanes", type=int, default=4, help="of these steps; default: those of 8,192 tokens")
    parser.add_argument("--machine-parameters", type=float, help="of the model to reckon with")
    parser.add_argument("--machine-alone", type=float, help="seconds of one machine's step of the whole batch")
    parser.add_argument("--threads", type=int, default=1, help="of a machine, that pack and add what is exchanged")
    parser.add_argument("--lanes", type=int, help="training.lanes, at most the sequences of a batch; default: one a thread")
    parser.add_argument("--links", default="10,25,100", help="Gbit/s")
    parser.add_argument("--machines", default="1,2,4,8,16,32,64")
    options = parser.parse_args()

    measured = sorted(tuple(map(float, pair.split(":"))) for pair in options.measured)
    known = dict(parameters=options.parameters, alone=options.alone, lanes=options.measured_lanes)
    fastest, seconds = measured[-1]
    # Two ranks send 2·P bytes of gradients and of weights each.
    processor = max(0.0, seconds - step(2, gigabits=fastest, processor=0, **known)) / (4 * options.parameters)
    print(f"a thread works {1e9 * processor:.2f} ns for a byte\n")
    print("| link | two ranks, measured | by the model |")
    print("|---|---|---|")
    for gigabits, found in measured:
        print(f"| {gigabits:g} Gbit/s | {found:.2f} s | {step(2, gigabits=gigabits, processor=processor, **known):.2f} s |")
    if options.machine_alone is None or options.machine_parameters is None:
        return
    known = dict(parameters=options.machine_parameters, alone=options.machine_alone)
    links = [float(link) for link in options.links.split(",")]
    print("\n| machines | " + " | ".join(f"{link:g} Gbit/s" for link in links) + " |")
    print("|---" * (len(links) + 1) + "|")
    for ranks in map(int, options.machines.split(",")):
        cells = []
        for link in links:
            time = step(ranks, gigabits=link, processor=processor, threads=options.threads, lanes=options.lanes, **known)
            cells.append(f"{options.machine_alone / time:.1f} ({100 * options.machine_alone / time / ranks:.0f} %)")
        print(f"| {ranks} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
