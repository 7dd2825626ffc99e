/* report_figures.c - what the windows of a study come to: series, the figures of each (report_medians.c), the
 * model, the verdict, which series is the best, and what a reader must be warned of (report_warnings.c). Pure
 * but for memory. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report_private.h"

#define THRESHOLD 0.95
#define TIE       1.02 /* of two series this near, the one with fewer cores is better */

/* ---- series ---- */

static bool of_series(const report_series *s, const atl_study_config *c)
{
    return strcmp(s->policy, c->policy) == 0 && strcmp(s->order, c->order) == 0 && s->threads == c->threads;
}

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

/* ---- the model ---- */

static bool scale_series(const report *r, report_series *s)
{
    atl_scaling_point *points = malloc((s->n_windows + 1) * sizeof *points);
    atl_note note = {0};
    size_t n = 0;
    if (!points)
        return false;
    for (size_t i = 0; i < s->n_windows; i++)
        if (atl_report_counts(s, &s->window[i]))
            points[n++] = (atl_scaling_point){s->window[i].config.workers, s->window[i].images_per_hour,
                                              s->window[i].round};
    const atl_status st = atl_scaling_analyse(points, n, THRESHOLD, REPORT_RESAMPLINGS,
                                              r->study->head.seed | 1, &s->scaling, &note);
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
    if (!atl_report_measure(s))
        return false;
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
        atl_report_collect_warnings(&r);
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
