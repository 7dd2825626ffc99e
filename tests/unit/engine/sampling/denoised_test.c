/* denoised_test.c - predictions, clipping, and dynamic thresholding's quantile against torch.quantile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/sizes.h"
#include "sampling/sampler_private.h"

static const float values[10] = {3.0f, -1.0f, 0.5f, 2.0f, -2.5f, 0.25f, 0.0f, -4.0f, 1.5f, -0.75f};

static void thresholds_are_quantiles_as_torch_interpolates_them(void **state)
{
    (void)state;
    static const double cases[][2] = {{0.5, 1.25},
                                      {0.8, 2.6000001430511475},
                                      {0.9, 3.09999942779541},
                                      {0.995, 3.9549999237060547},
                                      {1.0, 4.0}};
    for (size_t i = 0; i < ATL_COUNT(cases); i++) {
        atl_sampler sampler = {.config = {.thresholding = ATL_YES,
                                          .dynamic_thresholding_ratio = cases[i][0],
                                          .sample_max_value = 100.0}};
        float x[10], scratch[10], bound = (float)cases[i][1];
        memcpy(x, values, sizeof x);
        atl_denoised_threshold(&sampler, x, scratch, 10);
        for (int k = 0; k < 10; k++)
            assert_true(x[k] == fminf(fmaxf(values[k], -bound), bound) / bound);
    }
}

static void thresholds_stay_between_1_and_the_largest_allowed(void **state)
{
    (void)state;
    atl_sampler sampler = {
        .config = {.thresholding = ATL_YES, .dynamic_thresholding_ratio = 1.0, .sample_max_value = 2.0}};
    float x[2] = {0.5f, -4.0f}, scratch[2], small[1] = {0.5f};
    atl_denoised_threshold(&sampler, x, scratch, 2);
    assert_true(x[0] == 0.25f && x[1] == -1.0f);
    atl_denoised_threshold(&sampler, small, scratch, 1);
    assert_true(small[0] == 0.5f);
}

static void clipping_keeps_a_nan_for_the_caller_to_see(void **state)
{
    (void)state;
    atl_sampler sampler = {.config = {.clip_sample = ATL_YES, .clip_sample_range = 1.5}};
    float x[3] = {2.0f, -2.0f, NAN};
    atl_denoised_clip(&sampler, x, NULL, 3);
    assert_true(x[0] == 1.5f && x[1] == -1.5f && isnan(x[2]));
    sampler.config.thresholding = ATL_YES;
    float scratch[3];
    atl_denoised_clip(&sampler, x, scratch, 3);
    assert_true(isnan(x[2]));
}

static void the_three_predictions_agree_on_the_same_clean_latent(void **state)
{
    (void)state;
    const float clean = 0.75f, noise = -1.25f, alpha = 0.8f, sigma = 0.6f;
    const float latent = alpha * clean + sigma * noise;
    const float outputs[3] = {noise, alpha * noise - sigma * clean, clean};
    for (int type = ATL_PREDICT_EPSILON; type <= ATL_PREDICT_SAMPLE; type++) {
        atl_sampler sampler = {.config = {.prediction_type = type}};
        float x0;
        atl_denoised(&sampler, alpha, sigma, &latent, &outputs[type], &x0, 1);
        assert_true(fabsf(x0 - clean) < 1e-6f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thresholds_are_quantiles_as_torch_interpolates_them),
        cmocka_unit_test(thresholds_stay_between_1_and_the_largest_allowed),
        cmocka_unit_test(clipping_keeps_a_nan_for_the_caller_to_see),
        cmocka_unit_test(the_three_predictions_agree_on_the_same_clean_latent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
