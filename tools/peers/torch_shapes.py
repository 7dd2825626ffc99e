#!/usr/bin/env python3
"""The rows of bench/unet_shapes.h, computed by PyTorch in fp32:

    python3 tools/peers/torch_shapes.py [threads [seconds a shape [part of a name]]]

The list of shapes is read from that file. Weights are walked through in copies, so that they come from memory as they
do in a network, and each product adds a residual, as unet_shapes_bench does. Run both on the same cores, one after
the other."""

import pathlib
import re
import sys
import time

import torch
import torch.nn.functional as F

PICTURES = 2
COPY_BYTES = 256 << 20


def shapes():
    source = pathlib.Path(__file__).parents[2] / "bench" / "unet_shapes.h"
    row = re.compile(r'\{"([^"]+)", ([A-Z_]+), (\d+), (\d+), (\d+), (\d+), (\d+)\}')
    for name, kind, *numbers in row.findall(source.read_text()):
        yield name, kind, *map(int, numbers)


def attention(side, c, heads, keys):
    q = torch.randn(PICTURES, heads, side * side, c // heads)
    k, v = torch.randn(2, PICTURES, heads, keys, c // heads)
    return (lambda i: F.scaled_dot_product_attention(q, k, v)), 4.0 * PICTURES * side * side * keys * c


def product(kind, side, c_in, c_out, kernel):
    copies = min(16, COPY_BYTES // (4 * c_in * c_out * kernel * kernel) + 1)
    bias = torch.randn(c_out)
    flops = 2.0 * PICTURES * side * side * c_in * c_out * kernel * kernel
    if kind == "CONV":
        w = [torch.randn(c_out, c_in, kernel, kernel) for _ in range(copies)]
        x, residual = torch.randn(PICTURES, c_in, side, side), torch.randn(PICTURES, c_out, side, side)
        return (lambda i: F.conv2d(x, w[i % copies], bias, padding=kernel // 2) + residual), flops
    w = [torch.randn(c_out, c_in) for _ in range(copies)]
    x, residual = torch.randn(PICTURES, side * side, c_in), torch.randn(PICTURES, side * side, c_out)
    if kind == "LINEAR":
        return (lambda i: F.linear(x, w[i % copies], bias) + residual), flops

    def geglu(i):
        value, gate = F.linear(x, w[i % copies], bias).chunk(2, dim=-1)
        return value * F.gelu(gate)

    return geglu, flops


def case(kind, side, c_in, c_out, kernel):
    """A function of the repetition's number, and its floating-point operations (for norms: bytes moved)."""
    if kind == "SELF_ATTENTION":
        return attention(side, c_in, c_out, side * side)
    if kind == "CROSS_ATTENTION":
        return attention(side, c_in, c_out, 77)
    scale, shift = torch.randn(c_in), torch.randn(c_in)
    n_bytes = 8.0 * PICTURES * side * side * c_in
    if kind == "GROUP_NORM":
        x = torch.randn(PICTURES, c_in, side, side)
        return (lambda i: F.silu(F.group_norm(x, 32, scale, shift, 1e-5))), n_bytes
    if kind == "LAYER_NORM":
        x = torch.randn(PICTURES, side * side, c_in)
        return (lambda i: F.layer_norm(x, (c_in,), scale, shift)), n_bytes
    return product(kind, side, c_in, c_out, kernel)


def measure(f, seconds):
    f(0)
    times, begin = [], time.perf_counter()
    while len(times) < 3 or (len(times) < 64 and time.perf_counter() - begin < seconds):
        start = time.perf_counter()
        f(len(times))
        times.append(time.perf_counter() - start)
    times.sort()
    return times[len(times) // 2], times[0]


def main():
    threads = int(sys.argv[1]) if len(sys.argv) > 1 else 2
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 0.3
    only = sys.argv[3] if len(sys.argv) > 3 else ""
    torch.set_num_threads(threads)
    total = 0.0
    print(f"{'shape':26} {'median ms':>10} {'best ms':>10} {'GFLOP/s':>10} {'ms a step':>10}"
          f"   (PyTorch {torch.__version__}, {threads} threads)")
    with torch.inference_mode():
        for name, kind, side, c_in, c_out, kernel, count in shapes():
            if only not in name:
                continue
            f, flops = case(kind, side, c_in, c_out, kernel)
            median, best = measure(f, seconds)
            total += best * count
            print(f"{name:26} {median * 1e3:10.3f} {best * 1e3:10.3f} {flops / best * 1e-9:10.1f}"
                  f" {best * 1e3 * count:10.1f}", flush=True)
    print(f"{'all of these':26} {'':10} {'':10} {'':10} {total * 1e3:10.1f}")


if __name__ == "__main__":
    main()
