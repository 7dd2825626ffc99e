#include "image/compare.h"

#include <math.h>
#include <string.h>

#include "unit/image/sample.h"

#define NEAR(a, b, bound) assert_true(fabs((a) - (b)) <= (bound))

/* scikit-image 0.26: peak_signal_noise_ratio and structural_similarity(gaussian_weights=True, sigma=1.5,
 * use_sample_covariance=False, data_range=255, channel_axis=2). */
static void comparison_gives_scikit_images_numbers(void **state)
{
    (void)state;
    atl_picture a = sample_picture(40, 31, 1), b = sample_picture(40, 31, 2);
    atl_comparison c;
    assert_int_equal(atl_compare(&a, &b, &c, NULL), ATL_OK);
    NEAR(c.psnr_db, 23.7701608226, 1e-9);
    NEAR(c.ssim, 0.677662962976, 1e-10);
    assert_int_equal(c.largest_difference, 39);
    assert_int_equal(c.largest_x, 13);
    assert_int_equal(c.largest_y, 14);
    assert_int_equal(c.n_different_pixels, 1240);
    atl_picture_done(&a);
    atl_picture_done(&b);
}

static void comparison_finds_the_one_pixel_that_differs(void **state)
{
    (void)state;
    atl_picture a = sample_picture(16, 12, 1), b = sample_picture(16, 12, 1);
    uint8_t *green = &b.pixels[(5 * 16 + 7) * 3 + 1];
    *green = (uint8_t)(*green ^ 4);
    atl_comparison c;
    assert_int_equal(atl_compare(&a, &b, &c, NULL), ATL_OK);
    assert_int_equal(c.largest_difference, 4);
    assert_int_equal(c.largest_x, 7);
    assert_int_equal(c.largest_y, 5);
    assert_int_equal(c.n_different_pixels, 1);
    NEAR(c.psnr_db, 10 * log10(255.0 * 255.0 * 16 * 12 * 3 / 16), 1e-9);
    assert_true(c.ssim < 1 && c.ssim > 0.999);
    atl_picture_done(&a);
    atl_picture_done(&b);
}

static void equal_pictures_are_infinitely_alike(void **state)
{
    (void)state;
    atl_picture a = sample_picture(11, 11, 3);
    atl_comparison c;
    assert_int_equal(atl_compare(&a, &a, &c, NULL), ATL_OK);
    assert_true(isinf(c.psnr_db) && c.psnr_db > 0);
    NEAR(c.ssim, 1, 1e-12);
    assert_int_equal(c.largest_difference, 0);
    assert_int_equal(c.n_different_pixels, 0);
    atl_picture_done(&a);
}

static void ssim_of_a_picture_under_its_window_is_unavailable(void **state)
{
    (void)state;
    atl_picture a = sample_picture(10, 40, 3);
    atl_comparison c;
    assert_int_equal(atl_compare(&a, &a, &c, NULL), ATL_OK);
    assert_true(isnan(c.ssim));
    atl_picture_done(&a);
}

static void pictures_of_two_sizes_are_not_compared(void **state)
{
    (void)state;
    atl_picture a = sample_picture(12, 11, 3), b = sample_picture(11, 12, 3);
    atl_comparison c;
    atl_note note = {0};
    assert_int_equal(atl_compare(&a, &b, &c, &note), ATL_BAD_INPUT);
    assert_non_null(strstr(note.text, "12 × 11"));
    atl_picture_done(&a);
    atl_picture_done(&b);
}

static void entropy_is_that_of_the_luma(void **state)
{
    (void)state;
    atl_picture a = sample_picture(40, 31, 1), plain = {0};
    NEAR(atl_entropy_bits(&a), 7.227237426036, 1e-10); /* Pillow: convert("L").entropy() */
    assert_int_equal(atl_picture_init(5, 5, &plain, NULL), ATL_OK);
    NEAR(atl_entropy_bits(&plain), 0, 0);
    atl_picture_done(&a);
    atl_picture_done(&plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comparison_gives_scikit_images_numbers),
        cmocka_unit_test(comparison_finds_the_one_pixel_that_differs),
        cmocka_unit_test(equal_pictures_are_infinitely_alike),
        cmocka_unit_test(ssim_of_a_picture_under_its_window_is_unavailable),
        cmocka_unit_test(pictures_of_two_sizes_are_not_compared),
        cmocka_unit_test(entropy_is_that_of_the_luma),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
