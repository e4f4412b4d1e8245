#!/bin/sh
# What it costs in loss to meet every few steps instead of exchanging every gradient: the demo, three seeds, with AdamW and with Muon.
#
#     Experiments/slow-networks/run.sh OUTPUT
#
# Needs an MPI whose library PRETRAIN_MPI names (`pretrain mpi-library`), and its launcher as MPIRUN ("mpirun --oversubscribe").
# STEPS: of each run (3600). PRETRAIN names another binary than the one of `make build`. The same command goes on where it was interrupted.
set -eu
output=$1
here=$(dirname "$0")
pretrain=${PRETRAIN:-$here/../../.build/release/pretrain}
mpirun=${MPIRUN:-mpirun --oversubscribe}
mkdir -p "$output"
[ -f "$output/tokenizer.json" ] ||
    "$pretrain" tokenizer train --vocabulary-size 4096 --input "$here/../../corpora/sotu/*.txt" --output "$output/tokenizer.json"
# By the number of replicas and the steps between meetings; 1 and 1: every gradient.
for optimizer in adamw muon; do
    for form in 1-1 2-10 2-30 4-30 4-100; do
        for seed in 0 1 2; do
            name=$output/$optimizer-$form-$seed
            [ ! -f "$name.done" ] || continue
            replicas=${form%-*}
            [ "$replicas" = 1 ] && launch= || launch="$mpirun -np $replicas"
            # The launcher is meant to be split.
            # shellcheck disable=SC2086
            $launch "$pretrain" run --preset demo --output "$name" --quiet --set tokenizer.path="$output/tokenizer.json" \
                --set training.seed=$seed --set training.steps="${STEPS:-3600}" --set optimizer.kind=$optimizer --set training.evaluate_every=0 \
                --set training.checkpoint_every=0 --set training.checkpoint_minutes=null --set training.log_every=100 \
                --set training.synchronisation.every="${form#*-}"
            touch "$name.done"
        done
    done
done
python3 "$here/summary.py" "$output"
