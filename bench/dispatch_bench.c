/* dispatch_bench.c - how fast the machinery is, without the painting: jobs and bytes through a pool of fake
 * workers (tests/process/fake_engine.c).
 *
 *     dispatch_bench [WORKERS [SECONDS]]
 *
 * Tiny jobs: a picture of 8 × 8 px and a PNG of 192 bytes, credit 4. Large ones: a PNG of 1 MB, made from
 * nothing. Each is submitted and collected by one thread, as a run does it. tools/peers/pool_executor.py does
 * the same with Python's ProcessPoolExecutor. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "coordinator/executor.h"

enum {
    WARM_UP_JOBS = 200,
    DEFAULT_WORKERS = 2,
    DEFAULT_SECONDS = 3,
    CREDIT = 4,
    QUEUE = 64,
    MOST_IN_FLIGHT = 48
};

static void die(const atl_note *note)
{
    fprintf(stderr, "dispatch_bench: %s\n", note->text);
    exit(1);
}

/* Takes one future back, waiting for it. */
static void collect(atl_executor *pool, size_t *bytes)
{
    atl_future *future = atl_executor_next_completed(pool, -1);
    if (!future || atl_future_peek(future) != ATL_FUTURE_DONE) {
        fprintf(stderr, "dispatch_bench: a job was not painted\n");
        exit(1);
    }
    *bytes += atl_future_result(future)->png_bytes;
    atl_future_release(&future);
}

typedef struct rate {
    double jobs_per_s, megabytes_per_s, own_cpu_us;
} rate;

/* Keeps MOST_IN_FLIGHT jobs with the pool until the time is over, and until all of them are back. */
static rate drive(atl_executor *pool, char *prompt, size_t least_jobs, int64_t for_ns)
{
    const int64_t begun_ns = atl_clock_now_ns(), begun_cpu_ns = atl_clock_process_cpu_ns();
    size_t submitted = 0, collected = 0, bytes = 0;
    atl_note note = {0};
    while (collected < submitted || submitted < least_jobs || atl_clock_now_ns() - begun_ns < for_ns) {
        const bool more = submitted < least_jobs || atl_clock_now_ns() - begun_ns < for_ns;
        if (more && submitted - collected < MOST_IN_FLIGHT) {
            const atl_job job = {.index = submitted, .prompt = prompt, .seed = submitted};
            if (atl_executor_submit(pool, &job, NULL, &note) != ATL_OK)
                die(&note);
            submitted++;
            continue;
        }
        collect(pool, &bytes);
        collected++;
    }
    const double s = atl_ns_to_s(atl_clock_now_ns() - begun_ns);
    const double cpu_s = atl_ns_to_s(atl_clock_process_cpu_ns() - begun_cpu_ns);
    return (rate){.jobs_per_s = (double)collected / s,
                  .megabytes_per_s = (double)bytes / 1e6 / s,
                  .own_cpu_us = cpu_s * 1e6 / (double)collected};
}

static void measure(int n_workers, int64_t for_ns, const char *what, char *prompt)
{
    const atl_executor_options options = {.model = FAKE_WORKER, /* any file */
                                          .worker_program = FAKE_WORKER,
                                          .n_workers = n_workers,
                                          .credit = CREDIT,
                                          .queue_limit = QUEUE};
    atl_executor *pool = NULL;
    atl_note note = {0};
    if (atl_executor_open(&options, &pool, &note) != ATL_OK)
        die(&note);
    drive(pool, prompt, WARM_UP_JOBS, 0);
    const rate r = drive(pool, prompt, 0, for_ns);
    printf(
        "%-14s %d workers, credit %d: %8.0f results/s, %7.1f MB/s, %6.1f us of the coordinator's CPU each\n",
        what, n_workers, CREDIT, r.jobs_per_s, r.megabytes_per_s, r.own_cpu_us);
    atl_executor_shutdown(&pool, true, false);
}

int main(int argc, char **argv)
{
    const int n_workers = argc > 1 ? atoi(argv[1]) : DEFAULT_WORKERS;
    const int64_t for_ns = (argc > 2 ? atoi(argv[2]) : DEFAULT_SECONDS) * (int64_t)1000000000;
    char tiny[] = "", large[] = "bytes 1000000";
    measure(n_workers, for_ns, "tiny", tiny);
    measure(n_workers, for_ns, "one megabyte", large);
    return 0;
}
