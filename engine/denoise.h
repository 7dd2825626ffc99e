/* denoise.h - one call of the UNet for one job: both sides of guidance, joined. Private to the engine. */
#ifndef ATL_DENOISE_H
#define ATL_DENOISE_H

#include "engine_private.h"

typedef struct atl_denoiser {
    atl_engine *engine;
    const atl_conditioning *conditioning;
    atl_latent_size size;
    double guidance_scale;
    int width, height;    /* of the picture: SDXL is told */
    float *sample;        /* [sides][n]: what the UNet reads */
    float *answer;        /* [sides][n]: what it says */
    float *timestep_cond; /* [sides][time_cond_proj_dim], LCM; else NULL */
    float *text_embeds;   /* [sides][pooled width], SDXL; else NULL */
    float *time_ids;      /* [sides][6], SDXL; else NULL */
    int step;             /* which of the job's steps this call belongs to */
    float timestep;
} atl_denoiser;

/* Takes all memory that the steps will need, so that no step allocates. */
atl_status atl_denoiser_init(atl_denoiser *denoiser, atl_engine *engine, const atl_conditioning *conditioning,
                             atl_latent_size size, double guidance_scale, int width, int height,
                             atl_note *note);
void atl_denoiser_done(atl_denoiser *denoiser);

/* model_output[n] for the scaled latent[n] at `timestep`, with the embeddings of `step`; guided if the
 * conditioning is: unconditional + scale · (conditional − unconditional) (Ho & Salimans 2022). Cannot fail.
 */
void atl_denoiser_run(atl_denoiser *denoiser, int step, float timestep, const float *latent,
                      float *model_output);

#endif
