"""paint.py MODEL PROMPTS OUT - paints prompts with diffusers, for comparing and for figures before Atelier paints them.

PROMPTS: .jsonl with "id" and "prompt" (OUT/<id>.png each), or .txt (OUT is a sheet, a .png).
Noise is drawn on the CPU from --seed and the prompt's number.
"""

import argparse
import json
import os

import torch

import sheet
from PIL import Image


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("prompts")
    parser.add_argument("out")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--guidance", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--spacing", help="another timestep spacing than the scheduler's")
    parser.add_argument("--sampler", default="", help="dpm++ or euler instead of the model's own scheduler")
    parser.add_argument("--tiny", action="store_true", help="decode with vae_tiny")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    args = parser.parse_args()
    from diffusers import AutoencoderTiny, DPMSolverMultistepScheduler, EulerDiscreteScheduler, StableDiffusionPipeline
    if args.device == "cpu":
        torch.set_num_threads(2)
    pipe = StableDiffusionPipeline.from_pretrained(args.model, torch_dtype=torch.float32).to(args.device)
    pipe.set_progress_bar_config(disable=True)
    if args.sampler:
        pipe.scheduler = {"dpm++": DPMSolverMultistepScheduler, "euler": EulerDiscreteScheduler}[args.sampler].from_config(pipe.scheduler.config)
    if args.spacing:
        pipe.scheduler = type(pipe.scheduler).from_config(pipe.scheduler.config, timestep_spacing=args.spacing)
    if args.tiny:
        pipe.vae = AutoencoderTiny.from_pretrained(os.path.join(args.model, "vae_tiny")).to(args.device)
    with open(args.prompts, encoding="utf-8") as f:
        lines = [row.strip() for row in f if row.strip()]
    if args.prompts.endswith(".jsonl"):
        rows = [(r["id"], r["prompt"]) for r in map(json.loads, lines)]
        os.makedirs(args.out, exist_ok=True)
    else:
        rows = [(str(i), p) for i, p in enumerate(lines)]
    pictures = []
    for at in range(0, len(rows), args.batch):
        part = rows[at:at + args.batch]
        noise = torch.cat([torch.randn(1, 4, args.size // 8, args.size // 8, generator=torch.Generator().manual_seed(args.seed * 100003 + at + k))
                           for k in range(len(part))]).to(args.device)
        out = pipe([p for _, p in part], num_inference_steps=args.steps, guidance_scale=args.guidance, height=args.size, width=args.size,
                   latents=noise, generator=torch.Generator(args.device).manual_seed(args.seed), output_type="np").images
        pictures += list(torch.from_numpy(out).permute(0, 3, 1, 2))
    if args.prompts.endswith(".jsonl"):
        for (i, _), p in zip(rows, pictures):
            Image.fromarray((p * 255).round().byte().permute(1, 2, 0).numpy()).save(os.path.join(args.out, i + ".png"))
    else:
        sheet.save_sheet(pictures, 6, args.out)


if __name__ == "__main__":
    main()
