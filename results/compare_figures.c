/* compare_figures.c - what the batches of a comparison come to. Two setups are compared round by round, so
 * that what a round has in common cancels. Pure but for memory. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare_private.h"
#include "results/verdict.h"

#define LEAST_STAGE_MS 1.0 /* as in a study */

enum { MAX_ROUNDS = 2000 };

/* ---- setups ---- */

bool atl_compare_counts(const atl_study_window *w)
{
    return w->valid && w->round >= 0 && w->config.corunners == 0 && w->images_per_hour > 0;
}

bool atl_compare_of_setup(const compare_policy *p, const compare_setup *s, const atl_study_window *w)
{
    return strcmp(p->policy, w->config.policy) == 0 && w->config.workers == s->workers &&
           w->config.threads == s->threads;
}

static compare_policy *policy_of(comparison *c, const char *name)
{
    for (int i = 0; i < c->n_policies; i++)
        if (strcmp(c->policy[i].policy, name) == 0)
            return &c->policy[i];
    if (c->n_policies == ATL_STUDY_MAX_POLICIES)
        return NULL;
    compare_policy *p = &c->policy[c->n_policies++];
    *p = (compare_policy){.one = -1, .threads = -1, .best = -1};
    snprintf(p->policy, sizeof p->policy, "%s", name);
    return p;
}

static int by_cores(const void *a, const void *b)
{
    const compare_setup *x = a, *y = b;
    const int cores = x->workers * x->threads - y->workers * y->threads;
    return cores != 0 ? cores : x->threads - y->threads;
}

static void find_setups(comparison *c)
{
    for (size_t i = 0; i < c->study->n_windows; i++) {
        const atl_study_window *w = &c->study->windows[i];
        compare_policy *p = w->round >= 0 ? policy_of(c, w->config.policy) : NULL;
        int at = 0;
        while (p && at < p->n_setups && !atl_compare_of_setup(p, &p->setup[at], w))
            at++;
        if (!p || at == COMPARE_MAX_SETUPS)
            continue;
        if (at == p->n_setups)
            p->setup[p->n_setups++] = (compare_setup){
                .workers = w->config.workers, .threads = w->config.threads, .last_window = -1};
        p->setup[at].n_windows += atl_compare_counts(w);
        p->setup[at].n_flawed += !w->valid;
        if (atl_compare_counts(w))
            p->setup[at].last_window = w->sequence;
    }
    for (int i = 0; i < c->n_policies; i++)
        qsort(c->policy[i].setup, (size_t)c->policy[i].n_setups, sizeof *c->policy[i].setup, by_cores);
}

/* ---- medians ---- */

typedef enum figure { RATE, SECONDS, JOB_50, JOB_90, JOB_99, CPU_SHARE, PSS, ENERGY, N_FIGURES } figure;

static double evidence(const atl_study_window *w, const char *name)
{
    for (int i = 0; i < w->n_evidence; i++)
        if (strcmp(w->evidence[i].name, name) == 0)
            return w->evidence[i].value;
    return NAN;
}

const char *atl_compare_why_no_energy(const comparison *c, const compare_policy *p)
{
    for (size_t i = 0; i < c->study->n_windows; i++) {
        const atl_study_window *w = &c->study->windows[i];
        for (int k = 0; strcmp(w->config.policy, p->policy) == 0 && k < w->n_evidence; k++)
            if (strcmp(w->evidence[k].name, "energy_image") == 0 && w->evidence[k].why[0])
                return w->evidence[k].why;
    }
    return "this record does not say why";
}

/* Figures from N_FIGURES on are stages: wall, then CPU. */
static double figure_of(const atl_study_window *w, int which)
{
    const double fixed[N_FIGURES] = {
        w->images_per_hour, w->length_s,  w->job_ms_p50, w->job_ms_p90,
        w->job_ms_p99,      w->cpu_share, w->pss_mb,     evidence(w, "energy_image")};
    if (which < N_FIGURES)
        return fixed[which];
    const int stage = which - N_FIGURES;
    const int64_t ns = stage < ATL_N_STAGES ? w->stage[stage].wall_ns : w->stage[stage - ATL_N_STAGES].cpu_ns;
    return ns > 0 ? (double)ns / 1e6 : NAN;
}

static double median_of(const comparison *c, const compare_policy *p, const compare_setup *s, int which,
                        double *room)
{
    size_t n = 0;
    for (size_t i = 0; i < c->study->n_windows; i++)
        if (atl_compare_counts(&c->study->windows[i]) && atl_compare_of_setup(p, s, &c->study->windows[i]))
            room[n++] = figure_of(&c->study->windows[i], which);
    return atl_median(room, n);
}

static void measure(const comparison *c, const compare_policy *p, compare_setup *s, double *room)
{
    s->rate = median_of(c, p, s, RATE, room);
    s->seconds = median_of(c, p, s, SECONDS, room);
    for (int i = 0; i < 3; i++)
        s->job_ms[i] = median_of(c, p, s, JOB_50 + i, room);
    s->cpu_share = median_of(c, p, s, CPU_SHARE, room);
    s->pss_mb = median_of(c, p, s, PSS, room);
    s->energy_j = median_of(c, p, s, ENERGY, room);
    for (int i = 0; i < ATL_N_STAGES; i++) {
        s->wall_ms[i] = median_of(c, p, s, N_FIGURES + i, room);
        s->cpu_ms[i] = median_of(c, p, s, N_FIGURES + ATL_N_STAGES + i, room);
    }
}

/* ---- samples ---- */

static double larger(double a, double b)
{
    return isfinite(b) && !(a >= b) ? b : a;
}

size_t atl_compare_first_sample(const comparison *c, const compare_setup *s)
{
    size_t first = c->n_samples;
    double before = INFINITY; /* time begins again with each attempt */
    for (size_t i = 0; i < c->n_samples && s->last_window >= 0; i++) {
        if (c->samples[i].window != s->last_window || !isfinite(c->samples[i].at_s))
            continue;
        if (c->samples[i].at_s < before)
            first = i;
        before = c->samples[i].at_s;
    }
    return first;
}

/* Rates hold since the sample before. */
static void sum_samples(const comparison *c, compare_setup *s)
{
    double busy = 0, seconds = 0, read = 0, written = 0, before = 0;
    bool disk = false;
    s->memory_mb = NAN;
    for (size_t i = atl_compare_first_sample(c, s); i < c->n_samples; i++) {
        const atl_compare_sample *sample = &c->samples[i];
        if (sample->window != s->last_window || !isfinite(sample->at_s) || !isfinite(sample->cpus_busy))
            continue;
        const double span = fmax(sample->at_s - before, 0);
        before = sample->at_s;
        busy += sample->cpus_busy * span;
        seconds += span;
        s->memory_mb = larger(s->memory_mb, sample->memory_mb);
        if (isfinite(sample->read_mbps) && isfinite(sample->written_mbps)) {
            disk = true;
            read += sample->read_mbps * span;
            written += sample->written_mbps * span;
        }
    }
    s->cpus_busy = seconds > 0 ? busy / seconds : NAN;
    s->read_mb = disk ? read : NAN;
    s->written_mb = disk ? written : NAN;
}

int atl_compare_batch(const comparison *c)
{
    int n = 0;
    for (size_t i = 0; i < c->study->n_windows; i++) {
        const atl_study_window *w = &c->study->windows[i];
        if (!atl_compare_counts(w))
            continue;
        if (n > 0 && w->n_jobs != n)
            return 0;
        n = w->n_jobs;
    }
    return n;
}

/* ---- one setup against another ---- */

int atl_compare_rounds(const atl_study *study)
{
    int last = -1;
    for (size_t i = 0; i < study->n_windows; i++)
        last = study->windows[i].round > last ? study->windows[i].round : last;
    return last + 1;
}

/* The rate in that round: of the last valid window, since a repetition replaces what it repeats. */
static double rate_in(const comparison *c, const compare_policy *p, const compare_setup *s, int round)
{
    double rate = NAN;
    for (size_t i = 0; i < c->study->n_windows; i++) {
        const atl_study_window *w = &c->study->windows[i];
        if (atl_compare_counts(w) && w->round == round && atl_compare_of_setup(p, s, w))
            rate = w->images_per_hour;
    }
    return rate;
}

static bool compare_setups(const comparison *c, const compare_policy *p, const compare_setup *a,
                           const compare_setup *b, compare_gain *ret)
{
    double rate_a[MAX_ROUNDS], rate_b[MAX_ROUNDS];
    const int rounds = atl_compare_rounds(c->study);
    int n = 0;
    for (int round = 0; round < rounds && n < MAX_ROUNDS; round++) {
        rate_a[n] = rate_in(c, p, a, round);
        rate_b[n] = rate_in(c, p, b, round);
        n += isfinite(rate_a[n]) && isfinite(rate_b[n]);
    }
    atl_paired paired;
    *ret = (compare_gain){NAN, NAN, NAN, NAN, n, NAN};
    const atl_status st = n > 0 ? atl_paired_compare(rate_a, rate_b, n, &paired, NULL) : ATL_USAGE;
    if (st == ATL_OK)
        *ret = (compare_gain){paired.ratio, paired.low, paired.high, paired.p_value, n, paired.confidence};
    return st != ATL_NO_MEMORY;
}

int atl_compare_percent_sure(const compare_gain *gain)
{
    return isfinite(gain->low) && isfinite(gain->high) ? (int)fmin(95, floor(100 * gain->confidence + 1e-9))
                                                       : 0;
}

int atl_compare_least_sure(const compare_policy *p)
{
    int least = 0;
    for (int i = 0; i < p->n_setups; i++)
        for (int k = 0; k < 2; k++) {
            const int sure =
                atl_compare_percent_sure(k == 0 ? &p->setup[i].over_one : &p->setup[i].over_threads);
            least = sure > 0 && (least == 0 || sure < least) ? sure : least;
        }
    return least;
}

static bool compare_policy_setups(comparison *c, compare_policy *p)
{
    for (int i = 0; i < p->n_setups; i++) {
        const compare_setup *s = &p->setup[i];
        if (s->workers == 1 && s->threads == 1)
            p->one = i;
        if (s->workers == 1 && s->threads > 1 &&
            (p->threads < 0 || s->threads > p->setup[p->threads].threads))
            p->threads = i;
        if (isfinite(s->rate) && (p->best < 0 || s->rate > p->setup[p->best].rate))
            p->best = i;
    }
    for (int i = 0; i < p->n_setups; i++) {
        compare_setup *s = &p->setup[i];
        s->over_one = s->over_threads = (compare_gain){NAN, NAN, NAN, NAN, 0, NAN};
        if (p->one >= 0 && i != p->one && !compare_setups(c, p, &p->setup[p->one], s, &s->over_one))
            return false;
        if (p->threads >= 0 && i != p->threads &&
            !compare_setups(c, p, &p->setup[p->threads], s, &s->over_threads))
            return false;
        s->best_over = (compare_gain){NAN, NAN, NAN, NAN, 0, NAN};
        if (p->best >= 0 && i != p->best && !compare_setups(c, p, s, &p->setup[p->best], &s->best_over))
            return false;
        s->efficiency = s->over_one.ratio / (s->workers * s->threads);
    }
    return true;
}

double atl_compare_stage_times(const double a[ATL_N_STAGES], const double b[ATL_N_STAGES], int stage)
{
    return stage == ATL_STAGE_TEXT_ENCODE || a[stage] < LEAST_STAGE_MS ? (double)NAN : b[stage] / a[stage];
}

/* ---- all of it ---- */

void atl_comparison_free(comparison *c)
{
    if (!c)
        return;
    free(c->samples);
    free(c);
}

atl_status atl_comparison_work_out(int dir_fd, const atl_study *study, comparison **ret, atl_note *note)
{
    comparison *c = calloc(1, sizeof *c);
    double *room = malloc((study->n_windows + 1) * sizeof *room);
    atl_status st = c && room ? ATL_OK : atl_fail(note, ATL_NO_MEMORY, "no memory for a comparison");
    if (st == ATL_OK && dir_fd >= 0)
        st = atl_compare_read_samples(dir_fd, &c->samples, &c->n_samples, note);
    if (st == ATL_OK) {
        c->study = study;
        c->best = -1;
        find_setups(c);
    }
    for (int i = 0; st == ATL_OK && i < c->n_policies; i++) {
        compare_policy *p = &c->policy[i];
        for (int k = 0; k < p->n_setups; k++) {
            measure(c, p, &p->setup[k], room);
            sum_samples(c, &p->setup[k]);
        }
        if (!compare_policy_setups(c, p))
            st = atl_fail(note, ATL_NO_MEMORY, "no memory for a comparison");
        if (p->best >= 0 &&
            (c->best < 0 || p->setup[p->best].rate > c->policy[c->best].setup[c->policy[c->best].best].rate))
            c->best = i;
    }
    free(room);
    if (st != ATL_OK) {
        atl_comparison_free(c);
        return st;
    }
    atl_compare_collect_warnings(c);
    *ret = c;
    return ATL_OK;
}
