"""ldm_names.py - the names of single-file checkpoints, beside diffusers' names, for small models of three families.

Each family's tensors are put under LDM keys here, and diffusers' own conversion has to give the model's state
dict back, tensor by tensor: so the lists are diffusers' word, not ours. Lines of the output:

    <LDM name> <shape, joined by x> <component>/<diffusers name> <how>

where <how> is "whole", "0", "1" or "2" (that third of the rows) or "turned" (transposed). A name "-" stands for a
tensor that is not used.

    python3 tests/reference/ldm_names.py tests/unit/engine/model/ldm
"""

import os
import re
import sys

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint, convert_ldm_vae_checkpoint
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

RESNET = [("norm1", "in_layers.0"), ("conv1", "in_layers.2"), ("norm2", "out_layers.0"), ("conv2", "out_layers.3"),
          ("time_emb_proj", "emb_layers.1"), ("conv_shortcut", "skip_connection")]
SINGLE = [("time_embedding.linear_1", "time_embed.0"), ("time_embedding.linear_2", "time_embed.2"),
          ("conv_in", "input_blocks.0.0"), ("conv_norm_out", "out.0"), ("conv_out", "out.2"),
          ("add_embedding.linear_1", "label_emb.0.0"), ("add_embedding.linear_2", "label_emb.0.2")]
OPEN_CLIP = [("layer_norm1", "ln_1"), ("layer_norm2", "ln_2"), ("mlp.fc1", "mlp.c_fc"), ("mlp.fc2", "mlp.c_proj"),
             ("self_attn", "attn")]


def replace_all(name, pairs):
    for old, new in pairs:
        name = name.replace(old, new)
    return name


def unet_name(name, layers, state):
    p = name.split(".")
    tail = ".".join(p[4:])
    if p[0] == "mid_block":
        tail = ".".join(p[3:])
        return f"middle_block.{1 if p[1] == 'attentions' else 2 * int(p[2])}." + (
            replace_all(tail, RESNET) if p[1] == "resnets" else tail)
    if p[0] not in ("down_blocks", "up_blocks"):
        return replace_all(name, SINGLE)
    block, first = int(p[1]), 1 if p[0] == "down_blocks" else 0
    side = "input_blocks" if first else "output_blocks"
    if p[2] == "downsamplers":
        return f"{side}.{first + block * (layers + 1) + layers}.0.op.{p[-1]}"
    if p[2] == "upsamplers":
        attends = any(k.startswith(f"up_blocks.{block}.attentions") for k in state)
        return f"{side}.{block * (layers + 1) + layers}.{2 if attends else 1}.conv.{p[-1]}"
    index = first + block * (layers + 1) + int(p[3])
    if p[2] == "resnets":
        return f"{side}.{index}.0." + replace_all(tail, RESNET)
    return f"{side}.{index}.1.{tail}"


def vae_name(name, n_blocks):
    name = replace_all(name, [("conv_norm_out", "norm_out"), ("conv_shortcut", "nin_shortcut")])
    name = re.sub(r"down_blocks\.(\d+)\.resnets\.", r"down.\1.block.", name)
    name = re.sub(r"down_blocks\.(\d+)\.downsamplers\.0", r"down.\1.downsample", name)
    name = re.sub(r"up_blocks\.(\d+)\.resnets\.", lambda m: f"up.{n_blocks - 1 - int(m[1])}.block.", name)
    name = re.sub(r"up_blocks\.(\d+)\.upsamplers\.0", lambda m: f"up.{n_blocks - 1 - int(m[1])}.upsample", name)
    name = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", name)
    if "mid_block.attentions" in name:
        name = replace_all(name, [("mid_block.attentions.0", "mid.attn_1"), ("group_norm", "norm"), ("to_q", "q"),
                                  ("to_k", "k"), ("to_v", "v"), ("to_out.0", "proj_out")])
    return name


def text_state(model):
    return {k if k.startswith(("text_model.", "text_projection")) else "text_model." + k: x
            for k, x in model.state_dict().items()}


def open_clip_lines(prefix, component, model, spare):
    lines, layers = [], model.config.num_hidden_layers
    for k, x in text_state(model).items():
        shape, how, rest = list(x.shape), "whole", k.removeprefix("text_model.")
        if rest.startswith("encoder.layers."):
            n, tail = rest.split(".")[2], ".".join(rest.split(".")[3:])
            which = [i for i, q in enumerate(("q_proj", "k_proj", "v_proj")) if q in tail]
            name = f"transformer.resblocks.{n}." + replace_all(tail, OPEN_CLIP)
            if which:
                how, shape = str(which[0]), [3 * shape[0]] + shape[1:]
                name = f"transformer.resblocks.{n}.attn.in_proj_{tail.split('.')[-1]}"
        elif k == "text_projection.weight":
            name, how, shape = "text_projection", "turned", shape[::-1]
        else:
            name = replace_all(rest, [("embeddings.position_embedding.weight", "positional_embedding"),
                                      ("embeddings.token_embedding", "token_embedding"), ("final_layer_norm", "ln_final")])
        lines.append((prefix + name, shape, f"{component}/{k}", how))
    for name, shape, _, _ in [l for l in lines if spare and "resblocks.0." in l[0]]:
        lines.append((name.replace("resblocks.0.", f"resblocks.{layers}."), shape, "-", "whole"))
    return lines


def text_config(**more):
    return CLIPTextConfig(vocab_size=50, hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=1,
                          bos_token_id=0, eos_token_id=2, pad_token_id=1, **more)


def family(kind):
    xl, linear = kind == "sdxl", kind != "sd1"
    more = dict(addition_embed_type="text_time", addition_time_embed_dim=8, projection_class_embeddings_input_dim=48 + 48,
                transformer_layers_per_block=(1, 2)) if xl else {}
    types = ("DownBlock2D", "CrossAttnDownBlock2D") if xl else ("CrossAttnDownBlock2D", "DownBlock2D")
    unet = UNet2DConditionModel(
        block_out_channels=(32, 64), layers_per_block=1, down_block_types=types, use_linear_projection=linear,
        up_block_types=tuple(t.replace("Down", "Up") for t in reversed(types)), cross_attention_dim=128 if xl else 64,
        attention_head_dim=(1, 1) if linear else 8, **more)
    vae = AutoencoderKL(block_out_channels=(32, 64), down_block_types=("DownEncoderBlock2D",) * 2,
                        up_block_types=("UpDecoderBlock2D",) * 2, layers_per_block=1)
    texts = [CLIPTextModel(text_config(hidden_act="gelu" if kind == "sd2" else "quick_gelu"))]
    if xl:
        texts.append(CLIPTextModelWithProjection(text_config(hidden_act="gelu", projection_dim=48)))
    return unet, vae, texts


def lines_of(kind):
    unet, vae, texts = family(kind)
    lines, ldm = [], {}
    for k, x in unet.state_dict().items():
        name = "model.diffusion_model." + unet_name(k, 1, unet.state_dict())
        ldm[name] = x
        lines.append((name, x.shape, "unet/" + k, "whole"))
    for k, x in vae.state_dict().items():
        name = "first_stage_model." + vae_name(k, 2)
        if "attentions" in k and x.ndim == 2:
            x = x[:, :, None, None]
        ldm[name] = x
        lines.append((name, x.shape, "vae/" + k, "whole"))
    for converted, model in ((convert_ldm_unet_checkpoint(dict(ldm), dict(unet.config)), unet),
                             (convert_ldm_vae_checkpoint(dict(ldm), dict(vae.config)), vae)):
        state = model.state_dict()
        assert set(converted) == set(state)
        assert all(torch.equal(converted[k].reshape(state[k].shape), state[k]) for k in state)
    if kind == "sd2":
        lines += open_clip_lines("cond_stage_model.model.", "text_encoder", texts[0], True)
    else:
        prefix = "cond_stage_model.transformer." if kind == "sd1" else "conditioner.embedders.0.transformer."
        lines += [(prefix + k, x.shape, "text_encoder/" + k, "whole") for k, x in text_state(texts[0]).items()]
    if kind == "sdxl":
        lines += open_clip_lines("conditioner.embedders.1.model.", "text_encoder_2", texts[1], False)
    lines += [("alphas_cumprod", [10], "-", "whole"), ("model_ema.decay", [1], "-", "whole")]
    return lines


def main():
    os.makedirs(sys.argv[1], exist_ok=True)
    torch.set_num_threads(1)
    for kind in ("sd1", "sd2", "sdxl"):
        with open(os.path.join(sys.argv[1], kind + ".txt"), "w") as f:
            for name, shape, to, how in lines_of(kind):
                f.write(f"{name} {'x'.join(str(int(d)) for d in shape)} {to} {how}\n")


if __name__ == "__main__":
    main()
