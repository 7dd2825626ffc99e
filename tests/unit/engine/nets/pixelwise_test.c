/* pixelwise_test.c - shifting, scaling, and resizing by the nearest pixel. */
#include "nets_fixture.h"

#include "nets/pixelwise.h"

static void shift_comes_before_scale(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f, 0, 2);
    atl_map x = numbers_map(2, 3, 5, 3, 1), out = numbers_map(2, 3, 5, 3, 2);
    atl_shift_scale(&f.bench, &x, -0.5f, 2.0f, &out);
    for (size_t i = 0; i < 90; i++)
        assert_true(atl_map_f32(&out)[i] == (atl_map_f32(&x)[i] - 0.5f) * 2.0f);
    atl_shift_scale(&f.bench, &x, -0.5f, 2.0f, &x); /* in place */
    assert_memory_equal(x.data, out.data, map_bytes(&x));
    free(x.data);
    free(out.data);
    fixture_done(&f);
}

/* Rows of torch.nn.functional.interpolate(torch.arange(n), size=m, mode="nearest"). */
static void nearest_is_torchs_nearest(void **state)
{
    static const struct {
        int from, to;
        float expected[9];
    } cases[] = {
        {5, 9, {0, 0, 1, 1, 2, 2, 3, 3, 4}},
        {3, 5, {0, 0, 1, 1, 2}},
        {2, 5, {0, 0, 0, 1, 1}},
        {4, 7, {0, 0, 1, 1, 2, 2, 3}},
        {1, 1, {0}},
        {3, 7, {0, 0, 0, 1, 1, 2, 2}},
    };
    (void)state;
    fixture f;
    fixture_init(&f, 0, 2);
    for (size_t i = 0; i < ATL_COUNT(cases); i++) {
        int from = cases[i].from, to = cases[i].to;
        atl_map x = numbers_map(2, from, from, 1, 1), out = numbers_map(2, to, to, 1, 2);
        for (int p = 0; p < 2 * from * from; p++)
            atl_map_f32(&x)[p] = (float)(100 * (p / (from * from)) + 10 * (p / from % from) + p % from);
        atl_resize_nearest(&f.bench, &x, &out);
        for (int p = 0; p < 2 * to * to; p++) {
            float row = cases[i].expected[p / to % to], column = cases[i].expected[p % to];
            assert_true(atl_map_f32(&out)[p] == (float)(100 * (p / (to * to))) + 10 * row + column);
        }
        free(x.data);
        free(out.data);
    }
    fixture_done(&f);
}

static void resizing_keeps_a_pixels_channels_together(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f, 0, 3);
    atl_map x = numbers_map(1, 2, 3, 7, 1), out = numbers_map(1, 3, 5, 7, 2);
    atl_resize_nearest(&f.bench, &x, &out);
    /* the pixel in row 2, column 4 comes from row 1, column 2 */
    assert_memory_equal(atl_map_f32(&out) + (2 * 5 + 4) * 7, atl_map_f32(&x) + (1 * 3 + 2) * 7,
                        7 * sizeof(float));
    free(x.data);
    free(out.data);
    fixture_done(&f);
}

static void measuring_touches_nothing(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f, 0, 1);
    atl_arena ruler = atl_arena_measure();
    f.bench.arena = &ruler;
    atl_map x = atl_net_take(&f.bench, ATL_LAYER_CONV, 1, 4, 4, 4);
    atl_map out = atl_net_take(&f.bench, ATL_LAYER_CONV, 1, 8, 8, 4);
    atl_shift_scale(&f.bench, &x, 1, 1, &x); /* would crash */
    atl_resize_nearest(&f.bench, &x, &out);
    assert_int_equal(ruler.peak_bytes, (16 + 64) * 4 * sizeof(float));
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shift_comes_before_scale),
        cmocka_unit_test(nearest_is_torchs_nearest),
        cmocka_unit_test(resizing_keeps_a_pixels_channels_together),
        cmocka_unit_test(measuring_touches_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
