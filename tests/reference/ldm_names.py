"""The names of the original latent-diffusion checkpoints, from diffusers' names.

One walk over each config says which `input_blocks.N` a block became; inside a resnet and a VAE a table of
words does the rest."""

import torch

RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}

UNET_ENDS = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}


def unet_prefixes(config):
    """[(diffusers prefix, LDM prefix, whether it is a resnet)]."""
    pairs, n = [], 1
    down, up = config["down_block_types"], config["up_block_types"]
    layers = config["layers_per_block"]
    for i, kind in enumerate(down):
        for j in range(layers):
            pairs.append((f"down_blocks.{i}.resnets.{j}.", f"input_blocks.{n}.0.", True))
            if "CrossAttn" in kind:
                pairs.append((f"down_blocks.{i}.attentions.{j}.", f"input_blocks.{n}.1.", False))
            n += 1
        if i + 1 < len(down):
            pairs.append((f"down_blocks.{i}.downsamplers.0.conv.", f"input_blocks.{n}.0.op.", False))
            n += 1
    pairs.append(("mid_block.resnets.0.", "middle_block.0.", True))
    pairs.append(("mid_block.attentions.0.", "middle_block.1.", False))
    pairs.append(("mid_block.resnets.1.", "middle_block.2.", True))
    n = 0
    for i, kind in enumerate(up):
        for j in range(layers + 1):
            pairs.append((f"up_blocks.{i}.resnets.{j}.", f"output_blocks.{n}.0.", True))
            last = 1
            if "CrossAttn" in kind:
                pairs.append((f"up_blocks.{i}.attentions.{j}.", f"output_blocks.{n}.1.", False))
                last = 2
            if j == layers and i + 1 < len(up):
                tail = f"output_blocks.{n}.{last}.conv."
                pairs.append((f"up_blocks.{i}.upsamplers.0.conv.", tail, False))
            n += 1
    return pairs


def unet(config, tensors):
    pairs, out = unet_prefixes(config), {}
    for name, tensor in tensors.items():
        stem, _, kind = name.rpartition(".")
        if stem in UNET_ENDS:
            out[f"{UNET_ENDS[stem]}.{kind}"] = tensor
            continue
        old, new, is_resnet = next(pair for pair in pairs if name.startswith(pair[0]))
        tail = name[len(old) :]
        if is_resnet:
            word, _, kind = tail.rpartition(".")
            tail = f"{RESNET[word]}.{kind}"
        out[new + tail] = tensor
    return out


VAE_WORDS = {
    "conv_shortcut": "nin_shortcut",
    "mid_block.resnets.0": "mid.block_1",
    "mid_block.resnets.1": "mid.block_2",
    "mid_block.attentions.0": "mid.attn_1",
    "conv_norm_out": "norm_out",
    "group_norm": "norm",
    "to_q": "q",
    "to_k": "k",
    "to_v": "v",
    "to_out.0": "proj_out",
    ".downsamplers.0.": ".downsample.",
    ".upsamplers.0.": ".upsample.",
    ".resnets.": ".block.",
}


def vae(config, tensors):
    n, out = len(config["block_out_channels"]), {}
    for name, tensor in tensors.items():
        attention = ".attentions.0." in name
        for new, old in VAE_WORDS.items():
            name = name.replace(new, old)
        for i in range(n):
            name = name.replace(f"decoder.up_blocks.{i}.", f"decoder.up.{n - 1 - i}.")
            name = name.replace(f"encoder.down_blocks.{i}.", f"encoder.down.{i}.")
        if attention and tensor.dim() == 2:
            tensor = tensor[:, :, None, None]
        out[name] = tensor
    return out


def clip(tensors):
    return {"text_model." + name.removeprefix("text_model."): value for name, value in tensors.items()}


OPEN_CLIP = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
    "final_layer_norm": "ln_final",
    "embeddings.token_embedding": "token_embedding",
}


def open_clip(tensors, n_layers, extra_layer):
    """OpenCLIP's names: one in_proj of q, k and v; text_projection the other way round. SD 2.x files hold one
    layer more than the encoder that is used."""
    tensors = {name.removeprefix("text_model."): value for name, value in tensors.items()}
    out = {}
    for i in range(n_layers):
        for kind in ("weight", "bias"):
            parts = [tensors.pop(f"encoder.layers.{i}.self_attn.{p}_proj.{kind}") for p in "qkv"]
            out[f"transformer.resblocks.{i}.attn.in_proj_{kind}"] = torch.cat(parts)
    for name, value in tensors.items():
        if name == "text_projection.weight":
            out["text_projection"] = value.T
        elif name == "embeddings.position_embedding.weight":
            out["positional_embedding"] = value
        else:
            name = name.replace("encoder.layers.", "transformer.resblocks.")
            for new, old in OPEN_CLIP.items():
                name = name.replace(new, old)
            out[name] = value
    if extra_layer:
        tail = f"transformer.resblocks.{n_layers - 1}."
        for name in [name for name in out if name.startswith(tail)]:
            out[name.replace(tail, f"transformer.resblocks.{n_layers}.")] = out[name] * 1.25
        width = out["ln_final.weight"].shape[0]
        out["text_projection"] = torch.eye(width)
    out["logit_scale"] = torch.tensor(4.6)
    return out


def from_diffusers(spec, parts):
    out = {}

    def put(prefix, tensors):
        out.update({prefix + name: value for name, value in tensors.items()})

    put("model.diffusion_model.", unet(spec["unet"], parts["unet"].state_dict()))
    put("first_stage_model.", vae(spec["vae"], parts["vae"].state_dict()))
    first = parts["text_encoder"].state_dict()
    if "text_encoder_2" in parts:
        put("conditioner.embedders.0.transformer.", clip(first))
        layers = spec["text_encoder_2"]["num_hidden_layers"]
        second = open_clip(dict(parts["text_encoder_2"].state_dict()), layers, False)
        put("conditioner.embedders.1.model.", second)
    elif spec["text_encoder"]["hidden_act"] == "gelu":
        layers = spec["text_encoder"]["num_hidden_layers"]
        put("cond_stage_model.model.", open_clip(dict(first), layers, True))
    else:
        put("cond_stage_model.transformer.", clip(first))
        ids = torch.arange(77, dtype=torch.int64).reshape(1, 77)
        out["cond_stage_model.transformer.text_model.embeddings.position_ids"] = ids
    if "text_encoder_2" not in parts:  # what training left behind in the published files
        betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
        out["betas"] = betas
        out["alphas_cumprod"] = torch.cumprod(1 - betas, 0)
        out["model_ema.decay"] = torch.tensor(0.9999)
        out["model_ema.num_updates"] = torch.tensor(1000, dtype=torch.int32)
    return out
