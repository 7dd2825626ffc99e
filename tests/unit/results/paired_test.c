/* paired_test.c - the signed-rank test against scipy.stats.wilcoxon and, with ties, against all sign
 * patterns.
 *
 * The intervals' reference is R's rule (wilcox.test with conf.int) worked out with numpy. */
#include "results/paired.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void assert_near(double found, double wanted)
{
    if (!(fabs(found - wanted) <= 1e-9 * fabs(wanted)))
        fail_msg("found %.12g, wanted %.12g", found, wanted);
}

static void assert_compared(const double *a, const double *b, int n, const atl_paired *wanted)
{
    atl_paired p;
    assert_int_equal(atl_paired_compare(a, b, n, &p, NULL), ATL_OK);
    assert_int_equal(p.n, n);
    assert_true(p.exact);
    assert_near(p.w_plus, wanted->w_plus);
    assert_near(p.p_value, wanted->p_value);
    assert_near(p.ratio, wanted->ratio);
    assert_near(p.low, wanted->low);
    assert_near(p.high, wanted->high);
    assert_near(p.confidence, wanted->confidence);
}

static void five_rounds_are_too_few_for_95_percent_and_say_so(void **state)
{
    (void)state;
    static const double a[] = {102.5, 107.9, 105.5, 94.5, 96.0}, b[] = {94.7, 105.0, 109.5, 89.5, 90.3};
    assert_compared(a, b, 5,
                    &(atl_paired){.w_plus = 2,
                                  .p_value = 0.1875,
                                  .ratio = 0.956736154110432,
                                  .low = 0.9239024390243898,
                                  .high = 1.037914691943128,
                                  .confidence = 0.9375});
}

static void seven_rounds_that_agree_are_as_sure_as_they_can_be(void **state)
{
    (void)state;
    static const double a[] = {96.1, 95.6, 95.1, 98.9, 100.1, 101.1, 109.9};
    static const double b[] = {91.2, 84.4, 86.5, 87.5, 96.0, 92.1, 108.1};
    assert_compared(a, b, 7,
                    &(atl_paired){.w_plus = 0,
                                  .p_value = 2.0 / 128,
                                  .ratio = 0.9251006573280841,
                                  .low = 0.8847320525783621,
                                  .high = 0.9661614967615747,
                                  .confidence = 0.953125});
}

static void twelve_rounds_that_do_not_all_agree(void **state)
{
    (void)state;
    static const double a[] = {90.7, 100.3, 99.3, 108.3, 102.6, 100.3, 99.9, 95.0, 90.2, 93.8, 103.8, 94.0};
    static const double b[] = {84.5, 97.2, 100.7, 102.1, 99.0, 97.9, 97.3, 86.7, 87.9, 97.4, 93.2, 95.2};
    assert_compared(a, b, 12,
                    &(atl_paired){.w_plus = 11,
                                  .p_value = 0.02685546875,
                                  .ratio = 0.9695636820394962,
                                  .low = 0.9371807375058834,
                                  .high = 0.9941027605320614,
                                  .confidence = 0.95751953125});
}

static void twenty_five_rounds_are_counted_exactly(void **state)
{
    (void)state;
    static const double a[] = {100.2, 107.4, 97.2,  102.0, 91.2,  97.8,  96.5, 93.0, 106.3,
                               97.6,  109.6, 101.8, 102.1, 102.8, 103.5, 93.0, 98.8, 94.8,
                               98.0,  91.9,  109.4, 94.3,  103.4, 96.0,  107.5};
    static const double b[] = {95.0, 103.7, 100.4, 102.5, 87.1,  93.2,  92.5, 97.4,  101.0,
                               93.3, 108.3, 98.2,  98.1,  94.4,  100.4, 88.3, 101.6, 95.1,
                               95.0, 92.2,  104.4, 96.5,  100.3, 95.9,  97.8};
    assert_compared(a, b, 25,
                    &(atl_paired){.w_plus = 51,
                                  .p_value = 0.0018156766891479492,
                                  .ratio = 0.9742440042119155,
                                  .low = 0.95899896621809,
                                  .high = 0.9896045098889883,
                                  .confidence = 0.9517375826835632});
}

static void ties_and_rounds_without_a_difference_are_counted_exactly_too(void **state)
{
    (void)state;
    static const double a[] = {10, 10, 10, 10, 10, 10, 10, 10}, b[] = {11, 11, 9, 12, 10, 12, 12, 11};
    atl_paired p;
    assert_int_equal(atl_paired_compare(a, b, 8, &p, NULL), ATL_OK);
    assert_int_equal(p.n_different, 7);
    assert_near(p.w_plus, 24);
    assert_near(p.p_value, 0.125); /* 8 of the 128 patterns on each side */
    assert_near(p.ratio, 1.1);
}

static void many_rounds_are_told_by_the_normal_distribution(void **state)
{
    (void)state;
    double a[60], b[60];
    atl_paired p;
    for (int i = 0; i < 60; i++) {
        a[i] = 100 + i % 7;
        b[i] = a[i] * exp(0.01 * sin(i * 1.7) + 0.002);
    }
    assert_int_equal(atl_paired_compare(a, b, 60, &p, NULL), ATL_OK);
    assert_false(p.exact);
    assert_near(p.w_plus, 1200);
    assert_near(p.p_value, 0.03622649417878663);
    assert_near(p.ratio, 1.0020079575521301);
    assert_true(p.low > 1 && p.low < p.ratio && p.ratio < p.high);
}

static void equal_figures_show_no_difference(void **state)
{
    (void)state;
    static const double a[] = {3, 4, 5, 6, 7, 8};
    atl_paired p;
    assert_int_equal(atl_paired_compare(a, a, 6, &p, NULL), ATL_OK);
    assert_near(p.p_value, 1);
    assert_near(p.ratio, 1);
    assert_near(p.low, 1);
    assert_near(p.high, 1);
}

static void one_round_has_a_ratio_and_no_interval(void **state)
{
    (void)state;
    static const double a[] = {4}, b[] = {2};
    atl_paired p;
    assert_int_equal(atl_paired_compare(a, b, 1, &p, NULL), ATL_OK);
    assert_near(p.ratio, 0.5);
    assert_near(p.p_value, 1);
    assert_true(isnan(p.low) && isnan(p.high) && isnan(p.confidence));
}

static void figures_that_cannot_be_are_refused(void **state)
{
    (void)state;
    const double good[] = {1, 1}, bad[] = {0, -1, NAN, INFINITY};
    atl_note note = {0};
    atl_paired p;
    for (int i = 0; i < 4; i++) {
        const double b[] = {1, bad[i]};
        assert_int_equal(atl_paired_compare(good, b, 2, &p, &note), ATL_USAGE);
        assert_non_null(strstr(note.text, "round 1: found 1 and"));
        assert_int_equal(atl_paired_compare(b, good, 2, &p, NULL), ATL_USAGE);
    }
    assert_int_equal(atl_paired_compare(good, good, 0, &p, NULL), ATL_USAGE);
    assert_int_equal(atl_paired_compare(good, good, ATL_PAIRED_MAX + 1, &p, NULL), ATL_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(five_rounds_are_too_few_for_95_percent_and_say_so),
        cmocka_unit_test(seven_rounds_that_agree_are_as_sure_as_they_can_be),
        cmocka_unit_test(twelve_rounds_that_do_not_all_agree),
        cmocka_unit_test(twenty_five_rounds_are_counted_exactly),
        cmocka_unit_test(ties_and_rounds_without_a_difference_are_counted_exactly_too),
        cmocka_unit_test(many_rounds_are_told_by_the_normal_distribution),
        cmocka_unit_test(equal_figures_show_no_difference),
        cmocka_unit_test(one_round_has_a_ratio_and_no_interval),
        cmocka_unit_test(figures_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
