#!/usr/bin/env python3
"""The stages of a checkpoint as OpenVINO models with static shapes: python3 tools/peers/openvino_models.py MODEL_DIR
SCRATCH_DIR STAGE [int8] [single] [SIDE in pixels]. Writes SCRATCH_DIR/MODEL-STAGE-SIDE-BATCH[-int8].xml and .bin, unless they
are there. Float models are kept in f16, which OpenVINO turns into bf16 when it compiles them. "int8" quantises weights and
activations of convolutions and linear layers with NNCF's post-training quantisation (symmetric weights by channel; the
preset and the scheme for transformers, without bias correction, as OpenVINO's own notebooks do it for Stable
Diffusion). It is calibrated on random inputs, which serve times but would not serve pictures. "single": batch 1, for models
without guidance. Needs openvino, torch, diffusers, transformers, and for int8 nncf; for SD 1.5 7 GB of memory, for int8 16."""

import pathlib
import sys

import networks


def path_of(model_dir, scratch, stage, guided, side, int8=False):
    name = f"{pathlib.Path(model_dir).name}-{stage}-{side}-{2 if guided else 1}{'-int8' if int8 else ''}.xml"
    return pathlib.Path(scratch) / name


def convert(model_dir, stage, guided, side, path):
    import openvino
    import torch

    example = tuple(torch.from_numpy(x) for x in networks.inputs(model_dir, stage, guided, side))
    with torch.inference_mode():
        net = networks.module(model_dir, stage, torch.float32)
        converted = openvino.convert_model(net, example_input=example, input=[tuple(x.shape) for x in example])
    openvino.save_model(converted, path)


def quantise(model_dir, stage, guided, side, source, path):
    import nncf
    import openvino

    sample = networks.inputs(model_dir, stage, guided, side)
    exact = nncf.AdvancedQuantizationParameters(disable_bias_correction=True)
    quantised = nncf.quantize(openvino.Core().read_model(source), nncf.Dataset([sample]), subset_size=1,
                              model_type=nncf.ModelType.TRANSFORMER, advanced_parameters=exact)
    openvino.save_model(quantised, path)


def main():
    model_dir, scratch, stage, *rest = sys.argv[1:]
    guided, int8 = "single" not in rest, "int8" in rest
    side = next((int(word) for word in rest if word.isdigit()), 512)
    pathlib.Path(scratch).mkdir(parents=True, exist_ok=True)
    source = path_of(model_dir, scratch, stage, guided, side)
    if not source.exists():
        convert(model_dir, stage, guided, side, source)
    if int8 and not path_of(model_dir, scratch, stage, guided, side, int8).exists():
        quantise(model_dir, stage, guided, side, source, path_of(model_dir, scratch, stage, guided, side, int8))


if __name__ == "__main__":
    main()
