/* dpmpp.c - DPM-Solver and DPM-Solver++ (Lu et al. 2022), multistep, and their stochastic forms.
 *
 * Every update is a weighted sum of the latent, of up to three differences of the last outputs and of noise;
 * only the weights differ between the four algorithms and the three orders. Here λ = ln(α/σ), h is the step
 * in λ, and D0, D1, D2 are the outputs' divided differences (their algorithm 2). */
#include <math.h>
#include <string.h>

#include "sampling/sampler_private.h"

#define CLASS "DPMSolverMultistepScheduler"

enum { SLOT_NOISE = ATL_SAMPLER_MAX_ORDER, N_SLOTS };

static bool predicts_clean(const atl_sampler *sampler)
{
    return strstr(sampler->config.algorithm_type, "++") != NULL;
}

static bool is_stochastic(const atl_scheduler_config *config)
{
    return strncmp(config->algorithm_type, "sde-", 4) == 0;
}

static bool is_one_of(const char *word, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(word, *words) == 0)
            return true;
    return false;
}

static atl_status configure_solver(atl_scheduler_config *config, atl_note *note)
{
    static const char *const algorithms[] = {"dpmsolver", "dpmsolver++", "sde-dpmsolver", "sde-dpmsolver++",
                                             NULL};
    static const char *const solvers[] = {"midpoint", "heun", NULL};
    static const char *const others_solvers[] = {"", "logrho", "bh1", "bh2", NULL};
    if (config->algorithm_type[0] == '\0' || strcmp(config->algorithm_type, "deis") == 0)
        strcpy(config->algorithm_type, "dpmsolver++");
    if (is_one_of(config->solver_type, others_solvers))
        strcpy(config->solver_type, "midpoint");
    if (!is_one_of(config->algorithm_type, algorithms))
        return atl_fail(note, ATL_UNSUPPORTED, CLASS ": algorithm_type \"%s\"", config->algorithm_type);
    if (!is_one_of(config->solver_type, solvers))
        return atl_fail(note, ATL_UNSUPPORTED, CLASS ": solver_type \"%s\"", config->solver_type);
    if (!strstr(config->algorithm_type, "++") && config->final_sigmas_zero == ATL_YES)
        return atl_fail(note, ATL_UNSUPPORTED,
                        CLASS ": algorithm_type \"%s\" cannot end on final_sigmas_type \"zero\"; wanted "
                              "\"sigma_min\"",
                        config->algorithm_type);
    if (strcmp(config->algorithm_type, "sde-dpmsolver") == 0 && config->solver_order == 3)
        return atl_fail(note, ATL_UNSUPPORTED,
                        CLASS ": algorithm_type \"sde-dpmsolver\" has no solver_order 3");
    return ATL_OK;
}

static atl_status configure(atl_scheduler_config *config, atl_note *note)
{
    static const atl_class_defaults defaults = {0.0001, 0.02, ATL_BETA_LINEAR, ATL_SPACING_LINSPACE};
    atl_settings_common(config, &defaults);
    atl_settings_clipping(config, false);
    config->interpolation_type = 0; /* not of this class */
    atl_settings_flag(&config->lower_order_final, true);
    atl_settings_flag(&config->euler_at_final, false);
    atl_settings_flag(&config->final_sigmas_zero, true);
    atl_settings_flag(&config->use_lu_lambdas, false);
    if (config->use_lu_lambdas == ATL_YES)
        return atl_fail(note, ATL_UNSUPPORTED, CLASS ": use_lu_lambdas true");
    if (strncmp(config->variance_type, "learned", 7) == 0)
        return atl_fail(note, ATL_UNSUPPORTED, CLASS ": variance_type \"%s\"; wanted null",
                        config->variance_type);
    atl_status st = atl_settings_order(config, CLASS, note);
    if (st == ATL_OK)
        st = configure_solver(config, note);
    return st == ATL_OK ? atl_settings_respacing(config, note) : st;
}

static atl_status plan(atl_sampler *sampler, atl_note *note)
{
    const atl_scheduler_config *config = &sampler->config;
    atl_schedule_lift_last_alpha(sampler);
    atl_final_sigma final = config->final_sigmas_zero == ATL_YES ? ATL_FINAL_ZERO : ATL_FINAL_TRAINED_MIN;
    atl_multistep_rules rules = {
        .round_karras = config->beta_schedule != ATL_BETA_SQUAREDCOS_CAP_V2,
        .plain = final,
        .respaced = final,
    };
    sampler->n_slots = N_SLOTS;
    return atl_multistep_plan(sampler, &rules, note);
}

/* The clean latent, or for the two algorithms without "++" the noise. */
static void convert(const atl_sampler *sampler, float sigma, const float *latent, const float *output,
                    float *out, float *scratch, size_t n)
{
    atl_noise_level level = atl_noise_level_of(sigma);
    if (predicts_clean(sampler)) {
        atl_denoised(sampler, level.alpha, level.sigma, latent, output, out, n);
        atl_denoised_threshold(sampler, out, scratch, n);
        return;
    }
    atl_predicted_noise(sampler, level.alpha, level.sigma, latent, output, out, n);
    if (sampler->config.thresholding != ATL_YES)
        return;
    for (size_t k = 0; k < n; k++)
        out[k] = (latent[k] - level.sigma * out[k]) / level.alpha;
    atl_denoised_threshold(sampler, out, scratch, n);
    for (size_t k = 0; k < n; k++)
        out[k] = (latent[k] - level.alpha * out[k]) / level.sigma;
}

/* x_t = latent · x + d0 · D0 + d1 · D1 + d2 · D2 + noise · z */
typedef struct weights {
    float latent, d0, d1, d2, noise;
} weights;

static weights weights_clean(const atl_noise_level *t, const atl_noise_level *s, float h, bool heun,
                             int order)
{
    float e = expf(-h) - 1.0f;
    weights w = {.latent = t->sigma / s->sigma, .d0 = -(t->alpha * e)};
    w.d1 = heun || order == 3 ? t->alpha * (e / h + 1.0f) : -(0.5f * (t->alpha * e));
    w.d2 = -(t->alpha * ((e + h) / (h * h) - 0.5f));
    return w;
}

static weights weights_noise(const atl_noise_level *t, const atl_noise_level *s, float h, bool heun,
                             int order)
{
    float e = expf(h) - 1.0f;
    weights w = {.latent = t->alpha / s->alpha, .d0 = -(t->sigma * e)};
    w.d1 = heun || order == 3 ? -(t->sigma * (e / h - 1.0f)) : -(0.5f * (t->sigma * e));
    w.d2 = -(t->sigma * ((e - h) / (h * h) - 0.5f));
    return w;
}

static weights weights_clean_sde(const atl_noise_level *t, const atl_noise_level *s, float h, bool heun,
                                 int order)
{
    float e = 1.0f - expf(-2.0f * h);
    float h2 = 2.0f * h;
    weights w = {.latent = t->sigma / s->sigma * expf(-h), .d0 = t->alpha * e, .noise = t->sigma * sqrtf(e)};
    w.d1 = heun || order == 3 ? t->alpha * (e / (-2.0f * h) + 1.0f) : 0.5f * (t->alpha * e);
    w.d2 = t->alpha * ((e - h2) / (h2 * h2) - 0.5f);
    return w;
}

static weights weights_noise_sde(const atl_noise_level *t, const atl_noise_level *s, float h, bool heun)
{
    float e = expf(h) - 1.0f;
    weights w = {.latent = t->alpha / s->alpha, .d0 = -(2.0f * (t->sigma * e))};
    w.noise = t->sigma * sqrtf(expf(2.0f * h) - 1.0f);
    w.d1 = heun ? -(2.0f * (t->sigma * (e / h - 1.0f))) : -(t->sigma * e);
    return w;
}

static weights weights_of(const atl_scheduler_config *config, const atl_noise_level *t,
                          const atl_noise_level *s, int order)
{
    float h = t->lambda - s->lambda;
    bool heun = strcmp(config->solver_type, "heun") == 0;
    if (strcmp(config->algorithm_type, "dpmsolver++") == 0)
        return weights_clean(t, s, h, heun, order);
    if (strcmp(config->algorithm_type, "dpmsolver") == 0)
        return weights_noise(t, s, h, heun, order);
    if (strcmp(config->algorithm_type, "sde-dpmsolver++") == 0)
        return weights_clean_sde(t, s, h, heun, order);
    return weights_noise_sde(t, s, h, heun);
}

/* Spacing of the kept outputs in units of this step: r0 of the last, r1 of the one before. */
typedef struct spacing {
    int order;
    float r0, r1;
} spacing;

static spacing spacing_at(const atl_sampler *sampler, int i, int order, const atl_noise_level *t)
{
    float lambda[ATL_SAMPLER_MAX_ORDER] = {0};
    for (int j = 0; j < order; j++)
        lambda[j] = atl_noise_level_of(sampler->sigmas[i - j]).lambda;
    float h = t->lambda - lambda[0];
    spacing r = {order, 1.0f, 1.0f};
    if (order > 1)
        r.r0 = (lambda[0] - lambda[1]) / h;
    if (order > 2)
        r.r1 = (lambda[1] - lambda[2]) / h;
    return r;
}

static void update(const atl_sampler *sampler, const weights *w, const spacing *r, const float *noise,
                   float *latent, size_t n)
{
    int newest = sampler->config.solver_order - 1;
    const float *m0 = sampler->slots[newest];
    const float *m1 = r->order > 1 ? sampler->slots[newest - 1] : NULL;
    const float *m2 = r->order > 2 ? sampler->slots[newest - 2] : NULL;
    for (size_t k = 0; k < n; k++) {
        float x = w->latent * latent[k] + w->d0 * m0[k];
        if (r->order == 2)
            x += w->d1 * (1.0f / r->r0 * (m0[k] - m1[k]));
        if (r->order == 3) {
            float d10 = 1.0f / r->r0 * (m0[k] - m1[k]);
            float d11 = 1.0f / r->r1 * (m1[k] - m2[k]);
            float d1 = d10 + r->r0 / (r->r0 + r->r1) * (d10 - d11);
            float d2 = 1.0f / (r->r0 + r->r1) * (d10 - d11);
            x = x + w->d1 * d1 + w->d2 * d2;
        }
        latent[k] = noise ? x + w->noise * noise[k] : x;
    }
}

static void step(atl_sampler *sampler, int i, const float *model_output, float *latent, size_t n,
                 atl_draw_fn draw, void *user)
{
    const atl_scheduler_config *config = &sampler->config;
    bool is_last = i == sampler->n_timesteps - 1;
    bool first_order = is_last && (config->euler_at_final == ATL_YES || atl_multistep_few(sampler) ||
                                   config->final_sigmas_zero == ATL_YES);
    int order = atl_multistep_order(sampler, i, first_order);
    float *noise = sampler->slots[SLOT_NOISE];
    float *newest = atl_outputs_shift(sampler, config->solver_order);
    convert(sampler, sampler->sigmas[i], latent, model_output, newest, noise, n);
    atl_noise_level t = atl_noise_level_of(sampler->sigmas[i + 1]);
    atl_noise_level s = atl_noise_level_of(sampler->sigmas[i]);
    weights w = weights_of(config, &t, &s, order);
    spacing r = spacing_at(sampler, i, order, &t);
    bool stochastic = is_stochastic(config);
    if (stochastic)
        draw(user, noise, n);
    update(sampler, &w, &r, stochastic ? noise : NULL, latent, n);
    if (sampler->n_outputs < config->solver_order)
        sampler->n_outputs++;
}

const atl_sampler_kind atl_sampler_dpmpp_2m = {
    .name = "dpmpp_2m",
    .display = "DPM++ 2M",
    .class_name = CLASS,
    .algorithm = "dpmsolver++",
    .respaces_sigmas = true,
    .configure = configure,
    .plan = plan,
    .add_noise = atl_add_noise_level,
    .step = step,
};

const atl_sampler_kind atl_sampler_dpmpp_2m_sde = {
    .name = "dpmpp_2m_sde",
    .display = "DPM++ 2M SDE",
    .class_name = CLASS,
    .algorithm = "sde-dpmsolver++",
    .stochastic = true,
    .respaces_sigmas = true,
    .configure = configure,
    .plan = plan,
    .add_noise = atl_add_noise_level,
    .step = step,
};
