"""What torch's generators draw, for the C generator to equal.

Usage: python3 noise_goldens.py cpu|cuda OUT_FILE      (../golden/noise/cpu.json, …/cuda.json)

For each seed one generator makes draws of several sizes after each other. A CPU draw is written as its first
values' bits and the FNV-1a 64 of all of them, little-endian; it needs a CPU with AVX2 or later, as torch's
build for older ones differs in the last bit. A CUDA draw is written as SAMPLED values spread over it, since
the device's sine is an approximation. Made with torch 2.13 (CPU) and torch 2.11 on an H200 (CUDA).
"""

import json
import sys
from pathlib import Path

import torch

SEEDS = [0, 1, 42, 2**32 - 1, 2**32 + 5, 965400086, 2**63 + 11]
CPU_SIZES = list(range(1, 41)) + [16384, 16391, 3, 1, 7, 4096, 64, 15, 16]
CUDA_SIZES = [1, 4, 5, 257, 16384, 36864, 16384, 65536, 3, 64]
SAMPLED = 16


def fnv1a_64(data):
    digest = 0xCBF29CE484222325
    for byte in data:
        digest = ((digest ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return digest


def cpu_draw(n, generator):
    data = torch.randn(n, generator=generator).numpy().astype("<f4").tobytes()
    first = [f"{int.from_bytes(data[4 * i:4 * i + 4], 'little'):08x}" for i in range(min(n, 2))]
    return {"n": n, "first": first, "fnv1a": f"{fnv1a_64(data):016x}"}


def cuda_draw(n, generator):
    values = torch.randn(n, generator=generator, device="cuda").cpu()
    at = sorted({i * (n - 1) // (SAMPLED - 1) for i in range(SAMPLED)})
    return {"n": n, "at": at, "values": [round(values[i].item(), 8) for i in at]}


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in ("cpu", "cuda"):
        sys.exit(__doc__)
    torch.set_num_threads(1)
    device = sys.argv[1]
    if device == "cpu" and torch.backends.cpu.get_cpu_capability() not in ("AVX2", "AVX512"):
        sys.exit("needs AVX2")
    draw, sizes = (cpu_draw, CPU_SIZES) if device == "cpu" else (cuda_draw, CUDA_SIZES)
    generators = []
    for seed in SEEDS:
        generator = torch.Generator(device).manual_seed(seed)
        generators.append({"seed": f"{seed:016x}", "draws": [draw(n, generator) for n in sizes]})
    text = ",\n".join(json.dumps(g, separators=(",", ":")) for g in generators)
    Path(sys.argv[2]).write_text(f"[\n{text}\n]\n")


if __name__ == "__main__":
    main()
