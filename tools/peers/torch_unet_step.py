#!/usr/bin/env python3
"""Times denoising steps of a checkpoint's UNet in PyTorch: python3 tools/peers/torch_unet_step.py MODEL_DIR
[threads [steps [side in pixels [fp32|bf16 [unet|vae]]]]]. One step is one call at batch 2 (classifier-free guidance);
with "vae", one decoding of a picture. bf16 is weights and activations in bfloat16, channels last. Prints the milliseconds
of each call after one that warms up, as a JSON list."""

import json
import sys
import time

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel


def load(kind, model_dir, part, dtype):
    try:
        model = kind.from_pretrained(model_dir, subfolder=part, torch_dtype=dtype)
    except (OSError, ValueError):  # only files named *.fp16.safetensors
        model = kind.from_pretrained(model_dir, subfolder=part, torch_dtype=dtype, variant="fp16")
    return model.eval()


def main():
    model_dir = sys.argv[1]
    threads = int(sys.argv[2]) if len(sys.argv) > 2 else 2
    steps = int(sys.argv[3]) if len(sys.argv) > 3 else 4
    side = int(sys.argv[4]) if len(sys.argv) > 4 else 512
    policy = sys.argv[5] if len(sys.argv) > 5 else "fp32"
    part = sys.argv[6] if len(sys.argv) > 6 else "unet"
    torch.set_num_threads(threads)
    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16}[policy]
    model = load(AutoencoderKL if part == "vae" else UNet2DConditionModel, model_dir, part, dtype)
    if policy == "bf16":
        model = model.to(memory_format=torch.channels_last)
    torch.manual_seed(0)
    times = []
    with torch.inference_mode():
        for i in range(steps + 1):
            if part == "vae":
                arguments = (torch.randn(1, model.config.latent_channels, side // 8, side // 8).to(dtype),)
            else:
                sample = torch.randn(2, model.config.in_channels, side // 8, side // 8).to(dtype)
                text = torch.randn(2, 77, model.config.cross_attention_dim).to(dtype)
                arguments = (sample, torch.tensor(900 - 100 * i), text)
            begin = time.perf_counter()
            model.decode(*arguments) if part == "vae" else model(*arguments)
            times.append((time.perf_counter() - begin) * 1e3)
    print(json.dumps([round(t, 1) for t in times[1:]]))


if __name__ == "__main__":
    main()
