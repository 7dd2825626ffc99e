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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(upsampler_convolves_the_nearest_pixels),
        cmocka_unit_test(downsampler_pads_all_around_or_below_and_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
