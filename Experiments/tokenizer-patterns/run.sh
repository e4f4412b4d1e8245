#!/bin/sh
# Trains a vocabulary with each pattern on the text of each language and prints bytes per token on held-out text, as Markdown:
#
#   Experiments/tokenizer-patterns/prepare.py --output FOLDER hi.txt ta.txt
#   Experiments/tokenizer-patterns/run.sh FOLDER [ENTRIES]
set -eu
folder=$1
size=${2:-4096}
pretrain=${PRETRAIN:-.build/release/pretrain}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

bytes_per_token() {  # LANGUAGE FLAG...
    language=$1
    shift
    "$pretrain" tokenizer train --input "$folder/$language.train.txt" --vocabulary-size "$size" \
        --output "$work/tokenizer.json" "$@" > "$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
    # Line feeds are no text.
    bytes=$(tr -d '\n' < "$folder/$language.held.txt" | wc -c)
    tokens=$("$pretrain" tokenizer encode "$work/tokenizer.json" < "$folder/$language.held.txt" | wc -w)
    awk "BEGIN { printf \" %.2f |\", $bytes / $tokens }"
    rm "$work/tokenizer.json"
}

echo '| language | KB | gpt2 | llama3 | llama3_marks | llama3_marks, composed |'
echo '|---|---|---|---|---|---|'
for text in "$folder"/*.train.txt; do
    language=$(basename "$text" .train.txt)
    kilobytes=$(cat "$text" "$folder/$language.held.txt" | tr -d '\n' | wc -c | awk '{ printf "%.0f", $1 / 1000 }')
    printf '| %s | %s |' "$language" "$kilobytes"
    bytes_per_token "$language" --pattern gpt2
    bytes_per_token "$language" --pattern llama3
    bytes_per_token "$language" --pattern llama3_marks
    bytes_per_token "$language" --pattern llama3_marks --composed
    echo
done
