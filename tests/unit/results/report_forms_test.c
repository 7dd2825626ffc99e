/* report_forms_test.c - the page, Markdown and CSV hold the numbers of report.json: every row of their tables
 * is written again from it, and looked for. */
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
#include "results/compare.h"
#include "results/dir_file.h"
#include "unit/results/forms.h"

#define ROOM "report_forms_test_room"

typedef struct forms {
    char *html, *md, *csv, *text;
    json_t *json;
} forms;

static forms write_forms(const atl_study *study, bool compare)
{
    const int dir = room_open(ROOM);
    assert_int_equal(compare ? atl_compare_report_write(dir, study, NULL)
                             : atl_study_report_write(dir, study, NULL),
                     ATL_OK);
    forms f = {0};
    read_form(dir, "report.html", &f.html);
    read_form(dir, "report.md", &f.md);
    read_form(dir, "report.csv", &f.csv);
    read_form(dir, "report.json", &f.text);
    f.json = json_loads(f.text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(f.json);
    close(dir);
    return f;
}

static void drop(forms *f)
{
    json_decref(f->json);
    free(f->html);
    free(f->md);
    free(f->csv);
    free(f->text);
}

static double number(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    assert_non_null(v);
    return json_is_null(v) ? (double)NAN : json_number_value(v);
}

static const char *word(const json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key));
}

static void assert_holds(const char *form, atl_text *row)
{
    assert_false(row->failed);
    if (!strstr(form, row->data))
        fail_msg("this row is not there: %s", row->data);
    atl_text_done(row);
    *row = (atl_text){0};
}

static void put_td(atl_text *row, double value)
{
    atl_text_puts(row, "<td>");
    atl_put_figure(row, value);
    atl_text_puts(row, "</td>");
}

static void put_td_interval(atl_text *row, const json_t *o, const char *key)
{
    char low[64], high[64];
    snprintf(low, sizeof low, "%s_low", key);
    snprintf(high, sizeof high, "%s_high", key);
    atl_text_puts(row, "<td>");
    atl_put_figure(row, number(o, key));
    if (isfinite(number(o, low))) {
        atl_text_puts(row, " <span class=\"quiet\">");
        atl_put_figure(row, number(o, low));
        atl_text_puts(row, "…");
        atl_put_figure(row, number(o, high));
        atl_text_puts(row, "</span>");
    }
    atl_text_puts(row, "</td>");
}

static void put_page_row(atl_text *row, const json_t *c, bool chosen)
{
    atl_text_printf(row, "<tr%s><td>%.0f</td>", chosen ? " class=\"chosen\"" : "", number(c, "workers"));
    put_td_interval(row, c, "images_per_hour");
    put_td_interval(row, c, "speedup");
    put_td(row, 100 * number(c, "efficiency"));
    put_td(row, number(c, "job_ms_p50") / 1000);
    put_td(row, number(c, "job_ms_p90") / 1000);
    put_td(row, number(c, "job_ms_p99") / 1000);
    put_td(row, 100 * number(c, "cpu_share"));
    put_td(row, number(c, "pss_mb") / 1000);
    put_td(row, number(c, "worker_pss_mb"));
    put_td(row, number(c, "probe_gbps"));
    put_td(row, number(c, "probe_ns"));
    atl_text_printf(row, "<td>%.0f</td></tr>\n", number(c, "windows"));
}

static void put_md_interval(atl_text *row, const json_t *o, const char *key, const char *low,
                            const char *high)
{
    atl_text_putc(row, ' ');
    atl_put_figure(row, number(o, key));
    if (isfinite(number(o, low))) {
        atl_text_puts(row, " (");
        atl_put_figure(row, number(o, low));
        atl_text_puts(row, " to ");
        atl_put_figure(row, number(o, high));
        atl_text_puts(row, ")");
    }
    atl_text_puts(row, " |");
}

static void put_md_row(atl_text *row, const json_t *c, bool chosen)
{
    static const char *const rest[] = {"efficiency", "job_ms_p50",    "job_ms_p90", "job_ms_p99", "cpu_share",
                                       "pss_mb",     "worker_pss_mb", "probe_gbps", "probe_ns"};
    const char *mark = chosen ? "**" : "";
    atl_text_printf(row, "\n| %s%.0f%s |", mark, number(c, "workers"), mark);
    put_md_interval(row, c, "images_per_hour", "images_per_hour_low", "images_per_hour_high");
    put_md_interval(row, c, "speedup", "speedup_low", "speedup_high");
    for (size_t i = 0; i < sizeof rest / sizeof *rest; i++) {
        atl_text_putc(row, ' ');
        atl_put_figure(row, number(c, rest[i]));
        atl_text_puts(row, " |");
    }
    atl_text_printf(row, " %.0f |\n", number(c, "windows"));
}

/* The row of a CSV that begins so: every column that the object has a key for is its number, to the bit.
 * Returns how many were. */
static int assert_csv_row(const char *csv, const char *begin, const json_t *o)
{
    char line[64];
    int n = 0;
    snprintf(line, sizeof line, "\n%s,", begin);
    const char *row = strstr(csv, line), *head = csv;
    if (!row)
        fail_msg("no row of report.csv begins: %s", begin);
    for (row++;; head++, row++) {
        char key[64];
        const size_t key_bytes = strcspn(head, ",\r"), bytes = strcspn(row, ",\r");
        assert_true(key_bytes < sizeof key);
        memcpy(key, head, key_bytes);
        key[key_bytes] = '\0';
        const json_t *v = json_object_get(o, key);
        if (json_is_number(v) && strtod(row, NULL) != json_number_value(v))
            fail_msg("%s, %s: %.*s in CSV, %g in JSON", begin, key, (int)bytes, row, json_number_value(v));
        if (json_is_null(v) && bytes > 0)
            fail_msg("%s, %s: %.*s in CSV, null in JSON", begin, key, (int)bytes, row);
        n += v != NULL;
        head += key_bytes;
        row += bytes;
        assert_int_equal(*head, *row); /* as many columns */
        if (*head == '\r')
            return n;
    }
}

static void page_markdown_and_csv_of_a_study_have_the_numbers_of_its_json(void **state)
{
    (void)state;
    fixture made;
    fixture_make(&made);
    forms f = write_forms(&made.study, false);
    size_t i, k, n_rows = 0;
    json_t *series, *c;
    atl_text row = {0};
    json_array_foreach(json_object_get(f.json, "series"), i, series)
    {
        json_array_foreach(json_object_get(series, "counts"), k, c)
        {
            char begin[64];
            const bool chosen = number(c, "workers") == number(series, "recommended");
            put_page_row(&row, c, chosen);
            assert_holds(f.html, &row);
            put_md_row(&row, c, chosen);
            assert_holds(f.md, &row);
            snprintf(begin, sizeof begin, "%s,%.0f,%s,%.0f", word(series, "policy"),
                     number(series, "threads"), word(series, "order"), number(c, "workers"));
            assert_true(assert_csv_row(f.csv, begin, c) > 40);
            n_rows++;
        }
        assert_non_null(strstr(f.html, word(series, "verdict")));
        assert_non_null(strstr(f.md, word(series, "verdict")));
    }
    assert_true(i == 3 && n_rows > 20);
    drop(&f);
    fixture_done(&made);
}

/* What stands between the page's script tags is report.json. */
static void the_page_carries_its_json(void **state)
{
    (void)state;
    fixture made;
    fixture_make(&made);
    forms f = write_forms(&made.study, false);
    const char *begin = strstr(f.html, "<script id=\"data\" type=\"application/json\">");
    assert_non_null(begin);
    begin = strchr(begin, '>') + 1;
    const char *end = strstr(begin, "</script>");
    assert_non_null(end);
    json_t *inside = json_loadb(begin, (size_t)(end - begin), JSON_REJECT_DUPLICATES, NULL);
    assert_true(json_equal(inside, f.json));
    json_decref(inside);
    drop(&f);
    fixture_done(&made);
}

static void put_gain_td(atl_text *row, const json_t *s, const char *key)
{
    char low[64], high[64], p[64];
    snprintf(low, sizeof low, "%s_low", key);
    snprintf(high, sizeof high, "%s_high", key);
    snprintf(p, sizeof p, "%s_p", key);
    atl_text_puts(row, "<td>");
    atl_put_figure(row, number(s, key));
    if (isfinite(number(s, low))) {
        atl_text_puts(row, "<br><span class=\"quiet\">");
        atl_put_figure(row, number(s, low));
        atl_text_puts(row, "…");
        atl_put_figure(row, number(s, high));
        atl_text_printf(row, "<br>p = %.2g</span>", number(s, p));
    }
    atl_text_puts(row, "</td>");
}

static void put_comparison_row(atl_text *row, const json_t *s)
{
    atl_text_printf(row, "<td>%.0f × %.0f</td>", number(s, "workers"), number(s, "threads"));
    put_td(row, number(s, "images_per_hour"));
    put_td(row, number(s, "batch_s"));
    put_gain_td(row, s, "speedup");
    put_gain_td(row, s, "over_all_threads");
    put_td(row, 100 * number(s, "efficiency"));
    put_td(row, number(s, "job_ms_p50") / 1000);
    put_td(row, number(s, "job_ms_p99") / 1000);
    put_td(row, number(s, "pss_mb") / 1000); /* CPUs and storage: this fixture has no samples, nor energy */
    atl_text_printf(row, "<td>%.0f</td></tr>\n", number(s, "windows"));
}

static void page_and_csv_of_a_comparison_have_the_numbers_of_its_json(void **state)
{
    (void)state;
    fixture made;
    fixture_compare(&made);
    forms f = write_forms(&made.study, true);
    size_t i, k;
    json_t *policy, *s;
    atl_text row = {0};
    json_array_foreach(json_object_get(f.json, "policies"), i, policy)
        json_array_foreach(json_object_get(policy, "setups"), k, s)
    {
        char begin[64];
        put_comparison_row(&row, s);
        assert_holds(f.html, &row);
        atl_text_printf(&row, "%.0f × %.0f", number(s, "workers"), number(s, "threads"));
        atl_text_puts(&row, number(s, "workers") == 16 ? "** |" : " |");
        put_md_interval(&row, s, "images_per_hour", "memory_mb_most", "memory_mb_most");
        assert_holds(f.md, &row);
        snprintf(begin, sizeof begin, "%s,%.0f,%.0f", word(policy, "policy"), number(s, "workers"),
                 number(s, "threads"));
        assert_true(assert_csv_row(f.csv, begin, s) >= 26);
    }
    drop(&f);
    fixture_done(&made);
}

/* Wilcoxon's interval of 95 % takes six rounds: what fewer have is said as it is. */
static void an_interval_of_few_rounds_says_how_sure_it_is(void **state)
{
    (void)state;
    static const struct {
        int rounds;
        const char *head, *words;
    } cases[] = {{6, "over one core (95\u00a0%)", ": 95 %, p = 0.031, 6 rounds"},
                 {5, "over one core (93\u00a0%)", ": 93 %, p = 0.062, 5 rounds"},
                 {2, "over one core (50\u00a0%)", ": 50 %, p = 0.5, 2 rounds"},
                 {1, "over one core</th>", "1 round, so no interval can be told"}};
    fixture made;
    fixture_compare(&made);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        made.study.n_windows = (size_t)cases[i].rounds * 12;
        made.study.head.rounds = cases[i].rounds;
        forms f = write_forms(&made.study, true);
        assert_non_null(strstr(f.html, cases[i].head));
        assert_non_null(strstr(f.md, cases[i].words));
        assert_int_equal(strstr(f.html, "95 % intervals") || strstr(f.html, "intervals of 95 %"),
                         cases[i].rounds >= 6);
        drop(&f);
    }
    fixture_done(&made);
}

/* A study of one round has no interval, and says none. */
static void a_study_of_one_round_names_no_interval(void **state)
{
    (void)state;
    fixture made;
    fixture_make(&made);
    size_t n = 0;
    for (size_t i = 0; i < made.study.n_windows; i++)
        if (made.study.windows[i].round < 1)
            made.study.windows[n++] = made.study.windows[i];
    for (size_t i = n; i < made.study.n_windows; i++)
        made.study.windows[i] = (atl_study_window){0};
    made.study.n_windows = n;
    made.study.head.rounds = 1;
    forms f = write_forms(&made.study, false);
    assert_null(strstr(f.html, "with 95 % intervals"));
    assert_null(strstr(f.html, "(95 %)"));
    assert_null(strstr(f.md, "(95 %)"));
    assert_non_null(strstr(f.html, "Points: 1 round, too few for intervals."));
    drop(&f);
    made.study.head.rounds = 5; /* of which one was measured before it was stopped */
    f = write_forms(&made.study, false);
    assert_non_null(strstr(f.html, "Points: 1 round, too few for intervals."));
    drop(&f);
    fixture_done(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(page_markdown_and_csv_of_a_study_have_the_numbers_of_its_json),
        cmocka_unit_test(the_page_carries_its_json),
        cmocka_unit_test(page_and_csv_of_a_comparison_have_the_numbers_of_its_json),
        cmocka_unit_test(an_interval_of_few_rounds_says_how_sure_it_is),
        cmocka_unit_test(a_study_of_one_round_names_no_interval),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
