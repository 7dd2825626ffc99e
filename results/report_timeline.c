/* report_timeline.c - who painted when: the workers of one window, from the raw record, and all windows in
 * the order in which they were measured. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chart_private.h"
#include "report_charts_private.h"
#include "results/dir_file.h"
#include "results/row.h"

#define MAX_JOBS_BYTES ((size_t)1 << 30)
#define MAX_JOBS       4000 /* of one window; a picture holds no more */
#define MAX_ROWS       128

typedef struct painted {
    uint32_t worker;
    int64_t begun_ns, ended_ns;
    atl_span stage[ATL_N_STAGES];
    char cores[32];
} painted;

struct report_jobs {
    const atl_study_window *window;
    painted *job;
    size_t n_jobs;
    bool cut;
};

static const atl_study_window *window_to_show(const report *r)
{
    if (r->best < 0)
        return NULL;
    const report_series *s = &r->series[r->best];
    for (size_t i = s->n_windows; i-- > 0;) {
        const atl_study_window *w = &s->window[i];
        if (w->valid && w->round >= 0 && w->config.corunners == 0 &&
            w->config.workers == s->count[s->at].workers)
            return w;
    }
    return NULL;
}

/* The number after "window": of a line, or −1: quicker than to parse every line. */
static long window_of(const char *line, size_t n)
{
    static const char key[] = "\"window\":";
    const char *at = memmem(line, n, key, sizeof key - 1);
    if (!at)
        return -1;
    char digits[16] = "";
    size_t left = n - (size_t)(at - line) - (sizeof key - 1);
    memcpy(digits, at + sizeof key - 1, left < sizeof digits - 1 ? left : sizeof digits - 1);
    char *end;
    const long value = strtol(digits, &end, 10);
    return end == digits ? -1 : value;
}

static void add_line(report_jobs *jobs, const char *line, size_t n)
{
    static const char key[] = "\"row\":";
    atl_row row;
    const char *at = memmem(line, n, key, sizeof key - 1);
    if (!at || window_of(line, n) != jobs->window->sequence)
        return;
    at += sizeof key - 1; /* the row, and the brace that closes the line */
    if (atl_row_parse(at, n - (size_t)(at - line) - 1, &row, NULL) != ATL_OK || row.ended_ns <= row.begun_ns)
        return;
    if (jobs->n_jobs == MAX_JOBS) {
        jobs->cut = true;
        return;
    }
    painted *job = &jobs->job[jobs->n_jobs++];
    *job = (painted){.worker = row.worker, .begun_ns = row.begun_ns, .ended_ns = row.ended_ns};
    memcpy(job->stage, row.stage, sizeof job->stage);
    snprintf(job->cores, sizeof job->cores, "%.31s", row.cores);
}

static int by_worker(const void *a, const void *b)
{
    const painted *x = a, *y = b;
    if (x->worker != y->worker)
        return x->worker < y->worker ? -1 : 1;
    return (x->begun_ns > y->begun_ns) - (x->begun_ns < y->begun_ns);
}

report_jobs *atl_report_jobs_read(const report *r, int dir_fd)
{
    const atl_study_window *window = window_to_show(r);
    char *bytes = NULL;
    size_t n;
    if (!window || atl_dir_file_read(dir_fd, ATL_STUDY_JOBS_NAME, MAX_JOBS_BYTES, &bytes, &n, NULL) != ATL_OK)
        return NULL;
    report_jobs *jobs = calloc(1, sizeof *jobs);
    if (jobs) {
        jobs->window = window;
        jobs->job = calloc(MAX_JOBS, sizeof *jobs->job);
    }
    const char *line = bytes, *end;
    while (jobs && jobs->job && (end = memchr(line, '\n', n)) != NULL) {
        add_line(jobs, line, (size_t)(end - line));
        n -= (size_t)(end - line) + 1;
        line = end + 1;
    }
    free(bytes);
    if (jobs && jobs->n_jobs > 0) {
        qsort(jobs->job, jobs->n_jobs, sizeof *jobs->job, by_worker);
        return jobs;
    }
    atl_report_jobs_free(jobs);
    return NULL;
}

void atl_report_jobs_free(report_jobs *jobs)
{
    if (!jobs)
        return;
    free(jobs->job);
    free(jobs);
}

int atl_report_jobs_window(const report_jobs *jobs)
{
    return jobs->window->sequence;
}

/* ---- the timeline ---- */

static void draw_job(chart *c, const painted *job, double begin_ns, double y, double h)
{
    char tip[160];
    const double from = ((double)job->begun_ns - begin_ns) / 1e9,
                 to = ((double)job->ended_ns - begin_ns) / 1e9;
    double at = from, x = atl_chart_x(c, from);
    snprintf(tip, sizeof tip, "worker %u%s%s: %.3g s, from %.4g s on", job->worker,
             job->cores[0] ? ", cores " : "", job->cores, to - from, from);
    atl_chart_rect(c, x, y, atl_chart_x(c, to) - x - 0.5, h, "var(--line)", 1, tip);
    for (int k = 0; k < ATL_N_STAGES; k++) {
        char fill[16];
        const double s = (double)job->stage[k].wall_ns / 1e9;
        x = atl_chart_x(c, at);
        const double w = atl_chart_x(c, fmin(at + s, to)) - x;
        snprintf(fill, sizeof fill, "var(--s%d)", k);
        if (w > 0.25)
            atl_chart_rect(c, x, y, fmax(w - 0.3, 0.2), h, fill, 1, tip);
        at += s;
    }
}

static void span_of(const report_jobs *jobs, double *begin_ns, double *end_s)
{
    int64_t first = INT64_MAX, last = INT64_MIN;
    for (size_t i = 0; i < jobs->n_jobs; i++) {
        first = jobs->job[i].begun_ns < first ? jobs->job[i].begun_ns : first;
        last = jobs->job[i].ended_ns > last ? jobs->job[i].ended_ns : last;
    }
    *begin_ns = (double)first;
    *end_s = ((double)last - (double)first) / 1e9;
}

static void shade_window(chart *c, const atl_study_window *w, double begin_ns, double height)
{
    if (w->begun_ns == 0 || !isfinite(w->length_s))
        return;
    const double from = fmax(((double)w->begun_ns - begin_ns) / 1e9, 0);
    const double to = fmin(from + w->length_s, c->x_max);
    if (!(to > from) || from > c->x_max)
        return;
    atl_chart_rect(c, atl_chart_x(c, from), c->top - 4, atl_chart_x(c, to) - atl_chart_x(c, from), height + 8,
                   "var(--well)", 1, "the steady window: what was painted in it counts");
}

void atl_report_draw_timeline(const report *r, const void *what, bool narrow, atl_text *out)
{
    const report_jobs *jobs = what;
    double begin_ns, end_s, ticks[CHART_MAX_TICKS];
    int rows = 1;
    (void)r;
    for (size_t i = 1; i < jobs->n_jobs; i++)
        rows += jobs->job[i].worker != jobs->job[i - 1].worker;
    rows = rows > MAX_ROWS ? MAX_ROWS : rows;
    span_of(jobs, &begin_ns, &end_s);
    chart c;
    const double h = rows > 24 ? 8 : 15;
    atl_chart_begin(&c, out, narrow, true, 26 + h * rows + 40, "Workers over the time of a window");
    c.right = 10;
    const double step = atl_chart_nice_step(end_s, narrow ? 4 : 8);
    const int n = atl_chart_ticks(0, end_s, step, ticks, CHART_MAX_TICKS);
    atl_chart_range_x(&c, 0, end_s, false);
    shade_window(&c, jobs->window, begin_ns, h * rows);
    atl_chart_text(&c, 2, 12, "", "unit", "worker");
    atl_chart_axis_x(&c, ticks, n, "seconds");
    int row = 0;
    for (size_t i = 0; i < jobs->n_jobs; i++) {
        row += i > 0 && jobs->job[i].worker != jobs->job[i - 1].worker;
        if (row >= rows)
            break;
        const double y = c.top + h * row;
        const bool first = i == 0 || jobs->job[i].worker != jobs->job[i - 1].worker;
        char text[16];
        snprintf(text, sizeof text, "%u", jobs->job[i].worker);
        if (first && (h > 12 || row % 2 == 0))
            atl_chart_text(&c, c.left - 6, y + h / 2 + 4, "end", "", text);
        draw_job(&c, &jobs->job[i], begin_ns, y + 1, h - 2);
    }
    atl_chart_end(&c);
}

/* ---- all windows ---- */

static void draw_window(chart *c, const report *r, const atl_study_window *w, double x, double y, double size)
{
    char tip[480], fill[32];
    int series = 0;
    for (int i = 0; i < r->n_series; i++)
        if (strcmp(r->series[i].policy, w->config.policy) == 0 && r->series[i].threads == w->config.threads &&
            strcmp(r->series[i].order, w->config.order) == 0)
            series = i;
    snprintf(tip, sizeof tip, "window %d: %s, %d × %d %s%s, attempt %d: %s%s", w->sequence, w->config.policy,
             w->config.workers, w->config.threads, w->config.order,
             w->config.corunners ? ", beside co-runners" : "", w->attempt,
             w->round < 0 ? "warm-up"
             : w->valid   ? "valid"
                          : "flawed: ",
             w->valid ? "" : w->flaws);
    snprintf(fill, sizeof fill, "var(--c%d)", series % CHART_COLOURS);
    if (w->round < 0 || !w->valid) {
        atl_chart_rect(c, x, y, size, size, "var(--well)", 1, tip);
        if (w->round >= 0)
            atl_text_printf(c->out, "<path class=\"cross\" d=\"M%.1f %.1fl%.1f %.1fm0 %.1fl%.1f %.1f\"/>\n",
                            x + 2, y + 2, size - 4, size - 4, -(size - 4), -(size - 4), size - 4);
        return;
    }
    atl_chart_rect(c, x, y, size, size, fill, 1, tip);
}

void atl_report_draw_strip(const report *r, const void *what, bool narrow, atl_text *out)
{
    chart c;
    const double size = narrow ? 9 : 11, pitch = size + 2;
    const size_t per_line = (size_t)((narrow ? 340 : 916) / pitch), n = r->study->n_windows;
    const size_t lines = (n + per_line - 1) / per_line;
    (void)what;
    atl_chart_begin(&c, out, narrow, true, pitch * (double)lines + 4, "Valid and repeated windows");
    for (size_t i = 0; i < n; i++)
        draw_window(&c, r, &r->study->windows[i], 2 + pitch * (double)(i % per_line),
                    2 + pitch * (double)(i / per_line), size);
    atl_chart_end(&c);
}
