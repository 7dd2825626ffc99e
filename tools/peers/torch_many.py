#!/usr/bin/env python3
"""How many pictures an hour P processes of PyTorch paint together: python3 tools/peers/torch_many.py MODEL_DIR
PROCESSES [threads [seconds [bf16|fp32 [steps a picture [side in pixels]]]]]. Each process has the checkpoint's UNet and
VAE decoder to itself (channels_last), is pinned to cores of its own, and runs steps at batch 2 (classifier-free guidance)
from a common start; then decodes from a common start. Weights are random: only the shapes count. One JSON object."""

import json
import multiprocessing as mp
import os
import sys
import time


def load(model_dir, kind):
    import torch
    from diffusers import AutoencoderKL, UNet2DConditionModel

    dtype = torch.bfloat16 if kind == "bf16" else torch.float32
    nets = []
    for cls, name in ((UNet2DConditionModel, "unet"), (AutoencoderKL, "vae")):
        with open(os.path.join(model_dir, name, "config.json")) as f:
            config = json.load(f)
        torch.manual_seed(0)
        nets.append(cls.from_config(config).to(dtype).eval().to(memory_format=torch.channels_last))
    return nets, dtype


def repeat(call, seconds, barrier):
    barrier.wait()
    begun, times = time.perf_counter(), []
    while time.perf_counter() - begun < seconds or len(times) < 2:
        t = time.perf_counter()
        call()
        times.append(time.perf_counter() - t)
    barrier.wait()
    return times


def work(rank, cpus, model_dir, threads, seconds, kind, side, barrier, results):
    os.sched_setaffinity(0, cpus[rank * threads:(rank + 1) * threads])
    os.environ["OMP_NUM_THREADS"] = str(threads)
    import torch

    torch.set_num_threads(threads)
    (unet, vae), dtype = load(model_dir, kind)
    sample = torch.randn(2, unet.config.in_channels, side // 8, side // 8).to(dtype)
    sample = sample.to(memory_format=torch.channels_last)
    text = torch.randn(2, 77, unet.config.cross_attention_dim).to(dtype)
    latent = torch.randn(1, 4, side // 8, side // 8).to(dtype).to(memory_format=torch.channels_last)
    with torch.inference_mode():
        unet(sample, torch.tensor(500), text)
        steps = repeat(lambda: unet(sample, torch.tensor(500), text), seconds, barrier)
        decodes = repeat(lambda: vae.decode(latent), seconds / 3, barrier)
    results.put((steps, decodes))


def main():
    model_dir, processes = sys.argv[1], int(sys.argv[2])
    threads = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    seconds = float(sys.argv[4]) if len(sys.argv) > 4 else 20
    kind = sys.argv[5] if len(sys.argv) > 5 else "bf16"
    n_steps = int(sys.argv[6]) if len(sys.argv) > 6 else 20
    side = int(sys.argv[7]) if len(sys.argv) > 7 else 512
    cpus = sorted(os.sched_getaffinity(0))
    if processes * threads > len(cpus):
        sys.exit(f"{processes} x {threads} want more than the {len(cpus)} CPUs there are")
    context = mp.get_context("spawn")
    barrier, results = context.Barrier(processes), context.Queue()
    pool = [context.Process(target=work, args=(i, cpus, model_dir, threads, seconds, kind, side, barrier, results))
            for i in range(processes)]
    for p in pool:
        p.start()
    rows = [results.get() for _ in pool]
    for p in pool:
        p.join()
    mean = lambda times: sum(times) / len(times)
    step_s = [mean(steps) for steps, _ in rows]
    decode_s = [mean(decodes) for _, decodes in rows]
    print(json.dumps({
        "processes": processes, "threads": threads, "dtype": kind,
        "step_s": round(mean(step_s), 4), "steps_per_s": round(sum(1 / s for s in step_s), 3),
        "decode_s": round(mean(decode_s), 4),
        "images_per_hour": round(sum(3600 / (n_steps * s + d) for s, d in zip(step_s, decode_s)), 1),
        "steps_a_picture": n_steps,
    }))


if __name__ == "__main__":
    main()
