/* resample_test.c - the convolutions between two resolutions. */
#include "nets_fixture.h"

#include "nets/pixelwise.h"
#include "nets/resample.h"

#define C 8

static void *make_up(atl_loader *loader, const void *config)
{
    atl_conv *conv = calloc(1, sizeof *conv);
    (void)config;
    assert_non_null(conv);
    atl_upsampler_load(loader, conv, ATL_LAYER_CONV, C);
    return conv;
}

static void *make_down(atl_loader *loader, const void *config)
{
    atl_conv *conv = calloc(1, sizeof *conv);
    assert_non_null(conv);
    atl_downsampler_load(loader, conv, ATL_LAYER_CONV, C, *(const int *)config);
    return conv;
}

static atl_conv *bound(net_maker make, const void *config, atl_store *store)
{
    size_t bytes;
    free(net_listed(make, config, NULL, &bytes));
    *store = noise_store(bytes);
    return net_bound(make, config, store);
}

/* Whatever the size, and whether the resizing is folded into the convolution or not. */
static void upsampler_convolves_the_nearest_pixels(void **state)
{
    static const int sizes[][4] = {{4, 3, 8, 6}, {4, 3, 7, 5}, {2, 1, 5, 1}, {1, 1, 1, 1}};
    (void)state;
    atl_store store;
    atl_conv *conv = bound(make_up, NULL, &store);
    fixture f;
    fixture_init(&f, atl_cpu_flags(), 2);
    for (size_t i = 0; i < ATL_COUNT(sizes); i++) {
        int h = sizes[i][2], w = sizes[i][3];
        atl_map x = numbers_map(2, sizes[i][0], sizes[i][1], C, 1), resized = numbers_map(2, h, w, C, 2);
        atl_map expected = numbers_map(2, h, w, C, 3), out = numbers_map(2, h, w, C, 4);
        atl_resize_nearest(&f.bench, &x, &resized);
        atl_conv_run(&f.bench, conv, &(atl_conv_input){.x = &resized}, NULL, &expected);
        atl_upsampler_run(&f.bench, conv, &x, &out);
        for (size_t p = 0; p < map_bytes(&out) / sizeof(float); p++)
            assert_float_equal(atl_map_f32(&out)[p], atl_map_f32(&expected)[p], 1e-5);
        free(x.data);
        free(resized.data);
        free(expected.data);
        free(out.data);
    }
    fixture_done(&f);
    free(conv);
    atl_store_close(&store);
}

static void downsampler_pads_all_around_or_below_and_right(void **state)
{
    /* size before, after with padding 1, after with padding 0: as torch's Conv2d gives them */
    static const int sizes[][3] = {{8, 4, 4}, {9, 5, 4}, {2, 1, 1}, {7, 4, 3}};
    (void)state;
    for (int padding = 0; padding < 2; padding++) {
        atl_store store;
        atl_conv *conv = bound(make_down, &padding, &store);
        assert_int_equal(conv->pad_before, padding);
        assert_int_equal(conv->pad_after, 1);
        for (size_t i = 0; i < ATL_COUNT(sizes); i++)
            assert_int_equal(atl_conv_out_size(conv, sizes[i][0]), sizes[i][padding ? 1 : 2]);
        free(conv);
        atl_store_close(&store);
    }
}

enum { WIDE = 32 };

static void *make_wide(atl_loader *loader, const void *config)
{
    atl_conv *conv = calloc(1, sizeof *conv);
    (void)config;
    assert_non_null(conv);
    atl_upsampler_load(loader, conv, ATL_LAYER_CONV, WIDE);
    return conv;
}

/* `out` begins where the block does and x ends where it ends: the same numbers as with each in its own. */
static void check_growth(const atl_bench *bench, const atl_conv *conv, int h, int w)
{
    atl_map x = numbers_map_bf16(1, h, w, WIDE, 1), apart = numbers_map_bf16(1, 2 * h, 2 * w, WIDE, 2);
    const size_t line = atl_map_line_bytes(&apart), x_bytes = (size_t)h * atl_map_line_bytes(&x);
    const size_t bytes = (size_t)(2 * h + atl_band_lines(bench, &apart) + 1) * line;
    char *block = malloc(bytes);
    assert_non_null(block);
    atl_map inside = x, out = apart;
    inside.data = block + bytes - x_bytes;
    out.data = block;
    memcpy(inside.data, x.data, x_bytes);
    assert_true(atl_upsampler_can_grow(bench, conv, &inside));
    atl_upsampler_run(bench, conv, &x, &apart);
    atl_upsampler_grow(bench, conv, &inside, bytes, &out);
    assert_memory_equal(out.data, apart.data, 2 * (size_t)h * line);
    free(block);
    free(x.data);
    free(apart.data);
}

static void upsampler_may_write_over_what_it_read(void **state)
{
    static const int sizes[][2] = {{1, 16}, {2, 8}, {5, 16}, {16, 8}, {31, 16}, {40, 24}};
    (void)state;
    for (int n_threads = 1; n_threads <= 3; n_threads++) {
        fixture f;
        size_t bytes;
        free(net_listed_as("bf16", make_wide, NULL, NULL, &bytes));
        atl_store store = noise_store_bf16(bytes);
        atl_conv *conv = net_bound_as("bf16", make_wide, NULL, &store);
        fixture_init(&f, atl_cpu_flags(), n_threads);
        for (size_t i = 0; i < ATL_COUNT(sizes); i++)
            check_growth(&f.bench, conv, sizes[i][0], sizes[i][1]);
        fixture_done(&f);
        free(conv);
        atl_store_close(&store);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(upsampler_convolves_the_nearest_pixels),
        cmocka_unit_test(upsampler_may_write_over_what_it_read),
        cmocka_unit_test(downsampler_pads_all_around_or_below_and_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
