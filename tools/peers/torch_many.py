#!/usr/bin/env python3
"""How many pictures an hour P processes of PyTorch paint together: python3 tools/peers/torch_many.py MODEL_DIR
--processes P [--threads T] [--seconds S] [--dtype bf16|fp32] [--steps N] [--side PIXELS] [--batch B]. Each process has the
checkpoint's UNet and VAE decoder to itself (channels_last), is pinned to cores of its own, and runs steps at batch B (2:
classifier-free guidance, 1: none) from a common start; then decodes from a common start. Weights are random: only the
shapes count. One JSON object; private_mb is what one process has to itself after painting (USS)."""

import argparse
import json
import multiprocessing as mp
import os
import time


def load(model_dir, kind):
    import diffusers
    import torch

    dtype = torch.bfloat16 if kind == "bf16" else torch.float32
    nets = []
    for name in ("unet", "vae"):
        with open(os.path.join(model_dir, name, "config.json")) as f:
            config = json.load(f)
        torch.manual_seed(0)
        torch.set_default_dtype(dtype)
        net = getattr(diffusers, config["_class_name"]).from_config(config)
        nets.append(net.to(dtype).eval().to(memory_format=torch.channels_last))
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


def private_mb():
    with open("/proc/self/smaps_rollup") as f:
        return sum(int(line.split()[1]) for line in f if line.startswith("Private_")) / 1000


def work(rank, cpus, a, barrier, results):
    os.sched_setaffinity(0, cpus[rank * a.threads:(rank + 1) * a.threads])
    os.environ["OMP_NUM_THREADS"] = str(a.threads)
    import torch

    torch.set_num_threads(a.threads)
    (unet, vae), dtype = load(a.model, a.dtype)
    sample = torch.randn(a.batch, unet.config.in_channels, a.side // 8, a.side // 8, dtype=dtype)
    sample = sample.to(memory_format=torch.channels_last)
    text = torch.randn(a.batch, 77, unet.config.cross_attention_dim, dtype=dtype)
    latent = torch.randn(1, 4, a.side // 8, a.side // 8, dtype=dtype).to(memory_format=torch.channels_last)
    with torch.inference_mode():
        unet(sample, torch.tensor(500), text)
        steps = repeat(lambda: unet(sample, torch.tensor(500), text), a.seconds, barrier)
        decodes = repeat(lambda: vae.decode(latent), a.seconds / 3, barrier)
    results.put((steps, decodes, private_mb()))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--processes", type=int, required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--dtype", choices=("bf16", "fp32"), default="bf16")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--batch", type=int, default=2)
    a = parser.parse_args()
    cpus = sorted(os.sched_getaffinity(0))
    if a.processes * a.threads > len(cpus):
        parser.error(f"{a.processes} x {a.threads} want more than the {len(cpus)} CPUs there are")
    context = mp.get_context("spawn")
    barrier, results = context.Barrier(a.processes), context.Queue()
    pool = [context.Process(target=work, args=(i, cpus, a, barrier, results)) for i in range(a.processes)]
    for p in pool:
        p.start()
    rows = [results.get() for _ in pool]
    for p in pool:
        p.join()
    mean = lambda values: sum(values) / len(values)
    step_s = [mean(steps) for steps, _, _ in rows]
    decode_s = [mean(decodes) for _, decodes, _ in rows]
    print(json.dumps({
        "processes": a.processes, "threads": a.threads, "dtype": a.dtype, "batch": a.batch,
        "step_s": round(mean(step_s), 4), "steps_per_s": round(sum(1 / s for s in step_s), 3),
        "decode_s": round(mean(decode_s), 4),
        "images_per_hour": round(sum(3600 / (a.steps * s + d) for s, d in zip(step_s, decode_s)), 1),
        "steps_a_picture": a.steps, "private_mb": round(mean([mb for _, _, mb in rows])),
    }))


if __name__ == "__main__":
    main()
