/* dispatch_workers.c - the workers' side of dispatch: started, silent, ended, set aside.
 *
 * Three patiences: from spawn to READY, without a word of the process, without a sign of its compute thread.
 * The last one learns from the beats that came. */
#include "dispatch_private.h"

enum { FIRST_WORD_PATIENCES = 6 };

static bool alive(const atl_dispatch_worker *w)
{
    return w->state == WORKER_STARTING || w->state == WORKER_READY || w->state == WORKER_DYING;
}

bool atl_dispatch_any_alive(const atl_dispatch *d)
{
    for (uint32_t w = 0; w < d->options.n_workers; w++)
        if (alive(&d->workers[w]))
            return true;
    return false;
}

uint32_t atl_dispatch_n_usable(const atl_dispatch *d, uint32_t n_workers)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < n_workers; i++)
        n += d->workers[i].state != WORKER_ASIDE;
    return n;
}

void atl_dispatch_spawn(atl_dispatch *d, uint32_t w, int64_t now_ns)
{
    d->workers[w].state = WORKER_STARTING;
    d->workers[w].spoke = false;
    d->workers[w].spawned_ns = d->workers[w].heard_ns = now_ns;
    atl_dispatch_act(d, (atl_action){.type = ATL_DO_SPAWN, .worker = w});
}

/* When a worker of which nothing more is heard is silent for too long. Until its first word the system loads
 * its program, which takes longer than it may stay silent later. */
static int64_t silent_from(const atl_dispatch *d, const atl_dispatch_worker *w)
{
    return w->heard_ns + d->options.silence_patience_ns * (w->spoke ? 1 : FIRST_WORD_PATIENCES);
}

void atl_dispatch_kill_worker(atl_dispatch *d, uint32_t w, int64_t now_ns)
{
    const atl_dispatch_worker *late = &d->workers[w];
    const int reason = silent_from(d, late) <= now_ns   ? ATL_KILL_SILENT
                       : late->state == WORKER_STARTING ? ATL_KILL_START
                                                        : ATL_KILL_COMPUTE;
    d->workers[w].state = WORKER_DYING;
    atl_dispatch_act(d, (atl_action){.type = ATL_DO_KILL, .worker = w, .reason = reason});
}

void atl_dispatch_set_aside(atl_dispatch *d, uint32_t w, atl_aside_reason reason)
{
    if (d->workers[w].state == WORKER_READY || d->workers[w].state == WORKER_STARTING)
        atl_dispatch_act(d, (atl_action){.type = ATL_DO_KILL, .worker = w, .reason = ATL_KILL_ASIDE});
    d->workers[w].state = WORKER_ASIDE;
    atl_dispatch_act(d, (atl_action){.type = ATL_DO_QUARANTINED, .worker = w, .reason = (int)reason});
}

int64_t atl_dispatch_compute_patience(const atl_dispatch *d)
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

void atl_dispatch_note_interval(atl_dispatch *d, int64_t ns)
{
    d->intervals_ns[d->next_interval] = ns;
    d->next_interval = (d->next_interval + 1) % N_INTERVALS;
    d->n_intervals += d->n_intervals < N_INTERVALS;
}

/* What is older than what is known already says nothing. */
void atl_dispatch_on_seen(atl_dispatch *d, const atl_event *event)
{
    atl_dispatch_worker *w = &d->workers[event->worker];
    if (event->lived_ns > w->heard_ns) {
        w->heard_ns = event->lived_ns;
        w->spoke = true;
    }
    for (size_t i = 0; i < event->n_steps; i++)
        if (event->steps_ns[i] >= 0)
            atl_dispatch_note_interval(d, event->steps_ns[i]);
    if (event->computed_ns > w->compute_ns)
        w->compute_ns = event->computed_ns;
}

int64_t atl_dispatch_worker_deadline(const atl_dispatch *d, const atl_dispatch_worker *w, int64_t patience_ns)
{
    if (w->state != WORKER_STARTING && w->state != WORKER_READY)
        return INT64_MAX;
    const int64_t silent = silent_from(d, w);
    int64_t stuck = w->n_held > 0 ? w->compute_ns + patience_ns : INT64_MAX;
    if (w->state == WORKER_STARTING)
        stuck = w->spawned_ns + d->options.start_patience_ns;
    return silent < stuck ? silent : stuck;
}
