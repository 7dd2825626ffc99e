#!/usr/bin/env python3
"""Times a stage of a checkpoint in PyTorch or OpenVINO, as often as it is asked to: python3 tools/peers/resident.py
torch|openvino MODEL_DIR STAGE POLICY THREADS [SCRATCH_DIR [single] [SIDE in pixels]]. Loads, warms up, says "ready VERSION"
and then answers each line "N" on stdin with the milliseconds of N calls, as a JSON list. Stages are those of networks.py, and
"picture": text, UNet, decoding and bytes in one go. Ends when stdin does.

PyTorch: inference mode, channels last, huge pages for its tensors; bf16 is weights and activations in bfloat16. OpenVINO:
static shapes, the hint for latency, bf16 (or f32) as the precision; int8 is a model that openvino_models.py quantised, whose
other layers run in bf16. Compiled models are cached in the scratch folder."""

import json
import os
import sys
import time

import networks


def torch_stage(model_dir, stage, policy, threads, guided, side):
    import torch

    torch.set_num_threads(threads)
    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16}[policy]
    net = networks.module(model_dir, stage, dtype).to(memory_format=torch.channels_last)
    given = [torch.from_numpy(x) for x in networks.inputs(model_dir, stage, guided, side)]
    given = [x.to(dtype) if x.ndim > 0 and x.is_floating_point() else x for x in given]
    given = [x.to(memory_format=torch.channels_last) if x.ndim == 4 else x for x in given]

    def call():
        with torch.inference_mode():
            return net(*given).float().numpy()

    return call


def openvino_stage(model_dir, stage, policy, threads, scratch, guided, side):
    import openvino

    import openvino_models

    settings = {"INFERENCE_PRECISION_HINT": "f32" if policy == "fp32" else "bf16", "INFERENCE_NUM_THREADS": threads,
                "PERFORMANCE_HINT": "LATENCY", "CACHE_DIR": os.path.join(scratch, "cache")}
    path = openvino_models.path_of(model_dir, scratch, stage, guided, side, policy == "int8")
    request = openvino.Core().compile_model(path, "CPU", settings).create_infer_request()
    given = networks.inputs(model_dir, stage, guided, side)
    return lambda: request.infer(given, share_inputs=True, share_outputs=True)[0]


def load(engine, model_dir, stage, policy, threads, scratch, guided, side):
    def one(name):
        if engine == "torch":
            return torch_stage(model_dir, name, policy, threads, guided, side)
        return openvino_stage(model_dir, name, policy, threads, scratch, guided, side)

    if stage != "picture":
        return one(stage)
    parts = [one(name) for name in networks.STAGES]

    def picture():
        results = [part() for part in parts]
        return (results[-1][0].clip(-1, 1) * 127.5 + 127.5).round().astype("uint8").transpose(1, 2, 0).tobytes()

    return picture


def version(engine):
    if engine == "torch":
        import torch

        return f"PyTorch {torch.__version__}"
    import openvino

    return f"OpenVINO {openvino.__version__}"


def main():
    engine, model_dir, stage, policy, threads, *rest = sys.argv[1:]
    scratch = rest[0] if rest else ""
    side = next((int(word) for word in rest[1:] if word.isdigit()), 512)
    call = load(engine, model_dir, stage, policy, int(threads), scratch, "single" not in rest, side)
    call()
    print("ready", version(engine), flush=True)
    for line in sys.stdin:
        times = []
        for _ in range(int(line)):
            begin = time.perf_counter()
            call()
            times.append(round((time.perf_counter() - begin) * 1e3, 3))
        print(json.dumps(times), flush=True)


if __name__ == "__main__":
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    main()
