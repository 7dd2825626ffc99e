/* sigmas.c - noise levels of a schedule: interpolated at its timesteps, or spaced anew after Karras et al.
 * 2022 (eq. 5), geometrically, or after a Beta distribution (Lee et al. 2024).
 *
 * numpy does this in double from a float table, and takes logarithms of that table in float with a loop of
 * its own; the last bit of a timestep hangs on that loop, so it is here too (atl_numpy_log). */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sampling/sampler_private.h"

#define KARRAS_RHO 7.0
#define BETA_SHAPE 0.6

/* Of one training timestep: √((1 − ᾱ) / ᾱ) */
static float sigma_of_alpha(float alpha_cumprod)
{
    return sqrtf((1.0f - alpha_cumprod) / alpha_cumprod);
}

float atl_numpy_log(float x)
{
    static const float p[] = {2.589979117907922693523e-02f, 3.808837741388407920751e-01f,
                              1.480000633576506585156e+00f, 2.112677543073053063722e+00f,
                              9.999999999999998702752e-01f, 0.0f};
    static const float q[] = {5.875095403124574342950e-03f, 1.546476374983906719538e-01f,
                              9.864942958519418960339e-01f, 2.453006071784736363091e+00f,
                              2.612677543073109236779e+00f, 1.0f};
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    float exponent = (float)((int)(bits >> 23) - 126);
    bits = (bits & 0x7fffffu) | 0x3f000000u;
    float r;
    memcpy(&r, &bits, sizeof r);
    if (r <= 0.70710678118654752440f) {
        r += r;
        exponent -= 1.0f;
    }
    r -= 1.0f;
    float above = p[0], below = q[0];
    for (int i = 1; i < 6; i++) {
        above = fmaf(above, r, p[i]);
        below = fmaf(below, r, q[i]);
    }
    return fmaf(exponent, 0.693147180559945309417f, above / below);
}

/* numpy.interp over 0 … n_train − 1 */
static double sigma_at(const float *table, int n, double t)
{
    if (t <= 0.0)
        return (double)table[0];
    if (t >= n - 1)
        return (double)table[n - 1];
    int low = (int)t;
    double slope = (double)table[low + 1] - (double)table[low];
    return slope * (t - low) + (double)table[low];
}

/* The timestep whose sigma this is, between whole ones by the logarithm. */
static double timestep_of_sigma(const float *log_table, int n, double sigma)
{
    double log_sigma = log(fmax(sigma, 1e-10));
    int low = 0; /* the last one that is not above */
    for (int i = 0; i < n; i++)
        if (log_sigma - (double)log_table[i] >= 0.0)
            low = i;
    if (low > n - 2)
        low = n - 2;
    int high = low + 1;
    double w = ((double)log_table[low] - log_sigma) / (double)(log_table[low] - log_table[high]);
    w = fmin(fmax(w, 0.0), 1.0);
    return (1.0 - w) * low + w * high;
}

/* Continued fraction of the incomplete beta function I_x(a, a) for x <= ½ (Abramowitz & Stegun 26.5.8), by
 * Lentz's method, times its leading factor. */
static double incomplete_beta(double x, double a)
{
    double log_front = a * log(x) + a * log1p(-x) - (2.0 * lgamma(a) - lgamma(2.0 * a)) - log(a);
    double c = 1.0, d = 1.0 / (1.0 - 2.0 * a * x / (a + 1.0)), f = d;
    for (int m = 1; m < 500; m++) {
        double even = m * (a - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        d = 1.0 / (1.0 + even * d);
        c = 1.0 + even / c;
        f *= c * d;
        double odd = -(a + m) * (2.0 * a + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1.0 / (1.0 + odd * d);
        c = 1.0 + odd / c;
        f *= c * d;
        if (fabs(c * d - 1.0) < 1e-16)
            break;
    }
    return exp(log_front) * f;
}

double atl_beta_quantile(double p)
{
    if (p <= 0.0 || p >= 1.0)
        return p <= 0.0 ? 0.0 : 1.0;
    if (p > 0.5)
        return 1.0 - atl_beta_quantile(1.0 - p);
    double low = 0.0, high = 0.5;
    for (int i = 0; i < 120; i++) {
        double middle = 0.5 * (low + high);
        if (incomplete_beta(middle, BETA_SHAPE) < p)
            low = middle;
        else
            high = middle;
    }
    return high;
}

/* Element i of n from `from` down to `to`, as the config says. */
static double respaced(const atl_scheduler_config *config, double from, double to, int n, int i)
{
    double ramp = n == 1 ? 0.0 : i == n - 1 ? 1.0 : i * (1.0 / (n - 1));
    if (config->use_karras_sigmas == ATL_YES) {
        double root_from = pow(from, 1.0 / KARRAS_RHO);
        double root_to = pow(to, 1.0 / KARRAS_RHO);
        return pow(root_from + ramp * (root_to - root_from), KARRAS_RHO);
    }
    if (config->use_exponential_sigmas == ATL_YES) {
        double start = log(from), stop = log(to);
        if (n > 1 && i == n - 1)
            return exp(stop);
        return exp(n == 1 ? start : i * ((stop - start) / (n - 1)) + start);
    }
    return to + atl_beta_quantile(1.0 - ramp) * (from - to);
}

/* Sets new sigmas between the first and the last of sigmas[n], and the timesteps that go with them. */
static void respace(atl_sampler *sampler, const atl_sigma_plan *plan, const float *table,
                    const float *log_table, double *sigmas, int n)
{
    const atl_scheduler_config *config = &sampler->config;
    int n_train = config->num_train_timesteps;
    double from = plan->from_schedule ? sigmas[0] : (double)table[n_train - 1];
    double to = plan->from_schedule ? sigmas[n - 1] : (double)table[0];
    if (!isnan(config->sigma_max))
        from = config->sigma_max;
    if (!isnan(config->sigma_min))
        to = config->sigma_min;
    sampler->n_timesteps = plan->n_steps;
    for (int i = 0; i < plan->n_steps; i++) {
        sigmas[i] = respaced(config, from, to, plan->n_steps, i);
        double t = timestep_of_sigma(log_table, n_train, sigmas[i]);
        if (config->use_karras_sigmas == ATL_YES && plan->round_karras)
            t = rint(t);
        sampler->timesteps[i] = (float)(plan->whole ? trunc(t) : t);
    }
}

/* Sigmas at the timesteps; log-linear ones are one more than there are timesteps. */
static int plain_sigmas(const atl_sampler *sampler, const float *table, const float *log_table,
                        double *sigmas)
{
    int n_train = sampler->config.num_train_timesteps;
    if (sampler->config.interpolation_type == 1) {
        int n = sampler->n_steps + 1;
        for (int i = 0; i < n; i++)
            sigmas[i] = (double)expf(atl_linspace_f32(log_table[n_train - 1], log_table[0], n, i));
        return n;
    }
    for (int i = 0; i < sampler->n_timesteps; i++)
        sigmas[i] = sigma_at(table, n_train, (double)sampler->timesteps[i]);
    return sampler->n_timesteps;
}

static double final_sigma(atl_final_sigma kind, const float *table, double last)
{
    switch (kind) {
    case ATL_FINAL_TRAINED_MIN:
        return (double)table[0];
    case ATL_FINAL_REPEAT:
        return last;
    case ATL_FINAL_ZERO:
        break;
    }
    return 0.0;
}

/* The sigma of every training timestep, and behind them their logarithms: [2][n_train]; free() it. */
static atl_status tabulate(const atl_sampler *sampler, float **ret_table, atl_note *note)
{
    int n = sampler->config.num_train_timesteps;
    float *table = calloc(2 * (size_t)n, sizeof *table);
    if (!table)
        return ATL_NO_MEMORY;
    for (int i = 0; i < n; i++) {
        table[i] = sigma_of_alpha(sampler->alphas_cumprod[i]);
        if (!(table[i] > 0.0f) || !isfinite(table[i])) {
            atl_status st = atl_fail(note, ATL_UNSUPPORTED,
                                     "the betas give sigma %g at timestep %d; wanted a positive number",
                                     (double)table[i], i);
            free(table);
            return st;
        }
        table[n + i] = atl_numpy_log(table[i]);
    }
    *ret_table = table;
    return ATL_OK;
}

static bool is_respaced(const atl_scheduler_config *config)
{
    return config->use_karras_sigmas == ATL_YES || config->use_exponential_sigmas == ATL_YES ||
           config->use_beta_sigmas == ATL_YES;
}

atl_status atl_sigmas_plan(atl_sampler *sampler, const atl_sigma_plan *plan, atl_note *note)
{
    size_t n_most = (size_t)plan->n_steps + 3;
    float *table = NULL;
    atl_status st = tabulate(sampler, &table, note);
    if (st != ATL_OK)
        return st;
    const float *log_table = table + sampler->config.num_train_timesteps;
    double *sigmas = calloc(n_most, sizeof *sigmas);
    sampler->sigmas = calloc(n_most, sizeof *sampler->sigmas);
    if (!sigmas || !sampler->sigmas) {
        st = ATL_NO_MEMORY;
        goto done;
    }
    int n = plain_sigmas(sampler, table, log_table, sigmas);
    bool changed = is_respaced(&sampler->config);
    if (changed) {
        respace(sampler, plan, table, log_table, sigmas, n);
        n = plan->n_steps;
    }
    for (int i = 0; i < n; i++)
        sampler->sigmas[i] = (float)sigmas[i];
    sampler->sigmas[n] = (float)final_sigma(changed ? plan->respaced : plan->plain, table, sigmas[n - 1]);
    sampler->n_sigmas = n + 1;
done:
    free(table);
    free(sigmas);
    return st;
}

float atl_sigmas_init_noise(const atl_sampler *sampler)
{
    float most = 0.0f;
    for (int i = 0; i < sampler->n_sigmas; i++)
        most = fmaxf(most, sampler->sigmas[i]);
    return sampler->config.timestep_spacing == ATL_SPACING_LEADING ? sqrtf(most * most + 1.0f) : most;
}
