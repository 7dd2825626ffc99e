#!/usr/bin/env python3
"""Compares two safetensors files tensor by tensor: python3 compare.py GOLDEN OTHER [--bound 1e-4].

Prints name, shape, relative L2 (|other - golden| / |golden|) and the largest absolute difference; uint8
pictures get their PSNR as well. Exit code 1 if a tensor is missing, has another shape, or exceeds the bound.
Needs numpy and safetensors only."""

import argparse
import sys

import numpy
from safetensors.numpy import load_file


def relative_l2(golden, other):
    golden, other = golden.astype(numpy.float64), other.astype(numpy.float64)
    norm = numpy.linalg.norm(golden)
    return numpy.linalg.norm(other - golden) / (norm if norm > 0 else 1.0)


def psnr(golden, other):
    """Of pictures with values 0 … 255."""
    error = numpy.mean((golden.astype(numpy.float64) - other.astype(numpy.float64)) ** 2)
    return numpy.inf if error == 0 else 10 * numpy.log10(255.0**2 / error)


def compare(golden, other, bound, say=print):
    """Whether every tensor of `golden` is in `other`, within the bound."""
    good = True
    for name in sorted(golden):
        if name not in other:
            say(f"{name}: missing")
            good = False
            continue
        a, b = golden[name], other[name]
        if a.shape != b.shape:
            say(f"{name}: shape {list(b.shape)}, golden {list(a.shape)}")
            good = False
            continue
        error = relative_l2(a, b)
        worst = numpy.max(numpy.abs(a.astype(numpy.float64) - b.astype(numpy.float64)), initial=0.0)
        picture = a.dtype == numpy.uint8
        within = (psnr(a, b) >= 60 and worst <= 2) if picture else error <= bound
        tail = f"  psnr {psnr(a, b):.1f} dB" if picture else ""
        say(f"{name} {list(a.shape)}: relative L2 {error:.2e}  max {worst:.3g}{tail}{'' if within else '  EXCEEDS'}")
        good = good and within
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("golden")
    parser.add_argument("other")
    parser.add_argument("--bound", type=float, default=1e-4)
    options = parser.parse_args()
    return 0 if compare(load_file(options.golden), load_file(options.other), options.bound) else 1


if __name__ == "__main__":
    sys.exit(main())
