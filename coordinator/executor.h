/* executor.h - pictures from a pool of worker processes, in the manner of Python's
 * concurrent.futures.ProcessPoolExecutor.
 *
 *     atl_executor_open(&options, &executor, &note);
 *     atl_executor_submit(executor, &job, &future, &note);   // at once, or when the queue has room
 *     atl_future_wait(future, -1);                           // done, failed or cancelled
 *     const atl_result *result = atl_future_result(future);  // PNG bytes, digest, timings
 *     atl_future_release(&future);
 *     atl_executor_shutdown(&executor, true, false);
 *
 * Workers are processes pinned by the plan; a crashed worker costs at most its own attempt, never the pool:
 * the job is painted again, to the same bytes. One thread inside owns the socket, the processes and the
 * dispatch; every function here may be called from any thread. The command line uses nothing else. */
#ifndef ATL_COORDINATOR_EXECUTOR_H
#define ATL_COORDINATOR_EXECUTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "coordinator/placement.h"
#include "schemas/job.h"

typedef struct atl_executor atl_executor;
typedef struct atl_future atl_future;

typedef enum atl_worker_phase {
    ATL_WORKER_STARTING,
    ATL_WORKER_READY,
    ATL_WORKER_PAINTING,
    ATL_WORKER_LOST,
    ATL_WORKER_ASIDE,
    ATL_WORKER_GONE
} atl_worker_phase;

/* What the pool tells while it works: for progress lines, ledgers and logs. Called from the executor's own
 * thread: do not block, do not call the executor. */
typedef enum atl_pool_event_type {
    ATL_POOL_WORKER,     /* worker changed its phase; `text` says why (signal 9, quarantine, binding got) */
    ATL_POOL_STARTED,    /* job, attempt, worker */
    ATL_POOL_STEP,       /* job, worker, step of n_steps; not each: see step_every_ms */
    ATL_POOL_LEASE_LOST, /* job, attempt, worker, put_back; `text` says why */
    ATL_POOL_DROPPED,    /* a late or duplicate result was dropped */
} atl_pool_event_type;

typedef struct atl_pool_event {
    atl_pool_event_type type;
    uint32_t worker;
    atl_worker_phase phase;
    uint64_t index; /* of the job */
    atl_job_id job;
    uint32_t attempt;
    int step, n_steps;
    bool put_back; /* the worker left in good order, and had not begun it: nothing was lost */
    const char *text;
} atl_pool_event;

/* A place for packed weights that outlives a pool: pools that are opened with it, one after the other or at
 * once, pack once and share the copy, whatever their workers, threads and order. It belongs to the model,
 * variant and policy of the first of them. From any thread; closed by whoever opened it, also while pools
 * still use it. */
typedef struct atl_weights_file atl_weights_file;
/* Errors: ATL_IO (the system has no memfd), ATL_NO_MEMORY. */
atl_status atl_weights_file_open(atl_weights_file **ret, atl_note *note);
void atl_weights_file_close(atl_weights_file **file);
size_t atl_weights_file_bytes(const atl_weights_file *file); /* what it takes in memory; 0: nothing yet */

typedef struct atl_executor_options {
    const char *model, *variant, *policy; /* as atl_engine_options */
    const char *pack_cache;               /* as atl_engine_options; NULL: none */
    const char *tokenizer_dir, *lora_dir;
    const char *networks;       /* as atl_engine_options: what workers may open; or NULL */
    const char *worker_program; /* the `atelier` binary; NULL: this program, if it is called so; else the one
                                   that was installed with the library; else $PATH's */
    const char *const *worker_args; /* further arguments, NULL-terminated; or NULL */
    int n_workers, n_threads;       /* 0: auto, 1 */
    atl_order order;
    const char *cpus;                  /* or NULL */
    size_t shared_bytes, worker_bytes; /* atl_engine_memory's: so that auto takes no more workers than memory
                                          holds; 0: unknown */
    bool bind;                         /* pin workers to their slots */
    bool reserve_core; /* keep a core free of workers (coordinator/placement.h) and bind the pool's threads to
                          it, and until shutdown the thread that opens the pool; needs bind */
    int batch_size;    /* micro-batch: equal-sized jobs that share the denoiser's calls; 0 means 1 */
    int credit;        /* jobs a worker may hold; 0 means 2 (or 2 × batch_size) */
    size_t queue_limit; /* jobs submitted and not taken up yet; submit blocks beyond it. 0: 4 × workers ×
                           credit */
    int max_attempts;   /* 0: 3 */
    int64_t start_patience_ns, silence_patience_ns, compute_patience_ns; /* 0: 10 min, 5 s, 10 min */
    atl_weights_file *weights; /* where the packed weights are, or will be; NULL: the pool's own place */
    int step_every_ms; /* how often ATL_POOL_STEP is told, at most: the pool looks as often how far the
                          workers are. 0: 500; below 0: never */
    int nudge_fd; /* a non-blocking eventfd or pipe, for what signal handlers tell: when it is readable it
                     is read, and atl_executor_gather returns. Given one, that also returns when a worker's
                     phase changed or a lease was lost. 0: none */
    void (*on_event)(void *user, const atl_pool_event *event);
    void *user;
} atl_executor_options;

/* Places the workers and starts them; returns before they are ready. What is borrowed by `options` is copied.
 * Errors: ATL_USAGE (a plan that cannot be, a core reserved where nothing is bound, `weights` of another
 * model), ATL_NOT_FOUND (nothing is at the model's path), ATL_IO, ATL_NO_MEMORY. A model that is there and
 * bad shows later: see submit. */
atl_status atl_executor_open(const atl_executor_options *options, atl_executor **ret, atl_note *note);
const atl_plan *atl_executor_plan(const atl_executor *executor);

/* Copies the job; where its id is all zero, the copy gets the one that follows from its content. Blocks while
 * the queue is full. ret_future NULL: the future is whose atl_executor_next_completed gives it out. Either
 * way there is one atl_future_release for each submit. Errors: ATL_CANCELLED (the pool drains, or every
 * worker was set aside; the note says why), what kept the workers from starting (a bad model: ATL_BAD_INPUT,
 * ATL_UNSUPPORTED, …), ATL_NO_MEMORY. */
atl_status atl_executor_submit(atl_executor *executor, const atl_job *job, atl_future **ret_future,
                               atl_note *note);
/* submit for each of n jobs; on failure none of the futures stays. */
atl_status atl_executor_map(atl_executor *executor, const atl_job *jobs, size_t n, atl_future **ret_futures,
                            atl_note *note);

typedef enum atl_future_state {
    ATL_FUTURE_PENDING, /* in the queue: it can be cancelled */
    ATL_FUTURE_RUNNING, /* taken up for a worker, as concurrent.futures means it: it cannot */
    ATL_FUTURE_DONE,
    ATL_FUTURE_FAILED,
    ATL_FUTURE_CANCELLED
} atl_future_state;

typedef struct atl_result {
    uint64_t index;
    atl_job_id job;
    uint32_t attempt, worker;
    const uint8_t *png;
    size_t png_bytes;
    uint8_t pixel_digest[32];
    int width, height;
    const char *settings; /* the infotext in the PNG */
    atl_job_timings timings;
    int64_t queued_ns, transfer_ns; /* from submit to the worker's start; from the worker's send to here */
    atl_status status;              /* FAILED, CANCELLED: why */
    bool poison;                    /* FAILED: it ended attempt after attempt, on different workers */
    atl_note note;
} atl_result;

atl_future_state atl_future_peek(const atl_future *future);
/* True when it ended; timeout_ms < 0 waits for ever. */
bool atl_future_wait(atl_future *future, int timeout_ms);
const atl_result *atl_future_result(const atl_future *future); /* NULL until it ended; the future's */
/* True if it will not be painted: it had not been sent to a worker yet. */
bool atl_future_cancel(atl_future *future);
void atl_future_release(atl_future **future);

/* Waits until one (all = false) or all of them ended; returns how many have. */
size_t atl_executor_wait(atl_executor *executor, atl_future *const *futures, size_t n, bool all,
                         int timeout_ms);
/* The next future that ended and was not given out by this function before, of all that were submitted; NULL
 * after timeout_ms, or when there is none in flight. */
atl_future *atl_executor_next_completed(atl_executor *executor, int timeout_ms);
/* Waits until n futures ended that the function before would give out, or none is in flight, or a nudge came
 * (nudge_fd); returns how many there are. For who takes results by the group: being woken for each of them
 * costs more than taking it. One caller at a time. */
size_t atl_executor_gather(atl_executor *executor, size_t n, int timeout_ms);

/* From now on workers 0 … n - 1 alone take up jobs; n is brought into 1 … the plan's. The others stay: they
 * finish what they began, give back what they did not, then sleep with their weights mapped, ready for a
 * higher limit (counts.n_beyond says how much they still hold, once the pool knows the limit). Where all
 * workers below the limit were set aside the pool is stuck, as if there were no others. */
void atl_executor_limit(atl_executor *executor, uint32_t n);
/* Stops handing out jobs; workers keep what they hold. */
void atl_executor_pause(atl_executor *executor, bool pause);
/* Returns at once: what no worker has begun is cancelled, what is being painted is finished, then the workers
 * leave. Futures go on ending; submit is refused. For a first Ctrl-C; the second is shutdown(false). */
void atl_executor_drain(atl_executor *executor);
/* Ends the pool and waits for that. wait: first paint what was submitted (cancel_pending: only what is being
 * painted, as drain does); otherwise kill. NULLs the pointer; futures stay valid until released. */
void atl_executor_shutdown(atl_executor **executor, bool wait, bool cancel_pending);

/* What the pool did so far. */
typedef struct atl_pool_counts {
    uint64_t submitted, done, failed, cancelled;
    uint64_t lost;     /* leases that ended with their worker, */
    uint64_t put_back; /* or with one that left in good order and had not begun them */
    uint64_t dropped;  /* late or duplicate results */
    uint64_t foreign;  /* messages of another run, of no worker of this pool, or malformed */
    uint64_t spawned;  /* processes */
    int n_ready;       /* workers that could paint now */
    size_t n_beyond;   /* jobs that workers at or beyond the limit hold */
} atl_pool_counts;
atl_pool_counts atl_executor_counts(atl_executor *executor);

/* The process that is worker w now; 0: there is none. For monitors: it may end at any time. */
int64_t atl_executor_worker_pid(atl_executor *executor, uint32_t w);

/* PSS of the pool's processes, bytes, 0 where the system does not say; the sum is returned. */
size_t atl_executor_pss_bytes(atl_executor *executor, size_t *ret_each, size_t n_each);

#endif
