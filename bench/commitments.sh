#!/usr/bin/env bash
# commitments.sh - what Atelier's speed is held to, beside PyTorch and OpenVINO, in one run.
#
#   bench/commitments.sh ATELIER SCRATCH [STEP...]
#
# Steps: "models" (checkpoints with random weights, and OpenVINO's models of them: once, ten minutes, 8 GB of disk, 16 GB
# of memory for int8), each row that `tools/peers/commitments.py rows` names (up to 90 s each), "onednn" (the dearest shapes beside
# oneDNN, where bench/ was built with it), and "table", which prints Markdown of the rows that are there. None: all.
#
# TORCH_PYTHON, OPENVINO_PYTHON   interpreters that have torch, diffusers and transformers, and openvino and nncf (python3)
# MEASURE                         a command put before each measurement: one that keeps other work off the machine
#
# Needs taskset, setpriv, 8 GB of memory and a machine that does nothing else; it says how much others took meanwhile.
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
atelier=$1
scratch=$2
shift 2
root=$(cd "$(dirname "$0")/.." && pwd)
peers=$root/tools/peers
measure=(${MEASURE:-})
mapfile -t rows < <(python3 "$peers/commitments.py" rows)
mkdir -p "$scratch"

export_one() { # MODEL STAGE [words]: nothing where it is there
    "${measure[@]}" "${OPENVINO_PYTHON:-python3}" -W ignore "$peers/openvino_models.py" "$scratch/$1" "$scratch/openvino" "${@:2}"
}

make_models() {
    for model in sd15 sdxs; do
        [ -f "$scratch/$model/model_index.json" ] || "$atelier" model synth $model "$scratch/$model" -q
    done
    for stage in text_encode unet_step vae_decode; do
        export_one sd15 $stage
        export_one sdxs $stage single
    done
    export_one sd15 unet_step int8
}

onednn() {
    bench=$(dirname "$atelier")/../bench/onednn_bench
    [ -x "$bench" ] && "${measure[@]}" "$bench" 2 || echo "onednn: there is no $bench" >&2
}

for step in "${@:-all}"; do
    case $step in
    all) "$0" "$atelier" "$scratch" models "${rows[@]}" onednn table ;;
    models) make_models ;;
    onednn) onednn ;;
    table) python3 "$peers/commitments.py" table "$scratch" ;;
    *) "${measure[@]}" python3 "$peers/commitments.py" measure "$atelier" "$scratch" "$step" ;;
    esac
done
