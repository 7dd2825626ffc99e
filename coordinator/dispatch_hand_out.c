/* dispatch_hand_out.c - who gets what: waiting jobs before new ones, idle workers before busy ones, and back
 * from where a job only waits when another worker idles. */
#include "base/random.h"
#include "dispatch_private.h"

/* The ready worker with the most free credit: an idle one before one that is painting. -1: none is free. A
 * job that ended badly before is painted alone: whoever dies then, it was that job's attempt and no
 * neighbour's. */
static int freest_worker(const atl_dispatch *d, const atl_dispatch_job *for_job)
{
    int best = -1;
    const bool moves = for_job && atl_dispatch_must_move(d, for_job);
    for (uint32_t w = 0; w < d->n_active; w++) {
        const atl_dispatch_worker *candidate = &d->workers[w];
        if (candidate->state != WORKER_READY || candidate->n_held >= d->options.credit)
            continue;
        const bool suspect = for_job && for_job->n_failed > 0;
        if ((candidate->alone || suspect) && candidate->n_held > 0)
            continue;
        if (moves && atl_dispatch_has_tried(for_job, w))
            continue;
        const bool tried = for_job && atl_dispatch_has_tried(for_job, w);
        if (tried && best >= 0)
            continue;
        if (best < 0 || candidate->n_held < d->workers[best].n_held ||
            (for_job && atl_dispatch_has_tried(for_job, (uint32_t)best)))
            best = (int)w;
    }
    return best;
}

static void send(atl_dispatch *d, atl_dispatch_job *job, uint32_t w, int64_t now_ns)
{
    job->phase = JOB_LEASED;
    job->started = job->recalled = false;
    job->attempt++;
    job->worker = w;
    job->token = atl_random_next(&d->random);
    if (d->workers[w].n_held++ == 0)
        d->workers[w].compute_ns = now_ns;
    d->workers[w].alone = job->n_failed > 0;
    job->sent = d->counts.sent++;
    atl_dispatch_act(
        d,
        (atl_action){
            .type = ATL_DO_SEND, .worker = w, .job = job->job, .attempt = job->attempt, .token = job->token});
}

static void hand_out_waiting(atl_dispatch *d, int64_t now_ns)
{
    for (size_t i = 0; i < d->n_jobs;) {
        atl_dispatch_job *job = &d->jobs[i];
        if (job->phase == JOB_WAITING && atl_dispatch_is_poison(d, job)) {
            atl_dispatch_give_up(d, job, ATL_FAIL_POISON); /* the last job took its place: look at i again */
            continue;
        }
        const int w = job->phase == JOB_WAITING ? freest_worker(d, job) : -1;
        if (w >= 0)
            send(d, job, (uint32_t)w, now_ns);
        i++;
    }
}

size_t atl_dispatch_n_waiting(const atl_dispatch *d)
{
    size_t n = 0;
    for (size_t i = 0; i < d->n_jobs; i++)
        n += d->jobs[i].phase == JOB_WAITING;
    return n;
}

static uint32_t n_idle(const atl_dispatch *d)
{
    uint32_t n = 0;
    for (uint32_t w = 0; w < d->n_active; w++)
        n += d->workers[w].state == WORKER_READY && d->workers[w].n_held == 0;
    return n;
}

/* The job that would begin last, of those that wait behind another at a worker and never ended badly. */
static atl_dispatch_job *last_in_line(const atl_dispatch *d)
{
    atl_dispatch_job *last = NULL;
    uint32_t most_held = 1;
    for (size_t i = 0; i < d->n_jobs; i++) {
        atl_dispatch_job *job = &d->jobs[i];
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

static void recall(atl_dispatch *d, atl_dispatch_job *job)
{
    job->recalled = true;
    atl_dispatch_act(d, (atl_action){.type = ATL_DO_RECALL,
                                     .worker = job->worker,
                                     .job = job->job,
                                     .attempt = job->attempt,
                                     .token = job->token});
}

/* There is nothing to hand out: who idles gets what only waits elsewhere, one for each that idles. */
static void recall_for_idle(atl_dispatch *d)
{
    uint32_t n = 0;
    for (size_t i = 0; i < d->n_jobs; i++)
        n += d->jobs[i].phase == JOB_LEASED && d->jobs[i].recalled && !d->jobs[i].started;
    for (const uint32_t idle = n_idle(d); n < idle; n++) {
        atl_dispatch_job *job = last_in_line(d);
        if (!job)
            return;
        recall(d, job);
    }
}

void atl_dispatch_recall_beyond(atl_dispatch *d)
{
    for (size_t i = 0; i < d->n_jobs; i++) {
        atl_dispatch_job *job = &d->jobs[i];
        if (job->phase == JOB_LEASED && job->worker >= d->n_active && !job->started && !job->recalled &&
            d->workers[job->worker].state == WORKER_READY)
            recall(d, job);
    }
}

void atl_dispatch_settle(atl_dispatch *d, int64_t now_ns)
{
    if (d->finished)
        return;
    if (!d->paused && !d->draining) {
        const bool nothing_to_pull = d->batch_ended || d->none_yet;
        hand_out_waiting(d, now_ns);
        if (nothing_to_pull && atl_dispatch_n_waiting(d) == 0)
            recall_for_idle(d);
        if (!d->batch_ended && !d->pulling && atl_dispatch_n_waiting(d) == 0 && freest_worker(d, NULL) >= 0) {
            d->pulling = true;
            atl_dispatch_act(d, (atl_action){.type = ATL_DO_PULL});
        }
    }
    const bool all_ended = d->batch_ended && d->n_jobs == 0;
    const bool all_safe = d->draining && !atl_dispatch_any_alive(d);
    if (all_ended || all_safe) {
        d->finished = true;
        atl_dispatch_act(d, (atl_action){.type = ATL_DO_FINISHED});
    } else if (atl_dispatch_n_usable(d, d->n_active) == 0 && !d->stuck && !d->draining) {
        d->stuck = true;
        atl_dispatch_act(d, (atl_action){.type = ATL_DO_STUCK});
    }
}
