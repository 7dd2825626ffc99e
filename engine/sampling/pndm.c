/* pndm.c - pseudo numerical methods for diffusion models (Liu et al. 2022): Runge–Kutta to start with (12
 * calls), then a linear multistep of order 4. With skip_prk_steps, which Stable Diffusion's files ask for,
 * the multistep starts by itself at lower orders and visits its second timestep twice ("PLMS").
 *
 * Calls are counted from the first one made, not from the start of the schedule: img2img begins anew in the
 * middle of it, as in diffusers. */
#include <math.h>
#include <stdlib.h>

#include "sampling/sampler_private.h"

#define RUNGE_KUTTA_CALLS  12
#define RUNGE_KUTTA_POINTS 4
#define N_ETS              4

enum { SLOT_ETS, SLOT_START = N_ETS, SLOT_SUM, SLOT_MIXED, N_SLOTS };

static atl_status configure(atl_scheduler_config *config, atl_note *note)
{
    static const atl_class_defaults defaults = {0.0001, 0.02, ATL_BETA_LINEAR, ATL_SPACING_LEADING};
    atl_settings_common(config, &defaults);
    config->rescale_betas_zero_snr = ATL_NO; /* not of this class */
    atl_settings_flag(&config->set_alpha_to_one, false);
    atl_settings_flag(&config->skip_prk_steps, false);
    return atl_settings_no_sample(config, "PNDMScheduler", note);
}

static int step_ratio(const atl_sampler *sampler)
{
    return sampler->config.num_train_timesteps / sampler->n_steps;
}

/* [t0 t1 t2 …] becomes [t0 t1 t1 t2 …]. */
static void lay_out_multistep(atl_sampler *sampler)
{
    if (sampler->n_timesteps < 2)
        return;
    float *t = sampler->timesteps;
    for (int i = sampler->n_timesteps; i >= 2; i--)
        t[i] = t[i - 1];
    sampler->n_timesteps++;
}

/* The first three intervals take four calls each: at their start, twice in the middle, and at their end. The
 * fourth point and those after it are left to the multistep. */
static void lay_out_runge_kutta(atl_sampler *sampler, const float *points, int n_points)
{
    float *t = sampler->timesteps;
    int half = step_ratio(sampler) / 2;
    for (int i = 0; i < RUNGE_KUTTA_POINTS - 1; i++) {
        t[4 * i] = points[i];
        t[4 * i + 1] = t[4 * i + 2] = points[i + 1] + (float)half;
        t[4 * i + 3] = points[i + 1];
    }
    for (int i = RUNGE_KUTTA_POINTS - 1; i < n_points; i++)
        t[RUNGE_KUTTA_CALLS + i - (RUNGE_KUTTA_POINTS - 1)] = points[i];
    sampler->n_timesteps = RUNGE_KUTTA_CALLS + n_points - (RUNGE_KUTTA_POINTS - 1);
}

static atl_status plan_runge_kutta(atl_sampler *sampler, atl_note *note)
{
    int n_points = sampler->n_timesteps;
    if (n_points < RUNGE_KUTTA_POINTS)
        return atl_fail(note, ATL_USAGE,
                        "PNDMScheduler without skip_prk_steps needs %d steps at least, and %d were asked for",
                        RUNGE_KUTTA_POINTS, sampler->n_steps);
    float *points = sampler->timesteps;
    sampler->timesteps = malloc(((size_t)n_points + RUNGE_KUTTA_CALLS) * sizeof *points);
    if (!sampler->timesteps) {
        sampler->timesteps = points;
        return ATL_NO_MEMORY;
    }
    lay_out_runge_kutta(sampler, points, n_points);
    free(points);
    return ATL_OK;
}

static atl_status plan(atl_sampler *sampler, atl_note *note)
{
    atl_spacing_plan spacing = {sampler->n_steps, sampler->n_steps, sampler->config.num_train_timesteps,
                                true};
    sampler->init_noise_sigma = 1.0f;
    sampler->n_slots = N_SLOTS;
    atl_status st = atl_schedule_timesteps(sampler, &spacing);
    if (st != ATL_OK)
        return st;
    if (sampler->config.skip_prk_steps == ATL_YES)
        lay_out_multistep(sampler);
    else
        st = plan_runge_kutta(sampler, note);
    return st == ATL_OK ? atl_schedule_check_timesteps(sampler, note) : st;
}

/* From timestep t to t_prev along `output`, which is epsilon or v (eq. 9); out may be from. */
static void transfer(const atl_sampler *sampler, int t, int t_prev, const float *from, const float *output,
                     float *out, size_t n)
{
    float alpha = atl_schedule_alpha(sampler, t);
    float alpha_prev = atl_schedule_alpha_before(sampler, t_prev);
    float beta = 1.0f - alpha;
    float scale = sqrtf(alpha_prev / alpha);
    float divisor = alpha * sqrtf(1.0f - alpha_prev) + sqrtf(alpha * beta * alpha_prev);
    float difference = alpha_prev - alpha;
    bool v_prediction = sampler->config.prediction_type == ATL_PREDICT_V;
    float signal = sqrtf(alpha);
    float spread = sqrtf(beta);
    for (size_t k = 0; k < n; k++) {
        float epsilon = v_prediction ? signal * output[k] + spread * from[k] : output[k];
        out[k] = scale * from[k] - difference * epsilon / divisor;
    }
}

static void keep(atl_sampler *sampler, const float *model_output, size_t n)
{
    float *newest = atl_outputs_shift(sampler, N_ETS);
    for (size_t k = 0; k < n; k++)
        newest[k] = model_output[k];
    if (sampler->n_outputs < N_ETS)
        sampler->n_outputs++;
}

/* One of the four calls of a Runge–Kutta step; all start from the first one's latent. */
static void step_runge_kutta(atl_sampler *sampler, int i, const float *model_output, float *latent, size_t n)
{
    int call = sampler->n_done % 4;
    float *start = sampler->slots[SLOT_START];
    float *sum = sampler->slots[SLOT_SUM];
    const float *output = model_output;
    float weight = (float)(call == 0 || call == 3 ? 1.0 / 6.0 : 1.0 / 3.0);
    for (size_t k = 0; k < n; k++) {
        float part = weight * model_output[k];
        sum[k] = call == 0 ? part : sum[k] + part;
        if (call == 0)
            start[k] = latent[k];
    }
    if (call == 0)
        keep(sampler, model_output, n);
    if (call == 3)
        output = sum;
    int t_prev = (int)sampler->timesteps[i] - (sampler->n_done % 2 ? 0 : step_ratio(sampler) / 2);
    int t = (int)sampler->timesteps[sampler->n_done / 4 * 4];
    transfer(sampler, t, t_prev, start, output, latent, n);
}

/* Adams–Bashforth of as many outputs as there are (eq. 12). e[0] is the newest. */
static float adams_bashforth(int order, const float e[N_ETS])
{
    switch (order) {
    case 1:
        return e[0];
    case 2:
        return (3.0f * e[0] - e[1]) / 2.0f;
    case 3:
        return (23.0f * e[0] - 16.0f * e[1] + 5.0f * e[2]) / 12.0f;
    default:
        return (float)(1.0 / 24.0) * (55.0f * e[0] - 59.0f * e[1] + 37.0f * e[2] - 9.0f * e[3]);
    }
}

/* The second call repeats the first step with the mean of both outputs. */
static void repeat_first(atl_sampler *sampler, int t, const float *model_output, float *latent, size_t n)
{
    const float *first = sampler->slots[N_ETS - 1];
    float *mixed = sampler->slots[SLOT_MIXED];
    for (size_t k = 0; k < n; k++)
        mixed[k] = (model_output[k] + first[k]) / 2.0f;
    transfer(sampler, t + step_ratio(sampler), t, sampler->slots[SLOT_START], mixed, latent, n);
}

static void step_multistep(atl_sampler *sampler, int i, const float *model_output, float *latent, size_t n)
{
    int t = (int)sampler->timesteps[i];
    if (sampler->n_done == 1) {
        repeat_first(sampler, t, model_output, latent, n);
        return;
    }
    keep(sampler, model_output, n);
    float *mixed = sampler->slots[SLOT_MIXED];
    float *start = sampler->slots[SLOT_START];
    int order = sampler->n_outputs;
    for (size_t k = 0; k < n; k++) {
        float e[N_ETS] = {0};
        for (int j = 0; j < order; j++)
            e[j] = sampler->slots[N_ETS - 1 - j][k];
        mixed[k] = adams_bashforth(order, e);
        if (sampler->n_done == 0)
            start[k] = latent[k];
    }
    transfer(sampler, t, t - step_ratio(sampler), latent, mixed, latent, n);
}

static void step(atl_sampler *sampler, int i, const float *model_output, float *latent, size_t n,
                 atl_draw_fn draw, void *user)
{
    (void)draw;
    (void)user;
    if (sampler->config.skip_prk_steps != ATL_YES && sampler->n_done < RUNGE_KUTTA_CALLS)
        step_runge_kutta(sampler, i, model_output, latent, n);
    else
        step_multistep(sampler, i, model_output, latent, n);
}

const atl_sampler_kind atl_sampler_pndm = {
    .name = "pndm",
    .display = "PLMS",
    .class_name = "PNDMScheduler",
    .configure = configure,
    .plan = plan,
    .add_noise = atl_add_noise_alpha,
    .step = step,
};
