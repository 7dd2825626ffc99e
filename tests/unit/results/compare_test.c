/* compare_test.c - one core against many: gains over paired rounds, samples, and the four forms. */
#include "results/compare.h"

#include <fcntl.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "compare_private.h"
#include "report/fixture.h"
#include "report_private.h"
#include "results/dir_file.h"
#include "unit/results/forms.h"

#define ROOM "compare_test_room"

static int open_room(void)
{
    const int fd = room_open(ROOM);
    unlinkat(fd, ATL_COMPARE_SAMPLES_NAME, 0);
    return fd;
}

static void gains_are_over_paired_rounds(void **state)
{
    (void)state;
    fixture f;
    comparison *c;
    fixture_compare(&f);
    assert_int_equal(atl_comparison_work_out(-1, &f.study, &c, NULL), ATL_OK);
    assert_int_equal(c->n_policies, 2);
    const compare_policy *fp32 = &c->policy[0], *bf16 = &c->policy[1];
    assert_int_equal(c->best, 1);
    assert_int_equal(bf16->n_setups, 6);
    const compare_setup *best = &bf16->setup[bf16->best], *threads = &bf16->setup[bf16->threads];
    assert_int_equal(best->workers, 16);
    assert_int_equal(threads->threads, 16);
    assert_int_equal(best->over_one.n, 6);
    assert_true(best->over_one.p_value < 0.05); /* 2 / 2⁶ */
    assert_true(best->over_one.low <= best->over_one.ratio && best->over_one.ratio <= best->over_one.high);
    const double expected =
        16 / (1 + 0.8 * (fixture_slowdown("bf16", 16) - 1)); /* most of the time is unet's */
    assert_true(fabs(best->over_one.ratio / expected - 1) < 0.05);
    assert_true(fabs(best->over_threads.ratio / (best->rate / threads->rate) - 1) < 0.05);
    assert_true(fabs(fp32->setup[fp32->best].efficiency - 0.98) < 0.04);
    assert_int_equal(best->n_flawed, 0);
    assert_true(isnan(best->cpus_busy)); /* without samples */
    assert_true(fabs(best->seconds - 64 * 3600 / best->rate) < 1e-3 * best->seconds);
    atl_comparison_free(c);
    fixture_done(&f);
}

/* Whether one of the warnings holds these words. */
static bool warns(const comparison *c, const char *words)
{
    for (int i = 0; i < c->n_warnings; i++)
        if (strstr(c->warning[i], words))
            return true;
    return false;
}

/* Two setups whose rates differ by chance alone: the first of them is fastest, and the report says what that
 * is worth. */
static void what_cannot_be_told_from_the_fastest_is_named(void **state)
{
    (void)state;
    fixture f;
    comparison *c;
    fixture_compare(&f);
    for (size_t i = 0; i < f.study.n_windows; i++) {
        atl_study_window *w = &f.study.windows[i];
        if (strcmp(w->config.policy, "bf16") == 0 && w->config.workers == 8)
            w->images_per_hour = 18600 * (1 + 0.01 * (w->round % 2 ? 1 : -1));
        if (strcmp(w->config.policy, "bf16") == 0 && w->config.workers == 16)
            w->images_per_hour = 18600 * (1 + 0.012 * (w->round % 3 - 1));
    }
    assert_int_equal(atl_comparison_work_out(-1, &f.study, &c, NULL), ATL_OK);
    const compare_policy *bf16 = &c->policy[1], *fp32 = &c->policy[0];
    int ties = 0;
    for (int i = 0; i < c->n_warnings; i++) {
        ties += strstr(c->warning[i], " cannot be told from ") != NULL;
        assert_null(strstr(c->warning[i], "fp32: 16 workers")); /* which are ahead by far */
    }
    assert_int_equal(ties, 1);
    const int best = bf16->setup[bf16->best].workers;
    assert_true(best == 8 || best == 16);
    assert_true(warns(c, best == 16
                             ? "bf16: 16 workers × 1 thread cannot be told from 8 workers × 2 threads: "
                             : "bf16: 8 workers × 2 threads cannot be told from 16 workers × 1 thread: "));
    assert_true(isnan(bf16->setup[bf16->best].best_over.ratio));
    assert_true(fp32->setup[0].best_over.ratio == fp32->setup[fp32->best].over_one.ratio);
    atl_comparison_free(c);
    fixture_done(&f);
}

static void a_flawed_batch_counts_for_nothing(void **state)
{
    (void)state;
    fixture f;
    comparison *c;
    fixture_compare(&f);
    for (size_t i = 0; i < f.study.n_windows; i++)
        if (f.study.windows[i].round == 0 && f.study.windows[i].config.workers == 16) {
            f.study.windows[i].valid = false;
            f.study.windows[i].images_per_hour *= 100;
        }
    assert_int_equal(atl_comparison_work_out(-1, &f.study, &c, NULL), ATL_OK);
    const compare_setup *best = &c->policy[1].setup[c->policy[1].best];
    assert_int_equal(best->n_flawed, 1);
    assert_int_equal(best->over_one.n, 5);
    assert_true(best->over_one.high < 17);
    assert_int_equal(c->n_warnings, 3); /* the fixture's, and that five rounds are few, of both policies */
    assert_non_null(strstr(c->warning[1], "no p below 0.0625"));
    atl_comparison_free(c);
    fixture_done(&f);
}

static void samples_are_read_as_written(void **state)
{
    (void)state;
    const int dir = open_room();
    const atl_compare_sample in[] = {{3, 0.25, 15.5, 2048, NAN, 1.0 / 3}, {4, 0.5, NAN, NAN, 0, 0}};
    atl_compare_sample *out;
    atl_note note = {0};
    size_t n;
    assert_int_equal(atl_compare_read_samples(dir, &out, &n, &note), ATL_OK);
    assert_int_equal(n, 0);
    assert_int_equal(atl_compare_append_samples(dir, in, 1, &note), ATL_OK);
    assert_int_equal(atl_compare_append_samples(dir, in + 1, 1, &note), ATL_OK);
    assert_int_equal(atl_compare_read_samples(dir, &out, &n, &note), ATL_OK);
    assert_int_equal(n, 2);
    assert_int_equal(out[0].window, 3);
    assert_true(out[0].at_s == 0.25 && out[0].cpus_busy == 15.5 && out[0].memory_mb == 2048);
    assert_true(isnan(out[0].read_mbps) && out[0].written_mbps == 1.0 / 3);
    assert_true(isnan(out[1].cpus_busy) && out[1].read_mbps == 0);
    free(out);
    const int fd = openat(dir, ATL_COMPARE_SAMPLES_NAME, O_WRONLY | O_APPEND);
    assert_true(atl_fd_write(fd, "{\"window\":5", 11)); /* torn: left out */
    assert_int_equal(atl_compare_read_samples(dir, &out, &n, &note), ATL_OK);
    assert_int_equal(n, 2);
    free(out);
    assert_true(atl_fd_write(fd, "}\n", 2));
    close(fd);
    assert_int_equal(atl_compare_read_samples(dir, &out, &n, &note), ATL_BAD_INPUT);
    assert_non_null(strstr(note.text, ATL_COMPARE_SAMPLES_NAME ":3"));
    close(dir);
}

static void read_figures(int dir, const char *name, char **ret)
{
    read_form(dir, name, ret);
    assert_null(strstr(*ret, " nan"));
    assert_null(strstr(*ret, ":nan"));
    assert_null(strstr(*ret, ">nan"));
    assert_null(strstr(*ret, ",nan"));
    assert_null(strstr(*ret, ">inf"));
    assert_null(strstr(*ret, ",inf"));
    assert_null(strstr(*ret, " inf "));
}

static void the_four_forms_say_the_same(void **state)
{
    (void)state;
    fixture f;
    atl_note note = {0};
    char *html, *md, *csv, *json;
    atl_text text = {0};
    const int dir = open_room();
    fixture_compare(&f);
    const int window = f.study.windows[f.study.n_windows - 5].sequence; /* 16 × 1 of bf16 in the last round */
    for (int i = 1; i <= 3; i++) {
        const atl_compare_sample sample = {window, i, 10.0 * i, 1000, 0.5, 0};
        assert_int_equal(atl_compare_append_samples(dir, &sample, 1, &note), ATL_OK);
    }
    assert_int_equal(atl_compare_report_write(dir, &f.study, &note), ATL_OK);
    read_figures(dir, "report.html", &html);
    read_figures(dir, "report.md", &md);
    read_figures(dir, "report.csv", &csv);
    read_figures(dir, "report.json", &json);
    atl_compare_put_text(&f.study, &text);
    *strchr(text.data, '\n') = '\0';
    assert_non_null(strstr(text.data, "16 workers × 1 thread paint"));
    assert_non_null(strstr(html, text.data));
    assert_non_null(strstr(md, text.data));
    json_t *o = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(o);
    const json_t *bf16 = json_array_get(json_object_get(o, "policies"), 1);
    const json_t *setup = json_array_get(json_object_get(bf16, "setups"), 1);
    assert_int_equal(json_integer_value(json_object_get(setup, "workers")), 16);
    assert_true(json_number_value(json_object_get(setup, "cpus_busy")) ==
                20); /* of 10, 20, 30, a second each */
    assert_true(json_number_value(json_object_get(setup, "read_mb")) == 1.5);
    /* intervals, what they are worth, and where it comes from, in Markdown and on the page */
    assert_non_null(strstr(md, "| **16 × 1** |"));
    assert_non_null(strstr(md, "Intervals of 95 %. Ratios are of the same round"));
    assert_non_null(strstr(html, "Ratios are of the same round"));
    assert_non_null(strstr(md, "\n## Where this comes from\n\n- machine: "));
    assert_non_null(strstr(md, " batches\n"));
    char cell[64];
    atl_text figures = {0};
    atl_put_figure(&figures, json_number_value(json_object_get(setup, "speedup")));
    atl_text_puts(&figures, " (");
    atl_put_figure(&figures, json_number_value(json_object_get(setup, "speedup_low")));
    atl_text_puts(&figures, " to ");
    atl_put_figure(&figures, json_number_value(json_object_get(setup, "speedup_high")));
    snprintf(cell, sizeof cell, "| %s, p = 0.031) |", figures.data);
    assert_non_null(strstr(md, cell));
    atl_text_done(&figures);
    const char *row = strstr(csv, "bf16,16,1,");
    assert_non_null(row);
    assert_true(strtod(row + 10, NULL) == json_number_value(json_object_get(setup, "images_per_hour")));
    assert_int_equal(json_array_size(json_object_get(o, "samples")), 3);
    json_decref(o);
    atl_text_done(&text);
    free(html);
    free(md);
    free(csv);
    free(json);
    fixture_done(&f);
    close(dir);
}

static void little_is_said_of_little(void **state)
{
    (void)state;
    fixture f;
    const int dir = open_room();
    fixture_compare(&f);
    const size_t counts[] = {0, 1, 2};
    for (size_t i = 0; i < 3; i++) {
        atl_text text = {0};
        char *html;
        f.study.n_windows = counts[i];
        assert_int_equal(atl_compare_report_write(dir, &f.study, NULL), ATL_OK);
        read_figures(dir, "report.html", &html);
        atl_compare_put_text(&f.study, &text);
        assert_non_null(strstr(text.data, i == 0   ? "Nothing was painted"
                                          : i == 1 ? "One core has no valid batch beside it"
                                                   : "1 round, so no interval can be told"));
        atl_text_done(&text);
        free(html);
    }
    fixture_done(&f);
    close(dir);
}

static void samples_are_of_the_attempt_that_counts(void **state)
{
    (void)state;
    fixture f;
    comparison *c;
    fixture_compare(&f);
    assert_int_equal(atl_comparison_work_out(-1, &f.study, &c, NULL), ATL_OK);
    const int window = c->policy[1].setup[c->policy[1].best].last_window;
    atl_comparison_free(c);
    const atl_compare_sample twice[] = {{window, 0.25, 9, 4000, 0, 0},
                                        {window, 0.5, 9, 4000, 0, 8},
                                        {window, 0.2, 2, 3000, 0, 0},
                                        {window, 0.4, 2, 3000, 0, 1}};
    const int dir = open_room();
    assert_int_equal(atl_compare_append_samples(dir, twice, 4, NULL), ATL_OK);
    assert_int_equal(atl_comparison_work_out(dir, &f.study, &c, NULL), ATL_OK);
    const compare_setup *best = &c->policy[1].setup[c->policy[1].best];
    assert_true(fabs(best->cpus_busy - 2) < 1e-9 && best->memory_mb == 3000);
    assert_true(fabs(best->written_mb - 0.2) < 1e-9);
    atl_comparison_free(c);
    close(dir);
    fixture_done(&f);
}

static void a_batch_too_short_or_uneven_is_said_to_be_so(void **state)
{
    (void)state;
    fixture f;
    comparison *c;
    fixture_compare(&f);
    assert_int_equal(atl_comparison_work_out(-1, &f.study, &c, NULL), ATL_OK);
    assert_false(warns(c, "The batch is short") || warns(c, "dealt out"));
    atl_comparison_free(c);
    for (size_t i = 0; i < f.study.n_windows; i++) {
        f.study.windows[i].length_s /= 100;
        f.study.windows[i].n_jobs = 17; /* on 16 workers: two turns, of which one is of one picture */
    }
    assert_int_equal(atl_comparison_work_out(-1, &f.study, &c, NULL), ATL_OK);
    assert_true(warns(c, "The batch is short"));
    assert_true(warns(c, "17 pictures cannot be dealt out evenly to 16 workers"));
    assert_true(warns(c, "costs 47 % of the ideal gain"));
    atl_comparison_free(c);
    fixture_done(&f);
}

static void a_setup_that_was_mostly_disturbed_is_named(void **state)
{
    (void)state;
    fixture f;
    comparison *c;
    fixture_compare(&f);
    for (size_t i = 0; i < f.study.n_windows; i++) {
        atl_study_window *w = &f.study.windows[i];
        w->valid = w->valid && (w->config.threads != 2 || w->round < 2);
        w->valid = w->valid && (w->config.threads != 4 || strcmp(w->config.policy, "fp32") == 0);
    }
    assert_int_equal(atl_comparison_work_out(-1, &f.study, &c, NULL), ATL_OK);
    assert_true(warns(c, "bf16: in 6 rounds only 2 batches of 8 workers × 2 threads could be used"));
    assert_true(warns(c, "bf16: no valid batch by 4 workers × 4 threads."));
    assert_false(warns(c, "of 16 workers × 1 thread could be used"));
    atl_comparison_free(c);
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gains_are_over_paired_rounds),
        cmocka_unit_test(what_cannot_be_told_from_the_fastest_is_named),
        cmocka_unit_test(a_flawed_batch_counts_for_nothing),
        cmocka_unit_test(samples_are_read_as_written),
        cmocka_unit_test(the_four_forms_say_the_same),
        cmocka_unit_test(little_is_said_of_little),
        cmocka_unit_test(a_batch_too_short_or_uneven_is_said_to_be_so),
        cmocka_unit_test(a_setup_that_was_mostly_disturbed_is_named),
        cmocka_unit_test(samples_are_of_the_attempt_that_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
