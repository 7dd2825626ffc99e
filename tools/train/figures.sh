#!/bin/sh
# figures.sh RUN NAME STEPS GUIDANCE [paint.py's options] - paints the held-out prompts with diffusers at 128 and
# 192 and judges them, with their own truth and with shuffled truth. JUDGE: the checker (default: RUN/judge).
set -eu
run=$1 name=$2 steps=$3 guidance=$4
shift 4
here=$(dirname "$0")
facts=$here/../../tests/facts
for size in 128 192; do
    out=$run/painted-$name-$steps-$size
    python3 "$here/paint.py" "$run/models/$name" "$facts/heldout.jsonl" "$out" --size $size --steps "$steps" --guidance "$guidance" "$@" 2>/dev/null
    echo "== $name $steps steps, guidance $guidance, $size x $size"
    "${JUDGE:-$run/judge}" "$facts/heldout.jsonl" "$out" --eye "${EYE:-$run/eye.bin}" --wrong
    echo "== shuffled"
    "${JUDGE:-$run/judge}" "$facts/heldout.jsonl" "$out" --eye "${EYE:-$run/eye.bin}" --shuffle 1
    python3 "$here/paint.py" "$run/models/$name" "$here/../../batches/examples/scenes.txt" "$run/sheet-$name-$steps-$size.png" --size $size --steps "$steps" --guidance "$guidance" "$@" 2>/dev/null
done
