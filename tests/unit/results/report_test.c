/* report_test.c - a study's report: the recommendation, its words, and the four forms. */
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

#define ROOM "report_test_room"

static void the_figures_of_a_study_are_what_made_it(void **state)
{
    (void)state;
    fixture f;
    report r;
    fixture_make(&f);
    assert_int_equal(atl_study_report_work_out(&f.study, &r, NULL), ATL_OK);
    assert_int_equal(r.n_series, 3);
    const report_series *bf16 = &r.series[0], *fp32 = &r.series[2];
    assert_int_equal(r.best, 0);
    assert_string_equal(bf16->label, "bf16 ×1");
    assert_int_equal(bf16->n_counts, FIXTURE_N_COUNTS);
    assert_true(bf16->probe);
    assert_true(fabs(bf16->probe_cost - 0.994) < 0.02);
    assert_in_range(bf16->count[bf16->at].workers, 24, 48);
    assert_int_equal(bf16->verdict.limit, ATL_LIMIT_MEMORY);
    assert_int_equal(fp32->count[fp32->at].workers, 64);
    assert_int_equal(fp32->verdict.limit, ATL_LIMIT_CORES);
    assert_int_equal(bf16->n_shares, 6);
    assert_int_equal(bf16->count[0].n_windows, 2 * FIXTURE_ROUNDS);
    assert_true(fabs(bf16->count[0].slow_wall[ATL_STAGE_UNET] - 1) < 1e-9);
    assert_true(isnan(bf16->count[0].wall_ms[ATL_STAGE_VAE_ENCODE]));
    atl_study_report_done(&r);
    fixture_done(&f);
}

static void the_four_forms_say_the_same(void **state)
{
    (void)state;
    fixture f;
    atl_note note = {0};
    const int dir = room_open(ROOM);
    fixture_make(&f);
    assert_int_equal(atl_study_report_write(dir, &f.study, &note), ATL_OK);
    char *html, *md, *csv, *json;
    read_form(dir, "report.html", &html);
    read_form(dir, "report.md", &md);
    read_form(dir, "report.csv", &csv);
    read_form(dir, "report.json", &json);
    json_t *o = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(o);
    assert_int_equal(json_array_size(json_object_get(o, "windows")), f.study.n_windows);
    const json_t *series = json_array_get(json_object_get(o, "series"), 0);
    const int recommended = (int)json_integer_value(json_object_get(series, "recommended"));
    char words[64];
    snprintf(words, sizeof words, "Run %d workers × 1 thread in bf16.", recommended);
    assert_non_null(strstr(html, words));
    assert_non_null(strstr(md, words));
    snprintf(words, sizeof words, "bf16,1,scatter,%d,1,", recommended);
    const char *row = strstr(csv, words);
    assert_non_null(row);
    json_t *count;
    size_t i;
    double rate = NAN;
    json_array_foreach(json_object_get(series, "counts"), i,
                       count) if (json_integer_value(json_object_get(count, "workers")) == recommended) rate =
        json_real_value(json_object_get(count, "images_per_hour"));
    int n_windows;
    double csv_rate;
    assert_int_equal(sscanf(row + strlen(words), "%d,%lf", &n_windows, &csv_rate), 2);
    assert_true(csv_rate == rate);
    json_decref(o);
    free(html);
    free(md);
    free(csv);
    free(json);
    fixture_done(&f);
    close(dir);
}

static void the_page_is_one_file_and_its_data_cannot_leave_its_place(void **state)
{
    (void)state;
    fixture f;
    const int dir = room_open(ROOM);
    fixture_make(&f);
    free(f.study.head.model_name);
    f.study.head.model_name = strdup("</script><img src=x onerror=alert(1)>&\"'");
    assert_int_equal(atl_study_report_write(dir, &f.study, NULL), ATL_OK);
    char *html, *data;
    read_form(dir, "report.html", &html);
    data = strstr(html, "<script id=\"data\"");
    assert_null(strstr(html, "<img"));
    assert_null(strstr(html, "http:"));
    assert_null(strstr(html, "https:"));
    assert_null(strstr(html, "src=\"")); /* nothing is fetched */
    assert_null(strstr(html, "url("));
    assert_non_null(strstr(html, "Unavailable here"));
    assert_no_word(html, "nan");
    assert_no_word(html, "inf");
    assert_non_null(data);
    data = strchr(data, '>') + 1;
    char *end = strstr(data, "</script>");
    assert_non_null(end);
    assert_null(strstr(end + 9, "</script>")); /* the first end of a script is the only one */
    json_t *o = json_loadb(data, (size_t)(end - data), JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(o);
    assert_string_equal(json_string_value(json_object_get(json_object_get(o, "study"), "model_name")),
                        f.study.head.model_name);
    json_decref(o);
    free(html);
    fixture_done(&f);
    close(dir);
}

/* What a first reader asks: why, what another number costs, what is not known. */
static void the_first_screen_answers_a_first_reader(void **state)
{
    (void)state;
    static const char *const wanted[] = {"Why ",
                                         "of the numbers measured",
                                         "What it costs to be wrong:",
                                         "less an hour",
                                         "more an hour",
                                         "Not measured:",
                                         "more than 64 workers (more would share cores)",
                                         "workers side by side",
                                         "energy (no counter could be read)"};
    fixture f;
    report r;
    atl_text first = {0}, markdown = {0};
    fixture_make(&f);
    char *text = text_of(&f, ROOM);
    assert_int_equal(atl_study_report_work_out(&f.study, &r, NULL), ATL_OK);
    atl_report_put_first_screen(&r, &first);
    atl_report_put_markdown(&r, &markdown);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        if (!strstr(first.data, wanted[i]) || !strstr(text, wanted[i]) || !strstr(markdown.data, wanted[i]))
            fail_msg("nothing says '%s'", wanted[i]);
    }
    atl_text_done(&first);
    atl_text_done(&markdown);
    atl_study_report_done(&r);
    free(text);
    fixture_done(&f);
}

/* The fixture's largest count is 64 workers of one thread. */
static void what_more_workers_would_meet_is_true(void **state)
{
    (void)state;
    static const struct {
        int n_cores;
        double quota;
        const char *words;
    } cases[] = {
        {64, 0, "more than 64 workers (more would share cores);"},
        {48, 0, "more than 64 workers (more than 48 share cores already);"},
        {128, 0, "more than 64 workers, though there are cores for more;"},
        {128, 64, "more than 64 workers (more would pass the quota of CPU time);"},
        {0, 0, "more than 64 workers;"}, /* not known */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture f;
        report r;
        atl_text words = {0};
        fixture_make(&f);
        f.study.head.n_cores = cases[i].n_cores;
        f.study.head.quota_cpus = cases[i].quota;
        assert_int_equal(atl_study_report_work_out(&f.study, &r, NULL), ATL_OK);
        for (int k = 0; k < r.n_series && words.length == 0; k++)
            if (r.series[k].at >= 0 && r.series[k].threads == 1)
                atl_report_put_gaps(&r, &r.series[k], &words);
        if (!words.data || !strstr(words.data, cases[i].words))
            fail_msg("wanted '%s' in '%s'", cases[i].words, words.data ? words.data : "");
        atl_text_done(&words);
        atl_study_report_done(&r);
        fixture_done(&f);
    }
}

/* Two workers cannot paint more than twice as much: the reader hears that the lone one was slow. */
static void more_than_the_ideal_gain_is_doubted(void **state)
{
    (void)state;
    fixture f;
    fixture_make(&f);
    for (size_t i = 0; i < f.study.n_windows; i++)
        if (f.study.windows[i].config.workers == 1)
            f.study.windows[i].images_per_hour *= 0.8;
    char *text = text_of(&f, ROOM);
    assert_non_null(strstr(text, "seem to gain"));
    free(text);
    fixture_done(&f);
}

static void what_a_reader_must_know_is_said(void **state)
{
    (void)state;
    fixture f;
    fixture_make(&f);
    f.study.head.n_cores = 32;
    for (size_t i = 0; i < f.study.n_windows; i++) {
        atl_study_window *w = &f.study.windows[i];
        if (w->config.workers == 12) {
            w->valid = false;
            snprintf(w->flaws, sizeof w->flaws, "a foreign load");
        }
        w->same_pixels = i != 20;
    }
    char *text = text_of(&f, ROOM);
    assert_non_null(strstr(text, "no valid window with 12 workers: a foreign load"));
    assert_non_null(strstr(text, "64 workers × 1 thread are more than the 32 cores"));
    assert_non_null(strstr(text, "other pixels"));
    free(text);
    fixture_done(&f);
}

static void figures_have_three_digits_and_apart_thousands(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {{0, "0"},
                 {1, "1.00"},
                 {12.345, "12.3"},
                 {999.6, "1000"},
                 {1234.5, "1234"},
                 {12345, "12\u202f345"},
                 {-1234567, "-1\u202f234\u202f567"},
                 {0.01234, "0.0123"},
                 {NAN, "–"},
                 {INFINITY, "–"},
                 {1e-12, "1e-12"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        atl_text text = {0};
        atl_put_figure(&text, cases[i].value);
        assert_string_equal(text.data, cases[i].text);
        atl_text_done(&text);
    }
}

/* One pool for all counts: its sleepers are alive, and hold memory of their own. */
static void a_count_takes_what_its_own_workers_take(void **state)
{
    (void)state;
    fixture f;
    report r;
    fixture_make(&f);
    for (size_t i = 0; i < f.study.n_windows; i++) {
        atl_study_window *w = &f.study.windows[i];
        w->worker_pss_mb = 300;
        w->pss_mb = 2000 + 64 * 300;
        w->n_alive = i % 2 == 0 ? 64 : 0; /* records from before do not say it */
    }
    assert_int_equal(atl_study_report_work_out(&f.study, &r, NULL), ATL_OK);
    const report_series *s = &r.series[0];
    for (int i = 0; i < s->n_counts; i++)
        assert_true(fabs(s->count[i].pss_mb - (2000 + s->count[i].workers * 300)) < 1e-6);
    atl_study_report_done(&r);
    fixture_done(&f);
}

static void stages_that_cannot_be_compared_have_no_slowdown(void **state)
{
    (void)state;
    fixture f;
    report r;
    fixture_make(&f);
    assert_int_equal(atl_study_report_work_out(&f.study, &r, NULL), ATL_OK);
    const report_count *c = &r.series[0].count[3];
    assert_true(isfinite(c->wall_ms[ATL_STAGE_TEXT_ENCODE]) && isnan(c->slow_wall[ATL_STAGE_TEXT_ENCODE]));
    assert_true(isfinite(c->wall_ms[ATL_STAGE_TOKENIZE]) && isnan(c->slow_cpu[ATL_STAGE_TOKENIZE]));
    assert_true(isfinite(c->slow_wall[ATL_STAGE_PNG_ENCODE]));
    atl_study_report_done(&r);
    fixture_done(&f);
}

static void nothing_is_said_twice(void **state)
{
    (void)state;
    fixture f;
    report r;
    fixture_make(&f);
    f.study.head.n_cores = 32;
    free(f.study.head.warnings[0]);
    f.study.head.warnings[0] =
        fixture_copy("64 workers x 1 threads share cores: there are cores of their own for 32.");
    assert_int_equal(atl_study_report_work_out(&f.study, &r, NULL), ATL_OK);
    int cores = 0;
    for (int i = 0; i < r.n_warnings; i++) {
        cores += strstr(r.warning[i], "64 workers") != NULL;
        for (int k = 0; k < i; k++)
            assert_string_not_equal(r.warning[i], r.warning[k]);
    }
    assert_int_equal(cores, 1);
    atl_study_report_done(&r);
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_figures_of_a_study_are_what_made_it),
        cmocka_unit_test(the_four_forms_say_the_same),
        cmocka_unit_test(the_page_is_one_file_and_its_data_cannot_leave_its_place),
        cmocka_unit_test(the_first_screen_answers_a_first_reader),
        cmocka_unit_test(what_more_workers_would_meet_is_true),
        cmocka_unit_test(more_than_the_ideal_gain_is_doubted),
        cmocka_unit_test(what_a_reader_must_know_is_said),
        cmocka_unit_test(figures_have_three_digits_and_apart_thousands),
        cmocka_unit_test(a_count_takes_what_its_own_workers_take),
        cmocka_unit_test(stages_that_cannot_be_compared_have_no_slowdown),
        cmocka_unit_test(nothing_is_said_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
