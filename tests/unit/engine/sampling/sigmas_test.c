/* sigmas_test.c - the two special functions of sigmas.c against numpy's and scipy's values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/sizes.h"
#include "sampling/sampler_private.h"

static void logarithms_are_those_of_numpy_bit_for_bit(void **state)
{
    (void)state;
    static const uint32_t cases[][2] = {
        {0x3ceef0ae, 0xc0623887}, {0x3ed413cd, 0xbf61a1b3}, {0x3f3504f3, 0xbeb17218},
        {0x3f3504f4, 0xbeb17215}, {0x3f800000, 0x00000000}, {0x3fa66666, 0x3e86549a},
        {0x4169d598, 0x402ba649}, {0x431d6822, 0x40a1e1f6}, {0x457fffff, 0x41051592}};
    for (size_t i = 0; i < ATL_COUNT(cases); i++) {
        float x, y;
        memcpy(&x, &cases[i][0], sizeof x);
        y = atl_numpy_log(x);
        assert_memory_equal(&y, &cases[i][1], sizeof y);
    }
}

static void beta_quantiles_are_those_of_scipy(void **state)
{
    (void)state;
    static const double cases[][2] = {{0.001, 1.855873851745199e-05}, {0.02, 0.002732982024577027},
                                      {0.1, 0.03958440558878085},     {0.25, 0.17568037865269498},
                                      {0.5, 0.5000000000000001},      {0.6, 0.6372990092467856},
                                      {0.9, 0.9604155944112192},      {0.999, 0.9999814412614826}};
    for (size_t i = 0; i < ATL_COUNT(cases); i++)
        assert_true(fabs(atl_beta_quantile(cases[i][0]) - cases[i][1]) < 1e-13 + 1e-12 * cases[i][1]);
    assert_true(atl_beta_quantile(0.0) == 0.0);
    assert_true(atl_beta_quantile(1.0) == 1.0);
}

static void first_noise_is_larger_where_leading_spacing_misses_the_last_timestep(void **state)
{
    (void)state;
    float sigmas[3] = {3.0f, 1.0f, 0.0f};
    atl_sampler sampler = {.sigmas = sigmas, .n_sigmas = 3};
    sampler.config.timestep_spacing = ATL_SPACING_TRAILING;
    assert_true(atl_sigmas_init_noise(&sampler) == 3.0f);
    sampler.config.timestep_spacing = ATL_SPACING_LEADING;
    assert_true(atl_sigmas_init_noise(&sampler) == sqrtf(10.0f));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logarithms_are_those_of_numpy_bit_for_bit),
        cmocka_unit_test(beta_quantiles_are_those_of_scipy),
        cmocka_unit_test(first_noise_is_larger_where_leading_spacing_misses_the_last_timestep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
