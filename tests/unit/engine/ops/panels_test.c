/* panels_test.c - every weight stands where the product looks for it. */
#include "unit/engine/ops/ops_fixture.h"

#include "ops/panels.h"

static void check_f32(atl_panels_shape shape, size_t step)
{
    size_t k = shape.c_in * shape.n_taps, n = atl_panels_bytes(k, (int)shape.n_out, ATL_F32) / sizeof(float);
    float *weight = fixture_numbers(shape.n_out * k, 1, false), *panels = malloc((n + 1) * sizeof *panels);
    assert_non_null(panels);
    panels[n] = FIXTURE_GUARD;
    for (size_t first = 0; first < shape.n_out; first += step) {
        size_t count = first + step < shape.n_out ? step : shape.n_out - first;
        atl_panels_pack(shape, ATL_F32, first, count, weight + first * k, panels);
    }
    for (size_t o = 0; o < atl_round_up(shape.n_out, 32); o++)
        for (size_t tap = 0; tap < shape.n_taps; tap++)
            for (size_t c = 0; c < shape.c_in; c++) {
                float want = o < shape.n_out ? weight[(o * shape.c_in + c) * shape.n_taps + tap] : 0.0f;
                assert_memory_equal(&panels[((o / 32 * shape.n_taps + tap) * shape.c_in + c) * 32 + o % 32],
                                    &want, sizeof want);
            }
    assert_near(panels[n], (double)FIXTURE_GUARD, 0.0);
    free(weight);
    free(panels);
}

static void check_bf16(atl_panels_shape shape, size_t step)
{
    size_t k = shape.c_in * shape.n_taps, padded = atl_round_up(k, 32), n_out = atl_round_up(shape.n_out, 32);
    size_t n = atl_panels_bytes(k, (int)shape.n_out, ATL_BF16) / sizeof(uint16_t);
    assert_int_equal(n, n_out * padded);
    float *weight = fixture_numbers(shape.n_out * k, 1, false);
    uint16_t *panels = malloc((n + 1) * sizeof *panels);
    assert_non_null(panels);
    memset(panels, 0x5a, (n + 1) * sizeof *panels);
    for (size_t first = 0; first < shape.n_out; first += step) {
        size_t count = first + step < shape.n_out ? step : shape.n_out - first;
        atl_panels_pack(shape, ATL_BF16, first, count, weight + first * k, panels);
    }
    for (size_t o = 0; o < n_out; o++)
        for (size_t i = 0; i < padded; i++) {
            uint16_t want = 0;
            if (o < shape.n_out && i < k)
                want = atl_bf16_from_f32(
                    weight[(o * shape.c_in + i % shape.c_in) * shape.n_taps + i / shape.c_in]);
            assert_int_equal(panels[((o / 32 * padded + i) / 2 * 32 + o % 32) * 2 + i % 2], want);
        }
    assert_int_equal(panels[n], 0x5a5a);
    free(weight);
    free(panels);
}

static void check(atl_panels_shape shape, size_t step)
{
    check_f32(shape, step);
    check_bf16(shape, step);
}

static void weights_stand_in_columns_of_panels(void **state)
{
    (void)state;
    check((atl_panels_shape){.c_in = 1, .n_taps = 1, .n_out = 1}, 64);
    check((atl_panels_shape){.c_in = 33, .n_taps = 9, .n_out = 40}, 64);
    check((atl_panels_shape){.c_in = 16, .n_taps = 9, .n_out = 128}, 64);
    check((atl_panels_shape){.c_in = 100, .n_taps = 1, .n_out = 191}, 128);
    check((atl_panels_shape){.c_in = 5, .n_taps = 1, .n_out = 70}, 70);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_stand_in_columns_of_panels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
