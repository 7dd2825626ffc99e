/* dispatch.c - see dispatch.h.
 *
 * Two small tables hold everything: workers (fixed), and live jobs (those pulled and not yet ended, at most
 * credit × workers plus what waits for another attempt). A job is WAITING or LEASED to one worker. An event
 * changes the tables, then `settle` hands out what can be handed out; actions queue up until the executor
 * takes them. Memory for all actions of an event is reserved before the event touches anything, so that an
 * event happens whole or not at all. Here are the events; dispatch_private.h says where the rest is. */
#include "dispatch_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/grow.h"

void atl_dispatch_act(atl_dispatch *d, atl_action action)
{
    d->actions[d->n_actions++] = action; /* reserved by reserve() */
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
    atl_dispatch_job *jobs = atl_grown(d->jobs, d->n_jobs, &d->jobs_capacity, 16, sizeof *jobs);
    if (!jobs)
        return false;
    d->jobs = jobs;
    return true;
}

static void on_result(atl_dispatch *d, const atl_event *event)
{
    atl_dispatch_job *job = atl_dispatch_find_lease(d, event);
    if (!job) {
        d->counts.dropped++;
        atl_dispatch_act(d, (atl_action){.type = ATL_DO_DROP,
                                         .worker = event->worker,
                                         .job = event->job,
                                         .attempt = event->attempt,
                                         .token = event->token});
        return;
    }
    atl_dispatch_worker *w = &d->workers[event->worker];
    w->n_held--;
    w->failures_in_row = 0;
    w->respawns = 0;
    w->compute_ns = event->now_ns;
    atl_dispatch_act(d, (atl_action){.type = ATL_DO_ACCEPT,
                                     .worker = event->worker,
                                     .job = job->job,
                                     .attempt = job->attempt,
                                     .token = job->token});
    d->counts.done++;
    atl_dispatch_end_job(d, job);
}

static void on_job_failed(atl_dispatch *d, const atl_event *event)
{
    atl_dispatch_job *job = atl_dispatch_find_lease(d, event);
    if (!job)
        return;
    atl_dispatch_worker *w = &d->workers[event->worker];
    w->n_held--;
    w->compute_ns = event->now_ns;
    if (event->fatal_for_job) {
        atl_dispatch_give_up(d, job, ATL_FAIL_BAD_JOB);
        return;
    }
    atl_dispatch_fail_attempt(job, false);
    if (++w->failures_in_row >= d->options.quarantine_failures) {
        atl_dispatch_take_back(d, event->worker, NULL);
        atl_dispatch_set_aside(d, event->worker, ATL_ASIDE_FAILS_ALL);
    }
}

/* It goes on as if it had not been sent, but for its token. */
static void on_returned(atl_dispatch *d, const atl_event *event)
{
    atl_dispatch_job *job = atl_dispatch_find_lease(d, event);
    if (!job || job->started)
        return;
    d->workers[event->worker].n_held--;
    job->phase = JOB_WAITING;
    job->attempt--;
}

static void on_worker_lost(atl_dispatch *d, const atl_event *event)
{
    atl_dispatch_worker *w = &d->workers[event->worker];
    atl_dispatch_take_back(d, event->worker, d->draining ? NULL : event);
    if (w->state == WORKER_ASIDE)
        return;
    w->state = WORKER_DOWN;
    if (d->draining)
        return;
    if (event->out_of_memory && atl_dispatch_n_usable(d, d->options.n_workers) > 1)
        atl_dispatch_set_aside(d, event->worker, ATL_ASIDE_MEMORY);
    else if (w->respawns++ >= d->options.max_respawns)
        atl_dispatch_set_aside(d, event->worker, ATL_ASIDE_DIES);
    else
        atl_dispatch_spawn(d, event->worker, event->now_ns);
}

static void on_beat(atl_dispatch *d, const atl_event *event)
{
    atl_dispatch_job *job = atl_dispatch_find_lease(d, event);
    if (!job)
        return;
    atl_dispatch_worker *w = &d->workers[event->worker];
    if (job->started && event->type == ATL_EV_BEAT)
        atl_dispatch_note_interval(d, event->now_ns - w->compute_ns);
    job->started = true;
    w->compute_ns = event->now_ns;
}

static void on_tick(atl_dispatch *d, int64_t now_ns)
{
    const int64_t patience_ns = atl_dispatch_compute_patience(d);
    for (uint32_t w = 0; w < d->options.n_workers; w++)
        if (atl_dispatch_worker_deadline(d, &d->workers[w], patience_ns) <= now_ns)
            atl_dispatch_kill_worker(d, w, now_ns);
}

static void on_drain(atl_dispatch *d)
{
    d->draining = true;
    for (uint32_t w = 0; w < d->options.n_workers; w++) {
        if (d->workers[w].state == WORKER_READY || d->workers[w].state == WORKER_STARTING)
            atl_dispatch_act(d, (atl_action){.type = ATL_DO_DRAIN_WORKER, .worker = w});
    }
}

static void on_limit(atl_dispatch *d, uint32_t n)
{
    d->n_active = n > d->options.n_workers ? d->options.n_workers : n > 0 ? n : 1;
    atl_dispatch_recall_beyond(d);
}

static void on_job_available(atl_dispatch *d, uint64_t job)
{
    d->pulling = d->none_yet = false;
    d->counts.pulled++;
    d->jobs[d->n_jobs++] = (atl_dispatch_job){.job = job, .phase = JOB_WAITING};
}

static void on_worker_ready(atl_dispatch *d, const atl_event *event)
{
    atl_dispatch_worker *w = &d->workers[event->worker];
    if (w->state == WORKER_STARTING)
        w->state = WORKER_READY;
    w->compute_ns = event->now_ns;
}

static void on_begin(atl_dispatch *d, int64_t now_ns)
{
    for (uint32_t w = 0; w < d->options.n_workers; w++)
        atl_dispatch_spawn(d, w, now_ns);
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
    case ATL_EV_SEEN:
        atl_dispatch_on_seen(d, event);
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
    atl_dispatch_settle(d, event->now_ns);
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
    const int64_t patience_ns = atl_dispatch_compute_patience(dispatch);
    int64_t first = INT64_MAX;
    for (uint32_t w = 0; w < dispatch->options.n_workers; w++) {
        const int64_t deadline = atl_dispatch_worker_deadline(dispatch, &dispatch->workers[w], patience_ns);
        first = deadline < first ? deadline : first;
    }
    return first;
}

atl_dispatch_counts atl_dispatch_count(const atl_dispatch *dispatch)
{
    atl_dispatch_counts counts = dispatch->counts;
    counts.waiting = atl_dispatch_n_waiting(dispatch);
    counts.in_flight = dispatch->n_jobs - counts.waiting;
    return counts;
}

size_t atl_dispatch_n_beyond(const atl_dispatch *dispatch)
{
    size_t n = 0;
    for (uint32_t w = dispatch->n_active; w < dispatch->options.n_workers; w++)
        n += dispatch->workers[w].n_held;
    return n;
}

atl_status atl_dispatch_new(const atl_dispatch_options *options, atl_dispatch **ret, atl_note *note)
{
    if (options->n_workers == 0 || options->credit == 0 || options->max_attempts == 0)
        return atl_fail(note, ATL_USAGE,
                        "dispatch: found %u workers, credit %u, %u attempts; wanted 1 or more of each",
                        options->n_workers, options->credit, options->max_attempts);
    atl_dispatch *d = calloc(1, sizeof *d);
    atl_dispatch_worker *workers = calloc(options->n_workers, sizeof *workers);
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
