/* lcm.c - latent consistency models (Luo et al. 2023): each call predicts the clean latent, which is noised
 * anew for the next one. The timesteps are a part of those that the model was distilled on. */
#include <math.h>
#include <stdlib.h>

#include "sampling/sampler_private.h"

enum { SLOT_CLEAN, SLOT_NOISE, N_SLOTS };

static atl_status configure(atl_scheduler_config *config, atl_note *note)
{
    static const atl_class_defaults defaults = {0.00085, 0.012, ATL_BETA_SCALED_LINEAR, ATL_SPACING_LEADING};
    atl_settings_common(config, &defaults);
    atl_settings_clipping(config, false);
    atl_settings_flag(&config->set_alpha_to_one, true);
    atl_settings_number(&config->timestep_scaling, 10.0);
    if (config->original_inference_steps == -1)
        config->original_inference_steps = 50;
    if (config->original_inference_steps < 1 ||
        config->original_inference_steps > config->num_train_timesteps)
        return atl_fail(note, ATL_UNSUPPORTED, "LCMScheduler: original_inference_steps %d; wanted 1 to %d",
                        config->original_inference_steps, config->num_train_timesteps);
    return ATL_OK;
}

static atl_status plan(atl_sampler *sampler, atl_note *note)
{
    int n_distilled = sampler->config.original_inference_steps;
    int n_origin = sampler->spread ? (int)(n_distilled * sampler->strength) : n_distilled;
    int ratio = sampler->config.num_train_timesteps / n_distilled;
    int n = sampler->n_steps;
    if (n > n_origin)
        return atl_fail(note, ATL_USAGE,
                        "%d steps; this LCM was distilled on %d, %d of which are left; wanted no "
                        "more than these",
                        n, n_distilled, n_origin);
    sampler->init_noise_sigma = 1.0f;
    sampler->n_slots = N_SLOTS;
    sampler->timesteps = calloc((size_t)n, sizeof *sampler->timesteps);
    if (!sampler->timesteps)
        return ATL_NO_MEMORY;
    sampler->n_timesteps = n;
    for (int i = 0; i < n; i++) {
        int skipped = (int)floor(i * ((double)n_origin / n));
        sampler->timesteps[i] = (float)((n_origin - skipped) * ratio - 1);
    }
    if (sampler->config.prediction_type == ATL_PREDICT_EPSILON &&
        atl_schedule_alpha(sampler, (int)sampler->timesteps[0]) == 0.0f)
        return atl_fail(
            note, ATL_UNSUPPORTED,
            "LCMScheduler: rescale_betas_zero_snr with prediction_type \"epsilon\" divides by zero at "
            "timestep %d; wanted \"v_prediction\" or another sampler",
            (int)sampler->timesteps[0]);
    return ATL_OK;
}

/* The boundary condition: at timestep 0 the latent is its own prediction (eq. 9, σ_data ½). */
static void boundary(const atl_sampler *sampler, int i, float *ret_skip, float *ret_out)
{
    float scaled = sampler->timesteps[i] * (float)sampler->config.timestep_scaling;
    float below = scaled * scaled + 0.25f;
    *ret_skip = 0.25f / below;
    *ret_out = scaled / sqrtf(below);
}

static void step(atl_sampler *sampler, int i, const float *model_output, float *latent, size_t n,
                 atl_draw_fn draw, void *user)
{
    float alpha = atl_schedule_alpha(sampler, (int)sampler->timesteps[i]);
    float skip, out;
    boundary(sampler, i, &skip, &out);
    float *x0 = sampler->slots[SLOT_CLEAN];
    float *noise = sampler->slots[SLOT_NOISE];
    atl_denoised(sampler, sqrtf(alpha), sqrtf(1.0f - alpha), latent, model_output, x0, n);
    atl_denoised_clip(sampler, x0, noise, n);
    for (size_t k = 0; k < n; k++)
        latent[k] = out * x0[k] + skip * latent[k];
    if (i == sampler->n_timesteps - 1)
        return;
    float alpha_prev = atl_schedule_alpha_before(sampler, (int)sampler->timesteps[i + 1]);
    float signal = sqrtf(alpha_prev);
    float spread = sqrtf(1.0f - alpha_prev);
    draw(user, noise, n);
    for (size_t k = 0; k < n; k++)
        latent[k] = signal * latent[k] + spread * noise[k];
}

const atl_sampler_kind atl_sampler_lcm = {
    .name = "lcm",
    .display = "LCM",
    .class_name = "LCMScheduler",
    .stochastic = true,
    .configure = configure,
    .plan = plan,
    .add_noise = atl_add_noise_alpha,
    .step = step,
};
