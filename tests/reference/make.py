#!/usr/bin/env python3
"""Makes the small checkpoints and goldens under tests/golden/: python3 make.py [NAME …]. See README.md."""

import argparse
import json
import os
import shutil
import sys

import numpy
import torch

torch.set_num_threads(1)
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")

import checkpoint
import goldens
import lora
import vocabulary
from cases import CASES
from compare import psnr
from diffusers.utils import logging
from families import FAMILIES
from transformers.utils import logging as transformers_logging

HERE = os.path.dirname(os.path.abspath(__file__))

PARTS = ("text_encoder", "unet", "vae_decode", "vae_encode")

# A picture is a golden only if a change of its noise in the seventh digit leaves it as it is: else two right
# engines could differ in it.
NUDGE, STEADY_DB = 1e-6, 72.0


def open_pipeline(root, spec):
    cls = goldens.PIPELINES[spec.get("pipeline", "StableDiffusionPipeline")][0]
    pipe = cls.from_pretrained(root, variant=spec.get("variant"), dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    if not hasattr(pipe.text_encoder, "text_model"):
        # Where clip_skip is given, diffusers looks for the layer that transformers 5 moved one level up.
        object.__setattr__(pipe.text_encoder, "text_model", pipe.text_encoder)
    return pipe


def write_checkpoint(root, spec):
    """Writes it and gives the pipeline that diffusers makes of it. For a single file, diffusers reads the
    directory that it stands for, which is not kept."""
    parts = checkpoint.build(spec)
    shutil.rmtree(root, ignore_errors=True)
    checkpoint.write_directory(root, spec, parts)
    pipe = open_pipeline(root, spec)
    if spec.get("single_file"):
        shutil.rmtree(root)
        checkpoint.write_single_file(os.path.join(root, "model.safetensors"), spec, parts)
        vocabulary.write(os.path.join(root, "tokenizer"), spec.get("pads", ("<|endoftext|>",))[0])
        if "text_encoder_2" in spec:
            vocabulary.write(os.path.join(root, "tokenizer_2"), "!")
    return pipe


def check_steady(pipe, name, case, picture):
    nudged, _, _ = goldens.run_pipeline(pipe, case, NUDGE)
    steady = psnr(picture, nudged)
    flat = picture.std() < 10
    clipped = numpy.mean((picture == 0) | (picture == 255))
    print(f"  {name}: nudged {steady:.0f} dB, std {picture.std():.0f}, clipped {100 * clipped:.0f} %")
    if steady < STEADY_DB or flat or clipped > 0.5:
        sys.exit(f"{name}: no good as a golden")


def make(name, out):
    spec = FAMILIES[name]
    root = os.path.join(out, "models", name)
    folder = os.path.join(out, "expected", name)
    pipe = write_checkpoint(root, spec)
    if "same_as" in spec:
        return
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    listed = []
    extent = "whole" if name == "sd1" else "brief" if name == "sd1_old" or spec.get("single_file") else "usual"
    for title, (inputs, outputs) in goldens.component_cases(pipe, extent).items():
        goldens.save(os.path.join(folder, f"{title}.in.safetensors"), inputs)
        goldens.save(os.path.join(folder, f"{title}.out.safetensors"), outputs)
        part = next(part for part in PARTS if title.startswith(part))
        listed.append({"name": title, "part": part})
    for title, case in CASES.get(name, {}).items():
        inputs, outputs = goldens.pipeline_case(pipe, case)
        check_steady(pipe, f"{name} {title}", case, outputs["image"].numpy())
        goldens.save(os.path.join(folder, f"{title}.in.safetensors"), inputs)
        goldens.save(os.path.join(folder, f"{title}.out.safetensors"), outputs)
        goldens.write_pipeline_image(folder, case)
        options = {key: value for key, value in case.items() if key != "pieces"}
        listed.append({"name": title, "part": "pipeline", **options})
    write_list(folder, listed)


def make_networks(name, out):
    """Networks beside a checkpoint that is there already, and the pictures that are painted with them."""
    root = os.path.join(out, "models", name)
    folder = os.path.join(out, "expected", name + "_lora")
    networks = os.path.join(out, "models", "loras", name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    lora.write_networks(open_pipeline(root, FAMILIES[name]), name, networks)
    listed = []
    for title, (asked, case) in lora.CASES[name].items():
        pipe = open_pipeline(root, FAMILIES[name])
        lora.load(pipe, networks, asked)
        inputs, outputs = goldens.pipeline_case(pipe, case)
        check_steady(pipe, f"{name} {title}", case, outputs["image"].numpy())
        goldens.save(os.path.join(folder, f"{title}.in.safetensors"), inputs)
        goldens.save(os.path.join(folder, f"{title}.out.safetensors"), outputs)
        words = case["prompt"] + lora.asked(asked)
        listed.append({"name": title, "part": "pipeline", **case, "prompt": words})
    write_list(folder, listed)


def write_list(folder, listed):
    with open(os.path.join(folder, "cases.json"), "w", encoding="utf-8") as file:
        json.dump(listed, file, indent=1)
        file.write("\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(FAMILIES) + ", and sd1_lora, sdxl_lora")
    parser.add_argument("--out", default=os.path.join(HERE, "..", "golden"))
    options = parser.parse_args()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    transformers_logging.disable_progress_bar()
    with torch.no_grad():
        for name in options.names or [*FAMILIES, *(f"{name}_lora" for name in lora.CASES)]:
            print(name, flush=True)
            if name in FAMILIES:
                make(name, options.out)
            else:
                make_networks(name.removesuffix("_lora"), options.out)


if __name__ == "__main__":
    main()
