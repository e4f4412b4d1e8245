#!/bin/sh
# What it costs in loss to meet every few steps instead of exchanging every gradient, or to round what is exchanged to bfloat16:
# base.yaml on the demo's text, three seeds, with AdamW and with Muon.
#
#     Experiments/slow-networks/run.sh OUTPUT
#
# Needs an MPI whose library PRETRAIN_MPI names (`pretrain mpi-library`), and its launcher as MPIRUN ("mpirun --oversubscribe").
# STEPS: of each run (1000). OPTIMIZERS, FORMS: those of the table (REPLICAS-EVERY-COMMUNICATION). PRETRAIN names another binary than
# the one of `make build`. The same command goes on where it was interrupted.
set -eu
output=$1
here=$(dirname "$0")
pretrain=${PRETRAIN:-$here/../../.build/release/pretrain}
mpirun=${MPIRUN:-mpirun --oversubscribe}
corpus=$here/../../corpora/sotu
mkdir -p "$output"
[ -f "$output/tokenizer.json" ] ||
    "$pretrain" tokenizer train --vocabulary-size 4096 --input "$corpus/*.txt" --output "$output/tokenizer.json"
# Replicas, steps between meetings, communication; 1 and 1: every gradient, which on any number of ranks is the same as on one.
for seed in 0 1 2; do
    for optimizer in ${OPTIMIZERS:-adamw muon}; do
        for form in ${FORMS:-1-1-float32 1-1-bfloat16 2-30-float32 2-100-float32 4-30-float32}; do
            name=$output/$optimizer-$form-$seed
            [ ! -f "$name.done" ] || continue
            replicas=${form%%-*}
            every=${form#*-}
            [ "$replicas" = 1 ] && launch= || launch="$mpirun -np $replicas"
            # The launcher is meant to be split.
            # shellcheck disable=SC2086
            $launch "$pretrain" run "$here/base.yaml" --output "$name" --quiet --set tokenizer.path="$output/tokenizer.json" \
                --set "corpus.sources=[{path: $corpus/*.txt}]" --set training.seed=$seed --set training.steps="${STEPS:-1000}" \
                --set optimizer.kind="$optimizer" --set training.synchronisation.every="${every%-*}" \
                --set training.communication="${form##*-}"
            touch "$name.done"
        done
    done
done
python3 "$here/summary.py" "$output"
