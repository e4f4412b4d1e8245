#!/bin/sh
# Whether an hour of pretraining on two cores pays: one recipe of base.yaml for the steps that it does in an hour, then tasks and
# minimal pairs beside the same shape from random weights.
#
#     Experiments/pretraining-pays/run.sh PROSE.txt TASKS PAIRS OUTPUT [RECIPE…]
#
# TASKS holds folders with train.jsonl and test.jsonl or validation.jsonl or both, plain or compressed, called sst2, cola, mrpc, trec6,
# sotu_era and imdb, of which some may be missing; PAIRS files of minimal pairs. Recipes: mlm, mlm-muon, electra, electra-separate, electra-muon, metro,
# metro-muon. Variables: STEPS, how many instead of an hour's; WARMUP; PRECISION (float32 where there is no bfloat16); RATES of
# fine-tuning; OWN, a second text that is read as often as the first (of the tasks' own kind, say); PRETRAIN, another binary than the
# one of `make build`. The same command goes on where it was interrupted.
set -eu
prose=$1
tasks=$2
pairs=$3
output=$4
shift 4
here=$(dirname "$0")
pretrain=${PRETRAIN:-$here/../../.build/release/pretrain}
# Before an hour of training.
case $output in *[[:blank:]]*) echo "$output: a path without blanks, please" >&2 && exit 64 ;; esac
[ -e "$pairs" ] || { echo "$pairs: there are no minimal pairs" >&2 && exit 66; }
ls "$tasks"/*/train.jsonl* >/dev/null 2>&1 || { echo "$tasks holds no folder with train.jsonl" >&2 && exit 66; }
mkdir -p "$output/tasks" "$output/long"
[ -f "$output/tokenizer.json" ] ||
    "$pretrain" tokenizer train --vocabulary-size 8192 --input "$prose" --output "$output/tokenizer.json"

# What is special about a task.
for task in sst2 cola mrpc trec6 sotu_era imdb; do
    [ -d "$tasks/$task" ] || continue
    folder=$output/tasks/$task
    [ $task != imdb ] || folder=$output/long/$task
    mkdir -p "$folder"
    for file in "$tasks/$task"/*.jsonl*; do ln -sf "$(readlink -f "$file")" "$folder/"; done
done
special() { [ ! -d "$output/$1" ] || echo "$2" >"$output/$1/task.yaml"; }
special tasks/cola "metric: matthews"
special tasks/mrpc "metric: f1"
special tasks/sotu_era "training: {epochs: 10}"
special long/imdb "training: {epochs: 1}"
precision=${PRECISION:-bfloat16}
sources="{path: $prose}${OWN:+, {path: $OWN\}}"

two_muons="--set optimizer.kind=muon --set optimizer.coupled_tables=true --set optimizer.separate=true
    --set model.embedding_sharing=disentangled --set objective.discriminator_weight=10"
# Steps are about what one does in an hour, alone on two cores of Zen 5; those of mlm-muon are what it did beside others, 52 minutes alone.
models=
for recipe in "${@:-mlm}"; do
    case $recipe in
    mlm) steps=16000 && settings="--set objective.name=masked_language_model" ;;
    mlm-muon)
        steps=12190
        settings="--set objective.name=masked_language_model --set objective.mask_fraction=0.3
            --set objective.final_mask_fraction=0.15 --set optimizer.kind=muon --set optimizer.muon.weight_decay=0.1
            --set optimizer.coupled_tables=true"
        ;;
    electra) steps=12200 && settings="--set model.generator.width_multiplier=0.5" ;;
    electra-separate) steps=12200 && settings="--set model.generator.width_multiplier=0.5 --set optimizer.separate=true" ;;
    electra-muon) steps=10600 && settings="--set model.generator.width_multiplier=0.5 $two_muons" ;;
    metro)
        steps=11000
        settings="--set objective.name=metro --set model.generator.width_multiplier=1 --set model.generator.layer_count=2
            --set model.initialization.zero_detection_output=true --set objective.mask_token_fraction=1
            --set model.embedding_sharing=token_only --set optimizer.separate=true"
        ;;
    # As the presets demo and small are made.
    metro-muon)
        steps=10000
        settings="--set objective.name=metro --set model.generator.width_multiplier=1 --set model.generator.layer_count=2
            --set model.initialization.zero_detection_output=true $two_muons"
        ;;
    *) echo "there is no recipe $recipe" >&2 && exit 64 ;;
    esac
    models="$models $output/$recipe"
    done=$output/$recipe-${STEPS:-$steps}.done
    [ ! -f "$done" ] || continue
    # The settings are meant to be split.
    # shellcheck disable=SC2086
    "$pretrain" run "$here/base.yaml" --output "$output/$recipe" --set "corpus.sources=[$sources]" \
        --set tokenizer.path="$output/tokenizer.json" --set training.steps="${STEPS:-$steps}" \
        --set optimizer.warmup_steps="${WARMUP:-300}" --set training.precision="$precision" $settings
    touch "$done"
done
common="--seeds 3 --set training.precision=$precision --set training.pooling=mean"
# shellcheck disable=SC2086
"$pretrain" suite $models --tasks "$output/tasks" --output "$output/suite" --rates "${RATES:-5e-4,1e-3,2e-3}" --minimal-pairs "$pairs" $common
[ -d "$output/long/imdb" ] || exit 0
# shellcheck disable=SC2086
"$pretrain" suite $models --tasks "$output/long" --output "$output/suite-long" --rates 1e-3 $common
