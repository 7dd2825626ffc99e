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

/* Where f32 has them, to the nearest half. */
static void check_f16(atl_panels_shape shape, size_t step)
{
    size_t k = shape.c_in * shape.n_taps, n = atl_panels_bytes(k, (int)shape.n_out, ATL_F16) / 2;
    assert_int_equal(n, k * atl_round_up(shape.n_out, 32));
    float *weight = fixture_numbers(shape.n_out * k, 1, false), *wide = malloc(n * sizeof *wide);
    float *exact = malloc(n * sizeof *exact);
    uint16_t *panels = malloc((n + 1) * sizeof *panels);
    assert_true(wide && exact && panels);
    panels[n] = 0x5a5a;
    for (size_t first = 0; first < shape.n_out; first += step) {
        size_t count = first + step < shape.n_out ? step : shape.n_out - first;
        atl_panels_pack(shape, ATL_F16, first, count, weight + first * k, panels);
        atl_panels_pack(shape, ATL_F32, first, count, weight + first * k, exact);
    }
    atl_kernels_choose(0)->f16_to_f32(n, panels, wide);
    for (size_t i = 0; i < n; i++)
        assert_true(fabs((double)wide[i] - (double)exact[i]) <=
                    fmax(0x1p-11 * fabs((double)exact[i]), 0x1p-25));
    assert_int_equal(panels[n], 0x5a5a);
    free(weight);
    free(wide);
    free(exact);
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

/* Within half a unit of the column's scale, whose largest number is ±127. */
static void check_s8(atl_panels_shape shape, size_t step)
{
    size_t k = shape.c_in * shape.n_taps, padded = atl_round_up(k, 64), n_out = atl_round_up(shape.n_out, 32);
    size_t n = atl_panels_bytes(k, (int)shape.n_out, ATL_S8), panel = n / (n_out / 32);
    assert_int_equal(n, n_out * (padded + sizeof(float)));
    float *weight = fixture_numbers(shape.n_out * k, 1, false);
    int8_t *panels = malloc(n + 1);
    assert_non_null(panels);
    memset(panels, 0x5a, n + 1);
    for (size_t first = 0; first < shape.n_out; first += step) {
        size_t count = first + step < shape.n_out ? step : shape.n_out - first;
        atl_panels_pack(shape, ATL_S8, first, count, weight + first * k, panels);
    }
    for (size_t o = 0; o < n_out; o++) {
        const int8_t *at = panels + o / 32 * panel;
        float scale, most = 0.0f;
        int largest = 0;
        memcpy(&scale, at + padded * 32 + o % 32 * sizeof scale, sizeof scale);
        for (size_t i = 0; i < padded; i++) {
            const int got = at[(i / 4 * 32 + o % 32) * 4 + i % 4];
            float want = 0.0f;
            if (o < shape.n_out && i < k)
                want = weight[(o * shape.c_in + i % shape.c_in) * shape.n_taps + i / shape.c_in];
            most = fmaxf(most, fabsf(want));
            largest = abs(got) > largest ? abs(got) : largest;
            assert_near((float)got * scale, (double)want, 0.5001 * (double)scale);
        }
        assert_int_equal(largest, o < shape.n_out ? 127 : 0);
        assert_near(scale, (double)most / 127.0, 1e-7);
    }
    assert_int_equal(panels[n], 0x5a);
    free(weight);
    free(panels);
}

static void check(atl_panels_shape shape, size_t step)
{
    check_s8(shape, step);
    check_f32(shape, step);
    check_f16(shape, step);
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
