#!/usr/bin/env python3
"""Times denoising steps of a checkpoint's UNet in PyTorch, fp32: python3 tools/peers/torch_unet_step.py MODEL_DIR
[threads [steps [side in pixels]]]. One step is one call at batch 2 (classifier-free guidance). Prints the
milliseconds of each step after one that warms up, as a JSON list."""

import json
import sys
import time

import torch
from diffusers import UNet2DConditionModel


def main():
    model_dir = sys.argv[1]
    threads = int(sys.argv[2]) if len(sys.argv) > 2 else 2
    steps = int(sys.argv[3]) if len(sys.argv) > 3 else 4
    side = int(sys.argv[4]) if len(sys.argv) > 4 else 512
    torch.set_num_threads(threads)
    try:
        unet = UNet2DConditionModel.from_pretrained(model_dir, subfolder="unet", torch_dtype=torch.float32)
    except (OSError, ValueError):  # only files named *.fp16.safetensors
        unet = UNet2DConditionModel.from_pretrained(
            model_dir, subfolder="unet", torch_dtype=torch.float32, variant="fp16")
    unet.eval()
    torch.manual_seed(0)
    sample = torch.randn(2, unet.config.in_channels, side // 8, side // 8)
    text = torch.randn(2, 77, unet.config.cross_attention_dim)
    times = []
    with torch.inference_mode():
        for i in range(steps + 1):
            begin = time.perf_counter()
            unet(sample, torch.tensor(900 - 100 * i), text)
            times.append((time.perf_counter() - begin) * 1e3)
    print(json.dumps([round(t, 1) for t in times[1:]]))


if __name__ == "__main__":
    main()
