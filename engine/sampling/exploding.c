/* exploding.c - what the samplers share whose latents are clean + σ · noise (variance exploding, as
 * k-diffusion has them): their schedule, and the clean latent that a model output stands for. */
#include <math.h>

#include "sampling/sampler_private.h"

atl_status atl_exploding_plan(atl_sampler *sampler, bool zero_at_end, atl_note *note)
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

atl_exploding atl_exploding_at(const atl_sampler *sampler, float sigma)
{
    float above = sigma * sigma + 1.0f;
    return (atl_exploding){(atl_prediction)sampler->config.prediction_type, sigma, -sigma / sqrtf(above),
                           above};
}

float atl_exploding_clean(const atl_exploding *at, float latent, float output)
{
    switch (at->type) {
    case ATL_PREDICT_V:
        return output * at->v_output + latent / at->v_divisor;
    case ATL_PREDICT_SAMPLE:
        return output;
    case ATL_PREDICT_EPSILON:
        break;
    }
    return latent - at->sigma * output;
}
