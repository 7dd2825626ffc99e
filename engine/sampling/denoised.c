/* denoised.c - what all families share: the predicted clean sample, its clipping, the noise that goes with
 * it, and noise put on a clean latent. */
#include <math.h>
#include <string.h>

#include "sampling/sampler_private.h"

atl_noise_level atl_noise_level_of(float sigma)
{
    float alpha = 1.0f / sqrtf(sigma * sigma + 1.0f);
    float scaled = sigma * alpha;
    return (atl_noise_level){alpha, scaled, logf(alpha) - logf(scaled)};
}

void atl_denoised(const atl_sampler *sampler, float alpha, float sigma, const float *latent,
                  const float *model_output, float *x0, size_t n)
{
    switch ((atl_prediction)sampler->config.prediction_type) {
    case ATL_PREDICT_EPSILON:
        for (size_t k = 0; k < n; k++)
            x0[k] = (latent[k] - sigma * model_output[k]) / alpha;
        break;
    case ATL_PREDICT_V:
        for (size_t k = 0; k < n; k++)
            x0[k] = alpha * latent[k] - sigma * model_output[k];
        break;
    case ATL_PREDICT_SAMPLE:
        memmove(x0, model_output, n * sizeof *x0);
        break;
    }
}

void atl_predicted_noise(const atl_sampler *sampler, float alpha, float sigma, const float *latent,
                         const float *model_output, float *noise, size_t n)
{
    switch ((atl_prediction)sampler->config.prediction_type) {
    case ATL_PREDICT_EPSILON:
        memmove(noise, model_output, n * sizeof *noise);
        break;
    case ATL_PREDICT_V:
        for (size_t k = 0; k < n; k++)
            noise[k] = alpha * model_output[k] + sigma * latent[k];
        break;
    case ATL_PREDICT_SAMPLE:
        for (size_t k = 0; k < n; k++)
            noise[k] = (latent[k] - alpha * model_output[k]) / sigma;
        break;
    }
}

/* The element of `rank` in sorted order (Hoare's selection); reorders values. */
static float select_rank(float *values, size_t n, size_t rank)
{
    size_t low = 0, high = n - 1;
    while (low < high) {
        float pivot = values[low + (high - low) / 2];
        size_t i = low, j = high;
        for (;;) {
            while (values[i] < pivot)
                i++;
            while (values[j] > pivot)
                j--;
            if (i >= j)
                break;
            float swapped = values[i];
            values[i++] = values[j];
            values[j--] = swapped;
        }
        if (rank <= j)
            high = j;
        else
            low = j + 1;
    }
    return values[low];
}

/* Dynamic thresholding (Saharia et al. 2022, 2.3): the largest values are pulled in to a quantile of all. */
void atl_denoised_threshold(const atl_sampler *sampler, float *x0, float *scratch, size_t n)
{
    if (sampler->config.thresholding != ATL_YES)
        return;
    for (size_t k = 0; k < n; k++) {
        if (isnan(x0[k]))
            return; /* no order among these; the caller will see them */
        scratch[k] = fabsf(x0[k]);
    }
    float rank = (float)sampler->config.dynamic_thresholding_ratio * (float)(n - 1);
    size_t below = (size_t)rank;
    float low = select_rank(scratch, n, below);
    float high = below + 1 < n ? select_rank(scratch, n, below + 1) : low;
    float weight = rank - (float)below;
    float bound = weight < 0.5f ? low + weight * (high - low) : high - (high - low) * (1.0f - weight);
    bound = fminf(fmaxf(bound, 1.0f), (float)sampler->config.sample_max_value);
    for (size_t k = 0; k < n; k++)
        x0[k] = fminf(fmaxf(x0[k], -bound), bound) / bound;
}

void atl_denoised_clip(const atl_sampler *sampler, float *x0, float *scratch, size_t n)
{
    if (sampler->config.thresholding == ATL_YES) {
        atl_denoised_threshold(sampler, x0, scratch, n);
        return;
    }
    if (sampler->config.clip_sample != ATL_YES)
        return;
    float range = (float)sampler->config.clip_sample_range;
    for (size_t k = 0; k < n; k++)
        x0[k] = x0[k] < -range ? -range : x0[k] > range ? range : x0[k]; /* NaN stays */
}

void atl_add_noise_alpha(const atl_sampler *sampler, const float *clean, const float *noise, float *out,
                         size_t n)
{
    float alpha = atl_schedule_alpha(sampler, (int)sampler->timesteps[sampler->begin]);
    float signal = sqrtf(alpha);
    float spread = sqrtf(1.0f - alpha);
    for (size_t k = 0; k < n; k++)
        out[k] = signal * clean[k] + spread * noise[k];
}

void atl_add_noise_sigma(const atl_sampler *sampler, const float *clean, const float *noise, float *out,
                         size_t n)
{
    float sigma = sampler->sigmas[sampler->begin];
    for (size_t k = 0; k < n; k++)
        out[k] = clean[k] + noise[k] * sigma;
}

void atl_add_noise_level(const atl_sampler *sampler, const float *clean, const float *noise, float *out,
                         size_t n)
{
    atl_noise_level level = atl_noise_level_of(sampler->sigmas[sampler->begin]);
    for (size_t k = 0; k < n; k++)
        out[k] = level.alpha * clean[k] + level.sigma * noise[k];
}

void atl_scale_input_sigma(const atl_sampler *sampler, int i, const float *latent, float *out, size_t n)
{
    float sigma = sampler->sigmas[i];
    float scale = sqrtf(sigma * sigma + 1.0f);
    for (size_t k = 0; k < n; k++)
        out[k] = latent[k] / scale;
}

float *atl_outputs_shift(atl_sampler *sampler, int order)
{
    float *oldest = sampler->slots[0];
    for (int i = 0; i + 1 < order; i++)
        sampler->slots[i] = sampler->slots[i + 1];
    sampler->slots[order - 1] = oldest;
    return oldest;
}
