/* study_measure.c - see study_measure.h. */
#include "study_measure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

#define LEAST_CPU_SHARE  0.97
#define MOST_STEAL_PCT   1.0
#define MOST_FOREIGN_PCT 2.0
#define MOST_IDLE_PCT    5.0

static bool is_whole(const atl_study_sample *sample, int64_t begin_ns, int64_t end_ns)
{
    return sample->begun_ns >= begin_ns && sample->ended_ns <= end_ns;
}

size_t atl_study_whole(const atl_study_sample *samples, size_t n, int worker, int64_t begin_ns,
                       int64_t end_ns)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += samples[i].worker == worker && is_whole(&samples[i], begin_ns, end_ns);
    return count;
}

/* ---- a worker's rate ---- */

typedef struct stretch {
    size_t n;
    int64_t first_ns, last_ns; /* from the first whole picture's begin to the last one's end */
    int64_t busy_ns;
    int64_t next_ns; /* when the next picture after them begun; 0: not seen */
} stretch;

static stretch stretch_of(const atl_study_sample *samples, size_t n, int worker, int64_t begin_ns,
                          int64_t end_ns)
{
    stretch s = {.first_ns = INT64_MAX};
    for (size_t i = 0; i < n; i++) {
        const atl_study_sample *p = &samples[i];
        if (p->worker != worker || !is_whole(p, begin_ns, end_ns))
            continue;
        s.n++;
        s.busy_ns += p->ended_ns - p->begun_ns;
        s.first_ns = p->begun_ns < s.first_ns ? p->begun_ns : s.first_ns;
        s.last_ns = p->ended_ns > s.last_ns ? p->ended_ns : s.last_ns;
    }
    for (size_t i = 0; i < n; i++)
        if (samples[i].worker == worker && samples[i].begun_ns >= s.last_ns && s.n > 0 &&
            (s.next_ns == 0 || samples[i].begun_ns < s.next_ns))
            s.next_ns = samples[i].begun_ns;
    return s;
}

/* Pictures a second. Each picture has the pause after it; the last one's is the next one's begin, or, where
 * that was not seen, the mean of the others. */
static double rate_of(const stretch *s)
{
    const int64_t spanned = s->last_ns - s->first_ns, pauses = spanned - s->busy_ns;
    const int64_t last_pause = s->next_ns ? s->next_ns - s->last_ns
                               : s->n > 1 ? pauses / (int64_t)(s->n - 1)
                                          : 0;
    return (double)s->n / atl_ns_to_s(spanned + last_pause);
}

/* ---- all of them ---- */

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Linear between the neighbours (Hyndman & Fan 1996, definition 7). */
static double percentile(const double *sorted, size_t n, double share)
{
    const double at = share * (double)(n - 1);
    const size_t below = (size_t)at;
    return below + 1 < n ? sorted[below] + (at - (double)below) * (sorted[below + 1] - sorted[below])
                         : sorted[n - 1];
}

static void add_span(atl_span *sum, const atl_span *more)
{
    sum->wall_ns += more->wall_ns;
    sum->cpu_ns += more->cpu_ns;
}

static atl_span mean_of(const atl_span *sum, int64_t n)
{
    return n > 0 ? (atl_span){.wall_ns = sum->wall_ns / n, .cpu_ns = sum->cpu_ns / n} : (atl_span){0};
}

/* Stages, steps, the share of CPU time; the pictures' times in ms go to `times`. */
static size_t take_stages(const atl_study_sample *samples, size_t n, int64_t begin_ns, int64_t end_ns,
                          atl_study_window *ret, double *times)
{
    atl_span stages[ATL_N_STAGES] = {0}, computed = {0};
    int64_t n_steps = 0;
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        const atl_study_sample *p = &samples[i];
        if (p->worker >= ret->config.workers || !is_whole(p, begin_ns, end_ns))
            continue;
        times[count++] = atl_ns_to_ms(p->ended_ns - p->begun_ns);
        n_steps += p->n_unet_steps;
        for (int stage = 0; stage < ATL_N_STAGES; stage++)
            add_span(&stages[stage], &p->stage[stage]);
        add_span(&computed, &p->stage[ATL_STAGE_UNET]);
        add_span(&computed, &p->stage[ATL_STAGE_VAE_DECODE]);
    }
    for (int stage = 0; stage < ATL_N_STAGES; stage++)
        ret->stage[stage] = mean_of(&stages[stage], (int64_t)count);
    ret->unet_step = mean_of(&stages[ATL_STAGE_UNET], n_steps);
    ret->cpu_share = computed.wall_ns > 0
                         ? (double)computed.cpu_ns / (double)computed.wall_ns / (double)ret->config.threads
                         : (double)NAN;
    return count;
}

atl_status atl_study_summarise(const atl_study_sample *samples, size_t n, int64_t begin_ns, int64_t end_ns,
                               atl_study_window *ret, atl_note *note)
{
    double *times = malloc(n * sizeof *times);
    if (!times)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for %zu times", n);
    const size_t count = take_stages(samples, n, begin_ns, end_ns, ret, times);
    qsort(times, count, sizeof *times, by_value);
    ret->length_s = atl_ns_to_s(end_ns - begin_ns);
    ret->n_jobs = (int)count;
    ret->images = (double)count;
    ret->job_ms_p50 = percentile(times, count, 0.5);
    ret->job_ms_p90 = percentile(times, count, 0.9);
    ret->job_ms_p99 = percentile(times, count, 0.99);
    free(times);
    return ATL_OK;
}

/* How much of the time the workers had nothing to paint, as evidence. */
static void put_idle(double percent, atl_study_window *ret)
{
    if (ret->n_evidence == ATL_STUDY_MAX_EVIDENCE)
        return;
    atl_evidence *idle = &ret->evidence[ret->n_evidence++];
    *idle = (atl_evidence){.name = "idle", .unit = "%", .value = percent};
}

atl_status atl_study_measure(const atl_study_sample *samples, size_t n, int64_t begin_ns, int64_t end_ns,
                             atl_study_window *ret, atl_note *note)
{
    double rate = 0, idle = 0;
    for (int worker = 0; worker < ret->config.workers; worker++) {
        const stretch s = stretch_of(samples, n, worker, begin_ns, end_ns);
        if (s.n == 0 || s.last_ns <= s.first_ns)
            return atl_fail(note, ATL_USAGE,
                            "worker %d finished no whole picture in a window of %.1f s: longer windows, or "
                            "pictures of fewer steps, are wanted",
                            worker, atl_ns_to_s(end_ns - begin_ns));
        rate += rate_of(&s);
        idle += 1 - (double)s.busy_ns / (double)(s.last_ns - s.first_ns);
    }
    put_idle(100 * idle / ret->config.workers, ret);
    ret->images_per_hour = rate * 3600;
    return atl_study_summarise(samples, n, begin_ns, end_ns, ret, note);
}

/* ---- whether it counts ---- */

static double evidence_of(const atl_study_window *window, const char *name)
{
    for (int i = 0; i < window->n_evidence; i++)
        if (strcmp(window->evidence[i].name, name) == 0)
            return window->evidence[i].value;
    return (double)NAN;
}

void atl_study_judge(atl_study_window *window, double room)
{
    const double steal = evidence_of(window, "steal"), foreign = evidence_of(window, "foreign_load"),
                 throttled = evidence_of(window, "group_throttled"), idle = evidence_of(window, "idle");
    atl_text flaws = {0};
    const double wanted = LEAST_CPU_SHARE * fmin(room, 1);
    if (window->config.threads == 1 && window->cpu_share < wanted)
        atl_text_printf(&flaws, "CPU time is %.2f %% of wall time (%.0f %% wanted). ",
                        100 * window->cpu_share, 100 * wanted);
    if (steal > MOST_STEAL_PCT)
        atl_text_printf(&flaws, "The hypervisor took %.2f %% (%.0f %% allowed). ", steal, MOST_STEAL_PCT);
    if (foreign > MOST_FOREIGN_PCT)
        atl_text_printf(&flaws, "Other programs took %.2f %% of the workers' CPUs (%.0f %% allowed). ",
                        foreign, MOST_FOREIGN_PCT);
    if (idle > MOST_IDLE_PCT)
        atl_text_printf(&flaws, "Workers waited for work %.1f %% of the time (%.0f %% allowed). ", idle,
                        MOST_IDLE_PCT);
    if (throttled > 0)
        atl_text_printf(&flaws, "The cgroup was throttled %.0f times. ", throttled);
    window->valid = !flaws.length;
    window->flaws[0] = '\0';
    if (flaws.length && !flaws.failed) {
        const size_t n =
            flaws.length - 1 < sizeof window->flaws - 1 ? flaws.length - 1 : sizeof window->flaws - 1;
        memcpy(window->flaws, flaws.data, n);
        window->flaws[n] = '\0';
    }
    atl_text_done(&flaws);
}
