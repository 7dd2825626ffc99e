"""agree.py ATELIER MODEL PROMPTS [COUNT] - do diffusers and Atelier paint the same pictures?

Paints the first COUNT (20) lines of a prompt file with both in fp32 at the model's default settings, seed = line number, and prints
PSNR and the largest difference of each pair. Needs torch and diffusers. Exit code 1 if one is under 50 dB.
"""
import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from PIL import Image

atelier, model, prompts = sys.argv[1:4]
count = int(sys.argv[4]) if len(sys.argv) > 4 else 20
settings = json.loads(Path(model, "atelier.json").read_text())
pipeline = StableDiffusionPipeline.from_pretrained(model, torch_dtype=torch.float32, safety_checker=None)
pipeline.set_progress_bar_config(disable=True)
worst = math.inf
with tempfile.TemporaryDirectory() as folder:
    for n, prompt in enumerate(Path(prompts).read_text().splitlines()[:count], 1):
        ours = Path(folder, f"{n}.png")
        subprocess.run([atelier, "paint", prompt, "-m", model, "-o", ours, "--seed", str(n), "--quiet"], check=True,
                       stdout=subprocess.DEVNULL)
        theirs = pipeline(prompt, num_inference_steps=settings["steps"], guidance_scale=settings["guidance_scale"],
                          width=settings["width"], height=settings["height"],
                          generator=torch.Generator().manual_seed(n)).images[0]
        difference = np.abs(np.asarray(theirs, float) - np.asarray(Image.open(ours).convert("RGB"), float))
        mse = (difference ** 2).mean()
        psnr = 10 * math.log10(255 ** 2 / mse) if mse > 0 else math.inf
        worst = min(worst, psnr)
        print(f"{psnr:6.1f} dB, largest {difference.max():.0f}: {prompt}", flush=True)
print(f"worst of {count}: {worst:.1f} dB")
sys.exit(worst < 50)
