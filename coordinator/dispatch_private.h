/* dispatch_private.h - between the files of dispatch: its two tables, and what each file does to them. */
#ifndef ATL_COORDINATOR_DISPATCH_PRIVATE_H
#define ATL_COORDINATOR_DISPATCH_PRIVATE_H

#include "coordinator/dispatch.h"

enum { MAX_TRIED = 8, N_INTERVALS = 31 };

typedef enum worker_state {
    WORKER_DOWN,     /* no process */
    WORKER_STARTING, /* spawned, not READY yet */
    WORKER_READY,
    WORKER_DYING, /* killed, or told to go: WORKER_LOST will follow */
    WORKER_ASIDE, /* not to be started again */
} worker_state;

typedef struct atl_dispatch_worker {
    worker_state state;
    bool spoke;      /* since it was spawned */
    uint32_t n_held; /* jobs sent and not answered */
    bool alone;      /* it holds a job that ended badly before, and gets no other beside it */
    uint32_t failures_in_row;
    uint32_t respawns; /* since it last painted something */
    int64_t spawned_ns, heard_ns;
    int64_t compute_ns; /* when its compute thread last gave a sign, or was last given work */
} atl_dispatch_worker;

typedef enum job_phase { JOB_WAITING, JOB_LEASED } job_phase;

typedef struct atl_dispatch_job {
    uint64_t job;
    job_phase phase;
    bool started;
    bool recalled;      /* under this lease: once is enough */
    uint32_t attempt;   /* of the current or last lease, from 1 */
    uint32_t n_failed;  /* attempts that ended badly */
    uint32_t n_unlucky; /* of these, from outside */
    uint32_t worker;
    uint64_t token;
    uint64_t sent;             /* count of leases when it was sent: workers take jobs up in this order */
    uint32_t tried[MAX_TRIED]; /* different workers on which it ended badly */
    uint32_t n_tried;
} atl_dispatch_job;

struct atl_dispatch {
    atl_dispatch_options options;
    atl_dispatch_worker *workers;
    uint32_t n_active; /* only workers below it get jobs */
    atl_dispatch_job *jobs;
    size_t n_jobs, jobs_capacity;
    atl_action *actions;
    size_t first_action, n_actions, actions_capacity;
    uint64_t random;
    bool pulling, none_yet, batch_ended, paused, draining, finished, stuck;
    int64_t intervals_ns[N_INTERVALS]; /* between beats, the latest */
    size_t n_intervals, next_interval;
    atl_dispatch_counts counts;
};

/* Queues an action; there is room, as atl_dispatch_event reserved it. */
void atl_dispatch_act(atl_dispatch *d, atl_action action);

/* ---- dispatch_workers.c: processes, and for how long they may be silent ---- */
void atl_dispatch_spawn(atl_dispatch *d, uint32_t w, int64_t now_ns);
/* Of one that was silent for too long. */
void atl_dispatch_kill_worker(atl_dispatch *d, uint32_t w, int64_t now_ns);
void atl_dispatch_set_aside(atl_dispatch *d, uint32_t w, atl_aside_reason reason);
bool atl_dispatch_any_alive(const atl_dispatch *d);
void atl_dispatch_on_seen(atl_dispatch *d, const atl_event *event);
/* Of the first `n_workers`, those that are not set aside. */
uint32_t atl_dispatch_n_usable(const atl_dispatch *d, uint32_t n_workers);
/* How long a compute thread may be silent: ten times the median time between beats, once some are known. */
int64_t atl_dispatch_compute_patience(const atl_dispatch *d);
void atl_dispatch_note_interval(atl_dispatch *d, int64_t ns);
/* When this worker's silence becomes too long; INT64_MAX: never. */
int64_t atl_dispatch_worker_deadline(const atl_dispatch *d, const atl_dispatch_worker *w,
                                     int64_t patience_ns);

/* ---- dispatch_attempts.c: leases that end ---- */
/* The job whose current lease the event speaks of, or NULL: late, duplicate or foreign. */
atl_dispatch_job *atl_dispatch_find_lease(atl_dispatch *d, const atl_event *event);
void atl_dispatch_end_job(atl_dispatch *d, atl_dispatch_job *job);
bool atl_dispatch_has_tried(const atl_dispatch_job *job, uint32_t w);
/* An attempt ended badly. Either the job waits for another one or it is given up: after enough attempts, on
 * enough different workers. */
void atl_dispatch_fail_attempt(atl_dispatch_job *job, bool from_outside);
bool atl_dispatch_is_poison(const atl_dispatch *d, const atl_dispatch_job *job);
/* Whether the job's next attempt has to be on a worker that has not tried it: the last one, if it is to have
 * been on enough of them. */
bool atl_dispatch_must_move(const atl_dispatch *d, const atl_dispatch_job *job);
void atl_dispatch_give_up(atl_dispatch *d, atl_dispatch_job *job, atl_fail_reason reason);
/* Takes every lease of a worker back. What was taken up counts as an attempt, what only waited there does
 * not. `end` is the worker's, or NULL: nothing is held against a job. */
void atl_dispatch_take_back(atl_dispatch *d, uint32_t w, const atl_event *end);

/* ---- dispatch_hand_out.c: who gets what ---- */
size_t atl_dispatch_n_waiting(const atl_dispatch *d);
/* Asks workers at or beyond the limit for what they may not have taken up. */
void atl_dispatch_recall_beyond(atl_dispatch *d);
/* What follows from the state as it is now; called after every event. */
void atl_dispatch_settle(atl_dispatch *d, int64_t now_ns);

#endif
