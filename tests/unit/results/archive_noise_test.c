/* archive_noise_test.c - rows of disturbed machines: what disturbs, what a history says of it, and that it
 * neither judges by them nor lets them judge. */
#include "results/archive_noise.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "results/archive_tell.h"

enum { N_ROWS = 12 };

/* A bench's row; `foreign`: what other programs took, in %. */
static atl_archive_entry row(int64_t id, double ms, double foreign, double spread)
{
    atl_archive_entry e = {.id = id, .time_s = 1750000000 + id * 3600, .workers = 1, .threads = 1};
    const double none = (double)NAN;
    snprintf(e.kind, sizeof e.kind, "bench");
    atl_archive_figure_add(&e, "unet_step batch 2", "ms", ms, ATL_LESS_IS_BETTER);
    atl_archive_spread_add(&e, "unet_step batch 2", spread, 5);
    atl_archive_noise_add(&e, &(atl_archive_noise){0.1, foreign, 0.2, none, 1, none});
    return e;
}

static atl_trend_verdict verdict_of(const atl_archive_entry *rows, int n, char ret_why[128])
{
    const atl_archive_list list = {(atl_archive_entry *)rows, n};
    atl_trends trends;
    assert_int_equal(atl_trends_find(&list, &trends, NULL), ATL_OK);
    assert_int_equal(trends.n, 1); /* what tells of noise is no series */
    const atl_trend_verdict verdict = trends.items[0].verdict;
    memcpy(ret_why, trends.items[0].why, 128);
    atl_trends_done(&trends);
    return verdict;
}

static void a_quiet_row_after_loaded_ones_is_the_same(void **unused)
{
    (void)unused;
    atl_archive_entry rows[N_ROWS];
    char why[128];
    for (int i = 0; i < N_ROWS; i++)
        rows[i] = i % 2 ? row(i + 1, 170 + i, 45, 3) : row(i + 1, 100 + i % 3, 0.5, 1);
    rows[N_ROWS - 1] = row(N_ROWS, 101, 0.5, 1);
    assert_int_equal(verdict_of(rows, N_ROWS, why), ATL_TREND_SAME);
    assert_string_equal(why, "");
    rows[N_ROWS - 1] = row(N_ROWS, 130, 0.5, 1); /* the loaded ones would have hidden it */
    assert_int_equal(verdict_of(rows, N_ROWS, why), ATL_TREND_WORSE);
}

static void a_loaded_row_is_not_judged_and_says_why(void **unused)
{
    (void)unused;
    atl_archive_entry rows[N_ROWS];
    char why[128];
    for (int i = 0; i < N_ROWS; i++)
        rows[i] = row(i + 1, 100 + i % 3, 0.5, 1);
    rows[N_ROWS - 1] = row(N_ROWS, 190, 45, 3);
    assert_int_equal(verdict_of(rows, N_ROWS, why), ATL_TREND_DISTURBED);
    assert_string_equal(why, "other programs took 45 % of its CPUs");
    rows[N_ROWS - 1] = row(N_ROWS, 190, 0.5, 40);
    assert_int_equal(verdict_of(rows, N_ROWS, why), ATL_TREND_DISTURBED);
    assert_string_equal(why, "its repetitions scattered by 40 %");
}

static void loaded_rows_alone_are_too_few_to_judge_by(void **unused)
{
    (void)unused;
    atl_archive_entry rows[N_ROWS];
    char why[128];
    for (int i = 0; i < N_ROWS; i++)
        rows[i] = row(i + 1, 170, i < 8 ? 45 : 0.5, 1);
    rows[N_ROWS - 1] = row(N_ROWS, 100, 0.5, 1); /* "better: -40 %" it is not: only three quiet ones before */
    assert_int_equal(verdict_of(rows, N_ROWS, why), ATL_TREND_UNKNOWN);
}

static void a_figure_is_not_surer_than_its_own_repetitions(void **unused)
{
    (void)unused;
    atl_archive_entry rows[N_ROWS];
    char why[128];
    for (int i = 0; i < N_ROWS; i++)
        rows[i] = row(i + 1, 100, 0.5, 0.1);
    rows[N_ROWS - 1] = row(N_ROWS, 108, 0.5, 0.1);
    assert_int_equal(verdict_of(rows, N_ROWS, why), ATL_TREND_WORSE);
    rows[N_ROWS - 1] = row(N_ROWS, 108, 0.5, 8);
    assert_int_equal(verdict_of(rows, N_ROWS, why), ATL_TREND_SAME);
}

static void each_limit_is_kept_and_what_is_not_known_disturbs_nothing(void **unused)
{
    (void)unused;
    const double none = (double)NAN;
    const struct {
        atl_archive_noise noise;
        const char *why;
    } cases[] = {
        {{none, none, none, none, none, none}, NULL},
        {{4.9, 4.9, 9.9, 99, 9.9, 90.1}, NULL},
        {{6, 0, 0, 0, 0, 99}, "the hypervisor took 6 % of its CPUs"},
        {{0, 0, 13, 0, 0, 99}, "it waited for a CPU 13 % of its time"},
        {{0, 0, 0, 0, 12, 99}, "what the machine can do at most changed by 12 %"},
        {{0, 0, 0, 0, 0, 62}, "it had a CPU for 62 % of its time"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        atl_archive_entry e = {.id = 1};
        char why[128] = "";
        atl_archive_noise_add(&e, &cases[i].noise);
        assert_int_equal(atl_archive_disturbed(&e, "rate", why), cases[i].why != NULL);
        assert_string_equal(why, cases[i].why ? cases[i].why : "");
    }
}

static void the_history_names_what_was_disturbed(void **unused)
{
    (void)unused;
    atl_archive_entry rows[N_ROWS];
    for (int i = 0; i < N_ROWS; i++)
        rows[i] = row(i + 1, 100 + i % 3, i == 4 ? 30 : 0.5, 1);
    rows[N_ROWS - 1] = row(N_ROWS, 190, 45, 3);
    const atl_archive_list list = {rows, N_ROWS};
    atl_trends trends;
    atl_text text = {0}, json = {0}, svg = {0};
    assert_int_equal(atl_trends_find(&list, &trends, NULL), ATL_OK);
    atl_archive_put_text(&list, 20, &trends, &text);
    assert_non_null(strstr(text.data, "; disturbed: other programs took 30 % of its CPUs\n"));
    assert_non_null(strstr(text.data,
                           "not judged: unet_step batch 2 is 190 ms (the median of 10 before: 101), "
                           "but while it was measured other programs took 45 % of its CPUs; bench"));
    assert_null(strstr(text.data, "WORSE"));
    atl_archive_put_json(&list, 20, &trends, &json);
    assert_non_null(strstr(json.data,
                           "\"verdict\":\"disturbed\",\"disturbed_by\":\"other programs took 45 % of "
                           "its CPUs\",\"disturbed\":2,"));
    assert_true(atl_trends_put_svg(&trends, NULL, &svg));
    assert_non_null(strstr(svg.data, "fill=\"none\" stroke="));
    atl_text_done(&text);
    atl_text_done(&json);
    atl_text_done(&svg);
    atl_trends_done(&trends);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_quiet_row_after_loaded_ones_is_the_same),
        cmocka_unit_test(a_loaded_row_is_not_judged_and_says_why),
        cmocka_unit_test(loaded_rows_alone_are_too_few_to_judge_by),
        cmocka_unit_test(a_figure_is_not_surer_than_its_own_repetitions),
        cmocka_unit_test(each_limit_is_kept_and_what_is_not_known_disturbs_nothing),
        cmocka_unit_test(the_history_names_what_was_disturbed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
