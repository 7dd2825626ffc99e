/* archive_trend_test.c - constructed histories: what is noise, what is a regression, what belongs together.
 */
#include "results/archive_tell.h"
#include "results/archive_trend.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"

static uint64_t state;

static double normal(void)
{
    const double u = ((double)(atl_random_next(&state) >> 32) + 0.5) / 4294967296.0;
    const double v = ((double)(atl_random_next(&state) >> 32) + 0.5) / 4294967296.0;
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

static atl_trend judge(const double *values, int n, atl_better better)
{
    atl_trend t = {0};
    atl_trend_judge(values, n, 0, better, &t);
    return t;
}

static void a_drop_beyond_the_scatter_is_named(void **unused)
{
    (void)unused;
    const double values[] = {100, 103, 98, 101, 99, 102, 97, 100, 80};
    const atl_trend t = judge(values, 9, ATL_MORE_IS_BETTER);
    assert_int_equal(t.verdict, ATL_TREND_WORSE);
    assert_true(fabs(t.median - 100) < 1e-9);
    assert_true(fabs(t.scatter - 1.4826 * (log(1.02) - log(0.99)) / 2) < 1e-9);
    assert_true(fabs(t.distance - log(0.8) / t.scatter) < 1e-9);
    assert_int_equal(judge(values, 9, ATL_LESS_IS_BETTER).verdict, ATL_TREND_BETTER);
    assert_int_equal(judge(values, 9, ATL_NEITHER_IS_BETTER).verdict, ATL_TREND_UNKNOWN);
}

static void a_drop_inside_of_the_scatter_is_not(void **unused)
{
    (void)unused;
    const double values[] = {100, 110, 90, 105, 95, 112, 88, 100, 80};
    assert_int_equal(judge(values, 9, ATL_MORE_IS_BETTER).verdict, ATL_TREND_SAME);
}

static void one_wild_value_before_hides_nothing(void **unused)
{
    (void)unused;
    const double values[] = {100, 103, 98, 10, 99, 102, 97, 100, 101, 80};
    assert_int_equal(judge(values, 10, ATL_MORE_IS_BETTER).verdict, ATL_TREND_WORSE);
}

static void four_earlier_values_are_too_few(void **unused)
{
    (void)unused;
    const double values[] = {100, 100, 100, 100, 50, 50};
    const atl_trend t = judge(values, 5, ATL_MORE_IS_BETTER);
    assert_int_equal(t.verdict, ATL_TREND_UNKNOWN);
    assert_true(fabs(t.median - 100) < 1e-9 && isnan(t.distance));
    assert_int_equal(judge(values, 1, ATL_MORE_IS_BETTER).verdict, ATL_TREND_UNKNOWN);
    assert_int_equal(judge(values, 6, ATL_MORE_IS_BETTER).verdict, ATL_TREND_WORSE);
}

static void values_that_never_change_leave_room_for_a_little(void **unused)
{
    (void)unused;
    double values[12];
    for (int i = 0; i < 11; i++)
        values[i] = 200;
    values[11] = 196;
    assert_int_equal(judge(values, 12, ATL_MORE_IS_BETTER).verdict, ATL_TREND_SAME);
    values[11] = 190;
    assert_int_equal(judge(values, 12, ATL_MORE_IS_BETTER).verdict, ATL_TREND_WORSE);
    for (int i = 0; i < 12; i++)
        values[i] = i < 11 ? 0 : 1e-9;
    assert_int_equal(judge(values, 12, ATL_LESS_IS_BETTER).verdict, ATL_TREND_WORSE);
}

/* 1 % is promised; for each count of earlier values of 4000 the 99.99th percentile is 63. A loss of eight
 * standard deviations is to be seen nearly always from 8 earlier values on. */
static void noise_is_called_worse_once_in_a_hundred(void **unused)
{
    (void)unused;
    static const int counts[] = {5, 6, 7, 8, 11, 16, 25, 40, 60, 80};
    enum { N_TRIES = 4000 };
    state = 1;
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        int false_alarms = 0, seen = 0;
        for (int i = 0; i < N_TRIES; i++) {
            double values[128];
            for (int k = 0; k <= counts[c]; k++)
                values[k] = 1000 * (1 + 0.03 * normal());
            false_alarms += judge(values, counts[c] + 1, ATL_MORE_IS_BETTER).verdict == ATL_TREND_WORSE;
            values[counts[c]] -= 8 * 30;
            seen += judge(values, counts[c] + 1, ATL_MORE_IS_BETTER).verdict == ATL_TREND_WORSE;
        }
        assert_true(false_alarms <= 63);
        assert_true(counts[c] < 8 || false_alarms >= 10); /* with fewer the least scatter makes it rarer */
        assert_true(counts[c] < 8 || seen >= N_TRIES * 9 / 10);
    }
}

/* ---- series ---- */

static atl_archive_entry entry(int64_t id, const char *kind, int workers, double rate)
{
    atl_archive_entry e = {.id = id, .time_s = 1750000000 + id * 3600, .workers = workers, .threads = 1};
    snprintf(e.kind, sizeof e.kind, "%s", kind);
    snprintf(e.machine, sizeof e.machine, "a CPU <& others>");
    snprintf(e.model_name, sizeof e.model_name, "model");
    snprintf(e.policy, sizeof e.policy, "fp32");
    atl_archive_figure_add(&e, "rate", "images/h", rate, ATL_MORE_IS_BETTER);
    atl_archive_figure_add(&e, "memory", "MB", 100, ATL_LESS_IS_BETTER);
    return e;
}

static void rows_of_one_kind_machine_model_and_workers_belong_together(void **unused)
{
    (void)unused;
    atl_archive_entry entries[20];
    for (int i = 0; i < 20; i++)
        entries[i] = entry(i + 1, i % 8 == 3 ? "study" : i % 8 == 7 ? "compare" : "run", i % 2 ? i : 2, 100);
    for (int i = 0; i < 20; i++)
        if (i % 4 == 1)
            entries[i].workers = 4;
    snprintf(entries[0].work, sizeof entries[0].work, "other work");
    const atl_archive_list list = {entries, 20};
    atl_trends trends;
    assert_int_equal(atl_trends_find(&list, &trends, NULL), ATL_OK);
    /* run × 2 workers, run × 4, study and compare (whatever they found), other work: two figures each */
    assert_int_equal(trends.n, 10);
    int n = 0;
    for (int i = 0; i < trends.n; i++) {
        const atl_trend *t = &trends.items[i];
        n += t->n;
        assert_true(i == 0 || trends.items[i - 1].latest->id <= t->latest->id);
        for (int k = 1; k < t->n; k++)
            assert_true(t->entries[k - 1]->id < t->entries[k]->id);
        if (strcmp(t->latest->kind, "study") == 0)
            assert_int_equal(t->n, 3);
        if (strcmp(t->latest->kind, "compare") == 0)
            assert_int_equal(t->n, 2);
    }
    assert_int_equal(n, 40);
    atl_trends_done(&trends);
}

/* What a comparison found fastest is told of its rows; a series goes on where that changes. */
static void found_workers_are_of_rows_and_large_figures_are_written_out(void **unused)
{
    (void)unused;
    atl_archive_entry entries[7];
    for (int i = 0; i < 7; i++)
        entries[i] = entry(i + 1, "compare", i % 2 + 1, i < 6 ? 52127 + i : 26000);
    const atl_archive_list list = {entries, 7};
    atl_trends trends;
    atl_text out = {0};
    assert_int_equal(atl_trends_find(&list, &trends, NULL), ATL_OK);
    atl_archive_put_text(&list, 2, &trends, &out);
    assert_non_null(strstr(out.data, "    52132 images/h    compare, model, fp32, 2 × 1\n"));
    assert_non_null(strstr(out.data, "    26000 images/h    compare, model, fp32, 1 × 1\n"));
    const char *worse = strstr(out.data, "WORSE: rate is 26000 images/h, and was 521"); /* 29 or 30 */
    assert_non_null(worse);
    assert_null(strstr(worse, " × 1"));
    atl_text_done(&out);
    atl_trends_done(&trends);
}

static void a_sparkline_goes_from_the_least_to_the_most(void **unused)
{
    (void)unused;
    double values[] = {5, 1, 2, 3, 4, 8};
    atl_trend t = {.n = 6, .values = values};
    atl_text out = {0};
    atl_trend_put_sparkline(&t, 5, &out);
    assert_string_equal(out.data, "▁▂▃▄█");
    atl_text_done(&out);
    t.n = 1;
    atl_trend_put_sparkline(&t, 5, &out);
    assert_string_equal(out.data, "▄");
    atl_text_done(&out);
}

static int count(const char *text, const char *what)
{
    int n = 0;
    for (const char *at = text; (at = strstr(at, what)); at++)
        n++;
    return n;
}

static void a_plot_has_a_line_a_series_and_a_ring_around_what_is_worse(void **unused)
{
    (void)unused;
    atl_archive_entry entries[22];
    for (int i = 0; i < 22; i++)
        entries[i] = entry(i + 1, "run", 1 + i % 2, i == 20 ? 50 : 100);
    const atl_archive_list list = {entries, 22};
    atl_trends trends;
    atl_text svg = {0};
    assert_int_equal(atl_trends_find(&list, &trends, NULL), ATL_OK);
    assert_true(atl_trends_put_svg(&trends, NULL, &svg));
    assert_int_equal(count(svg.data, "<polyline"), 2);
    assert_int_equal(count(svg.data, "<title>"), 22);
    assert_int_equal(count(svg.data, "class=\"worse\""), 1);
    assert_int_equal(count(svg.data, "font-weight"), 1); /* one panel */
    assert_null(strstr(svg.data, "<& others"));
    assert_null(strstr(svg.data, "nan"));
    atl_text_done(&svg);
    assert_true(atl_trends_put_svg(&trends, "memory", &svg));
    assert_non_null(strstr(svg.data, "memory, MB"));
    atl_text_done(&svg);
    assert_false(atl_trends_put_svg(&trends, "weather", &svg));
    assert_null(svg.data);
    atl_trends_done(&trends);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_drop_beyond_the_scatter_is_named),
        cmocka_unit_test(a_drop_inside_of_the_scatter_is_not),
        cmocka_unit_test(one_wild_value_before_hides_nothing),
        cmocka_unit_test(four_earlier_values_are_too_few),
        cmocka_unit_test(values_that_never_change_leave_room_for_a_little),
        cmocka_unit_test(noise_is_called_worse_once_in_a_hundred),
        cmocka_unit_test(rows_of_one_kind_machine_model_and_workers_belong_together),
        cmocka_unit_test(found_workers_are_of_rows_and_large_figures_are_written_out),
        cmocka_unit_test(a_sparkline_goes_from_the_least_to_the_most),
        cmocka_unit_test(a_plot_has_a_line_a_series_and_a_ring_around_what_is_worse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
