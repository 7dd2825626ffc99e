/* schedule.c - from betas to alphas_cumprod, and the timesteps that a sampler visits.
 *
 * torch computes betas in float and their running product in double, rounded to float at every element;
 * numpy spaces timesteps in double. Both are followed to the bit: a timestep that differs by one is another
 * picture. */
#include <math.h>
#include <stdlib.h>

#include "sampling/sampler_private.h"

float atl_linspace_f32(float start, float end, int n, int i)
{
    if (n == 1)
        return start;
    float step = (end - start) / (float)(n - 1);
    if (i < n / 2)
        return fmaf(step, (float)i, start);
    return fmaf(-step, (float)(n - 1 - i), end);
}

/* The cosine schedule of Nichol & Dhariwal 2021 (eq. 17), as a running product at time t of 1. */
static double cosine_alpha_bar(double t)
{
    double c = cos((t + 0.008) / 1.008 * 3.14159265358979323846 / 2.0);
    return c * c;
}

static float beta_at(const atl_scheduler_config *config, int i)
{
    int n = config->num_train_timesteps;
    if (config->n_trained_betas)
        return config->trained_betas[i];
    if (config->beta_schedule == ATL_BETA_LINEAR)
        return atl_linspace_f32((float)config->beta_start, (float)config->beta_end, n, i);
    if (config->beta_schedule == ATL_BETA_SCALED_LINEAR) {
        float root = atl_linspace_f32((float)sqrt(config->beta_start), (float)sqrt(config->beta_end), n, i);
        return root * root;
    }
    double beta = 1.0 - cosine_alpha_bar((i + 1.0) / n) / cosine_alpha_bar((double)i / n);
    return (float)fmin(beta, 0.999);
}

static void cumulate(const float *betas, float *alphas_cumprod, int n)
{
    double product = 1.0;
    for (int i = 0; i < n; i++) {
        product *= (double)(1.0f - betas[i]);
        alphas_cumprod[i] = (float)product;
    }
}

/* Betas shifted and scaled so that no signal is left at the end (Lin et al. 2024, algorithm 1). `work` holds
 * their running product and is overwritten. */
static void rescale_zero_snr(float *betas, float *work, int n)
{
    float first = sqrtf(work[0]);
    float last = sqrtf(work[n - 1]);
    float scale = first / (first - last);
    for (int i = 0; i < n; i++) {
        float root = (sqrtf(work[i]) - last) * scale;
        work[i] = root * root;
    }
    betas[0] = 1.0f - work[0];
    for (int i = 1; i < n; i++)
        betas[i] = 1.0f - work[i] / work[i - 1];
}

static void fill_alphas(const atl_scheduler_config *config, float *betas, float *alphas)
{
    int n = config->num_train_timesteps;
    for (int i = 0; i < n; i++)
        betas[i] = beta_at(config, i);
    cumulate(betas, alphas, n);
    if (config->rescale_betas_zero_snr != ATL_YES)
        return;
    rescale_zero_snr(betas, alphas, n);
    cumulate(betas, alphas, n);
}

static atl_status check_range(const float *alphas, int n, atl_note *note)
{
    for (int i = 0; i < n; i++)
        if (!(alphas[i] >= 0.0f && alphas[i] <= 1.0f))
            return atl_fail(note, ATL_UNSUPPORTED,
                            "the betas give alphas_cumprod %g at timestep %d; wanted 0 to 1",
                            (double)alphas[i], i);
    return ATL_OK;
}

atl_status atl_schedule_alphas(const atl_scheduler_config *config, float **ret_alphas, atl_note *note)
{
    int n = config->num_train_timesteps;
    if (n < 1 || n > ATL_MAX_BETAS)
        return atl_fail(note, ATL_UNSUPPORTED, "num_train_timesteps %d; wanted 1 to %d", n, ATL_MAX_BETAS);
    if (config->n_trained_betas && config->n_trained_betas != n)
        return atl_fail(note, ATL_UNSUPPORTED, "trained_betas has %d values; wanted num_train_timesteps, %d",
                        config->n_trained_betas, n);
    float *alphas = calloc((size_t)n, sizeof *alphas);
    float *betas = calloc((size_t)n, sizeof *betas);
    atl_status st = ATL_NO_MEMORY;
    if (!alphas || !betas)
        goto fail;
    fill_alphas(config, betas, alphas);
    st = check_range(alphas, n, note);
    if (st != ATL_OK)
        goto fail;
    free(betas);
    *ret_alphas = alphas;
    return ATL_OK;
fail:
    free(betas);
    free(alphas);
    return st;
}

void atl_schedule_lift_last_alpha(atl_sampler *sampler)
{
    if (sampler->config.rescale_betas_zero_snr == ATL_YES)
        sampler->alphas_cumprod[sampler->config.num_train_timesteps - 1] = 0x1p-24f;
}

/* numpy.linspace(0, last − 1, n_points)[k] */
static double linspace_point(const atl_spacing_plan *plan, int k)
{
    double stop = plan->last - 1;
    if (plan->n_points == 1)
        return 0.0;
    double point = k == plan->n_points - 1 ? stop : k * (stop / (plan->n_points - 1));
    return plan->rounded ? rint(point) : point;
}

/* numpy.arange(last, 0, −num_train / n_steps), whose length comes from a division that rounds. */
static int fill_trailing(const atl_spacing_plan *plan, int n_train, float *out)
{
    double start = plan->last;
    double step = -((double)n_train / plan->n_steps);
    int n = (int)ceil((0.0 - start) / step);
    step = (start + step) - start;
    for (int i = 0; i < n; i++)
        out[i] = (float)(rint(start + i * step) - 1.0);
    return n;
}

atl_status atl_schedule_timesteps(atl_sampler *sampler, const atl_spacing_plan *plan)
{
    const atl_scheduler_config *config = &sampler->config;
    float *timesteps = malloc(((size_t)plan->n_steps + 2) * sizeof *timesteps);
    if (!timesteps)
        return ATL_NO_MEMORY;
    sampler->timesteps = timesteps;
    sampler->n_timesteps = plan->n_steps;
    int ratio = plan->last / plan->n_points;
    for (int i = 0; i < plan->n_steps; i++) {
        int k = plan->n_points - 1 - i;
        if (config->timestep_spacing == ATL_SPACING_LINSPACE)
            timesteps[i] = (float)linspace_point(plan, k);
        else
            timesteps[i] = (float)(k * ratio + config->steps_offset);
    }
    if (config->timestep_spacing == ATL_SPACING_TRAILING)
        sampler->n_timesteps = fill_trailing(plan, config->num_train_timesteps, timesteps);
    return ATL_OK;
}

atl_status atl_schedule_check_timesteps(const atl_sampler *sampler, atl_note *note)
{
    int n_train = sampler->config.num_train_timesteps;
    for (int i = 0; i < sampler->n_timesteps; i++) {
        int t = (int)sampler->timesteps[i];
        if (t >= n_train || t < -n_train)
            return atl_fail(
                note, ATL_USAGE,
                "%d steps with steps_offset %d reach timestep %d, and the model knows 0 to %d only; "
                "fewer steps would do",
                sampler->n_steps, sampler->config.steps_offset, t, n_train - 1);
    }
    return ATL_OK;
}

float atl_schedule_alpha(const atl_sampler *sampler, int timestep)
{
    int n = sampler->config.num_train_timesteps;
    return sampler->alphas_cumprod[timestep < 0 ? timestep + n : timestep];
}

float atl_schedule_alpha_before(const atl_sampler *sampler, int timestep)
{
    if (timestep >= 0)
        return sampler->alphas_cumprod[timestep];
    return sampler->config.set_alpha_to_one == ATL_YES ? 1.0f : sampler->alphas_cumprod[0];
}
