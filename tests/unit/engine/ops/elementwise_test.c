/* elementwise_test.c - activations, sums, copies, planes, and the sinusoidal embedding. */
#include "unit/engine/ops/ops_fixture.h"

#include "ops/elementwise.h"

/* Every activation, from its definition, in double. */
static double activation(atl_activation act, double x)
{
    switch (act) {
    case ATL_ACT_NONE:
        return x;
    case ATL_ACT_RELU:
        return fmax(x, 0.0);
    case ATL_ACT_SILU:
        return x / (1.0 + exp(-x));
    case ATL_ACT_GELU:
        return 0.5 * x * erfc(-x / sqrt(2.0));
    case ATL_ACT_GELU_TANH:
        return 0.5 * x * (1.0 + tanh(sqrt(2.0 / acos(-1.0)) * (x + 0.044715 * x * x * x)));
    case ATL_ACT_QUICK_GELU:
        return x / (1.0 + exp(-1.702 * x));
    case ATL_ACT_MISH:
        return x * tanh(log1p(exp(x)));
    case ATL_ACT_TANH:
        return tanh(x);
    }
    return NAN;
}

static void activations_follow_their_definitions(void **state)
{
    (void)state;
    uint32_t isas[FIXTURE_ISAS];
    for (int isa = 0, n_isas = fixture_isas(isas); isa < n_isas; isa++) {
        fixture f;
        fixture_init(&f, isas[isa], 2);
        guarded x = guarded_map(1, 1, 401, 5, 2), out = guarded_map(1, 1, 401, 5, 1);
        for (size_t row = 0; row < 401; row++)
            for (size_t c = 0; c < 5; c++)
                atl_map_f32(&x.map)[row * 7 + c] = ((float)row - 200.0f) * 0.1f + (float)c * 0.017f;
        for (int act = ATL_ACT_NONE; act <= ATL_ACT_TANH; act++) {
            atl_activate(&f.bench, (atl_activation)act, &x.map, &out.map);
            guarded_check(&out);
            for (size_t row = 0; row < 401; row++)
                for (size_t c = 0; c < 5; c++) {
                    float in = atl_map_f32(&x.map)[row * 7 + c];
                    assert_near(atl_map_f32(&out.map)[row * 6 + c],
                                activation((atl_activation)act, (double)in), 1e-6);
                    assert_near(atl_activate_one((atl_activation)act, in),
                                activation((atl_activation)act, (double)in), 1e-6);
                }
        }
        guarded_free(&x);
        guarded_free(&out);
        fixture_done(&f);
    }
}

static void extreme_inputs_stay_finite(void **state)
{
    (void)state;
    uint32_t isas[FIXTURE_ISAS];
    const float extremes[] = {-1e30f, -1000.0f, -88.0f, -0.0f, 88.0f, 1000.0f, 1e30f};
    for (int isa = 0, n_isas = fixture_isas(isas); isa < n_isas; isa++)
        for (int act = ATL_ACT_NONE; act <= ATL_ACT_TANH; act++)
            for (size_t i = 0; i < ATL_COUNT(extremes); i++) {
                float x = extremes[i], y;
                if (act == ATL_ACT_GELU_TANH && fabsf(x) > 1e12f)
                    continue; /* x³ is no float */
                atl_kernels_choose(isas[isa])->activate_f32((atl_activation)act, 1, &x, &y);
                assert_true(isfinite(y));
                assert_near(y, activation((atl_activation)act, (double)x), 1e-6);
            }
}

static void copy_works_on_slices(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f, atl_cpu_flags(), 3);
    guarded x = guarded_map(2, 7, 11, 33, 4), out = guarded_map(2, 7, 11, 33, 9);
    guarded_fill(&x, 1, true);
    atl_map half = atl_map_channels(&x.map, 3, 9), to = atl_map_channels(&out.map, 20, 9);
    atl_copy(&f.bench, &half, &to);
    guarded_check(&out);
    for (int c = 0; c < 9; c++)
        assert_near(guarded_at(&out, 1, 3, 4)[20 + c], (double)guarded_at(&x, 1, 3, 4)[3 + c], 0.0);
    guarded_free(&x);
    guarded_free(&out);
    fixture_done(&f);
}

static void planes_go_in_and_come_back(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f, 0, 2);
    float *planes = fixture_numbers(2 * 5 * 9 * 13, 1, false), back[2 * 5 * 9 * 13];
    guarded map = guarded_map(2, 9, 13, 5, 2);
    atl_from_planes(&f.bench, planes, &map.map);
    guarded_check(&map);
    assert_near(guarded_at(&map, 1, 3, 7)[4], (double)planes[((1 * 5 + 4) * 9 + 3) * 13 + 7], 0.0);
    atl_to_planes(&f.bench, &map.map, back);
    assert_memory_equal(planes, back, sizeof back);
    free(planes);
    guarded_free(&map);
    fixture_done(&f);
}

static void sinusoid_has_cosines_first_if_flipped(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f, 0, 1);
    const float timesteps[2] = {0.0f, 981.0f};
    for (int flip = 0; flip < 2; flip++) {
        guarded out = guarded_map(2, 1, 1, 9, 1);
        atl_sinusoid(&f.bench, timesteps, 2, 9, flip, 1.0f, 10000.0f, &out.map);
        guarded_check(&out);
        for (int i = 0; i < 2; i++)
            for (int j = 0; j < 4; j++) {
                double angle = (double)timesteps[i] * exp(-log(10000.0) * j / (4 - 1.0));
                const float *row = guarded_at(&out, i, 0, 0);
                assert_near(row[flip ? 4 + j : j], sin(angle), 1e-4);
                assert_near(row[flip ? j : 4 + j], cos(angle), 1e-4);
                assert_near(row[8], 0.0, 0.0); /* the odd channel */
            }
        guarded_free(&out);
    }
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(activations_follow_their_definitions),
        cmocka_unit_test(extreme_inputs_stay_finite),
        cmocka_unit_test(copy_works_on_slices),
        cmocka_unit_test(planes_go_in_and_come_back),
        cmocka_unit_test(sinusoid_has_cosines_first_if_flipped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
