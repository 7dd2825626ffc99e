#!/usr/bin/env python3
"""Times denoising steps, or decodings, of a checkpoint in OpenVINO: python3 tools/peers/openvino_step.py MODEL_DIR
SCRATCH_DIR [threads [steps [side in pixels [unet|vae]]]]. The part is converted from PyTorch once, with static shapes, and
kept in the scratch folder; it runs in bf16, with the hint for latency. One step is one call at batch 2 (classifier-free
guidance). Prints the milliseconds of each call after two that warm up, as a JSON list. Needs openvino, and for the
conversion torch and diffusers with 8 GB of memory."""

import json
import pathlib
import sys
import time

import numpy
import openvino


def shapes(part, side):
    if part == "vae":
        return {"latent": (1, 4, side // 8, side // 8)}
    return {"sample": (2, 4, side // 8, side // 8), "timestep": (), "context": (2, 77, 768)}


def convert(model_dir, part, side, path):
    import torch
    from diffusers import AutoencoderKL, UNet2DConditionModel

    kind, folder = (AutoencoderKL, "vae") if part == "vae" else (UNet2DConditionModel, "unet")
    model = kind.from_pretrained(model_dir, subfolder=folder).float().eval()

    class Part(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, *inputs):
            if part == "vae":
                return self.model.decode(*inputs, return_dict=False)[0]
            return self.model(*inputs, return_dict=False)[0]

    example = tuple(torch.rand(shape) for shape in shapes(part, side).values())
    with torch.inference_mode():
        converted = openvino.convert_model(Part(), example_input=example, input=list(shapes(part, side).values()))
    openvino.save_model(converted, path)


def main():
    model_dir, scratch = sys.argv[1], pathlib.Path(sys.argv[2])
    threads = int(sys.argv[3]) if len(sys.argv) > 3 else 2
    steps = int(sys.argv[4]) if len(sys.argv) > 4 else 4
    side = int(sys.argv[5]) if len(sys.argv) > 5 else 512
    part = sys.argv[6] if len(sys.argv) > 6 else "unet"
    scratch.mkdir(parents=True, exist_ok=True)
    path = scratch / f"{pathlib.Path(model_dir).name}-{part}-{side}.xml"
    if not path.exists():
        convert(model_dir, part, side, path)
    settings = {"INFERENCE_PRECISION_HINT": "bf16", "INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
    compiled = openvino.Core().compile_model(path, "CPU", settings)
    print(f"OpenVINO {openvino.__version__}, {compiled.get_property('INFERENCE_PRECISION_HINT')}", file=sys.stderr)
    request = compiled.create_infer_request()
    random = numpy.random.default_rng(0)
    inputs = [random.standard_normal(shape, dtype=numpy.float32) for shape in shapes(part, side).values()]
    if part != "vae":
        inputs[1] = numpy.array(501.0, numpy.float32)
    times = []
    for _ in range(steps + 2):
        begin = time.perf_counter()
        request.infer(inputs)
        times.append((time.perf_counter() - begin) * 1e3)
    print(json.dumps([round(t, 1) for t in times[2:]]))


if __name__ == "__main__":
    main()
