/* unipc.c - unified predictor-corrector (Zhao et al. 2023): each call first corrects the last step with the
 * output at its end, then predicts the next one. B(h) is h ("bh1") or e^h − 1 ("bh2"). */
#include <math.h>
#include <string.h>

#include "base/sizes.h"
#include "sampling/sampler_private.h"

#define CLASS "UniPCMultistepScheduler"

enum { SLOT_CONVERTED = ATL_SAMPLER_MAX_ORDER, SLOT_LAST_LATENT, SLOT_SCRATCH, N_SLOTS };

static atl_status configure_solver(atl_scheduler_config *config, atl_note *note)
{
    static const char *const bh2_names[] = {"", "midpoint", "heun", "logrho"};
    for (size_t i = 0; i < ATL_COUNT(bh2_names); i++)
        if (strcmp(config->solver_type, bh2_names[i]) == 0)
            strcpy(config->solver_type, "bh2");
    bool bh1 = strcmp(config->solver_type, "bh1") == 0;
    if (!bh1 && strcmp(config->solver_type, "bh2") != 0)
        return atl_fail(note, ATL_UNSUPPORTED, CLASS ": solver_type \"%s\"; wanted \"bh1\" or \"bh2\"",
                        config->solver_type);
    if (config->final_sigmas_zero != ATL_YES)
        return ATL_OK;
    if (bh1)
        return atl_fail(note, ATL_UNSUPPORTED,
                        CLASS
                        ": solver_type \"bh1\" with final_sigmas_type \"zero\" is not a number at the last "
                        "step; wanted \"bh2\" or \"sigma_min\"");
    if (config->lower_order_final != ATL_YES && config->solver_order > 1)
        return atl_fail(note, ATL_UNSUPPORTED,
                        CLASS
                        ": lower_order_final false with final_sigmas_type \"zero\" is not a number at the "
                        "last step; wanted true or \"sigma_min\"");
    if (config->predict_x0 != ATL_YES)
        return atl_fail(note, ATL_UNSUPPORTED,
                        CLASS
                        ": predict_x0 false with final_sigmas_type \"zero\" is not a number at the last "
                        "step; wanted true or \"sigma_min\"");
    return ATL_OK;
}

static atl_status configure(atl_scheduler_config *config, atl_note *note)
{
    static const atl_class_defaults defaults = {0.0001, 0.02, ATL_BETA_LINEAR, ATL_SPACING_LINSPACE};
    atl_settings_common(config, &defaults);
    atl_settings_clipping(config, false);
    config->interpolation_type = 0; /* not of this class */
    atl_settings_flag(&config->lower_order_final, true);
    atl_settings_flag(&config->predict_x0, true);
    atl_settings_flag(&config->final_sigmas_zero, true);
    atl_status st = atl_settings_order(config, CLASS, note);
    if (st == ATL_OK)
        st = configure_solver(config, note);
    return st == ATL_OK ? atl_settings_respacing(config, note) : st;
}

static atl_status plan(atl_sampler *sampler, atl_note *note)
{
    atl_schedule_lift_last_alpha(sampler);
    bool zero = sampler->config.final_sigmas_zero == ATL_YES;
    atl_multistep_rules rules = {
        .round_karras = true,
        .plain = zero ? ATL_FINAL_ZERO : ATL_FINAL_TRAINED_MIN,
        .respaced = zero ? ATL_FINAL_ZERO : ATL_FINAL_REPEAT,
    };
    sampler->n_slots = N_SLOTS;
    return atl_multistep_plan(sampler, &rules, note);
}

/* The clean latent, or with predict_x0 false the noise. */
static void convert(const atl_sampler *sampler, float sigma, const float *latent, const float *output,
                    float *out, size_t n)
{
    atl_noise_level level = atl_noise_level_of(sigma);
    if (sampler->config.predict_x0 == ATL_YES) {
        atl_denoised(sampler, level.alpha, level.sigma, latent, output, out, n);
        atl_denoised_threshold(sampler, out, sampler->slots[SLOT_SCRATCH], n);
        return;
    }
    atl_predicted_noise(sampler, level.alpha, level.sigma, latent, output, out, n);
}

/* x_t = latent · x − base · m0 − scale · (Σ rho[j] · D1[j] + …), D1[j] = (m[j+1] − m0) / r[j]; their
 * algorithms 1 and 2. */
typedef struct update {
    int order;
    float latent, base, scale;
    float r[ATL_SAMPLER_MAX_ORDER]; /* of the older outputs in units of h; the last is 1 */
    float b[ATL_SAMPLER_MAX_ORDER];
    float rho[ATL_SAMPLER_MAX_ORDER];
} update;

/* Right-hand side of the order conditions: φ functions of hh over B(h). */
static void order_conditions(update *u, float hh, float divisor)
{
    float phi_1 = expm1f(hh);
    float phi_k = phi_1 / hh - 1.0f;
    float factorial = 1.0f;
    for (int i = 0; i < u->order; i++) {
        u->b[i] = phi_k * factorial / divisor;
        factorial *= (float)(i + 2);
        phi_k = phi_k / hh - 1.0f / factorial;
    }
}

/* Of a step that ends at sigmas[end], from sigmas[end - 1]. */
static update update_at(const atl_sampler *sampler, int end, int order)
{
    const atl_scheduler_config *config = &sampler->config;
    bool clean = config->predict_x0 == ATL_YES;
    atl_noise_level t = atl_noise_level_of(sampler->sigmas[end]);
    atl_noise_level s = atl_noise_level_of(sampler->sigmas[end - 1]);
    float h = t.lambda - s.lambda;
    float hh = clean ? -h : h;
    float phi_1 = expm1f(hh);
    float divisor = strcmp(config->solver_type, "bh1") == 0 ? hh : phi_1;
    update u = {.order = order};
    u.latent = clean ? t.sigma / s.sigma : t.alpha / s.alpha;
    u.base = (clean ? t.alpha : t.sigma) * phi_1;
    u.scale = (clean ? t.alpha : t.sigma) * divisor;
    for (int j = 0; j + 1 < order; j++)
        u.r[j] = (atl_noise_level_of(sampler->sigmas[end - 2 - j]).lambda - s.lambda) / h;
    u.r[order - 1] = 1.0f;
    order_conditions(&u, hh, divisor);
    return u;
}

static void swap_rows(float a[][ATL_SAMPLER_MAX_ORDER + 1], int i, int j, int n)
{
    for (int k = 0; k <= n; k++) {
        float value = a[i][k];
        a[i][k] = a[j][k];
        a[j][k] = value;
    }
}

/* rho from the n × n system Σ r[j]^i · rho[j] = b[i], by elimination with pivots. */
static void solve_rho(update *u, int n)
{
    float a[ATL_SAMPLER_MAX_ORDER][ATL_SAMPLER_MAX_ORDER + 1] = {{0}};
    for (int j = 0; j < n; j++) {
        a[0][j] = 1.0f;
        for (int i = 1; i < n; i++)
            a[i][j] = i == 1 ? u->r[j] : u->r[j] * u->r[j];
        a[j][n] = u->b[j];
    }
    for (int c = 0; c < n; c++) {
        int pivot = c;
        for (int i = c + 1; i < n; i++)
            if (fabsf(a[i][c]) > fabsf(a[pivot][c]))
                pivot = i;
        swap_rows(a, c, pivot, n);
        for (int i = c + 1; i < n; i++) {
            float factor = a[i][c] / a[c][c];
            for (int k = c; k <= n; k++)
                a[i][k] -= factor * a[c][k];
        }
    }
    for (int i = n - 1; i >= 0; i--) {
        float sum = a[i][n];
        for (int k = i + 1; k < n; k++)
            sum -= a[i][k] * u->rho[k];
        u->rho[i] = sum / a[i][i];
    }
}

/* Σ rho[j] · D1[j] of element k over the older outputs. */
static float older_terms(const atl_sampler *sampler, const update *u, size_t k)
{
    int newest = sampler->config.solver_order - 1;
    float m0 = sampler->slots[newest][k];
    float sum = 0.0f;
    for (int j = 0; j + 1 < u->order; j++)
        sum += u->rho[j] * ((sampler->slots[newest - 1 - j][k] - m0) / u->r[j]);
    return sum;
}

/* Redoes the step that ended here with the output found here. */
static void correct(const atl_sampler *sampler, int i, const float *converted, float *latent, size_t n)
{
    update u = update_at(sampler, i, sampler->order);
    if (u.order == 1)
        u.rho[0] = 0.5f;
    else
        solve_rho(&u, u.order);
    const float *m0 = sampler->slots[sampler->config.solver_order - 1];
    const float *before = sampler->slots[SLOT_LAST_LATENT];
    float rho_here = u.rho[u.order - 1];
    for (size_t k = 0; k < n; k++) {
        float x = u.latent * before[k] - u.base * m0[k];
        float here = rho_here * (converted[k] - m0[k]);
        latent[k] = x - u.scale * (older_terms(sampler, &u, k) + here);
    }
}

static void predict(const atl_sampler *sampler, int i, float *latent, size_t n)
{
    update u = update_at(sampler, i + 1, sampler->order);
    if (u.order == 2)
        u.rho[0] = 0.5f;
    else if (u.order > 2)
        solve_rho(&u, u.order - 1);
    const float *m0 = sampler->slots[sampler->config.solver_order - 1];
    for (size_t k = 0; k < n; k++) {
        float x = u.latent * latent[k] - u.base * m0[k];
        latent[k] = u.order == 1 ? x : x - u.scale * older_terms(sampler, &u, k);
    }
}

static bool corrects(const atl_sampler *sampler, int i)
{
    if (i == 0 || sampler->n_done == 0)
        return false;
    for (int j = 0; j < sampler->config.n_disable_corrector; j++)
        if (sampler->config.disable_corrector[j] == i - 1)
            return false;
    return true;
}

static void step(atl_sampler *sampler, int i, const float *model_output, float *latent, size_t n,
                 atl_draw_fn draw, void *user)
{
    (void)draw;
    (void)user;
    int kept = sampler->config.solver_order;
    float *converted = sampler->slots[SLOT_CONVERTED];
    convert(sampler, sampler->sigmas[i], latent, model_output, converted, n);
    if (corrects(sampler, i))
        correct(sampler, i, converted, latent, n);
    memcpy(atl_outputs_shift(sampler, kept), converted, n * sizeof *converted);
    memcpy(sampler->slots[SLOT_LAST_LATENT], latent, n * sizeof *latent);
    int order = kept;
    if (sampler->config.lower_order_final == ATL_YES && sampler->n_timesteps - i < order)
        order = sampler->n_timesteps - i;
    if (order > sampler->n_outputs + 1)
        order = sampler->n_outputs + 1;
    sampler->order = order;
    predict(sampler, i, latent, n);
    if (sampler->n_outputs < kept)
        sampler->n_outputs++;
}

const atl_sampler_kind atl_sampler_unipc = {
    .name = "unipc",
    .display = "UniPC",
    .class_name = CLASS,
    .respaces_sigmas = true,
    .configure = configure,
    .plan = plan,
    .add_noise = atl_add_noise_level,
    .step = step,
};
