#!/bin/sh
# Keeps what fuzz.sh found interesting in the repository: of each target the smallest inputs that reach all code that its corpus
# reaches, shortest first, up to some KB. Tests give them to the parsers, and fuzz.sh begins with them.
#   keep-fuzz-inputs.sh [KB]
set -eu
cd "$(dirname "$0")/.."
limit=$((${1:-32} * 1024))
fuzz=.build/fuzz/build/release/Fuzz
for corpus in .build/fuzz/corpus/*; do
    target=$(basename "$corpus")
    work=$(mktemp -d "${TMPDIR:-/dev/shm}/pretrain-fuzz.XXXXXX")
    mkdir "$work/merged" "$work/files"
    FUZZ_TARGET=$target FUZZ_FOLDER=$work/files "$fuzz" -merge=1 -max_len=4096 -timeout=5 "$work/merged" "$corpus" \
        ".build/fuzz/seeds/$target" >"$work/log" 2>&1 || { cat "$work/log" && exit 1; }
    find "$work/merged" -type f -size +0 -printf '%s %p\n' | sort -n | {
        bytes=0
        while read -r size path; do
            bytes=$((bytes + size * 4 / 3 + 4))
            [ "$bytes" -le "$limit" ] || break
            base64 -w 0 "$path" && echo
        done
    } >"Tests/FuzzTests/Fixtures/$target.base64"
    echo "$target: $(wc -l <"Tests/FuzzTests/Fixtures/$target.base64") of $(find "$work/merged" -type f | wc -l) inputs"
    rm -rf "$work"
done
