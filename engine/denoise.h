/* denoise.h - one call of the UNet for a few jobs at once: both sides of guidance of each, joined. Private to
 * the engine. */
#ifndef ATL_DENOISE_H
#define ATL_DENOISE_H

#include "engine_private.h"

/* What the denoiser needs to know of one job. */
typedef struct atl_hearer {
    const atl_conditioning *conditioning;
    double guidance_scale;
    double guidance_from,
        guidance_until; /* parts of the steps; the same for all that share calls, as the next */
    int deep_cache;
    double merge_tokens;
    const float *latent; /* [n]: scaled, what the UNet reads */
    float *model_output; /* [n]: what comes out, guided */
} atl_hearer;

/* Jobs that share calls agree in size, in being guided, in the number of text tokens and in their time steps;
 * none of them can tell from its numbers that it was not alone. */
typedef struct atl_denoiser {
    atl_engine *engine;
    const atl_hearer *hearers;
    size_t n_hearers;
    int sides; /* of each in this call: 2 when guided */
    int most_sides;
    atl_latent_size size;
    float *sample;        /* [n_hearers][sides][n]: what the UNet reads */
    float *answer;        /* [n_hearers][sides][n]: what it says */
    float *timestep_cond; /* [n_hearers][sides][time_cond_proj_dim], LCM; else NULL */
    float *text_embeds;   /* [n_hearers][sides][pooled width], SDXL; else NULL */
    float *time_ids;      /* [n_hearers][sides][6], SDXL; else NULL */
    atl_text_kept kept;   /* the text's keys and values between calls; data NULL: none */
    const atl_embedding *kept_of[2 * ATL_MAX_BATCH]; /* the texts they are of, picture by picture */
    size_t kept_pictures;
    atl_unet_deep deep;   /* what is kept between calls; data NULL: nothing */
    size_t deep_pictures; /* of which it is */
    int n_calls;          /* so far */
    int step;             /* which of the jobs' steps this call belongs to */
    float timestep;
} atl_denoiser;

/* What is kept of the text between calls for so many pictures, sides counted: 0 where that would be more than
 * it is worth. */
size_t atl_denoiser_text_bytes(const atl_engine *engine, size_t n_pictures, size_t n_tokens);

/* Takes all memory that the steps will need, so that no step allocates. The hearers stay the caller's.
 * `width` and `height` of the pictures in px are what SDXL is told. Errors: ATL_NO_MEMORY. */
atl_status atl_denoiser_init(atl_denoiser *denoiser, atl_engine *engine, const atl_hearer *hearers,
                             size_t n_hearers, atl_latent_size size, int width, int height, atl_note *note);
void atl_denoiser_done(atl_denoiser *denoiser);

/* Each hearer's model_output for its latent at `timestep`, with its embeddings of `step`; guided if its
 * conditioning is and the step lies in its interval: unconditional + scale · (conditional − unconditional)
 * (Ho & Salimans 2022). Cannot fail.
 */
void atl_denoiser_run(atl_denoiser *denoiser, int step, float timestep);

#endif
