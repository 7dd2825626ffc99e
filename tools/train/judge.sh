#!/bin/sh
# judge.sh [ATELIER] [JUDGE] [MODEL...] - the figures of models/README.md: Atelier paints the 400 held-out prompts at each
# model's default settings, at 128 and at 192, and the checker judges them, then again with shuffled truth.
#
# ATELIER: the program (build/release/cli/atelier); JUDGE: the checker's program (build/release/tests/facts_judge).
# SIZES="128 192", PROMPTS, OUT (a folder that keeps the pictures) and SEED may be set.
set -eu
cd "$(dirname "$0")/../.."
atelier=${1:-build/release/cli/atelier}
judge=${2:-build/release/tests/facts_judge}
[ $# -gt 1 ] && shift 2 || shift $#
[ $# -gt 0 ] || set -- models/pochade models/pochade-fast
prompts=${PROMPTS:-tests/facts/heldout.jsonl}
out=${OUT:-$(mktemp -d)}
for model in "$@"; do
    for size in ${SIZES:-128 192}; do
        folder=$out/$(basename "$model")-$size
        mkdir -p "$folder"
        n=0
        # an id holds no quote, and a prompt of ours none either: sed is enough to read the line
        while IFS= read -r line; do
            id=$(printf '%s' "$line" | sed 's/.*"id": "\([^"]*\)".*/\1/')
            prompt=$(printf '%s' "$line" | sed 's/.*"prompt": "\([^"]*\)".*/\1/')
            n=$((n + 1))
            [ -e "$folder/$id.png" ] ||
                "$atelier" paint "$prompt" -m "$model" -o "$folder/$id.png" --quiet --seed $((${SEED:-1000} + n)) --width "$size" --height "$size" \
                    </dev/null >/dev/null
        done <"$prompts"
        echo "== $(basename "$model") at $size x $size"
        "$judge" "$prompts" "$folder" --eye tests/facts/eye.bin
        echo "== $(basename "$model") at $size x $size, shuffled truth"
        "$judge" "$prompts" "$folder" --eye tests/facts/eye.bin --shuffle 1
    done
done
echo "pictures: $out"
