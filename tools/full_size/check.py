#!/usr/bin/env python3
"""Paints one picture of a real architecture at its real size with diffusers and with Atelier, and compares.

    python3 tools/full_size/check.py --atelier build/cli/atelier sd15 sd21 sdxl

`atelier model synth` writes the checkpoint (random weights), which diffusers must load unchanged; both paint 4
steps with the same latents in fp32, one after the other, component by component, so that SDXL fits in 20 GB.
Prints a Markdown table for docs/FULL_SIZE.md. Exit code 1 if a picture is under 50 dB. See README.md."""

import argparse
import gc
import json
import os
import resource
import shutil
import struct
import subprocess
import sys
import time

# family → (picture's side, folder of true tensor lists)
FAMILIES = {
    "sd15": (512, "sd15-full"),
    "sd21": (512, "sdturbo-full"),
    "sdxs": (512, "sdxs-full"),
    "sdxl": (1024, None),
}
PROMPT = "a photograph of an astronaut riding a horse, golden hour, highly detailed"
NEGATIVE = "blurry, low quality, watermark"
GUIDANCE, SEED, LEAST_DB = 7.5, 20260, 50.0


# ---- tensor lists ----


def tensors_of(folder):
    """name → shape of every .safetensors file in a folder, read from the headers."""
    shapes = {}
    for file in sorted(os.listdir(folder)):
        if not file.endswith(".safetensors"):
            continue
        with open(os.path.join(folder, file), "rb") as stream:
            header = json.loads(stream.read(struct.unpack("<Q", stream.read(8))[0]))
        shapes.update({name: value["shape"] for name, value in header.items() if name != "__metadata__"})
    return shapes


def modern(shapes):
    """Published SD 1.5 files carry older names for the same tensors; position_ids hold no weights."""
    words = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
    renamed = {}
    for name, shape in shapes.items():
        for old, new in words.items():
            name = name.replace(f"attentions.0.{old}.", f"attentions.0.{new}.")
        if not name.endswith("position_ids"):
            renamed[name] = shape
    return renamed


def check_tensor_lists(model, true_list):
    """Words about how the checkpoint's tensors compare with the published ones."""
    with open(true_list, encoding="utf-8") as file:
        wanted = json.load(file)
    faults, n = [], 0
    for part, shapes in wanted.items():
        found = modern(tensors_of(os.path.join(model, part)))
        shapes = modern(shapes)
        n += len(shapes)
        faults += [f"{part}: {name}" for name in sorted(set(found) ^ set(shapes))]
        faults += [f"{part}: {name} shape" for name in set(found) & set(shapes) if found[name] != shapes[name]]
    return f"all {n}" if not faults else f"{len(faults)} differ: " + "; ".join(faults[:4])


# ---- diffusers, in a process of its own ----


def peak_gb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def diffusers_child(model, in_path, out_path, side, steps, threads):
    import torch
    from diffusers import DiffusionPipeline
    from diffusers.utils import logging
    from safetensors.torch import load_file, save_file

    logging.disable_progress_bar()
    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    load = {"dtype": torch.float32, "local_files_only": True}
    tensors, seconds = {}, {}

    with open(os.path.join(model, "model_index.json"), encoding="utf-8") as file:
        two_encoders = "text_encoder_2" in json.load(file)
    pipe = DiffusionPipeline.from_pretrained(model, unet=None, vae=None, **load)
    began = time.monotonic()
    encoded = pipe.encode_prompt(
        PROMPT,
        device="cpu",
        num_images_per_prompt=1,
        do_classifier_free_guidance=True,
        negative_prompt=NEGATIVE,
    )
    seconds["text"] = time.monotonic() - began
    names = ["prompt_embeds", "negative_prompt_embeds", "pooled_prompt_embeds", "negative_pooled_prompt_embeds"]
    embeddings = dict(zip(names, encoded))
    del pipe
    gc.collect()

    absent = {"text_encoder": None, "tokenizer": None}
    if two_encoders:
        absent.update(text_encoder_2=None, tokenizer_2=None)
    pipe = DiffusionPipeline.from_pretrained(model, **absent, **load)
    pipe.set_progress_bar_config(disable=True)
    marks = [time.monotonic()]

    def stepped(_, i, timestep, values):
        marks.append(time.monotonic())
        tensors[f"latents.{i}"] = values["latents"].clone()
        return {}

    vae = pipe.vae
    latents = pipe(
        **embeddings,
        latents=load_file(in_path)["latents"],
        width=side,
        height=side,
        num_inference_steps=steps,
        guidance_scale=GUIDANCE,
        output_type="latent",
        callback_on_step_end=stepped,
    ).images
    seconds["step"] = (marks[-1] - marks[0]) / (len(marks) - 1)
    processor = pipe.image_processor
    del pipe
    gc.collect()

    began = time.monotonic()
    image = vae.decode(latents / vae.config.scaling_factor, return_dict=False)[0]
    seconds["vae"] = time.monotonic() - began
    picture = (processor.postprocess(image, output_type="np")[0] * 255).round().astype("uint8")
    tensors["image"] = torch.from_numpy(picture).contiguous()
    save_file(tensors, out_path)
    print(json.dumps({"seconds": seconds, "peak_gb": peak_gb()}))


# ---- one family ----


def run_child(command):
    """(seconds, peak of its memory in GB, its standard output)."""
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"failed: {' '.join(command)}")
    return time.monotonic() - began, usage.ru_maxrss / 1e6, output.decode()


def compare(golden_path, other_path):
    import numpy
    from safetensors.numpy import load_file

    golden, other = load_file(golden_path), load_file(other_path)
    a, b = golden["image"].astype(float), other["image"].astype(float)
    error = numpy.mean((a - b) ** 2)
    psnr = 10 * numpy.log10(255.0**2 / error) if error else numpy.inf
    last = max((name for name in golden if name.startswith("latents.")), key=lambda name: int(name.split(".")[1]))
    x, y = golden[last].astype(float), other[last].astype(float)
    relative = numpy.linalg.norm(x - y) / numpy.linalg.norm(x)
    return psnr, int(numpy.abs(a - b).max()), relative, a.std()


def check_family(family, options):
    import torch
    from safetensors.torch import save_file

    side, true_folder = FAMILIES[family]
    side = options.side or side
    model = os.path.join(options.work, family)
    paths = {name: os.path.join(options.work, f"{family}.{name}.safetensors") for name in ("in", "diffusers", "atelier")}
    if not os.path.exists(os.path.join(model, "model_index.json")):
        run_child([options.atelier, "model", "synth", family, model, "--dtype", options.dtype])
    lists = "not checked"
    if options.configs and true_folder:
        lists = check_tensor_lists(model, os.path.join(options.configs, true_folder, "tensors.json"))
    latents = torch.randn(1, 4, side // 8, side // 8, generator=torch.Generator().manual_seed(SEED))
    save_file({"latents": latents}, paths["in"])
    threads = str(options.threads)
    command = [sys.executable, os.path.abspath(__file__), "--child", model, paths["in"], paths["diffusers"]]
    theirs_s, theirs_gb, said = run_child(command + [str(side), str(options.steps), threads])
    theirs = json.loads(said.splitlines()[-1])["seconds"]
    command = [options.atelier, "model", "probe", model, "pipeline", "--in", paths["in"], "--out", paths["atelier"]]
    command += ["-p", PROMPT, "-n", NEGATIVE, "--steps", str(options.steps), "-g", str(GUIDANCE)]
    ours_s, ours_gb, _ = run_child(command + ["-W", str(side), "-H", str(side), "-t", threads])
    psnr, worst, relative, spread = compare(paths["diffusers"], paths["atelier"])
    print(
        f"| {family} | {side} | {options.steps} | {psnr:.1f} dB | {worst} | {relative:.1e} | {spread:.0f} | {lists} "
        f"| {theirs_s:.0f} s ({theirs['step']:.1f} s a step), {theirs_gb:.1f} GB | {ours_s:.0f} s, {ours_gb:.1f} GB |",
        flush=True,
    )
    if not options.keep:
        shutil.rmtree(model)
        for path in paths.values():
            os.remove(path)
    return psnr >= LEAST_DB


def main():
    if len(sys.argv) == 8 and sys.argv[1] == "--child":
        model, in_path, out_path, side, steps, threads = sys.argv[2:]
        return diffusers_child(model, in_path, out_path, int(side), int(steps), int(threads))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("families", nargs="+", choices=FAMILIES)
    parser.add_argument("--atelier", default="atelier", help="the program")
    parser.add_argument("--work", default="full-size", help="a folder for checkpoints: up to 7 GB each in f16")
    parser.add_argument("--dtype", default="f16", help="of the checkpoint on disk")
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--side", type=int, help="pixels, instead of the family's own size")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--configs", help="a folder with NAME-full/tensors.json, to compare tensor lists with")
    parser.add_argument("--keep", action="store_true", help="keep checkpoints and tensors")
    options = parser.parse_args()
    os.makedirs(options.work, exist_ok=True)
    print("| family | px | steps | PSNR | largest difference | last latents, relative L2 | picture's deviation | tensors as published | diffusers | Atelier |")
    print("|---|---|---|---|---|---|---|---|---|---|", flush=True)
    good = [check_family(family, options) for family in options.families]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
