/* deis.c - diffusion exponential integrator sampler (Zhang & Chen 2023), log-ρ multistep.
 *
 * An exact integral of the polynomial through the last outputs in ln ρ, ρ = σ/α. Its coefficients lose digits
 * to cancellation in float, and diffusers takes their logarithms with numpy: so do we (atl_numpy_log). */
#include <math.h>
#include <string.h>

#include "base/sizes.h"
#include "sampling/sampler_private.h"

#define CLASS "DEISMultistepScheduler"

enum { SLOT_SCRATCH = ATL_SAMPLER_MAX_ORDER, N_SLOTS };

static atl_status configure(atl_scheduler_config *config, atl_note *note)
{
    static const atl_class_defaults defaults = {0.0001, 0.02, ATL_BETA_LINEAR, ATL_SPACING_LINSPACE};
    static const char *const known[] = {"",         "deis", "dpmsolver", "dpmsolver++", "logrho",
                                        "midpoint", "heun", "bh1",       "bh2"};
    atl_settings_common(config, &defaults);
    atl_settings_clipping(config, false);
    config->rescale_betas_zero_snr = ATL_NO; /* this class has neither */
    config->interpolation_type = 0;
    atl_settings_flag(&config->lower_order_final, true);
    bool algorithm_known = false, solver_known = false;
    for (size_t i = 0; i < ATL_COUNT(known); i++) {
        algorithm_known |= i < 4 && strcmp(config->algorithm_type, known[i]) == 0;
        solver_known |= (i == 0 || i >= 4) && strcmp(config->solver_type, known[i]) == 0;
    }
    if (!algorithm_known)
        return atl_fail(note, ATL_UNSUPPORTED, CLASS ": algorithm_type \"%s\"; wanted \"deis\"",
                        config->algorithm_type);
    if (!solver_known)
        return atl_fail(note, ATL_UNSUPPORTED, CLASS ": solver_type \"%s\"; wanted \"logrho\"",
                        config->solver_type);
    atl_status st = atl_settings_order(config, CLASS, note);
    return st == ATL_OK ? atl_settings_respacing(config, note) : st;
}

static atl_status plan(atl_sampler *sampler, atl_note *note)
{
    atl_multistep_rules rules = {
        .round_karras = true, .plain = ATL_FINAL_TRAINED_MIN, .respaced = ATL_FINAL_REPEAT};
    sampler->n_slots = N_SLOTS;
    return atl_multistep_plan(sampler, &rules, note);
}

/* The noise in the latent, by way of the (perhaps thresholded) clean latent. */
static void convert(const atl_sampler *sampler, const atl_noise_level *level, const float *latent,
                    const float *output, float *out, float *scratch, size_t n)
{
    atl_denoised(sampler, level->alpha, level->sigma, latent, output, out, n);
    atl_denoised_threshold(sampler, out, scratch, n);
    for (size_t k = 0; k < n; k++)
        out[k] = (latent[k] - level->alpha * out[k]) / level->sigma;
}

/* ∫ of the line that is 1 at b and 0 at c, up to t */
static float integral_2(float t, float b, float c)
{
    float lb = atl_numpy_log(b), lc = atl_numpy_log(c), lt = atl_numpy_log(t);
    return t * (-lc + lt - 1.0f) / (lb - lc);
}

/* ∫ of the parabola that is 1 at b and 0 at c and d, up to t */
static float integral_3(float t, float b, float c, float d)
{
    float lb = atl_numpy_log(b), lc = atl_numpy_log(c), ld = atl_numpy_log(d), lt = atl_numpy_log(t);
    float above = t * (lc * (ld - lt + 1.0f) - ld * lt + ld + lt * lt - 2.0f * lt + 2.0f);
    return above / ((lb - lc) * (lb - ld));
}

/* Weights of the last outputs, the newest first, from ρ at their timesteps to ρ_t. */
static void weights_of(int order, float rho_t, const float rho[ATL_SAMPLER_MAX_ORDER],
                       float ret[ATL_SAMPLER_MAX_ORDER])
{
    float a = rho[0], b = rho[1], c = rho[2];
    if (order == 2) {
        ret[0] = integral_2(rho_t, a, b) - integral_2(a, a, b);
        ret[1] = integral_2(rho_t, b, a) - integral_2(a, b, a);
        return;
    }
    ret[0] = integral_3(rho_t, a, b, c) - integral_3(a, a, b, c);
    ret[1] = integral_3(rho_t, b, c, a) - integral_3(a, b, c, a);
    ret[2] = integral_3(rho_t, c, a, b) - integral_3(a, c, a, b);
}

static void step_first_order(const atl_noise_level *t, const atl_noise_level *s, const float *newest,
                             float *latent, size_t n)
{
    float from_latent = t->alpha / s->alpha;
    float from_output = t->sigma * (expf(t->lambda - s->lambda) - 1.0f);
    for (size_t k = 0; k < n; k++)
        latent[k] = from_latent * latent[k] - from_output * newest[k];
}

static void step_multistep(const atl_sampler *sampler, int i, int order, float *latent, size_t n)
{
    int newest = sampler->config.solver_order - 1;
    atl_noise_level t = atl_noise_level_of(sampler->sigmas[i + 1]);
    atl_noise_level s = atl_noise_level_of(sampler->sigmas[i]);
    float rho[ATL_SAMPLER_MAX_ORDER] = {0}, w[ATL_SAMPLER_MAX_ORDER] = {0};
    const float *m[ATL_SAMPLER_MAX_ORDER] = {0};
    for (int j = 0; j < order; j++) {
        atl_noise_level level = atl_noise_level_of(sampler->sigmas[i - j]);
        rho[j] = level.sigma / level.alpha;
        m[j] = sampler->slots[newest - j];
    }
    weights_of(order, t.sigma / t.alpha, rho, w);
    for (size_t k = 0; k < n; k++) {
        float x = latent[k] / s.alpha;
        for (int j = 0; j < order; j++)
            x += w[j] * m[j][k];
        latent[k] = t.alpha * x;
    }
}

static void step(atl_sampler *sampler, int i, const float *model_output, float *latent, size_t n,
                 atl_draw_fn draw, void *user)
{
    (void)draw;
    (void)user;
    int kept = sampler->config.solver_order;
    bool first_order = i == sampler->n_timesteps - 1 && atl_multistep_few(sampler);
    int order = atl_multistep_order(sampler, i, first_order);
    atl_noise_level s = atl_noise_level_of(sampler->sigmas[i]);
    float *newest = atl_outputs_shift(sampler, kept);
    convert(sampler, &s, latent, model_output, newest, sampler->slots[SLOT_SCRATCH], n);
    if (order == 1) {
        atl_noise_level t = atl_noise_level_of(sampler->sigmas[i + 1]);
        step_first_order(&t, &s, newest, latent, n);
    } else {
        step_multistep(sampler, i, order, latent, n);
    }
    if (sampler->n_outputs < kept)
        sampler->n_outputs++;
}

const atl_sampler_kind atl_sampler_deis = {
    .name = "deis",
    .display = "DEIS",
    .class_name = CLASS,
    .respaces_sigmas = true,
    .configure = configure,
    .plan = plan,
    .add_noise = atl_add_noise_level,
    .step = step,
};
