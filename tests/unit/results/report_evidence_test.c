/* report_evidence_test.c - what the machine told stands in every form of the report, measured or with the
 * reason why not, also where no window is valid. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "report/fixture.h"
#include "results/dir_file.h"
#include "results/study.h"

#define ROOM   "report_evidence_test_room"
#define REASON "perf_event_open: Permission denied (EACCES)"

enum { N_FINDINGS = 10 };

typedef struct forms {
    char *html, *md, *csv;
} forms;

static forms write_forms(const fixture *f)
{
    static const char *const names[] = {"report.html", "report.md", "evidence.csv"};
    forms made;
    char **const to[] = {&made.html, &made.md, &made.csv};
    size_t n;
    mkdir(ROOM, 0755);
    const int dir = open(ROOM, O_RDONLY | O_DIRECTORY);
    assert_true(dir >= 0);
    assert_int_equal(atl_study_report_write(dir, &f->study, NULL), ATL_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(atl_dir_file_read(dir, names[i], 1u << 26, to[i], &n, NULL), ATL_OK);
    close(dir);
    return made;
}

static void free_forms(forms *made)
{
    free(made->html);
    free(made->md);
    free(made->csv);
}

static size_t count_lines(const char *text)
{
    size_t n = 0;
    for (; (text = strchr(text, '\n')); text++)
        n++;
    return n;
}

/* The record's is of the workers that paint, by their part of what sleeping ones share; the page has one PSS.
 */
static void pss_is_the_one_of_the_other_tables(void **state)
{
    (void)state;
    fixture f;
    fixture_make(&f);
    for (size_t i = 0; i < f.study.n_windows; i++) {
        atl_study_window *w = &f.study.windows[i];
        w->n_alive = 64;
        w->pss_mb = 2000 + 64 * 100;
        w->worker_pss_mb = 100;
        atl_evidence *e = &w->evidence[w->n_evidence++];
        *e = (atl_evidence){.name = "pss", .unit = "MB", .value = 131.25 * w->config.workers};
    }
    forms made = write_forms(&f);
    assert_non_null(strstr(made.html, "<td>pss</td><td>MB</td><td>2100</td><td>8400</td><td class=\"words"));
    assert_non_null(strstr(made.md, "| pss | MB | 2100 | 8400 | of all processes"));
    assert_non_null(strstr(made.csv, "fp32,1,scatter,48,valid,pss,MB,6800,measured,\"of all"));
    assert_null(strstr(made.csv, "131.25"));
    free_forms(&made);
    fixture_done(&f);
}

static void what_was_measured_stands_in_every_form(void **state)
{
    (void)state;
    fixture f;
    fixture_make(&f);
    forms made = write_forms(&f);
    /* 41 faults a second and worker: the first, the recommended and the last count of fp32 */
    assert_non_null(strstr(made.html, "<td>faults_minor</td><td>1/s</td><td>41.0</td><td>2624</td>"));
    assert_non_null(strstr(made.md, "| faults\\_minor | 1/s | 41.0 | 2624 |  |"));
    assert_non_null(strstr(made.csv, "fp32,1,scatter,48,valid,faults_minor,1/s,1968,measured,\"\"\r\n"));
    assert_non_null(strstr(made.csv, "bf16,2,scatter,1,valid,steal,%,0,measured,\"\"\r\n"));
    /* a row for each series' worker counts and findings: 12, 10 and 12 of them */
    assert_int_equal(count_lines(made.csv), 1 + (12 + 10 + 12) * N_FINDINGS);
    free_forms(&made);
    fixture_done(&f);
}

static void what_is_unavailable_has_its_reason_in_every_form(void **state)
{
    (void)state;
    fixture f;
    fixture_make(&f);
    forms made = write_forms(&f);
    assert_non_null(strstr(made.html, "<li>ipc, llc_misses: <span class=\"quiet\">" REASON "</span></li>"));
    assert_null(strstr(made.html, "<td>llc_misses</td>"));
    assert_non_null(
        strstr(made.md, "- unavailable: ipc, llc\\_misses: perf\\_event\\_open: Permission denied"));
    assert_non_null(strstr(made.csv, "fp32,1,scatter,64,valid,ipc,,,unavailable,\"" REASON "\"\r\n"));
    free_forms(&made);
    fixture_done(&f);
}

static void flawed_windows_alone_show_what_was_wrong(void **state)
{
    (void)state;
    fixture f;
    fixture_make(&f);
    for (size_t i = 0; i < f.study.n_windows; i++) {
        f.study.windows[i].valid = false;
        snprintf(f.study.windows[i].flaws, sizeof f.study.windows[i].flaws, "a \"foreign\" load");
    }
    forms made = write_forms(&f);
    assert_non_null(strstr(made.html, "Of flawed windows: no other was measured."));
    assert_non_null(strstr(made.md, "Of flawed windows: no other was measured."));
    assert_non_null(strstr(made.csv, "fp32,1,scatter,64,flawed,faults_minor,1/s,2624,measured,\"\"\r\n"));
    assert_null(strstr(made.csv, ",valid,"));
    free_forms(&made);
    fixture_done(&f);
}

static void a_reason_with_quotes_stays_one_cell(void **state)
{
    (void)state;
    fixture f;
    fixture_make(&f);
    for (size_t i = 0; i < f.study.n_windows; i++)
        snprintf(f.study.windows[i].evidence[1].why, sizeof f.study.windows[i].evidence[1].why,
                 "a \"quoted\", <b> reason | here");
    forms made = write_forms(&f);
    assert_non_null(strstr(made.csv, ",ipc,,,unavailable,\"a \"\"quoted\"\", <b> reason | here\"\r\n"));
    assert_non_null(
        strstr(made.html, "<li>ipc: <span class=\"quiet\">a &#34;quoted&#34;, &#60;b&#62; reason | here"));
    assert_non_null(strstr(made.md, "unavailable: ipc: a \"quoted\", \\<b\\> reason \\| here"));
    free_forms(&made);
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pss_is_the_one_of_the_other_tables),
        cmocka_unit_test(what_was_measured_stands_in_every_form),
        cmocka_unit_test(what_is_unavailable_has_its_reason_in_every_form),
        cmocka_unit_test(flawed_windows_alone_show_what_was_wrong),
        cmocka_unit_test(a_reason_with_quotes_stays_one_cell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
