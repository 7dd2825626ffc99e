#!/usr/bin/env python3
"""Checks ldm_names.py against diffusers' own reading of such files: each single file of families.py, converted
back by diffusers, must give every tensor of the checkpoint that it was made from."""

import sys

import torch

torch.set_num_threads(1)

import checkpoint
import ldm_names
from diffusers.loaders import single_file_utils as single
from families import FAMILIES


def same(what, wanted, found):
    missing = sorted(set(wanted) ^ set(found))
    if missing:
        sys.exit(f"{what}: {missing[:5]}")
    for name, tensor in wanted.items():
        if not torch.equal(tensor.reshape(found[name].shape), found[name]):
            sys.exit(f"{what}: {name} differs")
    print(f"{what}: {len(wanted)} tensors equal")


def unprefixed(tensors):
    return {name.removeprefix("text_model."): value for name, value in tensors.items()}


def text_of(spec, parts, name, tensors, prefix):
    config = parts[name].config
    found = single.convert_open_clip_checkpoint(parts[name], dict(tensors), prefix=prefix)
    wanted = unprefixed(parts[name].state_dict())
    layers = config.num_hidden_layers
    found = {
        key: value
        for key, value in unprefixed(found).items()
        if f"layers.{layers}." not in key and (key in wanted or "text_projection" not in key)
    }
    same(f"{name} (OpenCLIP)", wanted, {k: v for k, v in found.items() if "position_ids" not in k})


for name, spec in FAMILIES.items():
    if not spec.get("single_file"):
        continue
    print(name)
    parts = checkpoint.build(spec)
    tensors = ldm_names.from_diffusers(spec, parts)
    same("unet", parts["unet"].state_dict(), single.convert_ldm_unet_checkpoint(dict(tensors), parts["unet"].config))
    same("vae", parts["vae"].state_dict(), single.convert_ldm_vae_checkpoint(dict(tensors), parts["vae"].config))
    first = unprefixed(parts["text_encoder"].state_dict())
    if "text_encoder_2" in parts:
        found = single.convert_ldm_clip_checkpoint(dict(tensors), remove_prefix="conditioner.embedders.0.transformer.")
        same("text_encoder", first, unprefixed(found))
        text_of(spec, parts, "text_encoder_2", tensors, "conditioner.embedders.1.model.")
    elif spec["text_encoder"]["hidden_act"] == "gelu":
        text_of(spec, parts, "text_encoder", tensors, "cond_stage_model.model.")
    else:
        found = unprefixed(single.convert_ldm_clip_checkpoint(dict(tensors)))
        found.pop("embeddings.position_ids")
        same("text_encoder", first, found)
