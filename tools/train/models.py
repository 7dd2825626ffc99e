"""models.py - the networks, in the shapes that are shipped. One place, so that every trainer and the export agree."""

import torch

SCHEDULE = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", num_train_timesteps=1000)
SCALING = 0.18215
HIDDEN, TEXT_LAYERS = 160, 4
VAE_CHANNELS, VAE_GROUPS = (40, 80, 128, 128), 8
UNET_CHANNELS, UNET_HEADS = (96, 160, 192), (3, 5, 6)
TINY_CHANNELS = 40


def vae():
    from diffusers import AutoencoderKL
    return AutoencoderKL(in_channels=3, out_channels=3, latent_channels=4, block_out_channels=VAE_CHANNELS, layers_per_block=1,
                         norm_num_groups=VAE_GROUPS, sample_size=128, down_block_types=["DownEncoderBlock2D"] * 4,
                         up_block_types=["UpDecoderBlock2D"] * 4, scaling_factor=SCALING)


def tiny_vae():
    from diffusers import AutoencoderTiny
    c = (TINY_CHANNELS,) * 4
    return AutoencoderTiny(in_channels=3, out_channels=3, encoder_block_out_channels=c, decoder_block_out_channels=c,
                           latent_channels=4, num_encoder_blocks=(1, 3, 3, 3), num_decoder_blocks=(3, 3, 3, 1))


def text_encoder(vocabulary):
    from transformers import CLIPTextConfig, CLIPTextModel
    return CLIPTextModel(CLIPTextConfig(
        vocab_size=vocabulary, hidden_size=HIDDEN, intermediate_size=4 * HIDDEN, projection_dim=HIDDEN,
        num_hidden_layers=TEXT_LAYERS, num_attention_heads=HIDDEN // 32, max_position_embeddings=77, hidden_act="quick_gelu",
        layer_norm_eps=1e-5, bos_token_id=0, eos_token_id=2, pad_token_id=1))


def unet():
    from diffusers import UNet2DConditionModel
    n = len(UNET_CHANNELS)
    return UNet2DConditionModel(
        sample_size=16, in_channels=4, out_channels=4, block_out_channels=UNET_CHANNELS, layers_per_block=1,
        cross_attention_dim=HIDDEN, attention_head_dim=list(UNET_HEADS),
        down_block_types=["CrossAttnDownBlock2D"] * (n - 1) + ["DownBlock2D"],
        up_block_types=["UpBlock2D"] + ["CrossAttnUpBlock2D"] * (n - 1))


def alphas(device):
    """The cumulative products of SD's scaled-linear schedule, float32 [1000]."""
    s = SCHEDULE
    betas = torch.linspace(s["beta_start"] ** 0.5, s["beta_end"] ** 0.5, s["num_train_timesteps"], dtype=torch.float64) ** 2
    return torch.cumprod(1 - betas, 0).float().to(device)


def size(module):
    return sum(p.numel() for p in module.parameters())
