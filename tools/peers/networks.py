"""networks.py - the stages of a checkpoint as PyTorch modules, with inputs of the right shapes: what resident.py times in
PyTorch and openvino_models.py exports. Stages are those of `atelier bench`, at the same batch sizes: text_encode (2
prompts), unet_step (2 latents: both sides of guidance), vae_decode (1 picture). A distilled model without guidance has
one prompt and one latent (`guided` false)."""

import json
import pathlib

STAGES = ("text_encode", "unet_step", "vae_decode")
CONTEXT_TOKENS = 77


def config_of(model_dir, part):
    return json.loads(pathlib.Path(model_dir, part, "config.json").read_text())


def shapes(model_dir, stage, guided, side):
    """Shape of each input, by its name."""
    batch = 2 if guided else 1
    if stage == "text_encode":
        return {"tokens": (batch, CONTEXT_TOKENS)}
    if stage == "vae_decode":
        return {"latent": (1, config_of(model_dir, "vae")["latent_channels"], side // 8, side // 8)}
    unet = config_of(model_dir, "unet")
    return {"sample": (batch, unet["in_channels"], side // 8, side // 8), "timestep": (),
            "context": (batch, CONTEXT_TOKENS, unet["cross_attention_dim"])}


def inputs(model_dir, stage, guided, side, seed=0):
    """Inputs as numpy arrays: latents and contexts normal, tokens any, the time step in the middle."""
    import numpy

    random = numpy.random.default_rng(seed)

    def one(name, shape):
        if name == "tokens":
            return random.integers(0, config_of(model_dir, "text_encoder")["vocab_size"], shape, dtype=numpy.int64)
        if name == "timestep":
            return numpy.array(501.0, numpy.float32)
        return random.standard_normal(shape, dtype=numpy.float32)

    return [one(name, shape) for name, shape in shapes(model_dir, stage, guided, side).items()]


def module(model_dir, stage, dtype):
    """The stage as a module that takes the inputs in order and returns one tensor."""
    import torch
    from diffusers import AutoencoderKL, AutoencoderTiny, UNet2DConditionModel
    from diffusers.utils import logging
    from transformers import CLIPTextModel
    from transformers.utils import logging as text_logging

    logging.disable_progress_bar()
    text_logging.disable_progress_bar()
    if stage == "text_encode":
        net = CLIPTextModel.from_pretrained(model_dir, subfolder="text_encoder", dtype=dtype)
    elif stage == "unet_step":
        net = UNet2DConditionModel.from_pretrained(model_dir, subfolder="unet", torch_dtype=dtype)
    else:
        tiny = config_of(model_dir, "vae").get("_class_name") == "AutoencoderTiny"
        net = (AutoencoderTiny if tiny else AutoencoderKL).from_pretrained(model_dir, subfolder="vae", torch_dtype=dtype)
        net.encoder = None

    class Stage(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net

        def forward(self, *given):
            if stage == "text_encode":
                return self.net(given[0], return_dict=False)[0]
            if stage == "vae_decode":
                return self.net.decode(given[0], return_dict=False)[0]
            return self.net(*given, return_dict=False)[0]

    return Stage().eval()
