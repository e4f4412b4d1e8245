#!/bin/sh
# Windows over 4,096 tokens, from the beginning or for the last quarter of the steps, against dense attention over 512: on
# long documents, with the same model, text and compute.
#
#     Experiments/long-sequences/run.sh SOURCE.txt OUTPUT [SEED…]
#
# SOURCE has documents that end at an empty line. Needs .build/release/pretrain. One run after the other, each with all
# threads; an interrupted one goes on when the script is started again. FORMS names one form only.
set -eu
source=$1
output=$2
shift 2
here=$(dirname "$0")
binary=${BINARY:-.build/release/pretrain}
mkdir -p "$output"
# A folder that an interruption has left half full is none.
if [ ! -d "$output/text" ]; then
    rm -rf "$output/text.part"
    python3 "$here/prepare.py" "$source" "$output/text.part"
    mv "$output/text.part" "$output/text"
fi
[ -f "$output/tokenizer.json" ] || "$binary" tokenizer train --vocabulary-size 8192 --pattern gpt2 --input "$output/text" --output "$output/tokenizer.json"
for seed in "${@:-1}"; do
    for form in ${FORMS:-dense-512 windows-4096 staged-4096}; do
        [ ! -f "$output/$form-$seed.json" ] || continue
        [ -f "$output/$form-$seed.done" ] || "$binary" run "$here/$form.yaml" --output "$output/$form-$seed" --set training.seed="$seed" \
            --set tokenizer.path="$output/tokenizer.json" \
            --set "corpus.sources=[{path: $output/text/*.txt, document_separator: file}]"
        touch "$output/$form-$seed.done"
        "$binary" evaluate "$output/$form-$seed" --json > "$output/$form-$seed.part"
        mv "$output/$form-$seed.part" "$output/$form-$seed.json"
    done
done
