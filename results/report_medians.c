/* report_medians.c - the figures of one series: medians over the windows that count, at each worker count,
 * what the probe costs, and what streaming neighbours leave. */
#include <math.h>
#include <stdlib.h>

#include "report_private.h"

#define LEAST_STAGE_MS 1.0 /* as in verdict.c: a shorter stage is noise */

bool atl_report_counts(const report_series *s, const atl_study_window *w)
{
    return w->valid && w->round >= 0 && w->config.corunners == 0 && w->config.probe == s->probe &&
           w->images_per_hour > 0;
}

typedef double (*window_figure)(const atl_study_window *w, int which);

static double median_at(const report_series *s, int workers, window_figure figure, int which, double *room)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_windows; i++)
        if (atl_report_counts(s, &s->window[i]) && s->window[i].config.workers == workers)
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

double atl_report_pss_mb(const atl_study_window *w, int n_alive)
{
    const int asleep = (w->n_alive > 0 ? w->n_alive : n_alive) - w->config.workers;
    return asleep > 0 ? w->pss_mb - asleep * w->worker_pss_mb : w->pss_mb;
}

/* Only windows with the probe have these. */
static double of_probe(const atl_study_window *w, int which)
{
    return !w->config.probe ? NAN : which == 0 ? w->probe_gbps : w->probe_ns;
}

bool atl_report_had_probe(const atl_study_window *w)
{
    return w->config.probe && isfinite(w->probe_gbps);
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
    c->pss_mb = median_at(s, n, atl_report_pss_mb, s->n_alive, room);
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
        if (!atl_report_counts(s, w))
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
            atl_report_had_probe(w) == probe)
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
        const int workers = s->count[i].workers;
        int n;
        const double with = rate_with(s, workers, 0, true, NULL, room);
        ratio[i] = with / rate_with(s, workers, 0, false, &n, room);
        s->n_without += isfinite(ratio[i]) ? n : 0;
    }
    s->probe_cost = atl_median(ratio, (size_t)s->n_counts);
}

int atl_report_unprobed(const report_series *s)
{
    const report_count *last = s->n_counts > 1 ? &s->count[s->n_counts - 1] : NULL;
    return last && s->probe && isfinite(s->count[0].probe_gbps) && !isfinite(last->probe_gbps) ? last->workers
                                                                                               : 0;
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
        const double rate = rate_with(s, workers, c->corunners, false, &n, room); /* streams have its core */
        s->share[s->n_shares++] = (report_share){c->corunners, n, rate, rate / alone};
    }
    qsort(s->share, (size_t)s->n_shares, sizeof *s->share, by_corunners);
}

bool atl_report_measure(report_series *s)
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
    return true;
}
