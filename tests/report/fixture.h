/* fixture.h - a study that was never made, for tests of the report: figures that follow known laws, with the
 * flaws of real ones. Header alone; a seeded generator, no clock. */
#ifndef ATL_TESTS_REPORT_FIXTURE_H
#define ATL_TESTS_REPORT_FIXTURE_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "results/study.h"

enum { FIXTURE_MAX_WINDOWS = 512, FIXTURE_MAX_JOBS = 2048, FIXTURE_ROUNDS = 3 };

typedef struct fixture {
    uint64_t state;
    atl_study study; /* windows are owned */
    double clock_s;
} fixture;

static const int fixture_counts[] = {1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64};
enum { FIXTURE_N_COUNTS = sizeof fixture_counts / sizeof *fixture_counts };

/* Uniform in [0, 1) (splitmix64). */
static inline double fixture_random(fixture *f)
{
    uint64_t z = (f->state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

/* About 1, with that relative spread. */
static inline double fixture_noise(fixture *f, double spread)
{
    return 1 + spread * (fixture_random(f) + fixture_random(f) + fixture_random(f) - 1.5) * 1.4;
}

static inline atl_span fixture_span(double wall_ms, double cpu_ms)
{
    return (atl_span){(int64_t)(wall_ms * 1e6), (int64_t)(cpu_ms * 1e6)};
}

static inline void fixture_add_evidence(atl_study_window *w, const char *name, const char *unit, double value,
                                        const char *why)
{
    atl_evidence *e = &w->evidence[w->n_evidence++];
    snprintf(e->name, sizeof e->name, "%s", name);
    snprintf(e->unit, sizeof e->unit, "%s", unit);
    snprintf(e->why, sizeof e->why, "%s", why);
    e->value = value;
}

/* How much longer a picture takes with n workers: a ceiling at 16 of bf16's, almost none of fp32's. */
static inline double fixture_slowdown(const char *policy, double n)
{
    return strcmp(policy, "bf16") == 0 ? pow(1 + pow(n / 16, 4), 0.25) : 1 + 0.0006 * (n - 1);
}

static inline void fixture_fill(fixture *f, atl_study_window *w)
{
    const atl_study_config *c = &w->config;
    const bool bf16 = strcmp(c->policy, "bf16") == 0;
    const double load = c->workers * c->threads + 5.0 * c->corunners,
                 slow = fixture_slowdown(c->policy, load) * fixture_noise(f, 0.02);
    const double unet = (bf16 ? 2100 : 12100) * slow / pow(c->threads, 0.8),
                 vae = (bf16 ? 520 : 1100) * (0.7 + 0.3 * slow);
    const double text = 46 * (0.4 + 0.6 * slow), png = 38 * fixture_noise(f, 0.004);
    w->stage[ATL_STAGE_TOKENIZE] = fixture_span(0.08, 0.08);
    w->stage[ATL_STAGE_TEXT_ENCODE] = fixture_span(text, text * 0.99);
    w->stage[ATL_STAGE_UNET] = fixture_span(unet, unet * 0.992);
    w->stage[ATL_STAGE_VAE_DECODE] = fixture_span(vae, vae * 0.99);
    w->stage[ATL_STAGE_PNG_ENCODE] = fixture_span(png, png * 0.995);
    w->stage[ATL_STAGE_SEND] = fixture_span(0.6, 0.4);
    w->unet_step = fixture_span(unet / 20, unet / 20 * 0.992);
    const double job = text + unet + vae + png + 0.7;
    w->job_ms_p50 = job;
    w->job_ms_p90 = job * 1.03 * fixture_noise(f, 0.01);
    w->job_ms_p99 = job * 1.09 * fixture_noise(f, 0.02);
    w->images_per_hour = c->workers * 3.6e6 / job * (c->probe ? 0.994 : 1);
    w->length_s = fmax(20, 2.5 * job / 1000);
    w->images = w->images_per_hour * w->length_s / 3600;
    w->n_jobs = (int)w->images;
    w->cpu_share = 0.992 * fixture_noise(f, 0.003);
    w->worker_pss_mb = (bf16 ? 310 : 480) * fixture_noise(f, 0.01);
    w->n_alive = c->workers;
    w->pss_mb = (bf16 ? 2050 : 4100) + c->workers * w->worker_pss_mb;
    w->probe_gbps = c->probe ? 12.4 / (0.6 + 0.4 * slow * slow) : NAN;
    w->probe_ns = c->probe ? 92 * (0.75 + 0.25 * slow * slow) : NAN;
    w->same_pixels = true;
    fixture_add_evidence(w, "memory_bandwidth", "GB/s", (bf16 ? 12.6 : 4.1) * c->workers / slow, "");
    fixture_add_evidence(w, "ipc", "", NAN, "perf_event_open: Permission denied (EACCES)");
    fixture_add_evidence(w, "llc_misses", "1/s", NAN, "perf_event_open: Permission denied (EACCES)");
    fixture_add_evidence(w, "frequency_cpufreq", "GHz", 3.1 - 0.004 * c->workers, "");
    fixture_add_evidence(w, "energy_image", "J/image", NAN,
                         "/sys/class/powercap/intel-rapl:0/energy_uj: Permission denied (EACCES)");
    fixture_add_evidence(w, "run_delay", "%", 0.2 + 0.01 * c->workers, "");
    fixture_add_evidence(w, "psi_memory_some", "%", 0, "");
    fixture_add_evidence(w, "steal", "%", 0, "");
    fixture_add_evidence(w, "faults_minor", "1/s", 41.0 * c->workers, "");
    fixture_add_evidence(w, "group_throttled", "1", 0, "");
}

static inline void fixture_window(fixture *f, const char *policy, int workers, int threads, int round,
                                  bool probe, int corunners, bool flawed)
{
    atl_study_window *w = &f->study.windows[f->study.n_windows];
    for (int attempt = 1; attempt <= (flawed ? 2 : 1) && f->study.n_windows < FIXTURE_MAX_WINDOWS;
         attempt++) {
        w = &f->study.windows[f->study.n_windows];
        *w = (atl_study_window){.sequence = (int)f->study.n_windows++,
                                .round = round,
                                .attempt = attempt,
                                .config = {.order = "scatter",
                                           .workers = workers,
                                           .threads = threads,
                                           .corunners = corunners,
                                           .probe = probe}};
        snprintf(w->config.policy, sizeof w->config.policy, "%s", policy);
        fixture_fill(f, w);
        w->valid = !flawed || attempt == 2;
        if (!w->valid) {
            w->images_per_hour *= 0.8;
            w->cpu_share = 0.93;
            snprintf(
                w->flaws, sizeof w->flaws,
                "CPU time is 93 %% of wall time (97 %% wanted); another process took 6.4 %% of the machine");
        }
        w->begun_s = f->clock_s;
        w->begun_ns = (int64_t)((1000 + f->clock_s) * 1e9);
        f->clock_s += w->length_s + 4;
    }
}

static inline void fixture_round(fixture *f, const char *policy, int threads, int round)
{
    for (int i = 0; i < FIXTURE_N_COUNTS; i++)
        if (fixture_counts[i] * threads <= 64)
            fixture_window(f, policy, fixture_counts[i], threads, round, true, 0,
                           (i * 7 + round * 3) % 17 == 2);
    fixture_window(f, policy, 1, threads, round, true, 0, false);
    if (threads > 1)
        return;
    fixture_window(f, policy, 1, threads, round, false, 0, false);
    fixture_window(f, policy, 64, threads, round, false, 0, false);
    for (int k = 1; k <= 16; k *= 2)
        fixture_window(f, policy, 1, threads, round, false, k, false);
}

static inline char *fixture_copy(const char *s)
{
    return strdup(s);
}

/* Two clusters of 32 cores, each with two hardware threads: CPU n and n + 64. */
static inline char *fixture_cores(void)
{
    char *map = calloc(1, 1024), *at = map;
    for (int i = 0; i < 64; i++)
        at += sprintf(at, "%s%d,%d", i == 0 ? "" : i == 32 ? " | " : " ", i, i + 64);
    return map;
}

/* From one cluster to the other, a core or two each. */
static inline char *fixture_seats(int threads)
{
    char *seats = calloc(1, 1024), *at = seats;
    for (int k = 0; k < 64 / threads; k++) {
        const int first = k / 2 * threads + k % 2 * 32;
        at += threads == 1 ? sprintf(at, "%s%d", k ? " " : "", first)
                           : sprintf(at, "%s%d-%d", k ? " " : "", first, first + threads - 1);
    }
    return seats;
}

static inline void fixture_head(atl_study_head *h)
{
    h->command =
        fixture_copy("atelier study prompts.txt -m sd15 --policy bf16,fp32 --threads 1,2 -o \"a <b> & c\"");
    h->version = fixture_copy("0.1.0");
    h->commit = fixture_copy("0123456789abcdef");
    h->compiler = fixture_copy("gcc 12.2.0");
    h->flags = fixture_copy("-O3 -DNDEBUG");
    h->machine = fixture_copy("a made-up machine");
    h->cpu_model = fixture_copy("Imaginary 64-Core Processor @ 3.10GHz");
    h->kernel = fixture_copy("Linux 6.1.0");
    h->isa = fixture_copy("avx512_bf16");
    h->model_name = fixture_copy("a made-up model");
    h->model_hash = fixture_copy("6ce0161689");
    h->prompts_sha256 = fixture_copy("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    h->started = fixture_copy("2025-02-03T04:05:06+00:00");
    h->n_cores = 64;
    h->n_numa_nodes = 2;
    h->quota_cpus = NAN;
    h->memory_gb = 503.6;
    h->width = h->height = 512;
    h->n_steps = 20;
    h->n_unet_calls = 21;
    h->cores = fixture_cores();
    for (int threads = 1; threads <= 2; threads++) {
        h->seating[h->n_seatings] = (atl_study_seating){.threads = threads, .cpus = fixture_seats(threads)};
        snprintf(h->seating[h->n_seatings++].order, sizeof h->seating->order, "scatter");
    }
    h->guidance_scale = 7.5;
    h->seed = 20250203;
    h->rounds = FIXTURE_ROUNDS;
    h->window_s = 20;
    h->ceilings = (atl_study_ceilings){13.1, 182, 88, 210, NAN, "bf16"};
    h->n_quality = 2;
    h->quality[0] = (atl_study_quality){"fp32", 16, NAN, 1, 7.41, 0};
    h->quality[1] = (atl_study_quality){"bf16", 16, 41.7, 0.9962, 7.41, 23};
    h->n_warnings = 1;
    h->warnings = calloc(1, sizeof *h->warnings);
    h->warnings[0] = fixture_copy("The figures are made up: they try out the report, and are of no machine.");
}

/* bf16 with one thread saturates at 16 cores, however they are used; fp32 is linear. */
static inline void fixture_make(fixture *f)
{
    *f = (fixture){.state = 7};
    fixture_head(&f->study.head);
    f->study.windows = calloc(FIXTURE_MAX_WINDOWS, sizeof *f->study.windows);
    fixture_window(f, "bf16", 1, 1, -1, true, 0, false);
    for (int round = 0; round < FIXTURE_ROUNDS; round++) {
        fixture_round(f, "bf16", 1, round);
        fixture_round(f, "bf16", 2, round);
        fixture_round(f, "fp32", 1, round);
    }
}

/* A comparison on 16 cores: six rounds of a batch of 64 pictures by each W × T. */
static inline void fixture_compare(fixture *f)
{
    static const int setups[][2] = {{1, 1}, {16, 1}, {8, 2}, {4, 4}, {2, 8}, {1, 16}};
    static const char *const policies[] = {"fp32", "bf16"};
    *f = (fixture){.state = 11};
    fixture_head(&f->study.head);
    f->study.head.n_cores = 16;
    f->study.windows = calloc(FIXTURE_MAX_WINDOWS, sizeof *f->study.windows);
    for (int round = 0; round < 6; round++)
        for (int p = 0; p < 2; p++)
            for (int i = 0; i < 6; i++) {
                fixture_window(f, policies[p], setups[i][0], setups[i][1], round, false, 0,
                               round == 2 && i == 3);
                atl_study_window *w = &f->study.windows[f->study.n_windows - 1];
                w->images = w->n_jobs = 64;
                w->length_s = 64 * 3600 / w->images_per_hour;
            }
}

static inline void fixture_done(fixture *f)
{
    atl_study_done(&f->study);
}

#endif
