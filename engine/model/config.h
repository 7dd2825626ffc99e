/* config.h - what the config.json files of a checkpoint say, as numbers.
 *
 * A model is data: these structs decide the graph, family names decide nothing. Every field that diffusers
 * (transformers, for the text encoders) reads for the block types below is either here, or is refused by
 * name when it has a value that the engine does not honour; none is ignored. Fields that a file leaves out
 * get the default of the diffusers class. Fixed-size arrays: no published model comes near their bounds, and
 * a file that exceeds one is refused. */
#ifndef ATL_MODEL_CONFIG_H
#define ATL_MODEL_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "base/text.h"
#include "ops/layers.h"

#define ATL_MAX_BLOCKS      8
#define ATL_MAX_TEXT_LAYERS 64
#define ATL_MAX_BETAS       4096

/* ---- transformers: CLIPTextModel, CLIPTextModelWithProjection ---- */
typedef struct atl_clip_config {
    int vocab_size, hidden_size, intermediate_size, n_layers, n_heads, n_positions;
    int projection_dim;   /* used only if with_projection */
    bool with_projection; /* CLIPTextModelWithProjection: pooled = text_projection · pooled */
    atl_activation act;   /* quick_gelu (SD 1.x), gelu (SD 2.x), … */
    float layer_norm_eps;
    int64_t bos_token_id, eos_token_id; /* eos 2 means: pool at the highest id (old configs) */
} atl_clip_config;

/* ---- diffusers: UNet2DConditionModel ---- */
typedef enum atl_unet_block { ATL_BLOCK_PLAIN, ATL_BLOCK_CROSS_ATTN } atl_unet_block;
typedef enum atl_mid_block { ATL_MID_NONE, ATL_MID_CROSS_ATTN, ATL_MID_PLAIN } atl_mid_block;

typedef struct atl_unet_config {
    int sample_h, sample_w; /* latent pixels; 0 where the file has null */
    int in_channels, out_channels;
    bool center_input_sample;
    bool flip_sin_to_cos;
    float freq_shift;
    int n_blocks;
    int block_out_channels[ATL_MAX_BLOCKS];
    int layers_per_block[ATL_MAX_BLOCKS]; /* down; up blocks have one more, in reverse order */
    atl_unet_block down[ATL_MAX_BLOCKS], up[ATL_MAX_BLOCKS]; /* in the file's order */
    atl_mid_block mid;
    bool only_cross_attention[ATL_MAX_BLOCKS]; /* attn1 attends to the text as well */
    bool mid_only_cross_attention;             /* false: likewise */
    int downsample_padding;
    float mid_block_scale_factor;
    atl_activation act;
    int norm_num_groups; /* null is refused: diffusers cannot build such ResNets either */
    float norm_eps;
    int cross_attention_dim[ATL_MAX_BLOCKS];
    int transformer_layers[ATL_MAX_BLOCKS];    /* down and mid (the last entry) */
    int up_transformer_layers[ATL_MAX_BLOCKS]; /* in the order of the up blocks */
    int n_heads[ATL_MAX_BLOCKS];               /* attention_head_dim of the file is the NUMBER of heads */
    bool use_linear_projection;
    bool upcast_attention;             /* f32 anyway */
    bool scale_shift_norm;             /* resnet_time_scale_shift == "scale_shift" */
    bool resnet_skip_time_act;         /* false: diffusers hands it to none of these block types */
    float resnet_out_scale_factor;     /* 1: likewise */
    int time_embed_dim;                /* time_embedding_dim, or 4 × block_out_channels[0] */
    atl_activation time_embed_act;     /* of the time embedding's MLP: always SiLU in these models */
    atl_activation time_embedding_act; /* time_embedding_act_fn: applied to the result, or NONE */
    atl_activation timestep_post_act;  /* NONE unless the file has it */
    int time_cond_proj_dim;            /* LCM; 0 for none */
    int conv_in_kernel, conv_out_kernel;
    int encoder_hid_dim;     /* encoder_hid_dim_type "text_proj": context is projected first; 0: none */
    bool addition_text_time; /* SDXL: addition_embed_type "text_time" */
    int addition_time_embed_dim;
    int projection_class_embeddings_input_dim;
} atl_unet_config;

/* ---- diffusers: AutoencoderKL and AutoencoderTiny ---- */
typedef enum atl_vae_kind { ATL_VAE_KL, ATL_VAE_TINY } atl_vae_kind;

typedef struct atl_vae_config {
    atl_vae_kind kind;
    int in_channels, out_channels, latent_channels;
    int n_blocks;                           /* of the encoder (and, for KL, of the decoder) */
    int block_out_channels[ATL_MAX_BLOCKS]; /* KL; tiny: encoder_block_out_channels */
    float scaling_factor, shift_factor;     /* shift 0 where the file has none */
    bool has_latents_stats;                 /* latents_mean and latents_std given (KL) */
    float latents_mean[16], latents_std[16];
    atl_activation act;
    /* KL */
    int layers_per_block;
    int norm_num_groups;
    bool use_quant_conv, use_post_quant_conv, mid_block_add_attention;
    /* tiny */
    int n_decoder_blocks;
    int decoder_block_out_channels[ATL_MAX_BLOCKS];
    int num_encoder_blocks[ATL_MAX_BLOCKS], num_decoder_blocks[ATL_MAX_BLOCKS];
    int upsampling_scaling_factor;
    float latent_magnitude, latent_shift;
    int sample_size; /* picture pixels, 0: not said */
} atl_vae_config;

/* Picture pixels per latent pixel: 8 for four KL blocks. */
int atl_vae_scale(const atl_vae_config *config);

/* ---- diffusers: scheduler_config.json ---- */
typedef enum atl_prediction { ATL_PREDICT_EPSILON, ATL_PREDICT_V, ATL_PREDICT_SAMPLE } atl_prediction;
typedef enum atl_spacing {
    ATL_SPACING_DEFAULT,
    ATL_SPACING_LEADING,
    ATL_SPACING_TRAILING,
    ATL_SPACING_LINSPACE
} atl_spacing;
typedef enum atl_beta_schedule {
    ATL_BETA_LINEAR,
    ATL_BETA_SCALED_LINEAR,
    ATL_BETA_SQUAREDCOS_CAP_V2
} atl_beta_schedule;
typedef enum atl_tristate { ATL_DEFAULT = -1, ATL_NO = 0, ATL_YES = 1 } atl_tristate;

/* Each diffusers scheduler class has defaults of its own for what a file leaves out, and `from_config` to
 * another class keeps only what the file says: so "not said" is kept apart here (DEFAULT, NAN, -1) and the
 * sampler fills in its own class's default. */
typedef struct atl_scheduler_config {
    char class_name[64];          /* "_class_name": the sampler that the checkpoint asks for */
    int num_train_timesteps;      /* 1000 */
    double beta_start, beta_end;  /* NAN: not said (0.0001, 0.02; LCM: 0.00085, 0.012) */
    int beta_schedule;            /* an atl_beta_schedule, or -1 */
    int n_trained_betas;          /* 0: none */
    float *trained_betas;         /* owned; freed by atl_model_config_done */
    int prediction_type;          /* an atl_prediction, or -1 */
    atl_spacing timestep_spacing; /* ATL_SPACING_DEFAULT: not said */
    int steps_offset;             /* INT_MIN: not said */
    atl_tristate set_alpha_to_one, rescale_betas_zero_snr, clip_sample, thresholding, skip_prk_steps;
    atl_tristate use_karras_sigmas, use_exponential_sigmas, use_beta_sigmas, lower_order_final,
        euler_at_final;
    atl_tristate predict_x0, use_lu_lambdas,
        final_sigmas_zero; /* final_sigmas_type: "zero" yes, "sigma_min" no */
    double clip_sample_range, dynamic_thresholding_ratio, sample_max_value; /* NAN: not said */
    double sigma_min, sigma_max;                                            /* NAN: not said or null */
    int timestep_type;                              /* "discrete" 0, "continuous" 1, not said -1 */
    int interpolation_type;                         /* "linear" 0, "log_linear" 1, not said -1 */
    int solver_order;                               /* -1: not said */
    char algorithm_type[32], solver_type[32];       /* "": not said */
    int original_inference_steps;                   /* LCM: 50; -1: not said */
    double timestep_scaling;                        /* LCM: 10; NAN: not said */
    char variance_type[32];                         /* "": not said */
    int disable_corrector[16], n_disable_corrector; /* UniPC */
} atl_scheduler_config;

/* ---- tokenizer_config.json and special_tokens_map.json ---- */
typedef struct atl_tokenizer_config {
    char bos[64], eos[64], pad[64], unk[64]; /* the tokens as text */
    int model_max_length;                    /* 77 */
} atl_tokenizer_config;

/* ---- the whole checkpoint ---- */
typedef struct atl_model_config {
    bool single_file;          /* LDM keys in one .safetensors; configs were deduced from its tensors */
    int n_text_encoders;       /* 1, or 2 (SDXL) */
    bool two_encoder_pipeline; /* SDXL's: penultimate layers joined, pooled embedding of the second */
    bool lcm_pipeline;         /* LatentConsistencyModelPipeline: img2img spaces its steps otherwise */
    bool force_zeros_for_empty_prompt; /* SDXL: an absent negative prompt is zeros */
    atl_clip_config text[2];
    atl_tokenizer_config tokenizer[2];
    atl_unet_config unet;
    atl_vae_config vae;
    atl_scheduler_config scheduler;
    /* atelier.json beside model_index.json (ours, optional): the settings that suit this model.
     * 0, NAN or "" where not said. */
    int default_steps, default_width, default_height;
    double default_guidance_scale;
    char default_sampler[32];
    /* Keys that diffusers' classes do not know, and neither do we: "<file>: <key>\n" each, for inspection. */
    atl_text unread_keys;
} atl_model_config;

/* Reads and checks every config of a diffusers directory. Errors name file, key, value and what was wanted.
 */
atl_status atl_model_config_read(const char *model_dir, atl_model_config *ret_config, atl_note *note);
void atl_model_config_done(atl_model_config *config);

/* Channels of the text that the UNet hears: the encoders' hidden sizes side by side. */
int atl_model_text_width(const atl_model_config *config);

/* Whether the parts fit together, as diffusers' pipelines need it: latent channels, widths of the text, size
 * of the pooled embedding. Apart from _read, so that single parts can be tried. Errors: ATL_UNSUPPORTED,
 * naming both values. */
atl_status atl_model_config_check(const atl_model_config *config, atl_note *note);

#endif
