#!/bin/sh
# train.sh RUN - trains everything from nothing into the folder RUN, about 40 minutes on one H200 GPU.
#
# Each stage resumes from its own checkpoint in RUN, so a run that was cut off is started again with the same
# command. Small stages share the GPU with the large ones. Set VAE_S, UNET_S, ... for other clocks (seconds),
# JUDGE for the checker's program (tests/facts) to have figures at the end.
set -eu
run=$1
here=$(dirname "$0")
mkdir -p "$run"
export PYTHONUNBUFFERED=1
python3 "$here/train_eye.py" "$run" --seconds "${EYE_S:-150}" >"$run/eye.out" 2>&1 &
python3 "$here/train_unet.py" "$run" --rehearse >"$run/rehearsal.out" 2>&1 &
[ -e "$run/vae/meta.json" ] || python3 "$here/train_vae.py" "$run" --seconds "${VAE_S:-480}" >"$run/vae.out" 2>&1
python3 "$here/train_tiny.py" "$run" --pool 16000 --batch 32 --lr 1.5e-3 --seconds "${TINY_S:-95}" >"$run/tiny.out" 2>&1 &
python3 "$here/train_unet.py" "$run" --seconds "${UNET_S:-780}" --save-every-s 100 >"$run/unet.out" 2>&1
wait
python3 "$here/export.py" "$run" "$run/models" >"$run/export.out" 2>&1
sh "$here/figures.sh" "$run" pochade 20 5 >"$run/figures.txt" 2>&1 &
python3 "$here/distill.py" "$run" --seconds "${FAST_S:-240}" >"$run/fast.out" 2>&1
wait
python3 "$here/export.py" "$run" "$run/models" >>"$run/export.out" 2>&1
for steps in 1 2 4; do sh "$here/figures.sh" "$run" pochade-fast $steps 1; done >"$run/figures-fast.txt" 2>&1
echo finished >"$run/finished"
