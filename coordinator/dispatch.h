/* dispatch.h - who paints what: a pure state machine. Events in, actions out; no socket, no clock, no file.
 *
 * The executor reports what happened, with the time; dispatch answers with what to do. Every job ends exactly
 * once: DONE or FAILED. All memory is bounded by the number of jobs in flight (credit × workers) plus those
 * that wait to be painted again: the batch is pulled from, never held. Tested with 10^5 seeded event streams.
 */
#ifndef ATL_COORDINATOR_DISPATCH_H
#define ATL_COORDINATOR_DISPATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef struct atl_dispatch atl_dispatch;

typedef struct atl_dispatch_options {
    uint32_t n_workers;
    uint32_t credit;            /* jobs a worker may hold: 2 is one painting and one waiting */
    uint32_t max_attempts;      /* 3 */
    uint32_t max_unlucky;       /* 9: further attempts that may end from outside before a job is given up all
                                   the same; nothing is tried for ever */
    uint32_t min_workers_tried; /* 2: a job is poison only if that many different workers failed it (or there
                                   are fewer) */
    uint32_t quarantine_failures; /* a worker that fails this many jobs in a row without one success is set
                                     aside */
    uint32_t max_respawns;        /* of one worker, until it has painted something again */
    int64_t start_patience_ns;    /* from spawn to READY */
    int64_t silence_patience_ns;  /* without any word from the process; six times that until its first one */
    int64_t compute_patience_ns; /* without a BEAT of the compute thread, until a median time between beats is
                                    known … */
    int64_t compute_floor_ns;    /* … then 10 × that median, but never less than this */
    uint64_t seed;               /* of lease tokens */
} atl_dispatch_options;

typedef enum atl_event_type {
    ATL_EV_BEGIN,         /* once, first: spawns the workers */
    ATL_EV_JOB_AVAILABLE, /* the answer to PULL: job `job` (dispatch's own handle = the batch index) */
    ATL_EV_BATCH_END,     /* the answer to PULL: there are no more */
    ATL_EV_NONE_YET,      /* the answer to PULL: none now; one of the two above will follow */
    ATL_EV_WORKER_READY,
    ATL_EV_JOB_STARTED, /* worker, lease */
    ATL_EV_BEAT,        /* worker, lease */
    ATL_EV_HEARD,       /* worker: any sign of life of the process */
    ATL_EV_SEEN,        /* worker: signs of life that it left, seen now: when it lived, when it computed */
    ATL_EV_RESULT,      /* worker, lease */
    ATL_EV_JOB_FAILED,  /* worker, lease: the worker says so; `fatal_for_job` if no other worker could do
                           better (bad input) */
    ATL_EV_RETURNED,    /* worker, lease: the answer to RECALL: it had not taken the job up */
    ATL_EV_WORKER_LOST, /* worker: its process ended; all that it had sent was reported before */
    ATL_EV_TICK,        /* time passed */
    ATL_EV_PAUSE,
    ATL_EV_RESUME,
    ATL_EV_DRAIN, /* signals */
    ATL_EV_LIMIT, /* from now on only workers below `worker`, at least one, get jobs; the others finish what
                     they began. Where all below it are set aside, the pool is stuck */
} atl_event_type;

typedef struct atl_event {
    atl_event_type type;
    int64_t now_ns;
    uint32_t worker;
    uint64_t job;
    uint32_t attempt;
    uint64_t token;
    const uint64_t
        *suspects;     /* WORKER_LOST: [n_suspects] tokens of the leases that its end is held against, … */
    size_t n_suspects; /* … read for the call. 0: not known; then those that were STARTED */
    int64_t lived_ns, computed_ns; /* SEEN: on this clock, the latest signs; 0: none of that kind */
    const int64_t *steps_ns;       /* SEEN: [n_steps] what steps of its compute thread took, … */
    size_t n_steps;                /* … read for the call */
    bool fatal_for_job;
    bool out_of_memory; /* WORKER_LOST: the system killed it for its memory: it is not started again while
                           others live */
    bool from_outside; /* WORKER_LOST: neither its job nor its memory did it: somebody stopped or killed it */
} atl_event;

typedef enum atl_action_type {
    ATL_DO_PULL,         /* read one more job from the batch, answer JOB_AVAILABLE or BATCH_END */
    ATL_DO_SEND,         /* send job to worker under (attempt, token) */
    ATL_DO_RECALL,       /* ask worker for a job that it may not have taken up, as another one idles or
                            the worker is beyond the limit now */
    ATL_DO_ACCEPT,       /* this result counts: the job is done */
    ATL_DO_DROP,         /* a late or duplicate result: count it, drop it */
    ATL_DO_RECORD_LOST,  /* ledger: LEASE_LOST (job, attempt) */
    ATL_DO_FAIL,         /* ledger: FAIL (job); `reason` says why */
    ATL_DO_SPAWN,        /* start worker's process (again) */
    ATL_DO_KILL,         /* SIGKILL worker's process: `reason` says why; WORKER_LOST will follow */
    ATL_DO_DRAIN_WORKER, /* tell it to finish and go */
    ATL_DO_QUARANTINED,  /* worker was set aside: say so */
    ATL_DO_STUCK,        /* all workers are set aside: stop, keep the queue */
    ATL_DO_FINISHED,     /* every job ended (or everything in flight is safe, after DRAIN) */
} atl_action_type;

typedef enum atl_fail_reason {
    ATL_FAIL_BAD_JOB, /* a worker said that no worker could paint it */
    ATL_FAIL_POISON,  /* it ended too many attempts, on enough different workers */
} atl_fail_reason;

typedef enum atl_aside_reason { ATL_ASIDE_FAILS_ALL, ATL_ASIDE_DIES, ATL_ASIDE_MEMORY } atl_aside_reason;

typedef enum atl_kill_reason {
    ATL_KILL_START,   /* it was not ready in time */
    ATL_KILL_SILENT,  /* no word of the process */
    ATL_KILL_COMPUTE, /* no sign of its compute thread */
    ATL_KILL_ASIDE,   /* it is set aside */
} atl_kill_reason;

typedef struct atl_action {
    atl_action_type type;
    uint32_t worker;
    uint64_t job;
    uint32_t attempt;
    uint64_t token;
    int reason; /* FAIL: an atl_fail_reason; QUARANTINED: an atl_aside_reason; KILL: an atl_kill_reason */
} atl_action;

atl_status atl_dispatch_new(const atl_dispatch_options *options, atl_dispatch **ret, atl_note *note);
void atl_dispatch_free(atl_dispatch **dispatch);
/* Takes one event in; then take actions out until there are none. Errors: ATL_NO_MEMORY. */
atl_status atl_dispatch_event(atl_dispatch *dispatch, const atl_event *event, atl_note *note);
bool atl_dispatch_action(atl_dispatch *dispatch, atl_action *ret);
/* When TICK is due at the latest; INT64_MAX: nothing is waited for. */
int64_t atl_dispatch_deadline_ns(const atl_dispatch *dispatch);

typedef struct atl_dispatch_counts {
    uint64_t pulled, sent, done, failed, lost, dropped, in_flight, waiting;
} atl_dispatch_counts;
atl_dispatch_counts atl_dispatch_count(const atl_dispatch *dispatch);
/* Jobs that workers at or beyond the limit still hold. */
size_t atl_dispatch_n_beyond(const atl_dispatch *dispatch);

#endif
