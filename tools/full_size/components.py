#!/usr/bin/env python3
"""How far the UNet and the decoder are from fp32 under each policy, beside PyTorch's bf16, on a checkpoint of true size:

    python3 tools/full_size/components.py ATELIER MODEL_DIR [SIDE in pixels [POLICY,...]]

Inputs are random and the same for all: latents and contexts normal, the UNet at four time steps, the decoder on three
latents. Errors are relative L2 against PyTorch in fp32. Prints a Markdown table. `atelier model synth sd15 DIR` writes such a
checkpoint; 6 GB of memory for it."""

import gc
import os
import subprocess
import sys
import tempfile

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.utils import logging
from safetensors.torch import load_file, save_file

TIMES = (981, 701, 401, 101)
LATENTS = 3


def cases(config_of_unet, side):
    """(part, what, Atelier's inputs) of each row."""
    generator = torch.Generator().manual_seed(0)
    latent = torch.randn(2, config_of_unet.in_channels, side // 8, side // 8, generator=generator)
    context = torch.randn(2, 77, config_of_unet.cross_attention_dim, generator=generator)
    for t in TIMES:
        yield "unet", f"UNet, t = {t}", {"sample": latent, "timestep": torch.tensor([float(t)]), "encoder_hidden_states": context}
    for i in range(LATENTS):
        latent = torch.randn(1, 4, side // 8, side // 8, generator=generator)
        yield "vae_decode", f"decoder, latent {i + 1}", {"latent": latent}


def in_torch(model_dir, rows, part, dtype):
    """One result for each row of a part, as f32."""
    kind, folder = (UNet2DConditionModel, "unet") if part == "unet" else (AutoencoderKL, "vae")
    net = kind.from_pretrained(model_dir, subfolder=folder, torch_dtype=dtype).eval().to(memory_format=torch.channels_last)
    results = []
    with torch.inference_mode():
        for _, _, tensors in (row for row in rows if row[0] == part):
            given = [x.to(dtype) for x in tensors.values()]
            if part == "unet":
                given[1] = tensors["timestep"][0]
            out = net(*given) if part == "unet" else net.decode(*given)
            results.append(out.sample.float())
    del net
    gc.collect()
    return results


def in_atelier(atelier, model_dir, part, tensors, policy, folder):
    given, found = os.path.join(folder, "in.safetensors"), os.path.join(folder, f"{policy}.safetensors")
    save_file({name: x.contiguous() for name, x in tensors.items()}, given)
    subprocess.run([atelier, "model", "probe", model_dir, part, "--in", given, "--out", found, "--policy", policy], check=True,
                   stdout=subprocess.DEVNULL)
    (result,) = load_file(found).values()
    return result.float()


def error(found, wanted):
    return (torch.linalg.norm(found.double() - wanted.double()) / torch.linalg.norm(wanted.double())).item()


def main():
    atelier, model_dir = sys.argv[1:3]
    side = int(sys.argv[3]) if len(sys.argv) > 3 else 512
    policies = (sys.argv[4] if len(sys.argv) > 4 else "fp32,bf16,int8").split(",")
    logging.disable_progress_bar()
    config = UNet2DConditionModel.load_config(model_dir, subfolder="unet")
    rows = list(cases(type("Config", (), config), side))
    wanted, theirs = [], []
    for part in ("unet", "vae_decode"):
        wanted += in_torch(model_dir, rows, part, torch.float32)
        theirs += in_torch(model_dir, rows, part, torch.bfloat16)
    print(f"| {side} × {side} | PyTorch bf16 | " + " | ".join(f"Atelier {p}" for p in policies) + " |")
    print("|---|--:|" + "--:|" * len(policies))
    with tempfile.TemporaryDirectory() as folder:
        for (part, what, tensors), reference, other in zip(rows, wanted, theirs):
            ours = [error(in_atelier(atelier, model_dir, part, tensors, p, folder), reference) for p in policies]
            print(f"| {what} | {error(other, reference):.5f} | " + " | ".join(f"{e:.2g}" if e < 1e-4 else f"{e:.5f}" for e in ours)
                  + " |", flush=True)


if __name__ == "__main__":
    main()
