/* schedule_test.c - alphas_cumprod and timesteps against numbers that torch and numpy gave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/sizes.h"
#include "sampling/sampler_private.h"

static atl_scheduler_config config_of(atl_beta_schedule schedule, double start, double end)
{
    return (atl_scheduler_config){.num_train_timesteps = 1000,
                                  .beta_start = start,
                                  .beta_end = end,
                                  .beta_schedule = (int)schedule,
                                  .timestep_spacing = ATL_SPACING_LEADING,
                                  .rescale_betas_zero_snr = ATL_NO};
}

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static void alphas_are_those_of_torch_bit_for_bit(void **state)
{
    (void)state;
    static const int at[] = {0, 1, 499, 998, 999};
    static const struct {
        atl_beta_schedule schedule;
        double start, end;
        uint32_t bits[5];
    } cases[] = {
        {ATL_BETA_LINEAR, 0.0001, 0.02, {0x3f7ff972, 0x3f7ff196, 0x3da0f258, 0x382cbac6, 0x38294666}},
        {ATL_BETA_SCALED_LINEAR,
         0.00085,
         0.012,
         {0x3f7fc84b, 0x3f7f9054, 0x3e8e2ab0, 0x3b9a8e83, 0x3b98b3b6}},
        {ATL_BETA_SQUAREDCOS_CAP_V2, 0, 0, {0x3f7ffd4b, 0x3f7ffa45, 0x3efcd90d, 0x3622fde3, 0x3126e6c2}},
    };
    for (size_t i = 0; i < ATL_COUNT(cases); i++) {
        atl_scheduler_config config = config_of(cases[i].schedule, cases[i].start, cases[i].end);
        float *alphas;
        assert_int_equal(atl_schedule_alphas(&config, &alphas, NULL), ATL_OK);
        for (size_t k = 0; k < ATL_COUNT(at); k++)
            assert_int_equal(bits_of(alphas[at[k]]), cases[i].bits[k]);
        free(alphas);
    }
}

static void zero_snr_ends_on_exactly_no_signal(void **state)
{
    (void)state;
    atl_scheduler_config config = config_of(ATL_BETA_SCALED_LINEAR, 0.00085, 0.012);
    config.rescale_betas_zero_snr = ATL_YES;
    float *alphas;
    assert_int_equal(atl_schedule_alphas(&config, &alphas, NULL), ATL_OK);
    assert_true(alphas[999] == 0.0f);
    assert_true(fabsf(alphas[0] - 0.99915f) < 1e-6f);
    assert_true(fabsf(alphas[499] - 0.2423590f) < 1e-6f);
    assert_true(fabsf(alphas[998] - 1.967963e-07f) < 2e-12f);
    free(alphas);
}

static void trained_betas_must_be_one_for_each_timestep(void **state)
{
    (void)state;
    float betas[3] = {0.1f, 0.2f, 0.5f}, *alphas = NULL;
    atl_scheduler_config config = config_of(ATL_BETA_LINEAR, 0.5, 0.5);
    config.n_trained_betas = 3;
    config.trained_betas = betas;
    assert_int_equal(atl_schedule_alphas(&config, &alphas, NULL), ATL_UNSUPPORTED);
    assert_null(alphas);
    config.num_train_timesteps = 3;
    assert_int_equal(atl_schedule_alphas(&config, &alphas, NULL), ATL_OK);
    assert_true(fabsf(alphas[2] - 0.36f) < 1e-6f);
    free(alphas);
}

static void expect_timesteps(atl_spacing spacing, atl_spacing_plan plan, int n, const float *wanted)
{
    atl_sampler sampler = {.config = config_of(ATL_BETA_LINEAR, 0.0001, 0.02)};
    sampler.config.timestep_spacing = spacing;
    sampler.config.steps_offset = 1;
    assert_int_equal(atl_schedule_timesteps(&sampler, &plan), ATL_OK);
    assert_int_equal(sampler.n_timesteps, n);
    for (int i = 0; i < n; i++)
        assert_true(sampler.timesteps[i] == wanted[i]);
    free(sampler.timesteps);
}

static void spacings_are_those_of_numpy(void **state)
{
    (void)state;
    atl_spacing_plan plain = {3, 3, 1000, true};
    atl_spacing_plan multistep = {3, 4, 1000, true};
    atl_spacing_plan single = {1, 1, 1000, true};
    expect_timesteps(ATL_SPACING_LEADING, plain, 3, (const float[]){667, 334, 1});
    expect_timesteps(ATL_SPACING_LEADING, multistep, 3, (const float[]){751, 501, 251});
    expect_timesteps(ATL_SPACING_LINSPACE, plain, 3, (const float[]){999, 500, 0}); /* 499.5 to even */
    expect_timesteps(ATL_SPACING_LINSPACE, multistep, 3, (const float[]){999, 666, 333});
    expect_timesteps(ATL_SPACING_TRAILING, plain, 3, (const float[]){999, 666, 332});
    expect_timesteps(ATL_SPACING_LINSPACE, single, 1, (const float[]){0});
    expect_timesteps(ATL_SPACING_TRAILING, single, 1, (const float[]){999});
}

/* numpy's arange has 62 elements for 61 steps: a division rounds up. diffusers then has them too. */
static void trailing_spacing_rounds_its_length_as_numpy_does(void **state)
{
    (void)state;
    for (int n = 1; n <= 122; n++) {
        atl_sampler sampler = {.config = config_of(ATL_BETA_LINEAR, 0.0001, 0.02)};
        sampler.config.timestep_spacing = ATL_SPACING_TRAILING;
        atl_spacing_plan plan = {n, n, 1000, true};
        assert_int_equal(atl_schedule_timesteps(&sampler, &plan), ATL_OK);
        bool one_more = n == 61 || n == 103 || n == 121 || n == 122;
        assert_int_equal(sampler.n_timesteps, n + one_more);
        free(sampler.timesteps);
    }
}

static void alphas_before_the_first_timestep_are_1_or_the_first(void **state)
{
    (void)state;
    float alphas[1000] = {[0] = 0.9f, [5] = 0.5f, [999] = 0.1f};
    atl_sampler sampler = {.config = config_of(ATL_BETA_LINEAR, 0, 0), .alphas_cumprod = alphas};
    sampler.config.set_alpha_to_one = ATL_YES;
    assert_true(atl_schedule_alpha_before(&sampler, -1) == 1.0f);
    assert_true(atl_schedule_alpha_before(&sampler, 5) == 0.5f);
    sampler.config.set_alpha_to_one = ATL_NO;
    assert_true(atl_schedule_alpha_before(&sampler, -20) == 0.9f);
    assert_true(atl_schedule_alpha(&sampler, -1) == 0.1f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alphas_are_those_of_torch_bit_for_bit),
        cmocka_unit_test(zero_snr_ends_on_exactly_no_signal),
        cmocka_unit_test(trained_betas_must_be_one_for_each_timestep),
        cmocka_unit_test(spacings_are_those_of_numpy),
        cmocka_unit_test(trailing_spacing_rounds_its_length_as_numpy_does),
        cmocka_unit_test(alphas_before_the_first_timestep_are_1_or_the_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
