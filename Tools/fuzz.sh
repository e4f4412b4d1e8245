#!/bin/sh
# Feeds the parsers of files with what libFuzzer makes of small files of their kinds.
#   fuzz.sh [SECONDS] [TARGET…]     SECONDS for each of the targets (60), by default all; see Tests/FuzzTargets/FuzzTarget.swift
# FUZZ_RUNS: inputs of each target instead of seconds. What was found interesting is kept under .build/fuzz/corpus (and by
# keep-fuzz-inputs.sh in the repository); an input that crashes, takes more than a second or 256 MB is left under
# .build/fuzz/found, and the status is 1.
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-60}
[ $# = 0 ] || shift
PRETRAIN_FUZZ=1 swift build -c release --sanitize fuzzer --scratch-path .build/fuzz/build --product Fuzz
fuzz=.build/fuzz/build/release/Fuzz
for tool in zstd lz4; do command -v $tool >/dev/null || Tools/apt-install.sh $tool; done
status=0
# Their names hold no blanks.
# shellcheck disable=SC2046
[ $# -gt 0 ] || set -- $(sed -n 's/^    case [a-zA-Z0-9]* = "\(.*\)"$/\1/p' Tests/FuzzTargets/FuzzTarget.swift)
for target; do
    corpus=.build/fuzz/corpus/$target
    found=.build/fuzz/found/$target
    folder=$(mktemp -d "${TMPDIR:-/dev/shm}/pretrain-fuzz.XXXXXX")
    mkdir -p "$corpus" "$found" ".build/fuzz/seeds/$target"
    # Files of the kind: those of the tests, and what earlier fuzzing found interesting.
    seeds=.build/fuzz/seeds/$target
    kept=Tests/FuzzTests/Fixtures/$target.base64
    [ ! -f "$kept" ] || (cd "$seeds" && n=0 && while read -r input; do echo "$input" | base64 -d >"kept-$n" && n=$((n + 1)); done) <"$kept"
    [ ! -d "Tests/FuzzTargets/Seeds/$target" ] || cp "Tests/FuzzTargets/Seeds/$target"/* "$seeds"
    case $target in
    *.gz) gzip -c Tests/FuzzTargets/Seeds/text.txt/plain >"$seeds/plain" ;;
    *.zst) zstd -qfc Tests/FuzzTargets/Seeds/text.txt/plain >"$seeds/plain" ;;
    text.txt.lz4) lz4 -qfc Tests/FuzzTargets/Seeds/text.txt/plain >"$seeds/plain" ;;
    manifest.json | weights.lz4)
        for version in 2 3; do cp "Tests/CheckpointsTests/Fixtures/format-$version/$target" "$seeds/$version"; done
        ;;
    config.json)
        find Tests/InterchangeTests/Fixtures -name config.json -size -8k | while read -r file; do
            cp "$file" "$seeds/$(echo "$file" | cksum | cut -d' ' -f1)"
        done
        ;;
    tokenizer.json | model.safetensors | pytorch_model.bin)
        find Tests -name "*${target##*.}" -size -24k -path '*Fixtures*' | while read -r file; do
            cp "$file" "$seeds/$(echo "$file" | cksum | cut -d' ' -f1)"
        done
        ;;
    esac
    limit="-max_total_time=$seconds"
    [ -z "${FUZZ_RUNS:-}" ] || limit="-runs=$FUZZ_RUNS"
    echo "fuzzing $target"
    FUZZ_TARGET=$target FUZZ_FOLDER=$folder "$fuzz" "$limit" -timeout=1 -malloc_limit_mb=256 -rss_limit_mb=2048 -max_len=32768 \
        -print_final_stats=1 -artifact_prefix="$found/" "$corpus" "$seeds" >".build/fuzz/$target.log" 2>&1 || {
        status=1
        echo "found: see .build/fuzz/$target.log and $found"
    }
    sed -n 's/^stat::number_of_executed_units: */    inputs: /p' ".build/fuzz/$target.log"
    rm -rf "$folder"
done
exit $status
