/* report_figures.c - what the windows of a study come to: series, medians at each worker count, the model,
 * the verdict, and what a reader must be warned of. Pure but for memory. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report_private.h"

#define THRESHOLD      0.95
#define N_RESAMPLINGS  2000
#define LEAST_STAGE_MS 1.0  /* as in verdict.c: a shorter stage is noise */
#define TIE            1.02 /* of two series this near, the one with fewer cores is better */

static bool of_series(const report_series *s, const atl_study_config *c)
{
    return strcmp(s->policy, c->policy) == 0 && strcmp(s->order, c->order) == 0 && s->threads == c->threads;
}

__attribute__((format(printf, 2, 3))) static void warn(report *r, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (int i = 0; i < r->n_warnings; i++)
        if (!r->warning[i] || strcmp(r->warning[i], text) == 0)
            return; /* said before */
    const size_t most = sizeof r->warning / sizeof *r->warning;
    if ((size_t)r->n_warnings < most)
        r->warning[r->n_warnings++] = strdup(text); /* NULL is seen at the end */
}

/* ---- series ---- */

static report_series *series_of(report *r, const atl_study_config *c)
{
    for (int i = 0; i < r->n_series; i++)
        if (of_series(&r->series[i], c))
            return &r->series[i];
    if (r->n_series == REPORT_MAX_SERIES)
        return NULL;
    report_series *s = &r->series[r->n_series++];
    *s = (report_series){.threads = c->threads, .at = -1, .probe_cost = NAN};
    snprintf(s->policy, sizeof s->policy, "%s", c->policy);
    snprintf(s->order, sizeof s->order, "%s", c->order);
    return s;
}

static bool sort_windows(report *r)
{
    for (size_t i = 0; i < r->study->n_windows; i++) {
        report_series *s = series_of(r, &r->study->windows[i].config);
        if (s)
            s->n_windows++;
    }
    for (int i = 0; i < r->n_series; i++) {
        report_series *s = &r->series[i];
        s->window = malloc(s->n_windows * sizeof *s->window);
        if (!s->window)
            return false;
        s->n_windows = 0;
    }
    for (size_t i = 0; i < r->study->n_windows; i++) {
        const atl_study_window *w = &r->study->windows[i];
        report_series *s = series_of(r, &w->config);
        if (s)
            s->window[s->n_windows++] = *w;
    }
    return true;
}

/* Only what differs between the series; all of it if nothing does. */
static void label_series(report *r)
{
    bool policy = false, threads = false, order = false;
    for (int i = 1; i < r->n_series; i++) {
        policy = policy || strcmp(r->series[i].policy, r->series[0].policy) != 0;
        order = order || strcmp(r->series[i].order, r->series[0].order) != 0;
        threads = threads || r->series[i].threads != r->series[0].threads;
    }
    for (int i = 0; i < r->n_series; i++) {
        report_series *s = &r->series[i];
        char with_threads[24] = "";
        if (threads)
            snprintf(with_threads, sizeof with_threads, "%s×%d", policy ? " " : "", s->threads);
        snprintf(s->label, sizeof s->label, "%s%s%s%s", policy || !(threads || order) ? s->policy : "",
                 with_threads, order && (policy || threads) ? " " : "", order ? s->order : "");
    }
}

/* ---- medians ---- */

/* Whether a window counts for the curve of its series. */
static bool counts(const report_series *s, const atl_study_window *w)
{
    return w->valid && w->round >= 0 && w->config.corunners == 0 && w->config.probe == s->probe &&
           w->images_per_hour > 0;
}

typedef double (*window_figure)(const atl_study_window *w, int which);

static double median_at(const report_series *s, int workers, window_figure figure, int which, double *room)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_windows; i++)
        if (counts(s, &s->window[i]) && s->window[i].config.workers == workers)
            room[n++] = figure(&s->window[i], which);
    return atl_median(room, n);
}

static double ms_or_nan(int64_t ns)
{
    return ns > 0 ? (double)ns / 1e6 : NAN; /* a stage that did not happen */
}

static double of_rate(const atl_study_window *w, int which)
{
    (void)which;
    return w->images_per_hour;
}

static double of_job(const atl_study_window *w, int which)
{
    const double ms[] = {w->job_ms_p50, w->job_ms_p90, w->job_ms_p99};
    return ms[which];
}

static double of_wall(const atl_study_window *w, int which)
{
    return ms_or_nan(which == ATL_N_STAGES ? w->unet_step.wall_ns : w->stage[which].wall_ns);
}

static double of_cpu(const atl_study_window *w, int which)
{
    return ms_or_nan(which == ATL_N_STAGES ? w->unet_step.cpu_ns : w->stage[which].cpu_ns);
}

static double of_rest(const atl_study_window *w, int which)
{
    const double rest[] = {w->cpu_share, w->worker_pss_mb};
    return rest[which];
}

/* `n_alive` as the record has it, or else as its series has. Where all paint, nothing is to be taken off. */
static double of_pss(const atl_study_window *w, int n_alive)
{
    const int asleep = (w->n_alive > 0 ? w->n_alive : n_alive) - w->config.workers;
    return asleep > 0 ? w->pss_mb - asleep * w->worker_pss_mb : w->pss_mb;
}

/* Only windows with the probe have these. */
static double of_probe(const atl_study_window *w, int which)
{
    return !w->config.probe ? NAN : which == 0 ? w->probe_gbps : w->probe_ns;
}

/* Whether a stage's mean at one count can be held against that at another. A prompt that a worker encoded
 * before it takes from its cache, in a thousandth of the time: what a mean of text_encode says is how many
 * there were. */
static bool can_be_compared(const report_series *s, int stage)
{
    return stage != ATL_STAGE_TEXT_ENCODE && s->count[0].wall_ms[stage] >= LEAST_STAGE_MS;
}

static void measure_count(const report_series *s, report_count *c, double *room)
{
    const int n = c->workers;
    c->rate = median_at(s, n, of_rate, 0, room);
    for (int i = 0; i < 3; i++)
        c->job_ms[i] = median_at(s, n, of_job, i, room);
    for (int i = 0; i < ATL_N_STAGES; i++) {
        c->wall_ms[i] = median_at(s, n, of_wall, i, room);
        c->cpu_ms[i] = median_at(s, n, of_cpu, i, room);
        c->slow_wall[i] = can_be_compared(s, i) ? c->wall_ms[i] / s->count[0].wall_ms[i] : NAN;
        c->slow_cpu[i] = can_be_compared(s, i) ? c->cpu_ms[i] / s->count[0].cpu_ms[i] : NAN;
    }
    c->step_wall_ms = median_at(s, n, of_wall, ATL_N_STAGES, room);
    c->step_cpu_ms = median_at(s, n, of_cpu, ATL_N_STAGES, room);
    c->slow_step_wall = c->step_wall_ms / s->count[0].step_wall_ms;
    c->slow_step_cpu = c->step_cpu_ms / s->count[0].step_cpu_ms;
    c->cpu_share = median_at(s, n, of_rest, 0, room);
    c->pss_mb = median_at(s, n, of_pss, s->n_alive, room);
    c->worker_pss_mb = median_at(s, n, of_rest, 1, room);
    c->probe_gbps = median_at(s, n, of_probe, 0, room);
    c->probe_ns = median_at(s, n, of_probe, 1, room);
}

static int by_workers(const void *a, const void *b)
{
    return ((const report_count *)a)->workers - ((const report_count *)b)->workers;
}

static void find_counts(report_series *s)
{
    for (size_t i = 0; i < s->n_windows; i++) {
        const atl_study_window *w = &s->window[i];
        int at = 0;
        if (!counts(s, w))
            continue;
        while (at < s->n_counts && s->count[at].workers != w->config.workers)
            at++;
        if (at == s->n_counts && s->n_counts == REPORT_MAX_COUNTS)
            continue;
        if (at == s->n_counts)
            s->count[s->n_counts++] = (report_count){.workers = w->config.workers};
        s->count[at].n_windows++;
    }
    qsort(s->count, (size_t)s->n_counts, sizeof *s->count, by_workers);
}

/* The figures are of windows with the probe where most are so. */
static void choose_probe(report_series *s)
{
    size_t with = 0, without = 0;
    for (size_t i = 0; i < s->n_windows; i++) {
        const atl_study_window *w = &s->window[i];
        s->n_flawed += !w->valid && w->round >= 0;
        if (w->valid && w->round >= 0 && w->config.corunners == 0)
            *(w->config.probe ? &with : &without) += 1;
    }
    s->probe = with > without;
}

static double rate_with(const report_series *s, int workers, int corunners, bool probe, int *ret_n,
                        double *room)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_windows; i++) {
        const atl_study_window *w = &s->window[i];
        if (w->valid && w->round >= 0 && w->config.corunners == corunners && w->config.workers == workers &&
            w->config.probe == probe)
            room[n++] = w->images_per_hour;
    }
    if (ret_n)
        *ret_n = (int)n;
    return atl_median(room, n);
}

static void weigh_probe(report_series *s, double *room)
{
    double ratio[REPORT_MAX_COUNTS];
    for (int i = 0; i < s->n_counts; i++) {
        const int n = s->count[i].workers;
        ratio[i] = rate_with(s, n, 0, true, NULL, room) / rate_with(s, n, 0, false, NULL, room);
    }
    s->probe_cost = atl_median(ratio, (size_t)s->n_counts);
}

static int by_corunners(const void *a, const void *b)
{
    return ((const report_share *)a)->corunners - ((const report_share *)b)->corunners;
}

/* The sensitivity curve: the worker count that most co-runner windows have. */
static void find_shares(report_series *s, double *room)
{
    int workers = 0;
    for (size_t i = 0; i < s->n_windows && workers == 0; i++)
        if (s->window[i].config.corunners > 0)
            workers = s->window[i].config.workers;
    if (workers == 0)
        return;
    int n;
    double alone = rate_with(s, workers, 0, false, &n, room);
    if (!isfinite(alone))
        alone = rate_with(s, workers, 0, true, &n, room);
    s->share[s->n_shares++] = (report_share){0, n, alone, isfinite(alone) ? 1 : NAN};
    for (size_t i = 0; i < s->n_windows && s->n_shares < REPORT_MAX_SHARES; i++) {
        const atl_study_config *c = &s->window[i].config;
        bool known = c->corunners == 0 || c->workers != workers;
        for (int k = 0; k < s->n_shares; k++)
            known = known || s->share[k].corunners == c->corunners;
        if (known)
            continue;
        const double rate = rate_with(s, workers, c->corunners, c->probe, &n, room);
        s->share[s->n_shares++] = (report_share){c->corunners, n, rate, rate / alone};
    }
    qsort(s->share, (size_t)s->n_shares, sizeof *s->share, by_corunners);
}

/* ---- the model ---- */

static bool scale_series(const report *r, report_series *s)
{
    atl_scaling_point *points = malloc((s->n_windows + 1) * sizeof *points);
    atl_note note = {0};
    size_t n = 0;
    if (!points)
        return false;
    for (size_t i = 0; i < s->n_windows; i++)
        if (counts(s, &s->window[i]))
            points[n++] = (atl_scaling_point){s->window[i].config.workers, s->window[i].images_per_hour,
                                              s->window[i].round};
    const atl_status st =
        atl_scaling_analyse(points, n, THRESHOLD, N_RESAMPLINGS, r->study->head.seed | 1, &s->scaling, &note);
    free(points);
    s->scales = st == ATL_OK;
    if (!s->scales)
        snprintf(s->why_not, sizeof s->why_not, "%.250s", note.text);
    return st != ATL_NO_MEMORY;
}

/* Where products of another policy were measured, nothing is known of this one's. */
static atl_study_ceilings ceilings_for(const atl_study_ceilings *measured, const char *policy)
{
    atl_study_ceilings ceilings = *measured;
    if (strcmp(ceilings.product, policy) != 0)
        ceilings.gflops_one = ceilings.gflops_all = (double)NAN;
    return ceilings;
}

static void take_model(const report *r, report_series *s)
{
    const atl_scaling *sc = &s->scaling;
    for (int i = 0; i < s->n_counts; i++) {
        report_count *c = &s->count[i];
        c->rate_low = c->rate_high = c->ratio_low = c->ratio_high = NAN;
        c->ratio = c->rate / s->count[0].rate;
        for (int k = 0; s->scales && k < sc->n_counts; k++)
            if ((int)sc->counts[k] == c->workers) {
                c->rate_low = sc->rate[k].low;
                c->rate_high = sc->rate[k].high;
                c->ratio = sc->ratio[k];
                c->ratio_low = sc->ratio_range[k].low;
                c->ratio_high = sc->ratio_range[k].high;
            }
        const double more = (double)c->workers / s->count[0].workers;
        c->efficiency = c->ratio / more;
        c->efficiency_low = c->ratio_low / more;
        c->efficiency_high = c->ratio_high / more;
        if (s->scales && c->workers == sc->recommended)
            s->at = i;
    }
    const atl_study_ceilings ceilings = ceilings_for(&r->study->head.ceilings, s->policy);
    if (s->scales)
        atl_verdict_reach(s->window, s->n_windows, sc, &ceilings, r->cores, &s->verdict);
}

static bool work_out_series(const report *r, report_series *s)
{
    double *room = malloc((s->n_windows + 1) * sizeof *room);
    if (!room)
        return false;
    choose_probe(s);
    find_counts(s);
    for (size_t i = 0; i < s->n_windows; i++)
        s->n_alive = s->window[i].config.workers > s->n_alive ? s->window[i].config.workers : s->n_alive;
    for (int i = 0; i < s->n_counts; i++)
        measure_count(s, &s->count[i], room);
    weigh_probe(s, room);
    find_shares(s, room);
    free(room);
    if (s->n_counts == 0)
        snprintf(s->why_not, sizeof s->why_not, "no valid window was measured");
    else if (!scale_series(r, s))
        return false;
    take_model(r, s);
    return true;
}

static void choose_best(report *r)
{
    r->best = -1;
    for (int i = 0; i < r->n_series; i++) {
        const report_series *s = &r->series[i], *b = r->best >= 0 ? &r->series[r->best] : NULL;
        if (s->at < 0)
            continue;
        if (!b) {
            r->best = i;
            continue;
        }
        const report_count *c = &s->count[s->at], *held = &b->count[b->at];
        const bool fewer = c->workers * s->threads < held->workers * b->threads;
        if (c->rate > held->rate * TIE || (fewer && c->rate > held->rate / TIE))
            r->best = i;
    }
}

/* ---- warnings ---- */

static bool has_valid(const report_series *s, const atl_study_config *config)
{
    for (size_t i = 0; i < s->n_windows; i++)
        if (s->window[i].valid && atl_study_config_equal(&s->window[i].config, config))
            return true;
    return false;
}

static bool seen_before(const report_series *s, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (atl_study_config_equal(&s->window[i].config, &s->window[at].config))
            return true;
    return false;
}

/* Of the largest count that has not cores enough; the study's own words know more, where it has some. */
static void warn_of_cores(report *r, const report_series *s)
{
    char known[64];
    if (!(s->n_alive * s->threads > r->cores))
        return;
    snprintf(known, sizeof known, "%d workers x %d threads share cores", s->n_alive, s->threads);
    for (int i = 0; i < r->study->head.n_warnings; i++)
        if (strncmp(r->study->head.warnings[i], known, strlen(known)) == 0)
            return;
    warn(r, "%s: %d workers × %d thread%s are more than the %g cores that may be used.", s->label, s->n_alive,
         s->threads, s->threads == 1 ? "" : "s", r->cores);
}

/* A study that left half of the cores out, or was stopped before it came to them. */
static void warn_of_cores_left(report *r, const report_series *s)
{
    int most = 0;
    for (size_t i = 0; i < s->n_windows; i++)
        if (s->window[i].valid && s->window[i].config.workers > most)
            most = s->window[i].config.workers;
    if (most > 0 && 2 * most * s->threads <= r->cores)
        warn(r,
             "%s: at most %d worker%s × %d thread%s were measured, and there are %g cores: what more of them "
             "bring is not known, and the recommendation is among these.",
             s->label, most, most == 1 ? "" : "s", s->threads, s->threads == 1 ? "" : "s", r->cores);
}

static void warn_of_series(report *r, const report_series *s)
{
    size_t mixed = 0;
    warn_of_cores(r, s);
    warn_of_cores_left(r, s);
    for (size_t i = 0; i < s->n_windows; i++) {
        const atl_study_window *w = &s->window[i];
        mixed += w->valid && !w->same_pixels;
        if (w->round >= 0 && !seen_before(s, i) && !has_valid(s, &w->config))
            warn(r, "%s: no valid window with %d worker%s%s%s: %s", s->label, w->config.workers,
                 w->config.workers == 1 ? "" : "s", w->config.corunners ? " beside co-runners" : "",
                 w->config.probe != s->probe && !w->config.corunners
                     ? (s->probe ? " without the probe" : " with the probe")
                     : "",
                 w->flaws);
    }
    if (mixed > 0)
        warn(r,
             "%s: in %zu windows a picture had other pixels than before. The speed figures of such "
             "windows are not of the same work.",
             s->label, mixed);
    if (!s->scales)
        warn(r, "%s: no recommendation: %s.", s->label, s->why_not);
    if (s->probe_cost < 0.97)
        warn(r, "%s: the memory probe itself costs %.0f %% of the rate.", s->label,
             100 * (1 - s->probe_cost));
}

/* What several series share is said once. */
static void warn_of_models(report *r)
{
    for (int i = 0; i < r->n_series; i++) {
        const char *words = r->series[i].scaling.warning;
        int n = 0, before = 0;
        for (int k = 0; k < r->n_series && words[0]; k++)
            if (strcmp(r->series[k].scaling.warning, words) == 0)
                *(k < i ? &before : &n) += 1;
        if (n > 0 && before == 0)
            warn(r, "%s%s%s", n == r->n_series ? "" : r->series[i].label, n == r->n_series ? "" : ": ",
                 words);
    }
}

static void collect_warnings(report *r)
{
    for (int i = 0; i < r->study->head.n_warnings; i++)
        warn(r, "%s", r->study->head.warnings[i]);
    for (int i = 0; i < r->n_series; i++)
        warn_of_series(r, &r->series[i]);
    warn_of_models(r);
    size_t left_out = r->study->n_windows;
    for (int i = 0; i < r->n_series; i++)
        left_out -= r->series[i].n_windows;
    if (left_out > 0)
        warn(r, "%zu windows of further series are left out: the report has room for %d.", left_out,
             REPORT_MAX_SERIES);
}

/* ---- all of it ---- */

void atl_study_report_done(report *r)
{
    for (int i = 0; i < r->n_series; i++)
        free(r->series[i].window);
    free(r->series);
    for (int i = 0; i < r->n_warnings; i++)
        free(r->warning[i]);
    *r = (report){0};
}

static double usable_cores(const atl_study_head *head)
{
    const double cores = head->n_cores > 0 ? (double)head->n_cores : (double)NAN;
    return head->quota_cpus > 0 ? fmin(cores, head->quota_cpus) : cores;
}

atl_status atl_study_report_work_out(const atl_study *study, report *ret, atl_note *note)
{
    report r = {.study = study, .best = -1, .cores = usable_cores(&study->head)};
    r.series = calloc(REPORT_MAX_SERIES, sizeof *r.series);
    bool ok = r.series && sort_windows(&r);
    if (ok)
        label_series(&r);
    for (int i = 0; i < r.n_series && ok; i++)
        ok = work_out_series(&r, &r.series[i]);
    if (ok) {
        choose_best(&r);
        collect_warnings(&r);
    }
    for (int i = 0; i < r.n_warnings; i++)
        ok = ok && r.warning[i];
    if (!ok) {
        atl_study_report_done(&r);
        return atl_fail(note, ATL_NO_MEMORY, "no memory for the report of a study");
    }
    *ret = r;
    return ATL_OK;
}

const atl_evidence *atl_report_evidence(const atl_study_window *w, const char *name)
{
    for (int i = 0; i < w->n_evidence; i++)
        if (strcmp(w->evidence[i].name, name) == 0)
            return &w->evidence[i];
    return NULL;
}

double atl_report_evidence_at(const report_series *s, int workers, const char *name, const char **ret_why)
{
    double values[1024];
    size_t n = 0;
    for (size_t i = 0; i < s->n_windows && n < sizeof values / sizeof *values; i++) {
        const atl_evidence *e = atl_report_evidence(&s->window[i], name);
        if (!counts(s, &s->window[i]) || s->window[i].config.workers != workers || !e)
            continue;
        if (ret_why && !isfinite(e->value))
            *ret_why = e->why;
        values[n++] = e->value;
    }
    return atl_median(values, n);
}
