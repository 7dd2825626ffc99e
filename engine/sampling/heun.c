/* heun.c - the ordinary differential equation of Karras et al. 2022 by Heun's method (their algorithm 1
 * without churn): two calls of the denoiser a step, but for the last. */
#include <math.h>
#include <stdlib.h>

#include "sampling/sampler_private.h"

enum { SLOT_DERIVATIVE, SLOT_START, N_SLOTS };

static atl_status configure(atl_scheduler_config *config, atl_note *note)
{
    static const atl_class_defaults defaults = {0.00085, 0.012, ATL_BETA_LINEAR, ATL_SPACING_LINSPACE};
    atl_settings_common(config, &defaults);
    config->rescale_betas_zero_snr = ATL_NO; /* this class has none of these three */
    config->thresholding = ATL_NO;
    config->interpolation_type = 0;
    atl_settings_clipping(config, false);
    return atl_settings_respacing(config, note);
}

/* Every level but the first and the last is visited twice. */
static atl_status plan(atl_sampler *sampler, atl_note *note)
{
    atl_status st = atl_exploding_plan(sampler, true, note);
    if (st != ATL_OK)
        return st;
    int n = sampler->n_timesteps;
    float *timesteps = malloc(2 * (size_t)n * sizeof *timesteps);
    float *sigmas = malloc(2 * (size_t)sampler->n_sigmas * sizeof *sigmas);
    if (!timesteps || !sigmas) {
        free(timesteps);
        free(sigmas);
        return ATL_NO_MEMORY;
    }
    for (int i = 0; i < 2 * n - 1; i++)
        timesteps[i] = sampler->timesteps[(i + 1) / 2];
    int n_sigmas = 2 * (sampler->n_sigmas - 1);
    for (int i = 0; i < n_sigmas; i++)
        sigmas[i] = sampler->sigmas[(i + 1) / 2];
    free(sampler->timesteps);
    free(sampler->sigmas);
    sampler->timesteps = timesteps;
    sampler->sigmas = sigmas;
    sampler->n_timesteps = 2 * n - 1;
    sampler->n_sigmas = n_sigmas;
    sampler->n_slots = N_SLOTS;
    return ATL_OK;
}

static float heun_derivative(const atl_sampler *sampler, const atl_exploding *p, float latent, float output)
{
    float x0 = atl_exploding_clean(p, latent, output);
    if (sampler->config.clip_sample == ATL_YES) {
        float range = (float)sampler->config.clip_sample_range;
        x0 = x0 < -range ? -range : x0 > range ? range : x0;
    }
    return (latent - x0) / p->sigma;
}

/* First call: an Euler step. Second: from the same start with the mean of both slopes. */
static void step(atl_sampler *sampler, int i, const float *model_output, float *latent, size_t n,
                 atl_draw_fn draw, void *user)
{
    (void)draw;
    (void)user;
    float *first = sampler->slots[SLOT_DERIVATIVE];
    float *start = sampler->slots[SLOT_START];
    atl_exploding p = atl_exploding_at(sampler, sampler->sigmas[i]);
    if (!sampler->second_call) {
        sampler->dt = sampler->sigmas[i + 1] - sampler->sigmas[i];
        for (size_t k = 0; k < n; k++) {
            start[k] = latent[k];
            first[k] = heun_derivative(sampler, &p, latent[k], model_output[k]);
            latent[k] = latent[k] + first[k] * sampler->dt;
        }
    } else {
        for (size_t k = 0; k < n; k++) {
            float second = heun_derivative(sampler, &p, latent[k], model_output[k]);
            latent[k] = start[k] + (first[k] + second) / 2.0f * sampler->dt;
        }
    }
    sampler->second_call = !sampler->second_call;
}

const atl_sampler_kind atl_sampler_heun = {
    .name = "heun",
    .display = "Heun",
    .class_name = "HeunDiscreteScheduler",
    .respaces_sigmas = true,
    .order = 2,
    .configure = configure,
    .plan = plan,
    .scale_input = atl_scale_input_sigma,
    .add_noise = atl_add_noise_sigma,
    .step = step,
};
