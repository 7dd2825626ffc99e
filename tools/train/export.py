"""export.py RUN MODELS --name NAME - turns a run's checkpoints into the directories that are shipped.

MODELS/NAME          a diffusers directory, f16, with vae_tiny/ beside the usual parts
MODELS/NAME-fast     the few-step sibling: its own unet/ and scheduler/, the rest relative links into the first

Names of tensors are those of Stable Diffusion 1.x: newer transformers drops the prefix "text_model.", which every
other program expects, so it is written back here.
"""

import argparse
import json
import os
import shutil

import torch
from safetensors.torch import save_file

import common
import models
from tokenizer import Tokenizer


def dump(path, value):
    with open(path, "w", encoding="utf-8") as f:
        f.write(json.dumps(value, indent=2) + "\n")


def half(module):
    return {k: v.detach().half().contiguous() for k, v in module.state_dict().items() if not k.endswith("position_ids")}


def write_part(folder, module, name="diffusion_pytorch_model.safetensors", rename=lambda k: k):
    os.makedirs(folder, exist_ok=True)
    module.config.save_pretrained(folder) if name == "model.safetensors" else module.save_config(folder)
    save_file({rename(k): v for k, v in half(module).items()}, os.path.join(folder, name), metadata=dict(format="pt"))


def scheduler(spacing, **more):
    return dict(_diffusers_version="0.42.1", clip_sample=False, set_alpha_to_one=False, prediction_type="v_prediction",
                timestep_spacing=spacing, trained_betas=None, **models.SCHEDULE, **more)


def index(scheduler_class):
    none = [None, None]
    return dict(_class_name="StableDiffusionPipeline", _diffusers_version="0.42.1", feature_extractor=none, image_encoder=none,
                requires_safety_checker=False, safety_checker=none, scheduler=["diffusers", scheduler_class],
                text_encoder=["transformers", "CLIPTextModel"], tokenizer=["transformers", "CLIPTokenizer"],
                unet=["diffusers", "UNet2DConditionModel"], vae=["diffusers", "AutoencoderKL"])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run")
    parser.add_argument("models")
    parser.add_argument("--name", default="pochade")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--guidance", type=float, default=5.0)
    parser.add_argument("--fast-steps", type=int, default=4)
    args = parser.parse_args()
    tensors, _ = common.load_slices(os.path.join(args.run, "unet"))
    tok = Tokenizer.load(os.path.join(args.run, "tokenizer"))
    whole, fast = os.path.join(args.models, args.name), os.path.join(args.models, args.name + "-fast")
    for folder in (whole, fast):
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(os.path.join(folder, "scheduler"))
    tok.save(os.path.join(whole, "tokenizer"))
    text = common.load_mean(models.text_encoder(len(tok.ids)), tensors, "text")
    write_part(os.path.join(whole, "text_encoder"), text, "model.safetensors",
               lambda k: k if k.startswith("text_model.") else "text_model." + k)
    path = os.path.join(whole, "text_encoder", "config.json")
    with open(path) as f:
        config = json.load(f)
    dump(path, dict(config, architectures=["CLIPTextModel"]))
    write_part(os.path.join(whole, "unet"), common.load_mean(models.unet(), tensors, "unet"))
    vae, _ = common.load_slices(os.path.join(args.run, "vae"))
    write_part(os.path.join(whole, "vae"), common.load_mean(models.vae(), vae, "vae"))
    tiny, _ = common.load_slices(os.path.join(args.run, "tiny"))
    if tiny:
        write_part(os.path.join(whole, "vae_tiny"), common.load_mean(models.tiny_vae(), tiny, "tiny"))
    dump(os.path.join(whole, "model_index.json"), index("DDIMScheduler"))
    dump(os.path.join(whole, "scheduler", "scheduler_config.json"), dict(_class_name="DDIMScheduler", **scheduler("leading", steps_offset=1)))
    dump(os.path.join(whole, "atelier.json"), dict(steps=args.steps, guidance_scale=args.guidance, width=128, height=128, sampler="ddim"))
    student, _ = common.load_slices(os.path.join(args.run, "fast"))
    if not student:
        shutil.rmtree(fast)
        return
    write_part(os.path.join(fast, "unet"), common.load_mean(models.unet(), student, "unet"))
    dump(os.path.join(fast, "model_index.json"), index("LCMScheduler"))
    dump(os.path.join(fast, "scheduler", "scheduler_config.json"),
         dict(_class_name="LCMScheduler", **scheduler("leading", steps_offset=1, original_inference_steps=25, timestep_scaling=10.0,
                                                      rescale_betas_zero_snr=False, thresholding=False)))
    dump(os.path.join(fast, "atelier.json"), dict(steps=args.fast_steps, guidance_scale=1.0, width=128, height=128, sampler="lcm"))
    for part in ("vae", "vae_tiny", "text_encoder", "tokenizer"):
        if os.path.exists(os.path.join(whole, part)):
            os.symlink(os.path.join("..", args.name, part), os.path.join(fast, part))


if __name__ == "__main__":
    main()
