/* sampler.h - from noise to a latent in a few calls of the denoiser; each sampler equals diffusers' scheduler
 * of that name for the same config, step by step.
 *
 * A sampler is a table of functions and a state (sampler_private.h); adding one is docs/ADDING_A_SAMPLER.md.
 * It sees latents as flat arrays of n floats: their order is the caller's (planes [c][h][w], as torch has
 * them, so that noise falls where torch puts it). */
#ifndef ATL_SAMPLING_SAMPLER_H
#define ATL_SAMPLING_SAMPLER_H

#include "model/config.h"

typedef struct atl_sampler atl_sampler;

/* Draws out[n] of unit noise: the k-th draw of this job. */
typedef void (*atl_draw_fn)(void *user, float *out, size_t n);

/* diffusers' pipelines have habits that change what a scheduler does; a scheduler by itself has none.
 * SD takes steps_offset for 1 and clip_sample for false, whatever the file says. LCM's img2img spaces all its
 * steps over the part that `strength` leaves, if the sampler is LCM's too. SDXL's has no such habit. */
typedef enum atl_pipeline {
    ATL_PIPELINE_NONE,
    ATL_PIPELINE_SD, /* StableDiffusionPipeline, StableDiffusionImg2ImgPipeline */
    ATL_PIPELINE_SDXL,
    ATL_PIPELINE_LCM, /* LatentConsistencyModelPipeline, …Img2ImgPipeline (time_cond_proj_dim) */
} atl_pipeline;

typedef struct atl_sampler_options {
    const char *name; /* "ddim", "pndm", "euler", "euler_a", "heun", "lms", "dpmpp_2m", "dpmpp_2m_karras",
                         "dpmpp_2m_sde", "dpmpp_2m_sde_karras", "unipc", "lcm", "deis", or AUTOMATIC1111's
                         display names ("Euler a", "DPM++ 2M Karras"), in any case; NULL or "": the config's
                         class. "_karras", "_exponential" and "_beta" go with every sampler that has sigmas
                         to space, Euler, Heun, LMS, UniPC and DEIS too. */
    int n_steps;      /* num_inference_steps, 1 … num_train_timesteps */
    float strength;   /* img2img: the part of the schedule that is run, (0, 1]; 1 for txt2img */
    atl_pipeline pipeline;
} atl_sampler_options;

/* Errors: ATL_USAGE (unknown name: the note lists them; steps out of range; a strength that leaves no step),
 * ATL_UNSUPPORTED (a scheduler class or value, by name; DDIM with zero-SNR betas and epsilon prediction),
 * ATL_NO_MEMORY. */
atl_status atl_sampler_open(const atl_scheduler_config *config, const atl_sampler_options *options,
                            atl_sampler **ret, atl_note *note);
void atl_sampler_close(atl_sampler **sampler);

const char *atl_sampler_name(const atl_sampler *sampler);         /* "dpmpp_2m_karras" */
const char *atl_sampler_display_name(const atl_sampler *sampler); /* "DPM++ 2M" */
const char *
atl_sampler_schedule_name(const atl_sampler *sampler); /* "Karras", "Exponential", …; "" for the plain one */
const char *atl_sampler_names(void);                   /* "ddim, pndm, …" */

/* What diffusers' scheduler has after set_timesteps (img2img: the whole schedule; `begin` says where it
 * starts). */
int atl_sampler_n_timesteps(const atl_sampler *sampler);
const float *atl_sampler_timesteps(
    const atl_sampler *sampler); /* [n_timesteps]; the denoiser is called once for each from `begin` */
int atl_sampler_n_sigmas(const atl_sampler *sampler); /* 0 for those that have none (DDIM, PNDM, LCM) */
const float *atl_sampler_sigmas(const atl_sampler *sampler);
int atl_sampler_begin(const atl_sampler *sampler); /* first index into timesteps; 0 for txt2img */
float atl_sampler_init_noise_sigma(const atl_sampler *sampler); /* txt2img: latent = noise × this */

/* img2img: latent = clean latent noised for timestep index `begin` (diffusers' add_noise). out may be clean.
 */
void atl_sampler_add_noise(const atl_sampler *sampler, const float *clean, const float *noise, float *out,
                           size_t n);

/* The denoiser's input for call i; out may be latent (scale_model_input). */
void atl_sampler_scale_input(const atl_sampler *sampler, int i, const float *latent, float *out, size_t n);

/* One step in place: model_output[n] is the denoiser's answer to call i (after guidance). Calls must come in
 * order, i = begin … n_timesteps-1; n must stay the same. Allocates its history at the first call only.
 * Errors: ATL_NO_MEMORY. */
atl_status atl_sampler_step(atl_sampler *sampler, int i, const float *model_output, float *latent, size_t n,
                            atl_draw_fn draw, void *user);

#endif
