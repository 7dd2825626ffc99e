/* report_partial_test.c - reports of studies that have little to say: few counts or rounds, flawed windows,
 * no probe, no pictures. */
#include "results/study.h"

#include <fcntl.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "report/fixture.h"
#include "report_private.h"
#include "report_tables_private.h"
#include "results/dir_file.h"
#include "unit/results/report_text.h"

#define ROOM "report_partial_test_room"

static void a_study_without_windows_recommends_nothing(void **state)
{
    (void)state;
    fixture f;
    fixture_make(&f);
    f.study.n_windows = 0;
    char *text = text_of(&f, ROOM);
    assert_non_null(strstr(text, "No recommendation"));
    free(text);
    fixture_done(&f);
}

static void one_count_alone_recommends_nothing_and_says_why(void **state)
{
    (void)state;
    fixture f;
    fixture_make(&f);
    size_t n = 0;
    for (size_t i = 0; i < f.study.n_windows; i++)
        if (f.study.windows[i].config.workers == 4)
            f.study.windows[n++] = f.study.windows[i];
    f.study.n_windows = n;
    char *text = text_of(&f, ROOM);
    assert_non_null(strstr(text, "No recommendation"));
    assert_non_null(strstr(text, "Mind: bf16 ×1: no recommendation"));
    free(text);
    fixture_done(&f);
}

static void a_single_round_of_few_counts_has_no_law_and_no_certainty(void **state)
{
    (void)state;
    fixture f;
    fixture_make(&f);
    size_t n = 0;
    for (size_t i = 0; i < f.study.n_windows; i++) {
        const atl_study_window *w = &f.study.windows[i];
        if (w->round == 0 && w->config.workers <= 3 && strcmp(w->config.policy, "bf16") == 0 &&
            w->config.threads == 1)
            f.study.windows[n++] = *w;
    }
    f.study.n_windows = n;
    char *text = text_of(&f, ROOM);
    assert_non_null(strstr(text, "Run 3 workers × 1 thread in bf16."));
    assert_non_null(strstr(text, "How sure: not known: too few rounds"));
    assert_non_null(strstr(text, "of the numbers measured (1, 2, 3) it paints the most"));
    free(text);
    fixture_done(&f);
}

/* With as many workers as cores the probe does not run, whatever the window's plan says. */
static void a_window_that_left_the_probe_no_core_is_one_without_it(void **state)
{
    (void)state;
    fixture f;
    report r;
    atl_text markdown = {0}, html = {0};
    fixture_make(&f);
    for (size_t i = 0; i < f.study.n_windows; i++) {
        atl_study_window *w = &f.study.windows[i];
        if (w->config.workers * w->config.threads < 64) {
            w->images_per_hour *= w->config.probe ? 0.95 : 1;
            continue;
        }
        w->images_per_hour *= w->config.probe ? 0.5 : 1; /* which is not the probe's doing */
        w->probe_gbps = w->probe_ns = NAN;
    }
    assert_int_equal(atl_study_report_work_out(&f.study, &r, NULL), ATL_OK);
    const report_series *bf16 = &r.series[0];
    assert_true(fabs(bf16->probe_cost - 0.95 * 0.994) < 0.02);
    assert_int_equal(bf16->n_without, FIXTURE_ROUNDS); /* of one worker */
    assert_int_equal(atl_report_unprobed(bf16), 64);
    char words[160];
    bool warned = false;
    snprintf(
        words, sizeof words,
        "costs about %.0f %% of the rate, by 3 windows without it. The largest number of workers left it no "
        "core",
        100 * (1 - bf16->probe_cost));
    for (int i = 0; i < r.n_warnings; i++)
        warned = warned || strstr(r.warning[i], words);
    assert_true(warned);
    atl_report_put_markdown(&r, &markdown);
    atl_report_put_html(&r, -1, &html);
    assert_non_null(
        strstr(markdown.data, "(3 windows without it); with 64 workers no core was left for it."));
    assert_non_null(strstr(html.data, "(3 windows without it); with 64 workers no core was left for it."));
    assert_non_null(strstr(html.data, "64 × 1 scatter, no core for the probe</td>"));
    atl_text_done(&html);
    atl_text_done(&markdown);
    atl_study_report_done(&r);
    fixture_done(&f);
}

/* 1, 2, 4 workers miss no doubling; between 1 and 4 there is one, which matters unless 4 bring what 4 can. */
static void a_bend_may_hide_where_nothing_was_measured(void **state)
{
    (void)state;
    static const struct {
        int counts[3];
        double rates[3];
        const char *words;
    } cases[] = {
        {{1, 2, 4}, {100, 180, 330}, "No bend was seen: up to 4, twice the workers"},
        {{1, 4, 8},
         {100, 340, 600},
         "No bend was seen; but between 1 and 4 workers, where it may be, nothing "},
        {{1, 4, 8}, {100, 390, 600}, "No bend was seen: up to 8, twice the workers"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        report_series s = {.threads = 1, .n_counts = 3};
        atl_text words = {0};
        for (int k = 0; k < 3; k++) {
            s.count[k].workers = cases[i].counts[k];
            s.count[k].rate = cases[i].rates[k];
        }
        atl_report_put_knee(&s, &words);
        assert_true(strncmp(words.data, cases[i].words, strlen(cases[i].words)) == 0);
        atl_text_done(&words);
    }
}

/* One count alone: no advice, but the reason and the figure on the first screen. */
static void a_report_without_advice_says_why_and_what_was_measured(void **state)
{
    (void)state;
    fixture f;
    report r;
    atl_text first = {0};
    fixture_make(&f);
    size_t n = 0;
    for (size_t i = 0; i < f.study.n_windows; i++)
        if (f.study.windows[i].config.workers == 2 && f.study.windows[i].config.threads == 1)
            f.study.windows[n++] = f.study.windows[i];
    f.study.n_windows = n;
    assert_int_equal(atl_study_report_work_out(&f.study, &r, NULL), ATL_OK);
    atl_report_put_first_screen(&r, &first);
    assert_non_null(strstr(first.data, "Why not:</strong> all windows have 2 workers"));
    assert_non_null(strstr(first.data, "2 workers painted "));
    assert_null(strstr(first.data, "the recommendation is among these"));
    atl_text_done(&first);
    atl_study_report_done(&r);
    fixture_done(&f);
}

/* Keeps the windows that `keep` says. */
static void keep_windows(fixture *f, bool (*keep)(const atl_study_window *w))
{
    size_t n = 0;
    for (size_t i = 0; i < f->study.n_windows; i++)
        if (keep(&f->study.windows[i]))
            f->study.windows[n++] = f->study.windows[i];
    f->study.n_windows = n;
}

static bool is_slow_or_alone(const atl_study_window *w)
{
    return w->round == 0 && w->config.threads == 1 && w->config.corunners == 0 &&
           (w->config.workers == 1 || (strcmp(w->config.policy, "fp32") == 0 && w->config.workers <= 3));
}

static void a_faster_series_that_cannot_be_recommended_is_named_first(void **state)
{
    (void)state;
    fixture f;
    fixture_make(&f);
    keep_windows(&f, is_slow_or_alone); /* bf16 alone paints more than fp32 with three workers */
    char *text = text_of(&f, ROOM);
    assert_non_null(strstr(text, "Run 3 workers × 1 thread in fp32."));
    const char *named = strstr(text, "Mind: bf16 painted "), *first = strstr(text, "Mind: ");
    assert_ptr_equal(named, first);
    assert_non_null(strstr(named, "with 1 worker, more than what is recommended paints"));
    free(text);
    fixture_done(&f);
}

static bool is_of_two_rounds_and_four_counts(const atl_study_window *w)
{
    return w->round < 2 && w->config.workers <= (w->config.threads == 1 ? 4 : 3);
}

static void what_all_series_lack_is_said_once_and_what_some_lack_with_their_names(void **state)
{
    (void)state;
    fixture f;
    fixture_make(&f);
    keep_windows(&f, is_of_two_rounds_and_four_counts);
    char *text = text_of(&f, ROOM);
    const char *rounds = strstr(text, "Mind: Only 2 rounds: ");
    assert_non_null(rounds);
    assert_null(strstr(rounds + strlen("Mind: Only"), "Only 2 rounds"));
    assert_non_null(strstr(text, "Mind: bf16 ×1, fp32 ×1: Only 4 worker counts: no law"));
    assert_non_null(strstr(text, "Mind: bf16 ×2: Only 3 worker counts: no law"));
    free(text);
    fixture_done(&f);
}

static bool is_up_to_24(const atl_study_window *w)
{
    return w->config.workers <= 24 && w->config.threads == 1;
}

static void what_was_not_measured_is_hatched(void **state)
{
    (void)state;
    fixture f;
    char *html;
    const int dir = room_open(ROOM);
    fixture_make(&f);
    assert_int_equal(atl_study_report_write(dir, &f.study, NULL), ATL_OK);
    read_form(dir, "report.html", &html);
    assert_null(strstr(html, "class=\"hatch\"")); /* all 64 cores were measured */
    free(html);
    keep_windows(&f, is_up_to_24);
    assert_int_equal(atl_study_report_write(dir, &f.study, NULL), ATL_OK);
    read_form(dir, "report.html", &html);
    assert_non_null(strstr(html, "class=\"hatch\""));
    assert_non_null(strstr(html, "Hatched: beyond 24 workers nothing was measured"));
    assert_non_null(strstr(html, ">48</text>")); /* twice as far, not to all of the cores */
    free(html);
    close(dir);
    fixture_done(&f);
}

static bool is_bf16(const atl_study_window *w)
{
    return strcmp(w->config.policy, "bf16") == 0;
}

static void pictures_that_were_not_compared_are_said_to_be_so(void **state)
{
    (void)state;
    fixture f;
    char *form;
    const int dir = room_open(ROOM);
    fixture_make(&f);
    assert_int_equal(atl_study_report_write(dir, &f.study, NULL), ATL_OK);
    read_form(dir, "report.md", &form);
    assert_non_null(strstr(form, "| bf16 | 16 | 41.7 | 0.9962 | 7.41 | 23.0 |"));
    assert_null(strstr(form, "is not known: fp32"));
    free(form);
    read_form(dir, "report.csv", &form);
    assert_non_null(strstr(form, ",16,41.700000000000003,0.99619999999999997,7.4100000000000001,23\r\n"));
    free(form);
    f.study.head.n_quality = 0;
    keep_windows(&f, is_bf16);
    static const char *const forms[] = {"report.md", "report.html"};
    assert_int_equal(atl_study_report_write(dir, &f.study, NULL), ATL_OK);
    for (size_t i = 0; i < 2; i++) {
        read_form(dir, forms[i], &form);
        assert_non_null(strstr(form,
                               "How far the pictures of bf16 are from those of fp32 is not known: fp32 is "
                               "not among the policies of this study."));
        free(form);
    }
    close(dir);
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_study_without_windows_recommends_nothing),
        cmocka_unit_test(one_count_alone_recommends_nothing_and_says_why),
        cmocka_unit_test(a_single_round_of_few_counts_has_no_law_and_no_certainty),
        cmocka_unit_test(a_bend_may_hide_where_nothing_was_measured),
        cmocka_unit_test(a_window_that_left_the_probe_no_core_is_one_without_it),
        cmocka_unit_test(a_report_without_advice_says_why_and_what_was_measured),
        cmocka_unit_test(a_faster_series_that_cannot_be_recommended_is_named_first),
        cmocka_unit_test(what_all_series_lack_is_said_once_and_what_some_lack_with_their_names),
        cmocka_unit_test(what_was_not_measured_is_hatched),
        cmocka_unit_test(pictures_that_were_not_compared_are_said_to_be_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
