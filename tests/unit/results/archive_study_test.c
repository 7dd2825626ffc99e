/* archive_study_test.c - what studies recommend and comparisons found, as rows of the archive. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compare_private.h"
#include "report/fixture.h"
#include "results/archive.h"
#include "results/study.h"

enum { MAX_WINDOWS = 256 };

/* Rates that saturate at `ceiling` images an hour; 5 rounds. */
static void add_series(atl_study *study, const char *policy, const char *order, int threads, double one,
                       double ceiling)
{
    static const int counts[] = {1, 2, 3, 4, 6, 8};
    for (int round = 0; round < 5; round++)
        for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
            atl_study_window *w = &study->windows[study->n_windows];
            const double rate = one * counts[i] / pow(1 + pow(one * counts[i] / ceiling, 6), 1.0 / 6);
            *w = (atl_study_window){.sequence = (int)study->n_windows,
                                    .round = round,
                                    .attempt = 1,
                                    .valid = true,
                                    .length_s = 60,
                                    .images = rate / 60,
                                    .n_jobs = 10,
                                    .cpu_share = 1,
                                    .same_pixels = true};
            w->images_per_hour = rate * (1 + 0.002 * ((round * 7 + (int)i * 3) % 5 - 2));
            w->config.workers = counts[i];
            w->config.threads = threads;
            snprintf(w->config.policy, sizeof w->config.policy, "%s", policy);
            snprintf(w->config.order, sizeof w->config.order, "%s", order);
            study->n_windows++;
        }
}

static atl_study new_study(void)
{
    atl_study study = {.windows = calloc(MAX_WINDOWS, sizeof *study.windows)};
    study.head.width = study.head.height = 512;
    study.head.n_steps = 20;
    study.head.rounds = 5;
    study.head.model_name = strdup("sd15");
    study.head.model_hash = strdup("0123456789");
    study.head.version = strdup("1.2.3");
    return study;
}

static void each_policy_and_order_has_a_row_of_its_best_threads(void **state)
{
    (void)state;
    atl_study study = new_study();
    atl_archive_entry rows[ATL_ARCHIVE_MAX_OF_STUDY];
    int n = 0;
    add_series(&study, "bf16", "scatter", 1, 100, 300); /* 4 workers reach it */
    add_series(&study, "bf16", "scatter", 2, 180, 400); /* 3 do, and it is higher */
    add_series(&study, "fp32", "scatter", 1, 50, 120);
    assert_int_equal(atl_archive_entries_of_study(&study, rows, &n, NULL), ATL_OK);
    assert_int_equal(n, 2);
    for (int i = 0; i < 2; i++) {
        const bool is_bf16 = strcmp(rows[i].policy, "bf16") == 0;
        assert_string_equal(rows[i].kind, "study");
        assert_string_equal(rows[i].policy, is_bf16 ? "bf16" : "fp32");
        assert_string_equal(rows[i].order, "scatter");
        assert_string_equal(rows[i].model_hash, "0123456789");
        assert_string_equal(rows[i].work, "512x512, 20 steps");
        assert_int_equal(rows[i].threads, is_bf16 ? 2 : 1);
        assert_int_equal(rows[i].workers, 3);
        assert_string_equal(rows[i].figures[0].name, "images_per_hour");
        assert_true(fabs(rows[i].figures[0].value - (is_bf16 ? 400 : 120)) < (is_bf16 ? 20 : 6));
    }
    atl_study_done(&study);
}

static void a_study_without_windows_leaves_nothing(void **state)
{
    (void)state;
    atl_study study = new_study();
    atl_archive_entry rows[ATL_ARCHIVE_MAX_OF_STUDY];
    int n = 0;
    assert_int_equal(atl_archive_entries_of_study(&study, rows, &n, NULL), ATL_NOT_FOUND);
    assert_int_equal(n, 0);
    atl_study_done(&study);
}

static double figure_of(const atl_archive_entry *row, const char *name)
{
    for (int i = 0; i < row->n_figures; i++)
        if (strcmp(row->figures[i].name, name) == 0)
            return row->figures[i].value;
    return NAN;
}

/* Of each policy the fastest setup, beside one core: the same figures as the comparison's report. */
static void a_comparison_has_a_row_for_each_policy(void **state)
{
    (void)state;
    fixture f;
    comparison *c;
    atl_archive_entry rows[ATL_ARCHIVE_MAX_OF_STUDY];
    int n = 0;
    fixture_compare(&f);
    assert_int_equal(atl_comparison_work_out(-1, &f.study, &c, NULL), ATL_OK);
    assert_int_equal(atl_archive_entries_of_comparison(&f.study, rows, &n, NULL), ATL_OK);
    assert_int_equal(n, c->n_policies);
    for (int i = 0; i < n; i++) {
        const compare_policy *p = &c->policy[i];
        const compare_setup *best = &p->setup[p->best];
        assert_string_equal(rows[i].kind, "compare");
        assert_string_equal(rows[i].policy, p->policy);
        assert_string_equal(rows[i].order, "scatter");
        assert_string_equal(rows[i].model_hash, f.study.head.model_hash);
        assert_non_null(strstr(rows[i].work, " steps, 64 pictures"));
        assert_true(atl_archive_finds_workers(&rows[i]));
        assert_int_equal(rows[i].workers, best->workers);
        assert_int_equal(rows[i].threads, best->threads);
        assert_string_equal(rows[i].figures[0].name, "images_per_hour");
        assert_true(rows[i].figures[0].value == best->rate);
        assert_true(figure_of(&rows[i], "images_per_hour_of_one") == p->setup[p->one].rate);
        assert_true(figure_of(&rows[i], "images_per_hour_of_all_threads") == p->setup[p->threads].rate);
        assert_true(figure_of(&rows[i], "speed-up") == best->over_one.ratio);
        assert_true(figure_of(&rows[i], "speed-up_low") == best->over_one.low);
        assert_true(figure_of(&rows[i], "speed-up_high") == best->over_one.high);
        assert_true(figure_of(&rows[i], "images_per_hour spread") > 0);
        assert_true(figure_of(&rows[i], "images_per_hour_of_one spread") <
                    10); /* of six batches, 2 % apart */
        assert_true(figure_of(&rows[i], "repetitions") == 6);
    }
    atl_comparison_free(c);
    fixture_done(&f);
}

static void a_comparison_of_flawed_batches_leaves_nothing(void **state)
{
    (void)state;
    fixture f;
    atl_archive_entry rows[ATL_ARCHIVE_MAX_OF_STUDY];
    int n = 0;
    fixture_compare(&f);
    for (size_t i = 0; i < f.study.n_windows; i++)
        f.study.windows[i].valid = false;
    assert_int_equal(atl_archive_entries_of_comparison(&f.study, rows, &n, NULL), ATL_NOT_FOUND);
    assert_int_equal(n, 0);
    f.study.n_windows = 0;
    assert_int_equal(atl_archive_entries_of_comparison(&f.study, rows, &n, NULL), ATL_NOT_FOUND);
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_policy_and_order_has_a_row_of_its_best_threads),
        cmocka_unit_test(a_study_without_windows_leaves_nothing),
        cmocka_unit_test(a_comparison_has_a_row_for_each_policy),
        cmocka_unit_test(a_comparison_of_flawed_batches_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
