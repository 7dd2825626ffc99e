"""Networks beside the small checkpoints, in the keys that people's files have, and what diffusers paints with them.

The networks are random; diffusers reads the very files (by PEFT), so that names, scales and sums are its word."""

import os
import re

import torch
from cases import BAD, FOX, SHIP, case
from ldm_names import unet_name
from safetensors.torch import save_file

LINEAR = re.compile(r"\.(to_[qkv]|to_out\.0|ff\.net\.0\.proj|ff\.net\.2|proj_in|proj_out|[qkv]_proj|out_proj|fc1|fc2)$")
CONVOLUTIONS = re.compile(r"\.(conv1|conv2|conv_shortcut|time_emb_proj|(down|up)samplers\.0\.conv)$")

# strength of the random matrices, so that a network moves a picture far, and the picture stays one
POWER = 0.35


def layers(model, convolutions):
    for name, module in model.named_modules():
        if isinstance(module, (torch.nn.Linear, torch.nn.Conv2d)):
            if LINEAR.search("." + name) or (convolutions and CONVOLUTIONS.search("." + name)):
                yield name, module.weight


def pair(weight, rank, generator):
    """(down, up) for a layer's weight, whose product is some part of it in size."""
    n_out, fan_in = weight.shape[0], weight[0].numel()
    down = torch.randn(rank, *weight.shape[1:], generator=generator) / fan_in**0.5
    up = torch.randn(n_out, rank, *[1] * (weight.ndim - 2), generator=generator)
    return down, up * (POWER * weight.std() * (fan_in / rank) ** 0.5)


def text_name(name):
    return name if name.startswith("text_model.") else "text_model." + name


def encoders(pipe):
    return [e for e in (pipe.text_encoder, getattr(pipe, "text_encoder_2", None)) if e is not None]


def kohya(pipe, generator, rank, alpha, ldm=False, convolutions=False):
    tensors = {}

    def add(prefix, name, weight):
        key = prefix + name.replace(".", "_")
        down, up = pair(weight, rank, generator)
        tensors[key + ".lora_down.weight"], tensors[key + ".lora_up.weight"] = down, up
        tensors[key + ".alpha"] = torch.tensor(float(alpha))

    several = len(encoders(pipe)) > 1
    for i, encoder in enumerate(encoders(pipe)):
        for name, weight in layers(encoder, False):
            add(f"lora_te{i + 1}_" if several else "lora_te_", text_name(name), weight)
    state = pipe.unet.state_dict()
    for name, weight in layers(pipe.unet, convolutions):
        if ldm:
            name = unet_name(name + ".weight", pipe.unet.config.layers_per_block, state)[: -len(".weight")]
        add("lora_unet_", name, weight)
    return tensors


def peft(pipe, generator, rank, convolutions=True):
    tensors = {}

    def add(prefix, name, weight):
        key = f"{prefix}.{name}"
        tensors[key + ".lora_A.weight"], tensors[key + ".lora_B.weight"] = pair(weight, rank, generator)

    for i, encoder in enumerate(encoders(pipe)):
        for name, weight in layers(encoder, False):
            add("text_encoder" if i == 0 else f"text_encoder_{i + 1}", text_name(name), weight)
    for name, weight in layers(pipe.unet, convolutions):
        add("unet", name, weight)
    return tensors


def old(pipe, generator, rank):
    """As diffusers wrote attention's projections at first."""
    tensors = {}
    for name, weight in layers(pipe.unet, False):
        found = re.match(r"(.*\.attn[12])\.(to_[qkv]|to_out)(\.0)?$", name)
        if found:
            key = f"unet.{found[1]}.processor.{found[2]}_lora."
            tensors[key + "down.weight"], tensors[key + "up.weight"] = pair(weight, rank, generator)
    return tensors


NETWORKS = {
    "sd1": {
        "kohya": lambda pipe, g: (kohya(pipe, g, 4, 3), torch.float16),
        "locon": lambda pipe, g: (kohya(pipe, g, 2, 1, convolutions=True), torch.float32),
        "peft": lambda pipe, g: (peft(pipe, g, 3), torch.bfloat16),
        "old": lambda pipe, g: (old(pipe, g, 4), torch.float32),
    },
    "sdxl": {
        "kohya": lambda pipe, g: (kohya(pipe, g, 2, 1, ldm=True), torch.float16),
        "peft": lambda pipe, g: (peft(pipe, g, 2, convolutions=False), torch.float16),
    },
}

# case → ([(network, strength in the text encoders, strength in the UNet)], how it paints)
CASES = {
    "sd1": {
        "kohya": ([("kohya", 0.8, 0.8)], case(negative_prompt=BAD)),
        "kohya_apart": ([("kohya", 0.3, 0.9)], case(SHIP, sampler="euler")),
        "kohya_0": ([("kohya", 0.0, 0.0)], case(negative_prompt=BAD)),
        "locon": ([("locon", 1.0, 1.0)], case(sampler="euler")),
        "peft": ([("peft", 0.8, 0.8)], case(negative_prompt=BAD)),
        "old": ([("old", -0.7, -0.7)], case(sampler="ddim")),
        "two": ([("kohya", 0.8, 0.8), ("peft", -0.5, -0.5)], case(SHIP, negative_prompt=BAD)),
    },
    "sdxl": {
        "kohya": ([("kohya", 0.8, 0.8)], case(negative_prompt=BAD, guidance_scale=5.0)),
        "two": ([("kohya", 0.5, 0.5), ("peft", 0.8, 0.8)], case(guidance_scale=5.0, sampler="euler")),
    },
}


def write_networks(pipe, name, folder):
    os.makedirs(folder, exist_ok=True)
    for i, (network, build) in enumerate(NETWORKS[name].items()):
        tensors, dtype = build(pipe, torch.Generator().manual_seed(1000 + i))
        save_file({key: t.to(dtype).contiguous() for key, t in tensors.items()}, os.path.join(folder, network + ".safetensors"))


def asked(networks):
    def one(network, text, unet):
        return f"<lora:{network}:{text:g}>" if text == unet else f"<lora:{network}:{text:g}:{unet:g}>"

    return "".join(one(*each) for each in networks)


def merge(encoder, prefix, tensors, alphas, strength):
    """Adds strength · alpha / rank · up · down to the encoder's own weights (Hu et al. 2021): the loader of
    diffusers 0.42 does not find the layers of transformers 5's encoders."""
    inner, n_merged = getattr(encoder, "text_model", encoder), 0
    for key, down in tensors.items():
        name = re.sub(r"\.to_(q|k|v|out)_lora\.", r".\1_proj.lora.", key)
        found = re.match(re.escape(prefix) + r"\.text_model\.(.*?)\.(lora_A|lora_linear_layer\.down|lora\.down)\.weight$", name)
        if not found:
            continue
        up = tensors[key.replace("lora_A", "lora_B").replace("down.weight", "up.weight")]
        alpha = float((alphas or {}).get(key + ".alpha", down.shape[0]))
        weight = inner.get_submodule(found[1]).weight
        weight += strength * alpha / down.shape[0] * (up.float() @ down.float())
        n_merged += 1
    assert n_merged == len(list(layers(encoder, False))), f"{prefix}: {n_merged} layers merged"


def load(pipe, folder, networks):
    """Once for a pipeline: beside the UNet by PEFT, into the text encoders by hand; names are what diffusers makes of the file's."""
    weights = []
    for network, text, unet in networks:
        tensors, alphas = pipe.lora_state_dict(folder, weight_name=network + ".safetensors", unet_config=pipe.unet.config)[:2]
        pipe.load_lora_into_unet(tensors, network_alphas=alphas, unet=pipe.unet, adapter_name=network, _pipeline=pipe)
        for i, encoder in enumerate(encoders(pipe) if any("text_encoder" in key for key in tensors) else []):
            merge(encoder, "text_encoder" if i == 0 else f"text_encoder_{i + 1}", tensors, alphas, text)
        weights.append(unet)
    pipe.unet.set_adapters([network for network, _, _ in networks], weights)
