/* ddim.c - denoising diffusion implicit models (Song et al. 2021), eta 0: no noise is drawn. */
#include <math.h>

#include "sampling/sampler_private.h"

enum { SLOT_CLEAN, SLOT_NOISE, N_SLOTS };

static atl_status configure(atl_scheduler_config *config, atl_note *note)
{
    static const atl_class_defaults defaults = {0.0001, 0.02, ATL_BETA_LINEAR, ATL_SPACING_LEADING};
    atl_settings_common(config, &defaults);
    atl_settings_clipping(config, true);
    atl_settings_flag(&config->set_alpha_to_one, true);
    if (config->rescale_betas_zero_snr == ATL_YES && config->prediction_type == ATL_PREDICT_EPSILON)
        return atl_fail(
            note, ATL_UNSUPPORTED,
            "DDIMScheduler: rescale_betas_zero_snr with prediction_type \"epsilon\" divides by zero at "
            "the first step; wanted \"v_prediction\" or another sampler");
    return ATL_OK;
}

static atl_status plan(atl_sampler *sampler, atl_note *note)
{
    int n_train = sampler->config.num_train_timesteps;
    atl_spacing_plan spacing = {sampler->n_steps, sampler->n_steps, n_train, true};
    sampler->init_noise_sigma = 1.0f;
    sampler->n_slots = N_SLOTS;
    atl_status st = atl_schedule_timesteps(sampler, &spacing);
    return st == ATL_OK ? atl_schedule_check_timesteps(sampler, note) : st;
}

/* x_prev = √ᾱ_prev · x0 + √(1 − ᾱ_prev) · ε  (eq. 12 with σ = 0) */
static void step(atl_sampler *sampler, int i, const float *model_output, float *latent, size_t n,
                 atl_draw_fn draw, void *user)
{
    (void)draw;
    (void)user;
    int t = (int)sampler->timesteps[i];
    float alpha = atl_schedule_alpha(sampler, t);
    float alpha_prev =
        atl_schedule_alpha_before(sampler, t - sampler->config.num_train_timesteps / sampler->n_steps);
    float signal = sqrtf(alpha);
    float spread = sqrtf(1.0f - alpha);
    float *x0 = sampler->slots[SLOT_CLEAN];
    float *noise = sampler->slots[SLOT_NOISE];
    atl_denoised(sampler, signal, spread, latent, model_output, x0, n);
    atl_denoised_clip(sampler, x0, noise, n);
    atl_predicted_noise(sampler, signal, spread, latent, model_output, noise, n);
    float signal_prev = sqrtf(alpha_prev);
    float spread_prev = sqrtf(1.0f - alpha_prev);
    for (size_t k = 0; k < n; k++)
        latent[k] = signal_prev * x0[k] + spread_prev * noise[k];
}

const atl_sampler_kind atl_sampler_ddim = {
    .name = "ddim",
    .display = "DDIM",
    .class_name = "DDIMScheduler",
    .configure = configure,
    .plan = plan,
    .add_noise = atl_add_noise_alpha,
    .step = step,
};
