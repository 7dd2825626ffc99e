/* run.h - a whole run: a batch of prompts into a directory of pictures, with a ledger, so that it can be
 * ended by anything and taken up again.
 *
 * In order: all lines are checked; the directory is opened, and tried; the ledger is locked and replayed;
 * what the run is compared with what the directory holds; then the workers start. A picture's file comes
 * before its record; a record before the next picture is counted. Called from one thread, which also gets
 * every callback.
 */
#ifndef ATL_COORDINATOR_RUN_H
#define ATL_COORDINATOR_RUN_H

#include "batches/batch.h"
#include "coordinator/executor.h"

#define ATL_FAILED_NAME "failed.jsonl"

typedef enum atl_run_phase {
    ATL_RUN_STARTING,
    ATL_RUN_PAINTING,
    ATL_RUN_PAUSED,
    ATL_RUN_DISK_FULL,
    ATL_RUN_DRAINING
} atl_run_phase;

typedef struct atl_run_worker {
    atl_worker_phase phase;
    uint64_t index; /* of the job that it paints */
    int step, n_steps;
    uint64_t n_done; /* in this session */
    char text[256];  /* what it said of itself, or why it is gone */
    char cores[128];
} atl_run_worker;

/* How far a run is; borrowed for the call. */
typedef struct atl_run_view {
    atl_run_phase phase;
    uint64_t n_jobs, n_done, n_failed; /* of the whole run, earlier sessions included */
    uint64_t n_painted, n_in_flight;   /* in this session */
    double elapsed_s;
    double rate_per_min, eta_s; /* NAN: not known yet */
    size_t n_workers;
    const atl_run_worker *workers;
} atl_run_view;

typedef struct atl_run_options {
    const char *dir;                               /* made if it is not there */
    const atl_batch_options *batch;                /* not read by a retry */
    atl_executor_options executor;                 /* on_event and user are the run's own */
    const char *model_name, *model_hash, *version; /* with batch and policy: what a run must agree in */
    bool sync;                                     /* wait for the disk at each picture */
    bool retry;                                    /* paint again what failed, as failed.jsonl has it */
    /* Each may be NULL. */
    void (*networks)(void *user, atl_text *out); /* once all lines are known: those that they ask for, with
                                                    their hashes */
    void (*weigh)(void *user,
                  atl_executor_options *executor); /* once all lines are known: fills in the bytes */
    int (*stops)(void *user);   /* how often a signal asked to stop: 1 drains, 2 ends the workers at once */
    bool (*paused)(void *user); /* hand out nothing while this is true. These two are asked for when
                                   executor.nudge_fd says so; where there is none, four times a second */
    void (*say)(void *user, const char *sentence);
    void (*watch)(void *user, const atl_run_view *view); /* every watch_every_ms, and at the end */
    int watch_every_ms;                                  /* 0: 200 */
    void (*picture)(void *user, const char *name, const uint8_t *png, size_t n_bytes);
    void *user, *weigh_user;
} atl_run_options;

typedef struct atl_run_outcome {
    uint64_t n_jobs, n_done, n_failed; /* of the whole run */
    uint64_t n_painted, n_adopted;     /* in this session */
    bool stopped;                      /* by a signal, with everything in flight safe */
    char summary[2048];                /* a few lines for a person; "" when nothing was ever painted */
} atl_run_outcome;

/* Errors: what the batch says (nothing was started); ATL_USAGE (the directory holds another run, or files of
 * others in the place of pictures, or another process works there), ATL_NOT_FOUND, ATL_IO, ATL_NO_MEMORY,
 * what kept the workers from starting, ATL_CANCELLED (every worker was set aside: the queue is kept). */
atl_status atl_run(const atl_run_options *options, atl_run_outcome *ret_outcome, atl_note *note);

#endif
