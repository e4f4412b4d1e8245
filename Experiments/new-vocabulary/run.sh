#!/bin/sh
# What an old encoder is worth under a new vocabulary: a model is trained on one text with a tokenizer of that text; then another
# text gets a tokenizer of its own, and models learn it with that, from the old encoder (--tokenizer) and from nothing, for as many
# steps and with three seeds each. The held-out loss is over the same tokens, so it can be compared.
#
#     Experiments/new-vocabulary/run.sh OLD.txt NEW.txt OUTPUT
#
# OLD_STEPS, STEPS and SEEDS say how long and how often, ENTRIES how large both vocabularies are, RATES which peak learning rates are
# tried with the first seed, as going on may want another than beginning; the best of each way gets the other seeds. PRECISION is of
# the products (bfloat16; float32 is faster where the processor does not know it). PRETRAIN names another binary than the one of
# `make build`. The same command goes on where it was interrupted. Prints a table as Markdown, and leaves curves.svg.
set -eu
old=$1
new=$2
output=$3
here=$(dirname "$0")
pretrain=${PRETRAIN:-$here/../../.build/release/pretrain}
steps=${STEPS:-2000}
precision=${PRECISION:-bfloat16}
mkdir -p "$output"

for text in old new; do
    eval "file=\$$text"
    # shellcheck disable=SC2154
    [ -f "$output/$text.json" ] || "$pretrain" tokenizer train --vocabulary-size "${ENTRIES:-8192}" --input "$file" --output "$output/$text.json"
done

loss() {  # RUN STEP: on held-out text
    sed -n "s/.*\"evaluation\":{\"step\":$2,.*\"corrective_loss\":\([0-9.]*\).*/\1/p" "$1/metrics.jsonl" 2>/dev/null | tail -1
}

finished() {  # RUN STEPS: whether there is nothing to resume
    [ -n "$(loss "$1" "$2")" ]
}

finished "$output/encoder" "${OLD_STEPS:-8000}" ||
    "$pretrain" run "$here/base.yaml" --output "$output/encoder" --set "corpus.sources=[{path: $old}]" \
        --set tokenizer.path="$output/old.json" --set training.steps="${OLD_STEPS:-8000}" --set training.evaluate_every=1000 \
        --set training.precision="$precision"

train() {  # WAY RATE SEED
    run=$output/$1-$2-$3
    finished "$run" "$steps" && return
    case $1 in
    continued) start="--from $output/encoder --tokenizer $output/new.json" ;;
    nothing) start="--set tokenizer.path=$output/new.json" ;;
    esac
    # The settings are meant to be split.
    # shellcheck disable=SC2086
    "$pretrain" run "$here/base.yaml" $start --output "$run" --set "corpus.sources=[{path: $new}]" --set training.steps="$steps" \
        --set training.evaluate_every=$(((steps + 9) / 10)) --set optimizer.peak_learning_rate="$2" --set training.seed="$3" \
        --set training.precision="$precision"
}

runs=
echo '| way | peak rate | seed | loss at a tenth | halfway | at the end |' >"$output/table.md"
echo '|---|---|---|---|---|---|' >>"$output/table.md"
for way in continued nothing; do
    best=
    for rate in ${RATES:-1e-3 2e-3 4e-3}; do
        train $way "$rate" 0
        best="$best$(loss "$output/$way-$rate-0" "$steps") $rate
"
    done
    rate=$(printf %s "$best" | sort -g | head -1 | cut -d' ' -f2)
    seed=0
    while [ $seed -lt "${SEEDS:-3}" ]; do
        train $way "$rate" $seed
        run=$output/$way-$rate-$seed
        tenth=$(((steps + 9) / 10))
        echo "| $way | $rate | $seed | $(loss "$run" $tenth) | $(loss "$run" $((5 * tenth))) | $(loss "$run" "$steps") |" >>"$output/table.md"
        runs="$runs $run"
        seed=$((seed + 1))
    done
done
# shellcheck disable=SC2086
"$pretrain" plot $runs --output "$output/curves.svg"
cat "$output/table.md"
