/* engine_private.h - what an engine is made of; shared by engine.c (opens it), condition.c, denoise.c,
 * latent.c (the parts of the journey), paint.c (the journey) and probe.c (the parts on their own). */
#ifndef ATL_ENGINE_PRIVATE_H
#define ATL_ENGINE_PRIVATE_H

#include "embedding_cache.h"
#include "engine/engine.h"
#include "kernels/kernels.h"
#include "lora_shelf.h"
#include "model/weights.h"
#include "nets/clip.h"
#include "nets/unet.h"
#include "nets/vae.h"
#include "sampling/noise.h"
#include "sampling/sampler.h"
#include "text/tokenizer.h"

/* Which parts to load: a probe of the autoencoder need not wait for the UNet. */
enum {
    ATL_PART_TOKENIZER = 1u << 0,
    ATL_PART_TEXT = 1u << 1,
    ATL_PART_UNET = 1u << 2,
    ATL_PART_VAE = 1u << 3,
    ATL_PART_ALL = 15u,
    ATL_PART_UNPACKED = 1u << 4, /* layers have shapes and addresses, but no values: for measuring */
};

struct atl_engine {
    atl_weights *weights; /* kept for its configs; its pages were dropped after packing */
    const atl_model_config *config;
    const atl_policy *policy;
    const atl_kernels *kernels;
    atl_pool *pool;
    atl_store store;
    atl_clip *text[2];
    atl_unet *unet;
    atl_vae *vae;
    atl_tokenizer *tokenizer[2];
    atl_arena arena; /* grown between stages, never within one */
    atl_embedding_cache embeddings;
    atl_lora_shelf loras;
    const atl_lora_set *beside; /* of the job at work; NULL: none */
    int64_t load_ns;
    atl_note pack_note; /* why the cache of packed weights was of no use; empty: nothing to say */
};

/* atl_engine_open for these of ATL_PART_… alone. Errors: the same. */
atl_status atl_engine_open_parts(const atl_engine_options *options, unsigned parts, atl_engine **ret_engine,
                                 atl_note *note);

/* Walks over these parts once: what their packed weights need of a store and, as a digest, what lies where in
 * it: every tensor's name and shape, every region's type, layout, place and size. Leaves the engine without
 * networks. Errors: ATL_UNSUPPORTED, ATL_NO_MEMORY. */
atl_status atl_engine_measure_store(atl_engine *engine, unsigned parts, size_t *ret_bytes,
                                    uint8_t ret_listing[32], atl_note *note);

/* The layers of text encoders and UNet, with their packed weights if the engine has any. Errors: the walk's,
 * ATL_NO_MEMORY. */
atl_status atl_engine_list_modules(atl_engine *engine, atl_lora_modules *ret, atl_note *note);

/* A stage runs twice: over a measuring arena, which says how much scratch it needs, then over the real one.
 */
typedef void (*atl_stage_fn)(atl_engine *engine, const atl_bench *bench, void *stage);
/* Errors: ATL_NO_MEMORY, in words that say how much was wanted. */
atl_status atl_engine_run_stage(atl_engine *engine, const char *name, atl_stage_fn run, void *stage,
                                atl_note *note);
/* The same, split in two for stages that repeat: reserve once, then run over the bench that cannot fail.
 * Errors: ATL_NO_MEMORY. */
atl_status atl_engine_reserve(atl_engine *engine, const char *name, atl_stage_fn run, void *stage,
                              atl_note *note);
atl_bench atl_engine_bench(atl_engine *engine);

/* ---- condition.c: prompts to embeddings ---- */

/* What the UNet hears of one prompt. */
typedef struct atl_embedding {
    int n_tokens;   /* a multiple of 77 */
    float *context; /* [n_tokens][cross_attention_dim] */
    float *pooled;  /* [projection_dim of the second encoder], SDXL; else NULL */
} atl_embedding;

/* Both prompts of a job over its steps: at step s the conditional embedding is all[of_step[0][s]], the
 * unconditional one all[of_step[1][s]]. All have the same n_tokens. */
typedef struct atl_conditioning {
    int n_steps;
    bool guided; /* whether there is an unconditional side */
    size_t n;
    atl_embedding *all;
    int *of_step[2];
} atl_conditioning;

typedef struct atl_condition_request {
    const char *prompt, *negative_prompt; /* the prompt without networks: those are engine->beside */
    int n_steps, clip_skip;
    bool guided;
} atl_condition_request;

/* Errors: ATL_BAD_INPUT (not UTF-8), ATL_UNSUPPORTED, ATL_NO_MEMORY. Adds to the times of both stages. */
atl_status atl_condition(atl_engine *engine, const atl_condition_request *request, atl_conditioning *ret,
                         atl_timings *timings, atl_note *note);
void atl_conditioning_done(atl_conditioning *conditioning);

/* ---- latent.c: between pictures and latents, in planes [c][h][w] as torch has them ---- */
typedef struct atl_latent_size {
    int c, h, w;
    size_t n; /* c·h·w */
} atl_latent_size;

/* Latents as the sampler has them → the picture in [-1, 1], planes [3][h·s][w·s]. Errors: ATL_NO_MEMORY. */
atl_status atl_latent_decode(atl_engine *engine, const float *latent, atl_latent_size size, float *ret_image,
                             atl_note *note);
/* Picture → latents as the sampler has them. `posterior_noise`[n] is used by AutoencoderKL (mean + deviation
 * · noise). Errors: ATL_NO_MEMORY. */
atl_status atl_latent_encode(atl_engine *engine, const atl_rgb *image, atl_latent_size size,
                             const float *posterior_noise, float *ret_latent, atl_note *note);
/* [-1, 1] planes to bytes, as diffusers rounds them. */
void atl_planes_to_rgb(const float *planes, atl_rgb *rgb);

/* ---- paint.c, opened up for the probe ---- */
typedef struct atl_paint_probe {
    const float *unit_noise;      /* [n], instead of drawing it; or NULL */
    const float *posterior_noise; /* [n], img2img; or NULL */
    const float *const *draws;    /* draws[k][n] for the k-th draw of a stochastic sampler; NULL entries and
                                     those past n_draws are drawn */
    size_t n_draws;
    size_t n_noise; /* floats in each of the above: must be the latent's n */
    /* Called with what the sampler plans, then after each step. May be NULL. */
    void (*planned)(void *user, const atl_sampler *sampler, atl_latent_size size);
    void (*stepped)(void *user, int i, const float *model_output, const float *latent, size_t n);
    void *user;
} atl_paint_probe;

/* atl_engine_paint with these in place of what would be drawn. Errors: the same. */
atl_status atl_engine_paint_probed(atl_engine *engine, const atl_request *request, atl_progress_fn progress,
                                   void *user, const atl_paint_probe *probe, atl_painting *ret_painting,
                                   atl_note *note);

/* The file's SHA-256, from the user's cache directory where it was computed before. Any thread. Errors:
 * ATL_NOT_FOUND, ATL_IO. */
enum { ATL_FILE_HASH_HEX = 64 };
atl_status atl_engine_hash_file(const char *path, char hex[ATL_FILE_HASH_HEX + 1], atl_note *note);

/* ---- stage clocks ---- */
typedef struct atl_stage_clock {
    int64_t wall_ns, cpu_ns;
} atl_stage_clock;
atl_stage_clock atl_stage_begin(void);
void atl_stage_end(atl_stage_clock begun, atl_stage_time *add_to);

#endif
