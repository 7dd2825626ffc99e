/* dispatch_attempts.c - leases that end: whom an end is held against, and when a job is given up. */
#include "dispatch_private.h"

static atl_dispatch_job *find_job(atl_dispatch *d, uint64_t job)
{
    for (size_t i = 0; i < d->n_jobs; i++)
        if (d->jobs[i].job == job)
            return &d->jobs[i];
    return NULL;
}

atl_dispatch_job *atl_dispatch_find_lease(atl_dispatch *d, const atl_event *event)
{
    atl_dispatch_job *job = find_job(d, event->job);
    const bool current = job && job->phase == JOB_LEASED && job->worker == event->worker &&
                         job->attempt == event->attempt && job->token == event->token;
    return current ? job : NULL;
}

void atl_dispatch_end_job(atl_dispatch *d, atl_dispatch_job *job)
{
    *job = d->jobs[--d->n_jobs];
}

bool atl_dispatch_has_tried(const atl_dispatch_job *job, uint32_t w)
{
    for (uint32_t i = 0; i < job->n_tried; i++)
        if (job->tried[i] == w)
            return true;
    return false;
}

void atl_dispatch_fail_attempt(atl_dispatch_job *job, bool from_outside)
{
    job->n_failed++;
    job->n_unlucky += from_outside;
    if (!atl_dispatch_has_tried(job, job->worker) && job->n_tried < MAX_TRIED)
        job->tried[job->n_tried++] = job->worker;
    job->phase = JOB_WAITING;
}

/* The attempts that count. Those that were ended from outside are not held against a job, up to a number of
 * them: what kills may be the job all the same, where the system does not say so. */
static uint32_t n_counted(const atl_dispatch *d, const atl_dispatch_job *job)
{
    return job->n_failed -
           (job->n_unlucky < d->options.max_unlucky ? job->n_unlucky : d->options.max_unlucky);
}

static uint32_t n_untried(const atl_dispatch *d, const atl_dispatch_job *job)
{
    uint32_t n = 0;
    for (uint32_t w = 0; w < d->n_active; w++)
        n += d->workers[w].state != WORKER_ASIDE && !atl_dispatch_has_tried(job, w);
    return n;
}

bool atl_dispatch_is_poison(const atl_dispatch *d, const atl_dispatch_job *job)
{
    return n_counted(d, job) >= d->options.max_attempts &&
           (job->n_tried >= d->options.min_workers_tried || n_untried(d, job) == 0);
}

bool atl_dispatch_must_move(const atl_dispatch *d, const atl_dispatch_job *job)
{
    return n_counted(d, job) + 1 >= d->options.max_attempts && job->n_tried > 0 &&
           job->n_tried < d->options.min_workers_tried && n_untried(d, job) > 0;
}

void atl_dispatch_give_up(atl_dispatch *d, atl_dispatch_job *job, atl_fail_reason reason)
{
    atl_dispatch_act(d, (atl_action){.type = ATL_DO_FAIL,
                                     .job = job->job,
                                     .attempt = job->attempt,
                                     .worker = job->worker,
                                     .reason = (int)reason});
    d->counts.failed++;
    atl_dispatch_end_job(d, job);
}

/* The job that a worker took up without our hearing of it: a process may end before its STARTED is on its
 * way, and what kills it so quickly must not be tried for ever. NULL if it holds none, or one that was
 * STARTED. */
static const atl_dispatch_job *first_unheard(const atl_dispatch *d, uint32_t w)
{
    const atl_dispatch_job *first = NULL;
    for (size_t i = 0; i < d->n_jobs; i++) {
        const atl_dispatch_job *job = &d->jobs[i];
        if (job->phase != JOB_LEASED || job->worker != w)
            continue;
        if (job->started)
            return NULL;
        if (!first || job->sent < first->sent)
            first = job;
    }
    return first;
}

/* Where the worker left word of what it was at, that; else what it said to have started, or may have. */
static bool is_suspect(const atl_event *end, const atl_dispatch_job *job, const atl_dispatch_job *unheard)
{
    if (end->n_suspects == 0)
        return job->started || job == unheard;
    for (size_t i = 0; i < end->n_suspects; i++)
        if (end->suspects[i] == job->token)
            return true;
    return false;
}

void atl_dispatch_take_back(atl_dispatch *d, uint32_t w, const atl_event *end)
{
    const atl_dispatch_job *unheard = first_unheard(d, w);
    for (size_t i = 0; i < d->n_jobs; i++) {
        atl_dispatch_job *job = &d->jobs[i];
        if (job->phase != JOB_LEASED || job->worker != w)
            continue;
        atl_dispatch_act(
            d,
            (atl_action){.type = ATL_DO_RECORD_LOST, .job = job->job, .attempt = job->attempt, .worker = w});
        d->counts.lost++;
        if (end && is_suspect(end, job, unheard))
            atl_dispatch_fail_attempt(job, end->from_outside);
        job->phase = JOB_WAITING;
    }
    d->workers[w].n_held = 0;
}
