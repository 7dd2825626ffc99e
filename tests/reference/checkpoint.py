"""Small checkpoints with seeded random weights, written as people find them.

The weights have a scale chosen so that errors show: branches are small beside the residual stream and the
stream itself is small (so that a norm's epsilon matters), attention is peaked (so that the text matters), and
the decoder's output spans the picture's range."""

import json
import os
import shutil
import zlib

import torch
from diffusers import AutoencoderKL, AutoencoderTiny, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

import ldm_names
import vocabulary

DTYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}

# (part of the name, gain): the first that fits holds; a weight's standard deviation is gain / sqrt(fan-in).
GAINS = {
    "unet": [
        ("conv_in.", 0.1),
        ("conv2.", 0.1),
        ("to_q.", 1.5),
        ("to_k.", 1.5),
        ("attn2.to_out.", 0.6),
        ("to_out.", 0.2),
        ("ff.net.2.", 0.2),
        ("proj_in.", 0.3),
        ("proj_out.", 0.4),
        ("time_emb_proj.", 0.5),
        ("cond_proj.", 0.3),
    ],
    "vae": [
        ("encoder.conv_out.", 2.0),
        ("decoder.conv_out.", 0.6),
        ("conv_in.", 0.1),
        ("conv2.", 0.1),
        ("to_q.", 1.5),
        ("to_k.", 1.5),
        ("to_out.", 0.2),
    ],
    "tiny_vae": [("conv.4.", 0.6), ("decoder.layers.", 1.3), ("encoder.layers.", 1.3)],
    "text": [("q_proj.", 1.5), ("k_proj.", 1.5), ("out_proj.", 0.05), ("fc2.", 0.05)],
}


def tensor_of(name, shape, seed, gains):
    generator = torch.Generator().manual_seed(zlib.crc32(f"{seed}:{name}".encode()))
    noise = torch.randn(shape, generator=generator)
    if "embedding" in name and "text_model" not in name and len(shape) == 2 and "linear" not in name:
        return noise * 0.04
    if name.endswith("final_layer_norm.bias"):
        return 0.2 + 0.05 * noise  # prompt weights keep the mean: it must not be a small difference of sums
    if len(shape) <= 1:
        return 1 + 0.2 * noise if name.endswith("weight") else 0.05 * noise
    gain = next((gain for part, gain in gains if part in name), 1.0)
    return noise * gain / (noise.numel() / shape[0]) ** 0.5


def fill(model, seed, kind, dtype):
    """Random weights, rounded to the dtype they are stored in, held in f32."""
    state = model.state_dict()
    for name, tensor in state.items():
        if tensor.is_floating_point():
            state[name] = tensor_of(name, tensor.shape, seed, GAINS[kind]).to(DTYPES[dtype]).float()
    model.load_state_dict(state)
    return model.eval()


def quieten_log_variance(vae, dtype):
    """An encoder that is fairly sure of itself, so that a picture survives img2img."""
    last = vae.quant_conv if vae.quant_conv is not None else vae.encoder.conv_out
    with torch.no_grad():
        last.bias[vae.config.latent_channels :] -= 4
        last.bias.copy_(last.bias.to(dtype))


def centre_picture(tiny_vae, dtype):
    """The tiny decoder has no norm: its last layer is told where the picture's middle is. Coarse steps, so
    that the last digit of a mean changes no weight."""
    last = tiny_vae.decoder.layers[-1]
    with torch.no_grad():
        latent = 6 * torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(0))
        picture = (tiny_vae.decode(latent).sample + 1) / 2
        gain = 2.0 ** (0.25 / picture.std((0, 2, 3))).log2().round()
        mean = picture.mean((0, 2, 3)) - last.bias
        last.weight.copy_((gain[:, None, None, None] * last.weight).to(DTYPES[dtype]))
        last.bias.copy_((0.5 - (16 * gain * mean).round() / 16).to(DTYPES[dtype]))


def build(spec):
    """name of the folder → model."""
    dtype, seed, parts = spec.get("dtype", "f16"), spec["seed"], {}
    for i, folder in enumerate(("text_encoder", "text_encoder_2")):
        if folder not in spec:
            continue
        config = dict(spec[folder])
        wanted = config.pop("_class", "CLIPTextModel")
        cls = CLIPTextModelWithProjection if wanted.endswith("Projection") else CLIPTextModel
        parts[folder] = fill(cls(CLIPTextConfig(**config)), seed + i, "text", dtype)
    unet = UNet2DConditionModel.from_config(dict(spec["unet"]))
    parts["unet"] = fill(unet, seed, "unet", dtype)
    if spec["vae"]["_class_name"] == "AutoencoderTiny":
        parts["vae"] = fill(AutoencoderTiny.from_config(dict(spec["vae"])), seed, "tiny_vae", dtype)
        centre_picture(parts["vae"], dtype)
    else:
        vae = fill(AutoencoderKL.from_config(dict(spec["vae"])), seed, "vae", dtype)
        quieten_log_variance(vae, DTYPES[dtype])
        parts["vae"] = vae
    return parts


def write_json(path, value):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=2)
        file.write("\n")


def save(folder, base, tensors, dtype, variant, n_shards):
    """`base`.safetensors, or shards with an index; `variant` goes where diffusers puts it."""
    os.makedirs(folder, exist_ok=True)
    tensors = {
        name: (tensor.to(DTYPES[dtype]) if tensor.is_floating_point() else tensor).contiguous()
        for name, tensor in tensors.items()
    }
    dot = f".{variant}" if variant else ""
    metadata = {"format": "pt"}
    if n_shards == 1:
        save_file(tensors, os.path.join(folder, f"{base}{dot}.safetensors"), metadata)
        return
    names, weight_map, total = sorted(tensors), {}, 0
    for i in range(n_shards):
        shard = {name: tensors[name] for name in names[i::n_shards]}
        file = f"{base}{dot}-{i + 1:05}-of-{n_shards:05}.safetensors"
        save_file(shard, os.path.join(folder, file), metadata)
        weight_map.update({name: file for name in shard})
        total += sum(tensor.numel() * tensor.element_size() for tensor in shard.values())
    index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(weight_map.items()))}
    write_json(os.path.join(folder, f"{base}.safetensors.index{dot}.json"), index)


def text_tensors(model, prefix, position_ids):
    """With or without the "text_model." that older transformers wrote; text_projection never has it."""
    tensors = {}
    for name, tensor in model.state_dict().items():
        name = name.removeprefix("text_model.")
        tensors[name if name.startswith("text_projection") or not prefix else "text_model." + name] = tensor
    if position_ids:
        name = ("text_model." if prefix else "") + "embeddings.position_ids"
        tensors[name] = torch.arange(77, dtype=torch.int64).reshape(1, 77)
    return tensors


OLD_VAE = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}


def vae_tensors(model, old_names):
    tensors = model.state_dict()
    if not old_names:
        return tensors
    renamed = {}
    for name, tensor in tensors.items():
        for new, old in OLD_VAE.items():
            name = name.replace(f"attentions.0.{new}.", f"attentions.0.{old}.")
        renamed[name] = tensor
    return renamed


def model_index(spec):
    pipeline = spec.get("pipeline", "StableDiffusionPipeline")
    index = {"_class_name": pipeline, "_diffusers_version": "0.27.0"}
    for folder, tokenizer in (("text_encoder", "tokenizer"), ("text_encoder_2", "tokenizer_2")):
        if folder in spec:
            index[folder] = ["transformers", spec[folder].get("_class", "CLIPTextModel")]
            index[tokenizer] = ["transformers", "CLIPTokenizer"]
    index["scheduler"] = ["diffusers", spec["scheduler"]["_class_name"]]
    index["unet"] = ["diffusers", "UNet2DConditionModel"]
    index["vae"] = ["diffusers", spec["vae"]["_class_name"]]
    if "XL" in pipeline:
        index["force_zeros_for_empty_prompt"] = spec.get("force_zeros", True)
    else:
        index.update(
            safety_checker=[None, None], feature_extractor=[None, None], requires_safety_checker=False
        )
    return index


def write_directory(root, spec, parts):
    """A diffusers directory; `spec` says how it is stored."""
    shutil.rmtree(root, ignore_errors=True)
    dtype, variant = spec.get("dtype", "f16"), spec.get("variant", "")
    write_json(os.path.join(root, "model_index.json"), model_index(spec))
    write_json(os.path.join(root, "scheduler", "scheduler_config.json"), spec["scheduler"])
    for number, folder in enumerate(("text_encoder", "text_encoder_2")):
        if folder not in spec:
            continue
        config = {key: value for key, value in spec[folder].items() if key != "_class"}
        config = {"architectures": [spec[folder].get("_class", "CLIPTextModel")], **config}
        config = {"model_type": "clip_text_model", **config}
        tensors = text_tensors(parts[folder], spec.get("prefix", True), spec.get("position_ids", False))
        write_json(os.path.join(root, folder, "config.json"), config)
        save(os.path.join(root, folder), "model", tensors, dtype, variant, spec.get("text_shards", 1))
        pad = spec.get("pads", ("<|endoftext|>", "!"))[number]
        vocabulary.write(os.path.join(root, ("tokenizer", "tokenizer_2")[number]), pad)
    for folder, tensors in (
        ("unet", parts["unet"].state_dict()),
        ("vae", vae_tensors(parts["vae"], spec.get("old_vae_names", False))),
    ):
        config = {"_diffusers_version": "0.27.0", **spec[folder]}
        write_json(os.path.join(root, folder, "config.json"), config)
        shards = spec.get("unet_shards", 1) if folder == "unet" else 1
        save(os.path.join(root, folder), "diffusion_pytorch_model", tensors, dtype, variant, shards)


def write_single_file(path, spec, parts):
    """One .safetensors with the keys of the original (latent-diffusion) code."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    tensors = ldm_names.from_diffusers(spec, parts)
    dtype = DTYPES[spec.get("dtype", "f16")]
    tensors = {
        name: (tensor.to(dtype) if tensor.is_floating_point() else tensor).contiguous().clone()
        for name, tensor in tensors.items()
    }
    save_file(tensors, path)
