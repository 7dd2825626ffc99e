/* lms.c - linear multistep (Adams–Bashforth) of order 4 on unevenly spaced sigmas, after k-diffusion.
 *
 * The last slopes dx/dσ are joined by a polynomial in σ, which is integrated over the step. The order counts
 * from the start of the schedule: img2img, which begins in the middle, uses the first weights of the full
 * order with what slopes it has, as diffusers does. */
#include <math.h>

#include "sampling/sampler_private.h"

#define ORDER 4

static atl_status configure(atl_scheduler_config *config, atl_note *note)
{
    static const atl_class_defaults defaults = {0.0001, 0.02, ATL_BETA_LINEAR, ATL_SPACING_LINSPACE};
    atl_settings_common(config, &defaults);
    config->rescale_betas_zero_snr = ATL_NO; /* this class has neither */
    config->interpolation_type = 0;
    atl_status st = atl_settings_respacing(config, note);
    if (config->use_karras_sigmas == ATL_YES)
        config->sigma_min = config->sigma_max = NAN; /* its Karras sigmas do not look at them */
    return st;
}

static atl_status plan(atl_sampler *sampler, atl_note *note)
{
    sampler->n_slots = ORDER;
    return atl_exploding_plan(sampler, true, note);
}

/* The j-th Lagrange polynomial through the last `order` sigmas, at σ. */
static double lagrange(const float *sigmas, int i, int order, int j, double sigma)
{
    double product = 1.0;
    for (int k = 0; k < order; k++)
        if (k != j)
            product *= (sigma - (double)sigmas[i - k]) / ((double)sigmas[i - j] - (double)sigmas[i - k]);
    return product;
}

/* Its integral over the step, by Gauss and Legendre's two points: exact for cubics. */
static double weight_of(const float *sigmas, int i, int order, int j)
{
    double middle = 0.5 * ((double)sigmas[i] + (double)sigmas[i + 1]);
    double half = 0.5 * ((double)sigmas[i + 1] - (double)sigmas[i]);
    double offset = half / sqrt(3.0);
    return half *
           (lagrange(sigmas, i, order, j, middle - offset) + lagrange(sigmas, i, order, j, middle + offset));
}

static void step(atl_sampler *sampler, int i, const float *model_output, float *latent, size_t n,
                 atl_draw_fn draw, void *user)
{
    (void)draw;
    (void)user;
    atl_exploding at = atl_exploding_at(sampler, sampler->sigmas[i]);
    float *newest = atl_outputs_shift(sampler, ORDER);
    for (size_t k = 0; k < n; k++)
        newest[k] = (latent[k] - atl_exploding_clean(&at, latent[k], model_output[k])) / at.sigma;
    if (sampler->n_outputs < ORDER)
        sampler->n_outputs++;
    int order = i + 1 < ORDER ? i + 1 : ORDER;
    float weights[ORDER] = {0};
    for (int j = 0; j < order; j++)
        weights[j] = (float)weight_of(sampler->sigmas, i, order, j);
    for (size_t k = 0; k < n; k++) {
        float sum = weights[0] * newest[k];
        for (int j = 1; j < order && j < sampler->n_outputs; j++)
            sum += weights[j] * sampler->slots[ORDER - 1 - j][k];
        latent[k] = latent[k] + sum;
    }
}

const atl_sampler_kind atl_sampler_lms = {
    .name = "lms",
    .display = "LMS",
    .class_name = "LMSDiscreteScheduler",
    .respaces_sigmas = true,
    .configure = configure,
    .plan = plan,
    .scale_input = atl_scale_input_sigma,
    .add_noise = atl_add_noise_sigma,
    .step = step,
};
