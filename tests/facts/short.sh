#!/bin/sh
# short.sh ATELIER JUDGE ROOT MODEL FOLDER - paints tests/facts/short.jsonl with models/MODEL at its default settings into FOLDER and
# judges the pictures; then judges them against each other's prompts, which has to fail: a checker that is content with any picture
# proves nothing. Of 24 prompts one miss in scenes is four hundredths or more, so the bounds are looser than those of the 400.
set -eu
atelier=$1 judge=$2 facts=$3/tests/facts model=$3/models/$4 folder=$5
rm -rf "$folder"
mkdir -p "$folder"
n=0
# an id holds no quote, and a prompt of ours none either: sed is enough to read the line
while IFS= read -r line; do
    id=$(printf '%s' "$line" | sed 's/.*"id": "\([^"]*\)".*/\1/')
    prompt=$(printf '%s' "$line" | sed 's/.*"prompt": "\([^"]*\)".*/\1/')
    n=$((n + 1))
    "$atelier" paint "$prompt" -m "$model" -o "$folder/$id.png" --quiet --seed $((1000 + n)) </dev/null >/dev/null
done <"$facts/short.jsonl"
"$judge" "$facts/short.jsonl" "$folder" --eye "$facts/eye.bin" --expect shapes=0.95 --expect scenes=0.8
echo "== shuffled truth"
if "$judge" "$facts/short.jsonl" "$folder" --eye "$facts/eye.bin" --shuffle 1 --expect shapes=0.6 --expect scenes=0.4; then
    echo "the checker is content with other prompts' pictures" >&2
    exit 1
fi
