"""What is made: the configs of every small checkpoint, and how each is stored."""

from vocabulary import END, START, VOCAB_SIZE

BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000}

PNDM = {
    "_class_name": "PNDMScheduler",
    "_diffusers_version": "0.6.0",
    **BETAS,
    "set_alpha_to_one": False,
    "skip_prk_steps": True,
    "steps_offset": 1,
    "trained_betas": None,
    "clip_sample": False,
}
DDIM_V = {
    "_class_name": "DDIMScheduler",
    "_diffusers_version": "0.8.0",
    **BETAS,
    "clip_sample": False,
    "prediction_type": "v_prediction",
    "set_alpha_to_one": False,
    "skip_prk_steps": True,
    "steps_offset": 1,
    "trained_betas": None,
}
EULER_TRAILING = {
    "_class_name": "EulerDiscreteScheduler",
    "_diffusers_version": "0.24.0",
    **BETAS,
    "clip_sample": False,
    "interpolation_type": "linear",
    "prediction_type": "epsilon",
    "sample_max_value": 1.0,
    "set_alpha_to_one": False,
    "sigma_max": None,
    "sigma_min": None,
    "skip_prk_steps": True,
    "steps_offset": 1,
    "timestep_spacing": "trailing",
    "timestep_type": "discrete",
    "trained_betas": None,
    "use_karras_sigmas": False,
}
EULER_LEADING = {**EULER_TRAILING, "timestep_spacing": "leading"}
EULER_A_TRAILING = {
    "_class_name": "EulerAncestralDiscreteScheduler",
    "_diffusers_version": "0.24.0",
    **BETAS,
    "clip_sample": False,
    "prediction_type": "epsilon",
    "sample_max_value": 1.0,
    "set_alpha_to_one": False,
    "skip_prk_steps": True,
    "steps_offset": 1,
    "timestep_spacing": "trailing",
    "trained_betas": None,
}
LCM = {
    "_class_name": "LCMScheduler",
    "_diffusers_version": "0.22.0",
    **BETAS,
    "clip_sample": False,
    "clip_sample_range": 1.0,
    "dynamic_thresholding_ratio": 0.995,
    "original_inference_steps": 50,
    "prediction_type": "epsilon",
    "rescale_betas_zero_snr": False,
    "sample_max_value": 1.0,
    "set_alpha_to_one": True,
    "steps_offset": 0,
    "thresholding": False,
    "timestep_scaling": 10.0,
    "timestep_spacing": "leading",
    "trained_betas": None,
}
DEIS = {
    "_class_name": "DEISMultistepScheduler",
    "_diffusers_version": "0.6.0",
    **BETAS,
    "set_alpha_to_one": False,
    "skip_prk_steps": True,
    "steps_offset": 1,
    "trained_betas": None,
    "clip_sample": False,
}


def text(hidden, layers, heads, act, eos=2, projection=None, **more):
    config = {
        "vocab_size": VOCAB_SIZE,
        "hidden_size": hidden,
        "intermediate_size": 2 * hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "max_position_embeddings": 77,
        "hidden_act": act,
        "layer_norm_eps": 1e-5,
        "projection_dim": projection or hidden,
        "attention_dropout": 0.0,
        "bos_token_id": 0 if eos == 2 else START,
        "eos_token_id": eos,
        "pad_token_id": 1,
    }
    if projection:
        config["_class"] = "CLIPTextModelWithProjection"
    return {**config, **more}


def cross_blocks(plain_down, n):
    """n block names, of which the down blocks in `plain_down` have no attention."""
    down = ["DownBlock2D" if i in plain_down else "CrossAttnDownBlock2D" for i in range(n)]
    up = ["UpBlock2D" if n - 1 - i in plain_down else "CrossAttnUpBlock2D" for i in range(n)]
    return {"down_block_types": down, "up_block_types": up}


def unet(channels, layers, heads, context, plain_down, groups=32, sample=16, **more):
    return {
        "_class_name": "UNet2DConditionModel",
        "act_fn": "silu",
        "attention_head_dim": heads,
        "block_out_channels": channels,
        "center_input_sample": False,
        "cross_attention_dim": context,
        "downsample_padding": 1,
        "flip_sin_to_cos": True,
        "freq_shift": 0,
        "in_channels": 4,
        "layers_per_block": layers,
        "mid_block_scale_factor": 1,
        "norm_eps": 1e-5,
        "norm_num_groups": groups,
        "out_channels": 4,
        "sample_size": sample,
        **cross_blocks(plain_down, len(channels)),
        **more,
    }


def vae(channels, layers=1, groups=8, scaling=0.18215, sample=128, **more):
    return {
        "_class_name": "AutoencoderKL",
        "act_fn": "silu",
        "block_out_channels": channels,
        "down_block_types": ["DownEncoderBlock2D"] * len(channels),
        "in_channels": 3,
        "latent_channels": 4,
        "layers_per_block": layers,
        "norm_num_groups": groups,
        "out_channels": 3,
        "sample_size": sample,
        "scaling_factor": scaling,
        "up_block_types": ["UpDecoderBlock2D"] * len(channels),
        **more,
    }


TINY_VAE = {
    "_class_name": "AutoencoderTiny",
    "act_fn": "relu",
    "decoder_block_out_channels": [8, 8, 8, 8],
    "encoder_block_out_channels": [8, 8, 8, 8],
    "force_upcast": False,
    "in_channels": 3,
    "latent_channels": 4,
    "latent_magnitude": 3,
    "latent_shift": 0.5,
    "num_decoder_blocks": [3, 3, 3, 1],
    "num_encoder_blocks": [1, 3, 3, 3],
    "out_channels": 3,
    "scaling_factor": 1.0,
    "upsampling_scaling_factor": 2,
}

SD1 = {
    "seed": 101,
    "text_encoder": text(32, 3, 4, "quick_gelu"),
    "unet": unet([16, 16, 16, 32], 2, 8, 32, {3}, groups=8),
    "vae": vae([16, 16, 16, 24]),
    "scheduler": PNDM,
}
# What a single file does not say (heads, groups) is what the original code assumed: 8 heads, 32 groups.
SD1_SMALL = {
    "seed": 102,
    "text_encoder": text(64, 2, 1, "quick_gelu"),
    "unet": unet([32, 32], 1, 8, 64, {1}),
    "vae": vae([32, 32], groups=32),
    "scheduler": PNDM,
}
SD2 = {
    "seed": 202,
    "dtype": "bf16",
    "prefix": False,
    "pads": ("!",),
    "text_encoder": text(32, 3, 4, "gelu", eos=END),
    "unet": unet([16, 24, 32], 2, [2, 3, 8], 32, {2}, groups=8, use_linear_projection=True),
    "vae": vae([8, 16, 24], layers=2),
    "scheduler": DDIM_V,
}
SDXL_UNET = {
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 16,
    "transformer_layers_per_block": [1, 2, 3],
    "use_linear_projection": True,
    "upcast_attention": None,
}
SDXL = {
    "seed": 505,
    "pipeline": "StableDiffusionXLPipeline",
    "unet_shards": 3,
    "text_encoder": text(32, 3, 4, "quick_gelu"),
    "text_encoder_2": text(48, 3, 3, "gelu", projection=40),
    "unet": unet(
        [16, 16, 16],
        1,
        [2, 4, 8],
        80,
        {0},
        groups=8,
        projection_class_embeddings_input_dim=40 + 6 * 16,
        **SDXL_UNET,
    ),
    "vae": vae([8, 16, 16, 24], scaling=0.13025, force_upcast=True),
    "scheduler": EULER_LEADING,
}

FAMILIES = {
    "sd1": SD1,
    # One set of weights in the ways in which people have files.
    "sd1_old": {**SD1_SMALL, "old_vae_names": True, "position_ids": True},
    "sd1_file": {**SD1_SMALL, "same_as": "sd1_old", "single_file": True},
    "sd2": SD2,
    "sdturbo": {
        "seed": 303,
        "variant": "fp16",
        "pads": ("!",),
        "text_encoder": text(32, 2, 2, "gelu"),
        "unet": unet([16, 16, 16, 24], 1, [1, 2, 4, 6], 32, {3}, groups=8, use_linear_projection=True),
        "vae": vae([16, 16, 16, 16]),
        "scheduler": EULER_TRAILING,
    },
    "lcm": {
        "seed": 404,
        "dtype": "f32",
        "pipeline": "LatentConsistencyModelPipeline",
        "text_encoder": text(16, 2, 2, "quick_gelu"),
        "unet": unet([16, 16], 1, 8, 16, {1}, groups=8, time_cond_proj_dim=24),
        "vae": vae([8, 8, 16, 16]),
        "scheduler": LCM,
    },
    "sdxs": {
        "seed": 606,
        "text_encoder": text(32, 2, 2, "quick_gelu"),
        "unet": unet([16, 16, 24], 1, 8, 32, {0}, groups=8, mid_block_type=None),
        "vae": TINY_VAE,
        "scheduler": DEIS,
    },
    "sdxl": SDXL,
    "sdxlturbo": {
        **SDXL,
        "seed": 707,
        "unet_shards": 2,
        "variant": "fp16",
        "text_encoder": text(16, 2, 2, "quick_gelu"),
        "text_encoder_2": text(24, 2, 3, "gelu", projection=32),
        "unet": unet(
            [8, 16],
            2,
            4,
            40,
            {0},
            groups=8,
            projection_class_embeddings_input_dim=32 + 6 * 16,
            **{**SDXL_UNET, "transformer_layers_per_block": [1, 2]},
        ),
        "vae": vae(
            [8, 16, 16],
            scaling=0.13025,
            latents_mean=[-1.6574, 1.886, -1.383, 2.5155],
            latents_std=[8.4927, 5.9022, 6.5498, 5.2299],
        ),
        "scheduler": EULER_A_TRAILING,
    },
    # Values that no published Stable Diffusion has, but that diffusers reads for these block types.
    "odd_layers": {
        "seed": 808,
        "text_encoder": text(32, 2, 2, "gelu_new", layer_norm_eps=1e-3),
        "unet": unet(
            [16, 24, 16],
            [1, 2, 1],
            [4, 8, 2],
            [32, 32, 32],
            {1},
            groups=8,
            downsample_padding=0,
            resnet_time_scale_shift="scale_shift",
            flip_sin_to_cos=False,
            freq_shift=1,
            act_fn="gelu",
            only_cross_attention=[True, False, False],
            mid_block_only_cross_attention=True,
            transformer_layers_per_block=[2, 1, 1],
            norm_eps=1e-3,
        ),
        "vae": vae(
            [8, 16],
            layers=2,
            groups=4,
            scaling=0.5,
            use_quant_conv=False,
            use_post_quant_conv=False,
            mid_block_add_attention=False,
        ),
        # What pipelines mend in the scheduler's config: steps_offset becomes 1, clip_sample false.
        "scheduler": {"_class_name": "DDIMScheduler", **BETAS},
    },
    "odd_scales": {
        "seed": 909,
        "text_encoder": text(32, 2, 4, "quick_gelu"),
        "unet": unet(
            [16, 16],
            1,
            4,
            48,
            {0},
            groups=16,
            mid_block_type="UNetMidBlock2D",
            mid_block_scale_factor=1.5,
            resnet_skip_time_act=True,
            resnet_out_scale_factor=1.25,
            center_input_sample=True,
            conv_in_kernel=1,
            conv_out_kernel=1,
            time_embedding_dim=96,
            time_embedding_act_fn="gelu",
            timestep_post_act="mish",
            encoder_hid_dim=32,
            encoder_hid_dim_type="text_proj",
        ),
        "vae": vae([8, 16, 16], layers=2, act_fn="gelu"),
        "scheduler": {**PNDM, "_class_name": "DPMSolverMultistepScheduler"},
    },
    # Heads of 64 channels, 32 groups, 256 numbers for each size: what the original code assumed.
    "sd2_file": {
        "seed": 111,
        "single_file": True,
        "pads": ("!",),
        "text_encoder": text(64, 2, 1, "gelu"),
        "unet": unet([32, 64], 1, [1, 1], 64, {0}, use_linear_projection=True),
        "vae": vae([32, 32], groups=32),
        "scheduler": DDIM_V,
    },
    "sdxl_file": {
        "seed": 121,
        "single_file": True,
        "pipeline": "StableDiffusionXLPipeline",
        "text_encoder": text(64, 2, 1, "quick_gelu"),
        "text_encoder_2": text(64, 3, 1, "gelu", projection=64),
        "unet": unet(
            [32, 64],
            1,
            [1, 1],
            128,
            {0},
            projection_class_embeddings_input_dim=64 + 6 * 256,
            **{**SDXL_UNET, "transformer_layers_per_block": [1, 2], "addition_time_embed_dim": 256},
        ),
        "vae": vae([32, 32], groups=32, scaling=0.13025),
        "scheduler": EULER_LEADING,
    },
}
