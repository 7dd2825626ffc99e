/* euler.c - the ordinary differential equation of Karras et al. 2022 by Euler steps, by Euler steps with new
 * noise (ancestral, after k-diffusion), and by Heun's method, which calls the denoiser twice a step. */
#include <math.h>
#include <stdlib.h>

#include "sampling/sampler_private.h"

static const atl_class_defaults euler_defaults = {0.0001, 0.02, ATL_BETA_LINEAR, ATL_SPACING_LINSPACE};

/* ---- the predicted clean sample where latents are clean + σ · noise ---- */

/* Coefficients of x0 = from_output · output + latent / latent_divisor; sample prediction is x0 itself. */
typedef struct prediction {
    atl_prediction type;
    float sigma, v_output, v_divisor;
} prediction;

static prediction prediction_at(const atl_sampler *sampler, float sigma)
{
    float above = sigma * sigma + 1.0f;
    return (prediction){(atl_prediction)sampler->config.prediction_type, sigma, -sigma / sqrtf(above), above};
}

static float predict(const prediction *p, float latent, float output)
{
    switch (p->type) {
    case ATL_PREDICT_V:
        return output * p->v_output + latent / p->v_divisor;
    case ATL_PREDICT_SAMPLE:
        return output;
    case ATL_PREDICT_EPSILON:
        break;
    }
    return latent - p->sigma * output;
}

static atl_status plan_sigmas(atl_sampler *sampler, bool zero_at_end, atl_note *note)
{
    atl_final_sigma final = zero_at_end ? ATL_FINAL_ZERO : ATL_FINAL_TRAINED_MIN;
    atl_spacing_plan spacing = {sampler->n_steps, sampler->n_steps, sampler->config.num_train_timesteps,
                                false};
    atl_sigma_plan sigmas = {
        .n_steps = sampler->n_steps, .from_schedule = true, .plain = final, .respaced = final};
    atl_status st = atl_schedule_timesteps(sampler, &spacing);
    if (st == ATL_OK)
        st = atl_sigmas_plan(sampler, &sigmas, note);
    if (st == ATL_OK)
        sampler->init_noise_sigma = atl_sigmas_init_noise(sampler);
    return st;
}

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
    atl_status st = plan_sigmas(sampler, sampler->config.final_sigmas_zero == ATL_YES, note);
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
    prediction p = prediction_at(sampler, sigma);
    for (size_t k = 0; k < n; k++) {
        float derivative = (latent[k] - predict(&p, latent[k], model_output[k])) / sigma;
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
    return plan_sigmas(sampler, true, note);
}

/* Steps below the next sigma and comes back up with new noise, at the last step too (times 0). */
static void step_euler_a(atl_sampler *sampler, int i, const float *model_output, float *latent, size_t n,
                         atl_draw_fn draw, void *user)
{
    float from = sampler->sigmas[i];
    float to = sampler->sigmas[i + 1];
    float up = sqrtf(to * to * (from * from - to * to) / (from * from));
    float dt = sqrtf(to * to - up * up) - from;
    prediction p = prediction_at(sampler, from);
    float *noise = sampler->slots[0];
    draw(user, noise, n);
    for (size_t k = 0; k < n; k++) {
        float derivative = (latent[k] - predict(&p, latent[k], model_output[k])) / from;
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

/* ---- Heun ---- */

enum { SLOT_DERIVATIVE, SLOT_START, N_HEUN_SLOTS };

static atl_status configure_heun(atl_scheduler_config *config, atl_note *note)
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
static atl_status plan_heun(atl_sampler *sampler, atl_note *note)
{
    atl_status st = plan_sigmas(sampler, true, note);
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
    sampler->n_slots = N_HEUN_SLOTS;
    return ATL_OK;
}

static float heun_derivative(const atl_sampler *sampler, const prediction *p, float latent, float output)
{
    float x0 = predict(p, latent, output);
    if (sampler->config.clip_sample == ATL_YES) {
        float range = (float)sampler->config.clip_sample_range;
        x0 = x0 < -range ? -range : x0 > range ? range : x0;
    }
    return (latent - x0) / p->sigma;
}

/* First call: an Euler step. Second: from the same start with the mean of both slopes. */
static void step_heun(atl_sampler *sampler, int i, const float *model_output, float *latent, size_t n,
                      atl_draw_fn draw, void *user)
{
    (void)draw;
    (void)user;
    float *first = sampler->slots[SLOT_DERIVATIVE];
    float *start = sampler->slots[SLOT_START];
    prediction p = prediction_at(sampler, sampler->sigmas[i]);
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
    .configure = configure_heun,
    .plan = plan_heun,
    .scale_input = atl_scale_input_sigma,
    .add_noise = atl_add_noise_sigma,
    .step = step_heun,
};
