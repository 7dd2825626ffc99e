/* euler.c - the ordinary differential equation of Karras et al. 2022 by Euler steps, and by Euler steps with
 * new noise (ancestral, after k-diffusion). */
#include <math.h>

#include "sampling/sampler_private.h"

static const atl_class_defaults euler_defaults = {0.0001, 0.02, ATL_BETA_LINEAR, ATL_SPACING_LINSPACE};

/* ---- Euler ---- */

static atl_status configure_euler(atl_scheduler_config *config, atl_note *note)
{
    atl_settings_common(config, &euler_defaults);
    atl_settings_flag(&config->final_sigmas_zero, true);
    if (config->interpolation_type < 0)
        config->interpolation_type = 0;
    if (config->timestep_type < 0)
        config->timestep_type = 0;
    return atl_settings_respacing(config, note);
}

static atl_status plan_euler(atl_sampler *sampler, atl_note *note)
{
    atl_schedule_lift_last_alpha(sampler);
    atl_status st = atl_exploding_plan(sampler, sampler->config.final_sigmas_zero == ATL_YES, note);
    if (st != ATL_OK)
        return st;
    if (sampler->config.timestep_type != 1 || sampler->config.prediction_type != ATL_PREDICT_V)
        return ATL_OK;
    for (int i = 0; i < sampler->n_timesteps; i++) /* continuous: the model is told ln(σ) / 4 */
        sampler->timesteps[i] = 0.25f * logf(sampler->sigmas[i]);
    return ATL_OK;
}

static void step_euler(atl_sampler *sampler, int i, const float *model_output, float *latent, size_t n,
                       atl_draw_fn draw, void *user)
{
    (void)draw;
    (void)user;
    float sigma = sampler->sigmas[i];
    float dt = sampler->sigmas[i + 1] - sigma;
    atl_exploding p = atl_exploding_at(sampler, sigma);
    for (size_t k = 0; k < n; k++) {
        float derivative = (latent[k] - atl_exploding_clean(&p, latent[k], model_output[k])) / sigma;
        latent[k] = latent[k] + derivative * dt;
    }
}

const atl_sampler_kind atl_sampler_euler = {
    .name = "euler",
    .display = "Euler",
    .class_name = "EulerDiscreteScheduler",
    .respaces_sigmas = true,
    .configure = configure_euler,
    .plan = plan_euler,
    .scale_input = atl_scale_input_sigma,
    .add_noise = atl_add_noise_sigma,
    .step = step_euler,
};

/* ---- Euler a ---- */

static atl_status configure_euler_a(atl_scheduler_config *config, atl_note *note)
{
    atl_settings_common(config, &euler_defaults);
    config->use_karras_sigmas = config->use_exponential_sigmas = config->use_beta_sigmas = ATL_NO;
    config->interpolation_type = 0; /* this class has neither */
    return atl_settings_no_sample(config, "EulerAncestralDiscreteScheduler", note);
}

static atl_status plan_euler_a(atl_sampler *sampler, atl_note *note)
{
    atl_schedule_lift_last_alpha(sampler);
    sampler->n_slots = 1; /* the noise drawn */
    return atl_exploding_plan(sampler, true, note);
}

/* Steps below the next sigma and comes back up with new noise, at the last step too (times 0). */
static void step_euler_a(atl_sampler *sampler, int i, const float *model_output, float *latent, size_t n,
                         atl_draw_fn draw, void *user)
{
    float from = sampler->sigmas[i];
    float to = sampler->sigmas[i + 1];
    float up = sqrtf(to * to * (from * from - to * to) / (from * from));
    float dt = sqrtf(to * to - up * up) - from;
    atl_exploding p = atl_exploding_at(sampler, from);
    float *noise = sampler->slots[0];
    draw(user, noise, n);
    for (size_t k = 0; k < n; k++) {
        float derivative = (latent[k] - atl_exploding_clean(&p, latent[k], model_output[k])) / from;
        float moved = latent[k] + derivative * dt;
        latent[k] = moved + noise[k] * up;
    }
}

const atl_sampler_kind atl_sampler_euler_a = {
    .name = "euler_a",
    .display = "Euler a",
    .class_name = "EulerAncestralDiscreteScheduler",
    .stochastic = true,
    .configure = configure_euler_a,
    .plan = plan_euler_a,
    .scale_input = atl_scale_input_sigma,
    .add_noise = atl_add_noise_sigma,
    .step = step_euler_a,
};
