/* compare.c - see compare.h. */
#include "coordinator/compare.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "evidence.h"
#include "pool_usage.h"
#include "results/compare.h"
#include "study_private.h"

enum { TURN_MS = 50, MAX_FACTORINGS = 8, MAX_SAMPLES = 4096 };
static const int64_t sample_every_ns = 250000000;

/* ---- the plan ---- */

static void add_series(atl_studier *s, const char *policy, int workers, int threads)
{
    if (s->n_series == ATL_STUDY_MAX_SERIES)
        return;
    atl_study_series *series = &s->series[s->n_series++];
    *series = (atl_study_series){.threads = threads, .order = ATL_SCATTER};
    snprintf(series->policy, sizeof series->policy, "%s", policy);
    atl_study_add_count(series, workers);
}

/* How many CPUs' worth of time there are. */
static int n_cpus(const atl_studier *s)
{
    const int cores = s->machine->n_cores, quota = (int)s->machine->quota_cpus;
    return quota > 0 && quota < cores ? quota : cores;
}

/* 1 × 1; n × 1; 1 × n; and the factorings between, those with most workers first where there are many. */
static void plan_policy(atl_studier *s, const char *policy)
{
    const int n = n_cpus(s);
    int left = MAX_FACTORINGS - 2;
    add_series(s, policy, 1, 1);
    if (n == 1)
        return;
    add_series(s, policy, n, 1);
    for (int threads = 2; threads < n && left > 0; threads++)
        if (n % threads == 0) {
            add_series(s, policy, n / threads, threads);
            left--;
        }
    add_series(s, policy, 1, n);
}

/* ---- what the pool takes over time ---- */

typedef struct batch_watch {
    atl_compare_sample *samples; /* [MAX_SAMPLES] */
    size_t n;
    atl_pool_usage before;
    int64_t sampled_ns;
} batch_watch;

static void sample(const atl_studier *s, batch_watch *w, int64_t now_ns)
{
    if (w->n == MAX_SAMPLES || now_ns <= w->sampled_ns)
        return;
    const atl_pool_usage now = atl_pool_usage_read(s->pool.executor, s->pool.n_workers);
    const double seconds = atl_ns_to_s(now_ns - w->sampled_ns);
    if (w->sampled_ns > 0)
        w->samples[w->n++] = (atl_compare_sample){
            .at_s = atl_ns_to_s(now_ns - s->pool.switch_ns),
            .cpus_busy = (now.cpu_s - w->before.cpu_s) / seconds,
            .memory_mb = now.memory_mb,
            .read_mbps = (now.read_mb - w->before.read_mb) / seconds,
            .written_mbps = (now.written_mb - w->before.written_mb) / seconds,
        };
    w->before = now;
    w->sampled_ns = now_ns;
}

/* ---- one batch ---- */

static atl_status paint_batch(atl_studier *s, batch_watch *w, atl_note *note)
{
    atl_status st = atl_study_pool_quieten(s, note);
    if (st != ATL_OK)
        return st;
    s->pool.next_index = 0; /* every batch is the same jobs */
    atl_study_pool_limit(s, s->pool.n_workers);
    s->pool.left = s->options->n_jobs;
    w->sampled_ns = 0;
    while (st == ATL_OK && (s->pool.left > 0 || s->pool.in_flight > 0)) {
        atl_study_watch(s, ATL_STUDY_MEASURING);
        st = atl_study_pool_turn(s, TURN_MS, note);
        const int64_t now_ns = atl_clock_now_ns();
        if (now_ns - w->sampled_ns >= sample_every_ns)
            sample(s, w, now_ns);
    }
    sample(s, w, atl_clock_now_ns()); /* however short the batch was */
    return st;
}

/* From the first begin to the last end; the rate is the batch's, pauses and the uneven end included. */
static atl_status measure_batch(const atl_studier *s, atl_study_window *ret, atl_note *note)
{
    int64_t begin_ns = INT64_MAX, end_ns = 0;
    for (size_t i = 0; i < s->pool.n_samples; i++) {
        const atl_study_sample *p = &s->pool.samples[i];
        begin_ns = p->begun_ns < begin_ns ? p->begun_ns : begin_ns;
        end_ns = p->ended_ns > end_ns ? p->ended_ns : end_ns;
    }
    const atl_status st =
        atl_study_summarise(s->pool.samples, s->pool.n_samples, begin_ns, end_ns, ret, note);
    ret->begun_ns = begin_ns;
    ret->begun_s = atl_ns_to_s(begin_ns - s->begun_ns);
    ret->images_per_hour = ret->images / ret->length_s * 3600;
    return st;
}

static atl_status run_batch(atl_studier *s, const atl_study_config *config, int sequence,
                            atl_study_window *ret, atl_note *note)
{
    atl_evidence_watch *evidence = NULL;
    batch_watch w = {.samples = calloc(MAX_SAMPLES, sizeof *w.samples)};
    *ret = (atl_study_window){.config = *config, .sequence = sequence, .same_pixels = true};
    ret->probe_gbps = ret->probe_ns = (double)NAN;
    atl_status st = w.samples ? atl_study_watch_evidence(s, &evidence, note)
                              : atl_fail(note, ATL_NO_MEMORY, "no memory for samples");
    if (st == ATL_OK)
        st = paint_batch(s, &w, note);
    if (st == ATL_OK)
        st = measure_batch(s, ret, note);
    if (st == ATL_OK) {
        ret->n_evidence =
            (int)atl_evidence_end(&evidence, ret->images, ret->evidence, ATL_STUDY_MAX_EVIDENCE);
        atl_study_weigh(s, ret);
        atl_study_judge_window(s, ret);
        for (size_t i = 0; i < w.n; i++)
            w.samples[i].window = sequence;
        st = atl_compare_append_samples(s->dir_fd, w.samples, w.n, note);
    }
    atl_evidence_drop(&evidence);
    free(w.samples);
    return st;
}

/* ---- rounds ---- */

static atl_study_config config_of(const atl_study_series *series)
{
    atl_study_config config = {.workers = series->counts[0], .threads = series->threads};
    snprintf(config.policy, sizeof config.policy, "%s", series->policy);
    snprintf(config.order, sizeof config.order, "scatter");
    return config;
}

typedef struct rounds_done {
    int sequence, n_painted; /* turns so far; those of this session, whose record lacked them */
    bool said;
} rounds_done;

/* By what was painted in this session. */
static double a_turn_s(const atl_studier *s, const rounds_done *done)
{
    return atl_ns_to_s(atl_clock_now_ns() - s->begun_ns) / done->n_painted;
}

static atl_status run_series(atl_studier *s, int at, int round, void *user, atl_note *note)
{
    rounds_done *done = user;
    const size_t n_before = s->study.n_windows;
    const atl_study_turn turn = {"batch", run_batch,       &s->series[at], config_of(&s->series[at]),
                                 round,   done->sequence++};
    const atl_status st = atl_study_take_turn(s, &turn, note);
    s->view.config = NULL;
    s->view.n_measured++;
    done->n_painted += s->study.n_windows > n_before;
    if (done->n_painted > 0)
        s->view.eta_s = a_turn_s(s, done) * (s->view.n_windows - s->view.n_measured);
    return st;
}

/* Says once how long the other rounds take. */
static void expect(atl_studier *s, rounds_done *done, int n_left)
{
    if (done->n_painted == 0 || done->said)
        return;
    if (n_left > 0)
        atl_study_say(s, "a round takes %.0f s; about %.0f minute%s for the other%s",
                      a_turn_s(s, done) * s->n_series, ceil(s->view.eta_s / 60),
                      s->view.eta_s > 60 ? "s" : "", n_left > 1 ? "s" : "");
    done->said = true;
}

atl_status atl_compare_run(const atl_study_options *options, atl_note *note)
{
    atl_studier *s = NULL;
    atl_status st = atl_studier_open(options, &s, note);
    if (st != ATL_OK)
        return st;
    for (size_t i = 0; i < options->n_policies; i++)
        plan_policy(s, options->policies[i]);
    if (n_cpus(s) == 1)
        st = atl_study_warn(s, note,
                            "This machine gives one CPU: there are not many cores to compare with one.");
    if (st == ATL_OK)
        st = atl_studier_begin(s, note);
    s->view.n_windows = options->rounds * s->n_series;
    rounds_done done = {0};
    for (int round = 0; st == ATL_OK && round < options->rounds; round++) {
        st = atl_study_each_series(s, round, run_series, &done, note);
        if (st == ATL_OK)
            expect(s, &done, options->rounds - round - 1);
    }
    atl_studier_close(&s);
    return st;
}

atl_status atl_compare_finish(const atl_study_options *options, atl_note *note)
{
    atl_study study = {0};
    const int dir_fd = open(options->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0)
        return atl_fail(note, ATL_IO, "cannot open %s", options->dir);
    atl_status st = atl_study_write_head(dir_fd, options->head, note);
    if (st == ATL_OK)
        st = atl_study_read(dir_fd, &study, note);
    if (st == ATL_OK)
        st = atl_compare_report_write(dir_fd, &study, note);
    atl_study_done(&study);
    close(dir_fd);
    return st;
}
