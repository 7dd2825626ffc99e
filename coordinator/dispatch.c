/* dispatch.c - see dispatch.h.
 *
 * Two small tables hold everything: workers (fixed), and live jobs (those pulled and not yet ended, at most
 * credit × workers plus what waits for another attempt). A job is WAITING or LEASED to one worker. An event
 * changes the tables, then `settle` hands out what can be handed out; actions queue up until the executor
 * takes them. Memory for all actions of an event is reserved before the event touches anything, so that an
 * event happens whole or not at all. */
#include "coordinator/dispatch.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_TRIED = 8, N_INTERVALS = 31, FIRST_WORD_PATIENCES = 6 };

typedef enum worker_state {
    WORKER_DOWN,     /* no process */
    WORKER_STARTING, /* spawned, not READY yet */
    WORKER_READY,
    WORKER_DYING, /* killed, or told to go: WORKER_LOST will follow */
    WORKER_ASIDE, /* not to be started again */
} worker_state;

typedef struct worker {
    worker_state state;
    bool spoke;      /* since it was spawned */
    uint32_t n_held; /* jobs sent and not answered */
    bool alone;      /* it holds a job that ended badly before, and gets no other beside it */
    uint32_t failures_in_row;
    uint32_t respawns; /* since it last painted something */
    int64_t spawned_ns, heard_ns;
    int64_t compute_ns; /* when its compute thread last gave a sign, or was last given work */
} worker;

typedef enum job_phase { JOB_WAITING, JOB_LEASED } job_phase;

typedef struct live_job {
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
} live_job;

struct atl_dispatch {
    atl_dispatch_options options;
    worker *workers;
    uint32_t n_active; /* only workers below it get jobs */
    live_job *jobs;
    size_t n_jobs, jobs_capacity;
    atl_action *actions;
    size_t first_action, n_actions, actions_capacity;
    uint64_t random;
    bool pulling, none_yet, batch_ended, paused, draining, finished, stuck;
    int64_t intervals_ns[N_INTERVALS]; /* between beats, the latest */
    size_t n_intervals, next_interval;
    atl_dispatch_counts counts;
};

/* ---- small things ---- */

static void act(atl_dispatch *d, atl_action action)
{
    d->actions[d->n_actions++] = action; /* reserved by reserve() */
}

/* SplitMix64 (Steele, Lea & Flood 2014): tokens need to differ, not to be secret. */
static uint64_t next_token(atl_dispatch *d)
{
    uint64_t z = d->random += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static live_job *find_job(atl_dispatch *d, uint64_t job)
{
    for (size_t i = 0; i < d->n_jobs; i++)
        if (d->jobs[i].job == job)
            return &d->jobs[i];
    return NULL;
}

/* The job whose current lease the event speaks of, or NULL: late, duplicate or foreign. */
static live_job *find_lease(atl_dispatch *d, const atl_event *event)
{
    live_job *job = find_job(d, event->job);
    const bool current = job && job->phase == JOB_LEASED && job->worker == event->worker &&
                         job->attempt == event->attempt && job->token == event->token;
    return current ? job : NULL;
}

static void end_job(atl_dispatch *d, live_job *job)
{
    *job = d->jobs[--d->n_jobs];
}

static bool has_tried(const live_job *job, uint32_t w)
{
    for (uint32_t i = 0; i < job->n_tried; i++)
        if (job->tried[i] == w)
            return true;
    return false;
}

static bool alive(const worker *w)
{
    return w->state == WORKER_STARTING || w->state == WORKER_READY || w->state == WORKER_DYING;
}

/* Of the first `n_workers`. */
static uint32_t n_usable(const atl_dispatch *d, uint32_t n_workers)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < n_workers; i++)
        n += d->workers[i].state != WORKER_ASIDE;
    return n;
}

/* Room for every action that one event can cause: a few for each worker and each job, and one new job. */
static bool reserve(atl_dispatch *d)
{
    if (d->first_action > 0) {
        memmove(d->actions, d->actions + d->first_action,
                (d->n_actions - d->first_action) * sizeof *d->actions);
        d->n_actions -= d->first_action;
        d->first_action = 0;
    }
    const size_t need = d->n_actions + 4 * (size_t)d->options.n_workers + 3 * (d->n_jobs + 1) + 8;
    if (need > d->actions_capacity) {
        atl_action *actions = realloc(d->actions, 2 * need * sizeof *actions);
        if (!actions)
            return false;
        d->actions = actions;
        d->actions_capacity = 2 * need;
    }
    if (d->n_jobs == d->jobs_capacity) {
        const size_t capacity = d->jobs_capacity ? 2 * d->jobs_capacity : 16;
        live_job *jobs = realloc(d->jobs, capacity * sizeof *jobs);
        if (!jobs)
            return false;
        d->jobs = jobs;
        d->jobs_capacity = capacity;
    }
    return true;
}

/* ---- workers ---- */

static void spawn(atl_dispatch *d, uint32_t w, int64_t now_ns)
{
    d->workers[w].state = WORKER_STARTING;
    d->workers[w].spoke = false;
    d->workers[w].spawned_ns = d->workers[w].heard_ns = now_ns;
    act(d, (atl_action){.type = ATL_DO_SPAWN, .worker = w});
}

/* When a worker of which nothing more is heard is silent for too long. Until its first word the system loads
 * its program, which takes longer than it may stay silent later. */
static int64_t silent_from(const atl_dispatch *d, const worker *w)
{
    return w->heard_ns + d->options.silence_patience_ns * (w->spoke ? 1 : FIRST_WORD_PATIENCES);
}

static void kill_worker(atl_dispatch *d, uint32_t w, int64_t now_ns)
{
    const worker *late = &d->workers[w];
    const int reason = silent_from(d, late) <= now_ns   ? ATL_KILL_SILENT
                       : late->state == WORKER_STARTING ? ATL_KILL_START
                                                        : ATL_KILL_COMPUTE;
    d->workers[w].state = WORKER_DYING;
    act(d, (atl_action){.type = ATL_DO_KILL, .worker = w, .reason = reason});
}

static void set_aside(atl_dispatch *d, uint32_t w, atl_aside_reason reason)
{
    if (d->workers[w].state == WORKER_READY || d->workers[w].state == WORKER_STARTING)
        act(d, (atl_action){.type = ATL_DO_KILL, .worker = w, .reason = ATL_KILL_ASIDE});
    d->workers[w].state = WORKER_ASIDE;
    act(d, (atl_action){.type = ATL_DO_QUARANTINED, .worker = w, .reason = (int)reason});
}

/* How long a compute thread may be silent: ten times the median time between beats, once some are known. */
static int64_t compute_patience(const atl_dispatch *d)
{
    if (d->n_intervals < 5)
        return d->options.compute_patience_ns;
    int64_t sorted[N_INTERVALS];
    for (size_t i = 0; i < d->n_intervals; i++) { /* insertion sort of at most 31 */
        size_t at = i;
        for (; at > 0 && sorted[at - 1] > d->intervals_ns[i]; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = d->intervals_ns[i];
    }
    const int64_t patience = 10 * sorted[d->n_intervals / 2];
    return patience > d->options.compute_floor_ns ? patience : d->options.compute_floor_ns;
}

static void note_interval(atl_dispatch *d, int64_t ns)
{
    d->intervals_ns[d->next_interval] = ns;
    d->next_interval = (d->next_interval + 1) % N_INTERVALS;
    d->n_intervals += d->n_intervals < N_INTERVALS;
}

/* When this worker's silence becomes too long; INT64_MAX: never. */
static int64_t worker_deadline(const atl_dispatch *d, const worker *w, int64_t patience_ns)
{
    if (w->state != WORKER_STARTING && w->state != WORKER_READY)
        return INT64_MAX;
    const int64_t silent = silent_from(d, w);
    int64_t stuck = w->n_held > 0 ? w->compute_ns + patience_ns : INT64_MAX;
    if (w->state == WORKER_STARTING)
        stuck = w->spawned_ns + d->options.start_patience_ns;
    return silent < stuck ? silent : stuck;
}

/* ---- jobs ---- */

/* An attempt ended badly. Either the job waits for another one or it is given up: after enough attempts, on
 * enough different workers. */
static void fail_attempt(live_job *job, bool from_outside)
{
    job->n_failed++;
    job->n_unlucky += from_outside;
    if (!has_tried(job, job->worker) && job->n_tried < MAX_TRIED)
        job->tried[job->n_tried++] = job->worker;
    job->phase = JOB_WAITING;
}

/* The attempts that count. Those that were ended from outside are not held against a job, up to a number of
 * them: what kills may be the job all the same, where the system does not say so. */
static uint32_t n_counted(const atl_dispatch *d, const live_job *job)
{
    return job->n_failed -
           (job->n_unlucky < d->options.max_unlucky ? job->n_unlucky : d->options.max_unlucky);
}

static uint32_t n_untried(const atl_dispatch *d, const live_job *job)
{
    uint32_t n = 0;
    for (uint32_t w = 0; w < d->n_active; w++)
        n += d->workers[w].state != WORKER_ASIDE && !has_tried(job, w);
    return n;
}

static bool is_poison(const atl_dispatch *d, const live_job *job)
{
    return n_counted(d, job) >= d->options.max_attempts &&
           (job->n_tried >= d->options.min_workers_tried || n_untried(d, job) == 0);
}

/* Whether the job's next attempt has to be on a worker that has not tried it: the last one, if it is to have
 * been on enough of them. */
static bool must_move(const atl_dispatch *d, const live_job *job)
{
    return n_counted(d, job) + 1 >= d->options.max_attempts && job->n_tried > 0 &&
           job->n_tried < d->options.min_workers_tried && n_untried(d, job) > 0;
}

static void give_up(atl_dispatch *d, live_job *job, atl_fail_reason reason)
{
    act(d, (atl_action){.type = ATL_DO_FAIL,
                        .job = job->job,
                        .attempt = job->attempt,
                        .worker = job->worker,
                        .reason = (int)reason});
    d->counts.failed++;
    end_job(d, job);
}

/* The job that a worker took up without our hearing of it: a process may end before its STARTED is on its
 * way, and what kills it so quickly must not be tried for ever. NULL if it holds none, or one that was
 * STARTED. */
static const live_job *first_unheard(const atl_dispatch *d, uint32_t w)
{
    const live_job *first = NULL;
    for (size_t i = 0; i < d->n_jobs; i++) {
        const live_job *job = &d->jobs[i];
        if (job->phase != JOB_LEASED || job->worker != w)
            continue;
        if (job->started)
            return NULL;
        if (!first || job->sent < first->sent)
            first = job;
    }
    return first;
}

/* Takes every lease of a worker back. What was taken up counts as an attempt, what only waited there does
 * not.
 */
static void take_back(atl_dispatch *d, uint32_t w, bool blame, bool from_outside)
{
    const live_job *unheard = first_unheard(d, w);
    for (size_t i = 0; i < d->n_jobs; i++) {
        live_job *job = &d->jobs[i];
        if (job->phase != JOB_LEASED || job->worker != w)
            continue;
        act(d,
            (atl_action){.type = ATL_DO_RECORD_LOST, .job = job->job, .attempt = job->attempt, .worker = w});
        d->counts.lost++;
        if (blame && (job->started || job == unheard))
            fail_attempt(job, from_outside);
        job->phase = JOB_WAITING;
    }
    d->workers[w].n_held = 0;
}

/* ---- handing out ---- */

/* The ready worker with the most free credit: an idle one before one that is painting. -1: none is free. A
 * job that ended badly before is painted alone: whoever dies then, it was that job's attempt and no
 * neighbour's. */
static int freest_worker(const atl_dispatch *d, const live_job *for_job)
{
    int best = -1;
    const bool moves = for_job && must_move(d, for_job);
    for (uint32_t w = 0; w < d->n_active; w++) {
        const worker *candidate = &d->workers[w];
        if (candidate->state != WORKER_READY || candidate->n_held >= d->options.credit)
            continue;
        const bool suspect = for_job && for_job->n_failed > 0;
        if ((candidate->alone || suspect) && candidate->n_held > 0)
            continue;
        if (moves && has_tried(for_job, w))
            continue;
        const bool tried = for_job && has_tried(for_job, w);
        if (tried && best >= 0)
            continue;
        if (best < 0 || candidate->n_held < d->workers[best].n_held ||
            (for_job && has_tried(for_job, (uint32_t)best)))
            best = (int)w;
    }
    return best;
}

static void send(atl_dispatch *d, live_job *job, uint32_t w, int64_t now_ns)
{
    job->phase = JOB_LEASED;
    job->started = job->recalled = false;
    job->attempt++;
    job->worker = w;
    job->token = next_token(d);
    if (d->workers[w].n_held++ == 0)
        d->workers[w].compute_ns = now_ns;
    d->workers[w].alone = job->n_failed > 0;
    job->sent = d->counts.sent++;
    act(d,
        (atl_action){
            .type = ATL_DO_SEND, .worker = w, .job = job->job, .attempt = job->attempt, .token = job->token});
}

static void hand_out_waiting(atl_dispatch *d, int64_t now_ns)
{
    for (size_t i = 0; i < d->n_jobs;) {
        live_job *job = &d->jobs[i];
        if (job->phase == JOB_WAITING && is_poison(d, job)) {
            give_up(d, job, ATL_FAIL_POISON); /* the last job took its place: look at i again */
            continue;
        }
        const int w = job->phase == JOB_WAITING ? freest_worker(d, job) : -1;
        if (w >= 0)
            send(d, job, (uint32_t)w, now_ns);
        i++;
    }
}

static size_t n_waiting(const atl_dispatch *d)
{
    size_t n = 0;
    for (size_t i = 0; i < d->n_jobs; i++)
        n += d->jobs[i].phase == JOB_WAITING;
    return n;
}

static bool any_worker_alive(const atl_dispatch *d)
{
    for (uint32_t w = 0; w < d->options.n_workers; w++)
        if (alive(&d->workers[w]))
            return true;
    return false;
}

static uint32_t n_idle(const atl_dispatch *d)
{
    uint32_t n = 0;
    for (uint32_t w = 0; w < d->n_active; w++)
        n += d->workers[w].state == WORKER_READY && d->workers[w].n_held == 0;
    return n;
}

/* The job that would begin last, of those that wait behind another at a worker and never ended badly. */
static live_job *last_in_line(const atl_dispatch *d)
{
    live_job *last = NULL;
    uint32_t most_held = 1;
    for (size_t i = 0; i < d->n_jobs; i++) {
        live_job *job = &d->jobs[i];
        if (job->phase != JOB_LEASED || job->started || job->recalled || job->n_failed > 0 ||
            d->workers[job->worker].state != WORKER_READY)
            continue;
        const uint32_t held = d->workers[job->worker].n_held;
        if (held > most_held || (last && held == most_held && job->sent > last->sent)) {
            last = job;
            most_held = held;
        }
    }
    return last;
}

/* There is nothing to hand out: who idles gets what only waits elsewhere, one for each that idles. */
static void recall(atl_dispatch *d)
{
    uint32_t n = 0;
    for (size_t i = 0; i < d->n_jobs; i++)
        n += d->jobs[i].phase == JOB_LEASED && d->jobs[i].recalled && !d->jobs[i].started;
    for (const uint32_t idle = n_idle(d); n < idle; n++) {
        live_job *job = last_in_line(d);
        if (!job)
            return;
        job->recalled = true;
        act(d, (atl_action){.type = ATL_DO_RECALL,
                            .worker = job->worker,
                            .job = job->job,
                            .attempt = job->attempt,
                            .token = job->token});
    }
}

/* What follows from the state as it is now; called after every event. */
static void settle(atl_dispatch *d, int64_t now_ns)
{
    if (d->finished)
        return;
    if (!d->paused && !d->draining) {
        const bool nothing_to_pull = d->batch_ended || d->none_yet;
        hand_out_waiting(d, now_ns);
        if (nothing_to_pull && n_waiting(d) == 0)
            recall(d);
        if (!d->batch_ended && !d->pulling && n_waiting(d) == 0 && freest_worker(d, NULL) >= 0) {
            d->pulling = true;
            act(d, (atl_action){.type = ATL_DO_PULL});
        }
    }
    const bool all_ended = d->batch_ended && d->n_jobs == 0;
    const bool all_safe = d->draining && !any_worker_alive(d);
    if (all_ended || all_safe) {
        d->finished = true;
        act(d, (atl_action){.type = ATL_DO_FINISHED});
    } else if (n_usable(d, d->n_active) == 0 && !d->stuck && !d->draining) {
        d->stuck = true;
        act(d, (atl_action){.type = ATL_DO_STUCK});
    }
}

/* ---- events ---- */

static void on_result(atl_dispatch *d, const atl_event *event)
{
    live_job *job = find_lease(d, event);
    if (!job) {
        d->counts.dropped++;
        act(d, (atl_action){.type = ATL_DO_DROP,
                            .worker = event->worker,
                            .job = event->job,
                            .attempt = event->attempt,
                            .token = event->token});
        return;
    }
    worker *w = &d->workers[event->worker];
    w->n_held--;
    w->failures_in_row = 0;
    w->respawns = 0;
    w->compute_ns = event->now_ns;
    act(d, (atl_action){.type = ATL_DO_ACCEPT,
                        .worker = event->worker,
                        .job = job->job,
                        .attempt = job->attempt,
                        .token = job->token});
    d->counts.done++;
    end_job(d, job);
}

static void on_job_failed(atl_dispatch *d, const atl_event *event)
{
    live_job *job = find_lease(d, event);
    if (!job)
        return;
    worker *w = &d->workers[event->worker];
    w->n_held--;
    w->compute_ns = event->now_ns;
    if (event->fatal_for_job) {
        give_up(d, job, ATL_FAIL_BAD_JOB);
        return;
    }
    fail_attempt(job, false);
    if (++w->failures_in_row >= d->options.quarantine_failures) {
        take_back(d, event->worker, false, false);
        set_aside(d, event->worker, ATL_ASIDE_FAILS_ALL);
    }
}

/* It goes on as if it had not been sent, but for its token. */
static void on_returned(atl_dispatch *d, const atl_event *event)
{
    live_job *job = find_lease(d, event);
    if (!job || job->started)
        return;
    d->workers[event->worker].n_held--;
    job->phase = JOB_WAITING;
    job->attempt--;
}

static void on_worker_lost(atl_dispatch *d, const atl_event *event)
{
    worker *w = &d->workers[event->worker];
    take_back(d, event->worker, !d->draining, event->from_outside);
    if (w->state == WORKER_ASIDE)
        return;
    w->state = WORKER_DOWN;
    if (d->draining)
        return;
    if (event->out_of_memory && n_usable(d, d->options.n_workers) > 1)
        set_aside(d, event->worker, ATL_ASIDE_MEMORY);
    else if (w->respawns++ >= d->options.max_respawns)
        set_aside(d, event->worker, ATL_ASIDE_DIES);
    else
        spawn(d, event->worker, event->now_ns);
}

static void on_beat(atl_dispatch *d, const atl_event *event)
{
    live_job *job = find_lease(d, event);
    if (!job)
        return;
    worker *w = &d->workers[event->worker];
    if (job->started && event->type == ATL_EV_BEAT)
        note_interval(d, event->now_ns - w->compute_ns);
    job->started = true;
    w->compute_ns = event->now_ns;
}

static void on_tick(atl_dispatch *d, int64_t now_ns)
{
    const int64_t patience_ns = compute_patience(d);
    for (uint32_t w = 0; w < d->options.n_workers; w++)
        if (worker_deadline(d, &d->workers[w], patience_ns) <= now_ns)
            kill_worker(d, w, now_ns);
}

static void on_drain(atl_dispatch *d)
{
    d->draining = true;
    for (uint32_t w = 0; w < d->options.n_workers; w++) {
        if (d->workers[w].state == WORKER_READY || d->workers[w].state == WORKER_STARTING)
            act(d, (atl_action){.type = ATL_DO_DRAIN_WORKER, .worker = w});
    }
}

static void on_limit(atl_dispatch *d, uint32_t n)
{
    d->n_active = n > d->options.n_workers ? d->options.n_workers : n > 0 ? n : 1;
}

static void on_job_available(atl_dispatch *d, uint64_t job)
{
    d->pulling = d->none_yet = false;
    d->counts.pulled++;
    d->jobs[d->n_jobs++] = (live_job){.job = job, .phase = JOB_WAITING};
}

static void on_worker_ready(atl_dispatch *d, const atl_event *event)
{
    worker *w = &d->workers[event->worker];
    if (w->state == WORKER_STARTING)
        w->state = WORKER_READY;
    w->compute_ns = event->now_ns;
}

static void on_begin(atl_dispatch *d, int64_t now_ns)
{
    for (uint32_t w = 0; w < d->options.n_workers; w++)
        spawn(d, w, now_ns);
}

/* Whether an event means that a worker's process said something. */
static bool is_word_of_worker(atl_event_type type)
{
    return type == ATL_EV_WORKER_READY || type == ATL_EV_JOB_STARTED || type == ATL_EV_BEAT ||
           type == ATL_EV_HEARD || type == ATL_EV_RESULT || type == ATL_EV_JOB_FAILED ||
           type == ATL_EV_RETURNED;
}

atl_status atl_dispatch_event(atl_dispatch *dispatch, const atl_event *event, atl_note *note)
{
    atl_dispatch *d = dispatch;
    if (!reserve(d))
        return atl_fail(note, ATL_NO_MEMORY, "no memory for the dispatch of %zu jobs", d->n_jobs);
    if (is_word_of_worker(event->type)) {
        d->workers[event->worker].heard_ns = event->now_ns;
        d->workers[event->worker].spoke = true;
    }
    switch (event->type) {
    case ATL_EV_BEGIN:
        on_begin(d, event->now_ns);
        break;
    case ATL_EV_JOB_AVAILABLE:
        on_job_available(d, event->job);
        break;
    case ATL_EV_BATCH_END:
        d->pulling = false;
        d->batch_ended = true;
        break;
    case ATL_EV_NONE_YET:
        d->none_yet = d->pulling;
        break;
    case ATL_EV_RETURNED:
        on_returned(d, event);
        break;
    case ATL_EV_WORKER_READY:
        on_worker_ready(d, event);
        break;
    case ATL_EV_JOB_STARTED:
    case ATL_EV_BEAT:
        on_beat(d, event);
        break;
    case ATL_EV_HEARD:
        break;
    case ATL_EV_RESULT:
        on_result(d, event);
        break;
    case ATL_EV_JOB_FAILED:
        on_job_failed(d, event);
        break;
    case ATL_EV_WORKER_LOST:
        on_worker_lost(d, event);
        break;
    case ATL_EV_TICK:
        on_tick(d, event->now_ns);
        break;
    case ATL_EV_PAUSE:
        d->paused = true;
        break;
    case ATL_EV_RESUME:
        d->paused = false;
        break;
    case ATL_EV_DRAIN:
        on_drain(d);
        break;
    case ATL_EV_LIMIT:
        on_limit(d, event->worker);
        break;
    }
    settle(d, event->now_ns);
    return ATL_OK;
}

bool atl_dispatch_action(atl_dispatch *dispatch, atl_action *ret)
{
    if (dispatch->first_action == dispatch->n_actions)
        return false;
    *ret = dispatch->actions[dispatch->first_action++];
    return true;
}

int64_t atl_dispatch_deadline_ns(const atl_dispatch *dispatch)
{
    const int64_t patience_ns = compute_patience(dispatch);
    int64_t first = INT64_MAX;
    for (uint32_t w = 0; w < dispatch->options.n_workers; w++) {
        const int64_t deadline = worker_deadline(dispatch, &dispatch->workers[w], patience_ns);
        first = deadline < first ? deadline : first;
    }
    return first;
}

atl_dispatch_counts atl_dispatch_count(const atl_dispatch *dispatch)
{
    atl_dispatch_counts counts = dispatch->counts;
    counts.waiting = n_waiting(dispatch);
    counts.in_flight = dispatch->n_jobs - counts.waiting;
    return counts;
}

atl_status atl_dispatch_new(const atl_dispatch_options *options, atl_dispatch **ret, atl_note *note)
{
    if (options->n_workers == 0 || options->credit == 0 || options->max_attempts == 0)
        return atl_fail(note, ATL_USAGE,
                        "dispatch: found %u workers, credit %u, %u attempts; wanted 1 or more of each",
                        options->n_workers, options->credit, options->max_attempts);
    atl_dispatch *d = calloc(1, sizeof *d);
    worker *workers = calloc(options->n_workers, sizeof *workers);
    if (!d || !workers) {
        free(d);
        free(workers);
        return atl_fail(note, ATL_NO_MEMORY, "no memory for the dispatch to %u workers", options->n_workers);
    }
    d->options = *options;
    d->random = options->seed;
    d->workers = workers;
    d->n_active = options->n_workers;
    *ret = d;
    return ATL_OK;
}

void atl_dispatch_free(atl_dispatch **dispatch)
{
    atl_dispatch *d = *dispatch;
    *dispatch = NULL;
    if (!d)
        return;
    free(d->workers);
    free(d->jobs);
    free(d->actions);
    free(d);
}
