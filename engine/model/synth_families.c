/* synth_families.c - the architectures that `model synth` can write, as their config files say them.
 *
 * Numbers are those of the published models (sizes of layers, no weights); "tiny" is ours: a model for
 * 128 × 128 pictures, small enough to be carried along. ' stands for ". */
#include "base/sizes.h"
#include "model/synth.h"

/* ---- text encoders ---- */

#define CLIP_COMMON                                                                                          \
    "'bos_token_id': 0, 'eos_token_id': 2, 'pad_token_id': 1, 'max_position_embeddings': 77, "               \
    "'layer_norm_eps': 1e-05, 'attention_dropout': 0.0, 'model_type': 'clip_text_model', "

#define CLIP_L                                                                                               \
    "{" CLIP_COMMON "'architectures': ['CLIPTextModel'], 'hidden_act': 'quick_gelu', 'hidden_size': 768, "   \
    "'intermediate_size': 3072, 'num_attention_heads': 12, 'num_hidden_layers': 12, 'projection_dim': 768, " \
    "'vocab_size': 49408}"

#define OPEN_CLIP_H                                                                                          \
    "{" CLIP_COMMON "'architectures': ['CLIPTextModel'], 'hidden_act': 'gelu', 'hidden_size': 1024, "        \
    "'intermediate_size': 4096, 'num_attention_heads': 16, 'num_hidden_layers': 23, 'projection_dim': 512, " \
    "'vocab_size': 49408}"

#define OPEN_CLIP_BIG_G                                                                                      \
    "{" CLIP_COMMON "'architectures': ['CLIPTextModelWithProjection'], 'hidden_act': 'gelu', "               \
    "'hidden_size': 1280, 'intermediate_size': 5120, 'num_attention_heads': 20, 'num_hidden_layers': 32, "   \
    "'projection_dim': 1280, 'vocab_size': 49408}"

#define CLIP_TINY                                                                                            \
    "{" CLIP_COMMON "'architectures': ['CLIPTextModel'], 'hidden_act': 'quick_gelu', 'hidden_size': 160, "   \
    "'intermediate_size': 640, 'num_attention_heads': 5, 'num_hidden_layers': 4, 'projection_dim': 160, "    \
    "'vocab_size': 8192}"

/* ---- UNets ---- */

#define UNET_COMMON                                                                                          \
    "'act_fn': 'silu', 'center_input_sample': false, 'downsample_padding': 1, 'flip_sin_to_cos': true, "     \
    "'freq_shift': 0, 'in_channels': 4, 'out_channels': 4, 'mid_block_scale_factor': 1, 'norm_eps': 1e-05, " \
    "'norm_num_groups': 32, "

#define UNET_FOUR_BLOCKS                                                                                     \
    "'block_out_channels': [320, 640, 1280, 1280], 'layers_per_block': 2, 'down_block_types': "              \
    "['CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'DownBlock2D'], "              \
    "'up_block_types': ['UpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D'], "

#define UNET_SD15                                                                                            \
    "{" UNET_COMMON UNET_FOUR_BLOCKS "'attention_head_dim': 8, 'cross_attention_dim': 768, 'sample_size': "  \
    "64}"

#define UNET_LCM                                                                                             \
    "{" UNET_COMMON UNET_FOUR_BLOCKS                                                                         \
    "'attention_head_dim': 8, 'cross_attention_dim': 768, 'sample_size': 96, "                               \
    "'time_cond_proj_dim': 256}"

#define UNET_SD2(size)                                                                                       \
    "{" UNET_COMMON UNET_FOUR_BLOCKS "'attention_head_dim': [5, 10, 20, 20], 'cross_attention_dim': 1024, "  \
    "'use_linear_projection': true, 'sample_size': " size "}"

#define UNET_SDXL(size)                                                                                      \
    "{" UNET_COMMON "'block_out_channels': [320, 640, 1280], 'layers_per_block': 2, "                        \
    "'down_block_types': ['DownBlock2D', 'CrossAttnDownBlock2D', 'CrossAttnDownBlock2D'], "                  \
    "'up_block_types': ['CrossAttnUpBlock2D', 'CrossAttnUpBlock2D', 'UpBlock2D'], "                          \
    "'attention_head_dim': [5, 10, 20], 'cross_attention_dim': 2048, 'use_linear_projection': true, "        \
    "'transformer_layers_per_block': [1, 2, 10], 'addition_embed_type': 'text_time', "                       \
    "'addition_time_embed_dim': 256, 'projection_class_embeddings_input_dim': 2816, 'sample_size': " size    \
    "}"

#define UNET_SDXS                                                                                            \
    "{" UNET_COMMON "'block_out_channels': [320, 640, 1280], 'layers_per_block': 1, "                        \
    "'down_block_types': ['DownBlock2D', 'CrossAttnDownBlock2D', 'CrossAttnDownBlock2D'], "                  \
    "'up_block_types': ['CrossAttnUpBlock2D', 'CrossAttnUpBlock2D', 'UpBlock2D'], 'mid_block_type': null, "  \
    "'attention_head_dim': 8, 'cross_attention_dim': 768, 'sample_size': 64}"

#define UNET_TINY                                                                                            \
    "{" UNET_COMMON "'block_out_channels': [96, 160, 192], 'layers_per_block': 1, "                          \
    "'down_block_types': ['CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'DownBlock2D'], "                  \
    "'up_block_types': ['UpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D'], "                          \
    "'attention_head_dim': [3, 5, 6], 'cross_attention_dim': 160, 'sample_size': 16}"

/* ---- autoencoders ---- */

#define VAE_BLOCKS                                                                                           \
    "'down_block_types': ['DownEncoderBlock2D', 'DownEncoderBlock2D', 'DownEncoderBlock2D', "                \
    "'DownEncoderBlock2D'], 'up_block_types': ['UpDecoderBlock2D', 'UpDecoderBlock2D', 'UpDecoderBlock2D', " \
    "'UpDecoderBlock2D'], "

#define VAE_COMMON "'act_fn': 'silu', 'in_channels': 3, 'out_channels': 3, 'latent_channels': 4, " VAE_BLOCKS

#define VAE_KL(scaling, size)                                                                                \
    "{" VAE_COMMON                                                                                           \
    "'block_out_channels': [128, 256, 512, 512], 'layers_per_block': 2, 'norm_num_groups': 32, "             \
    "'scaling_factor': " scaling ", 'sample_size': " size "}"

#define VAE_TINY_KL                                                                                          \
    "{" VAE_COMMON "'block_out_channels': [40, 80, 128, 128], 'layers_per_block': 1, 'norm_num_groups': 8, " \
    "'scaling_factor': 0.18215, 'sample_size': 128}"

#define TAESD                                                                                                \
    "{'act_fn': 'relu', 'decoder_block_out_channels': [64, 64, 64, 64], "                                    \
    "'encoder_block_out_channels': [64, 64, 64, 64], 'force_upcast': false, 'in_channels': 3, "              \
    "'latent_channels': 4, 'latent_magnitude': 3, 'latent_shift': 0.5, 'num_decoder_blocks': [3, 3, 3, 1], " \
    "'num_encoder_blocks': [1, 3, 3, 3], 'out_channels': 3, 'scaling_factor': 1.0, "                         \
    "'upsampling_scaling_factor': 2}"

/* ---- schedulers ---- */

#define BETAS                                                                                                \
    "'beta_start': 0.00085, 'beta_end': 0.012, 'beta_schedule': 'scaled_linear', 'num_train_timesteps': "    \
    "1000, "                                                                                                 \
    "'trained_betas': null, 'clip_sample': false, 'set_alpha_to_one': false, 'steps_offset': 1, "

#define PNDM   "{" BETAS "'skip_prk_steps': true}"
#define DDIM_V "{" BETAS "'skip_prk_steps': true, 'prediction_type': 'v_prediction'}"
#define EULER(spacing)                                                                                       \
    "{" BETAS "'interpolation_type': 'linear', 'prediction_type': 'epsilon', 'sample_max_value': 1.0, "      \
    "'skip_prk_steps': true, 'timestep_spacing': '" spacing "', 'use_karras_sigmas': false}"
#define LCM                                                                                                  \
    "{" BETAS                                                                                                \
    "'clip_sample_range': 1.0, 'dynamic_thresholding_ratio': 0.995, 'original_inference_steps': 50, "        \
    "'prediction_type': 'epsilon', 'rescale_betas_zero_snr': false, 'sample_max_value': 1.0, "               \
    "'thresholding': false, 'timestep_scaling': 10.0, 'timestep_spacing': 'leading'}"
#define DEIS "{" BETAS "'skip_prk_steps': true}"

#define OWN(steps, size, guidance)                                                                           \
    "{'steps': " steps ", 'width': " size ", 'height': " size ", 'guidance_scale': " guidance "}"

#define END_TOKEN "<|endoftext|>"
#define SD        "StableDiffusionPipeline"
#define SDXL      "StableDiffusionXLPipeline"

const atl_family atl_families[] = {
    {"sd15",
     SD,
     UNET_SD15,
     "AutoencoderKL",
     VAE_KL("0.18215", "512"),
     {CLIP_L},
     {END_TOKEN},
     "PNDMScheduler",
     PNDM,
     OWN("20", "512", "7.5")},
    {"sd21",
     SD,
     UNET_SD2("96"),
     "AutoencoderKL",
     VAE_KL("0.18215", "768"),
     {OPEN_CLIP_H},
     {"!"},
     "DDIMScheduler",
     DDIM_V,
     OWN("20", "768", "7.5")},
    {"sdxl",
     SDXL,
     UNET_SDXL("128"),
     "AutoencoderKL",
     VAE_KL("0.13025", "1024"),
     {CLIP_L, OPEN_CLIP_BIG_G},
     {END_TOKEN, "!"},
     "EulerDiscreteScheduler",
     EULER("leading"),
     OWN("20", "1024", "5.0")},
    {"sdxs",
     SD,
     UNET_SDXS,
     "AutoencoderTiny",
     TAESD,
     {CLIP_L},
     {END_TOKEN},
     "DEISMultistepScheduler",
     DEIS,
     OWN("1", "512", "1.0")},
    {"tiny",
     SD,
     UNET_TINY,
     "AutoencoderKL",
     VAE_TINY_KL,
     {CLIP_TINY},
     {END_TOKEN},
     "EulerDiscreteScheduler",
     EULER("leading"),
     OWN("20", "128", "5.0")},
    {"sdturbo",
     SD,
     UNET_SD2("64"),
     "AutoencoderKL",
     VAE_KL("0.18215", "512"),
     {OPEN_CLIP_H},
     {"!"},
     "EulerDiscreteScheduler",
     EULER("trailing"),
     OWN("1", "512", "1.0")},
    {"lcm",
     "LatentConsistencyModelPipeline",
     UNET_LCM,
     "AutoencoderKL",
     VAE_KL("0.18215", "768"),
     {CLIP_L},
     {END_TOKEN},
     "LCMScheduler",
     LCM,
     OWN("4", "768", "8.5")},
    {"sdxlturbo",
     SDXL,
     UNET_SDXL("64"),
     "AutoencoderKL",
     VAE_KL("0.13025", "512"),
     {CLIP_L, OPEN_CLIP_BIG_G},
     {END_TOKEN, "!"},
     "EulerAncestralDiscreteScheduler",
     EULER("trailing"),
     OWN("1", "512", "1.0")},
};

const size_t atl_n_families = ATL_COUNT(atl_families);
