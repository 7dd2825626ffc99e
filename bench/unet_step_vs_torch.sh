#!/bin/sh
# One denoising step of the SD 1.5 architecture at 512 x 512 (batch 2), and one decoding: Atelier beside PyTorch, in one run.
#
#   bench/unet_step_vs_torch.sh path/to/atelier [threads [steps [scratch folder [fp32|bf16]]]]
#
# Writes a checkpoint with random weights (2 GB) into the scratch folder unless it is there from last time, lets
# each paint in turn on an otherwise idle machine, and prints the median step of both and their ratio. Needs
# python3 with torch and diffusers, 10 GB of memory and a minute or two.
set -eu
atelier=$1
threads=${2:-2}
steps=${3:-4}
scratch=${4:-${TMPDIR:-/tmp}/atelier-unet-step}
policy=${5:-fp32}
root=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$scratch"
[ -f "$scratch/sd15/model_index.json" ] || "$atelier" model synth sd15 "$scratch/sd15" --dtype f16 -q

median() { # of a JSON list of numbers on stdin
    python3 -c 'import json, statistics, sys; print(round(statistics.median(json.load(sys.stdin)), 1))'
}

"$atelier" paint "a bench" -m "$scratch/sd15" -o "$scratch/bench.png" --sampler ddim --steps $((steps + 1)) \
    --threads "$threads" --policy "$policy" --force --json -q >"$scratch/atelier.json"
ours=$(python3 -c 'import json, sys
steps = json.load(sys.stdin)["timings"]["unet_step"]
print([step["wall_ms"] for step in steps[1:]])' <"$scratch/atelier.json" | median)
theirs=$(python3 "$root/tools/peers/torch_unet_step.py" "$scratch/sd15" "$threads" "$steps" 512 "$policy" | tail -n 1 | median)
our_vae=$(python3 -c 'import json, sys
print([json.load(sys.stdin)["timings"]["vae_decode"]["wall_ms"]])' <"$scratch/atelier.json" | median)
their_vae=$(python3 "$root/tools/peers/torch_unet_step.py" "$scratch/sd15" "$threads" 1 512 "$policy" vae | tail -n 1 | median)

echo "threads          $threads, $policy"
echo "Atelier  ms/step $ours"
echo "PyTorch  ms/step $theirs"
python3 -c "print(f'ratio            {$ours / $theirs:.2f}')"
echo "Atelier  ms/decoding, its first $our_vae"
echo "PyTorch  ms/decoding $their_vae"
python3 -c "print(f'ratio            {$our_vae / $their_vae:.2f}')"
