/* executor_actions.c - what dispatch says, done: jobs pulled and sent, results taken over, workers started
 * and ended.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "executor_private.h"

static const int64_t leave_patience_ns = 10000000000;

/* ---- jobs ---- */

static void make_live(atl_executor *x, atl_future *future)
{
    future->handle = x->next_handle++;
    atl_future **bucket = &x->live[future->handle % ATL_LIVE_BUCKETS];
    future->next_live = *bucket;
    *bucket = future;
}

/* The next future of the queue, or the promise to be woken when there is one; and the limit that was set
 * before that future was submitted. */
static atl_future *take_from_queue(atl_executor *x, uint32_t *ret_limit)
{
    atl_hall *hall = x->hall;
    pthread_mutex_lock(&hall->mutex);
    atl_future *future = hall->queue.first;
    if (future) {
        atl_list_remove(future);
        future->state = ATL_FUTURE_RUNNING;
        if (hall->n_queued-- >= hall->queue_limit)
            pthread_cond_broadcast(&hall->room);
    }
    hall->hungry = !future;
    *ret_limit = hall->limit;
    pthread_mutex_unlock(&hall->mutex);
    return future;
}

void atl_pool_pull(atl_executor *x)
{
    uint32_t limit;
    atl_future *future = take_from_queue(x, &limit);
    const bool told = x->pulling;
    x->pulling = !future;
    if (!future && !told)
        atl_pool_tell(x, (atl_event){.type = ATL_EV_NONE_YET});
    if (!future)
        return;
    atl_pool_tell_limit(x, limit); /* before the job: it is meant for those */
    make_live(x, future);
    atl_pool_tell(x, (atl_event){.type = ATL_EV_JOB_AVAILABLE, .job = future->handle});
}

static void accept(atl_executor *x, const atl_action *action)
{
    atl_future *future = atl_pool_find(x, action->job);
    atl_message *m = x->message;
    atl_result *r = &future->result;
    r->attempt = action->attempt;
    r->worker = action->worker;
    r->width = m->width;
    r->height = m->height;
    memcpy(r->pixel_digest, m->pixel_digest, sizeof r->pixel_digest);
    future->picture = *x->picture;
    *x->picture = (atl_frame){0};
    r->png = future->picture.bytes;
    r->png_bytes = future->picture.n_bytes;
    r->settings = future->settings = m->settings;
    m->settings = NULL;
    r->timings = m->timings;
    m->timings = (atl_job_timings){0};
    r->status = ATL_OK; /* an attempt before may have left its trouble here */
    r->note.text[0] = '\0';
    r->queued_ns = r->timings.begun_ns - future->submitted_ns;
    r->transfer_ns = x->received_ns - r->timings.sent_ns;
    r->timings.send.wall_ns = r->transfer_ns;
    r->timings.send.cpu_ns = atl_clock_thread_cpu_ns() - x->received_cpu_ns;
    atl_pool_end_live(x, future, ATL_FUTURE_DONE);
}

static void fail(atl_executor *x, const atl_action *action)
{
    atl_future *future = atl_pool_find(x, action->job);
    atl_result *r = &future->result;
    r->attempt = action->attempt;
    r->worker = action->worker;
    r->poison = action->reason == ATL_FAIL_POISON;
    if (r->poison) {
        const atl_note last = r->note;
        r->status = r->status == ATL_OK ? ATL_IO : r->status;
        atl_fail(&r->note, r->status, "attempt after attempt ended badly; the last: %s", last.text);
    }
    atl_pool_end_live(x, future, ATL_FUTURE_FAILED);
}

static void record_lost(atl_executor *x, const atl_action *action)
{
    atl_future *future = atl_pool_find(x, action->job);
    const atl_pool_worker *worker = &x->workers[action->worker];
    const char *why = worker->why;
    const bool put_back = worker->left && worker->ended && worker->wait_status == 0;
    x->counts.lost += !put_back;
    x->counts.put_back += put_back;
    future->result.status = ATL_IO;
    atl_fail(&future->result.note, ATL_IO, "worker %u: %s", action->worker, why);
    atl_pool_report(x, &(atl_pool_event){.type = ATL_POOL_LEASE_LOST,
                                         .worker = action->worker,
                                         .phase = worker->phase,
                                         .index = future->result.index,
                                         .job = future->result.job,
                                         .attempt = action->attempt,
                                         .put_back = put_back,
                                         .text = why});
}

static void drop(atl_executor *x, const atl_action *action)
{
    x->counts.dropped++;
    atl_pool_report(x, &(atl_pool_event){.type = ATL_POOL_DROPPED,
                                         .worker = action->worker,
                                         .phase = x->workers[action->worker].phase,
                                         .job = x->message->lease.job,
                                         .attempt = action->attempt,
                                         .text = "late or duplicate"});
}

static void send(atl_executor *x, const atl_action *action)
{
    const atl_status st = atl_pool_send_job(x, action, atl_pool_find(x, action->job));
    if (st != ATL_OK)
        atl_pool_unreachable(x, action->worker, st, "signal 9 (Killed): it did not take its jobs");
}

static void recall(atl_executor *x, const atl_action *action)
{
    const atl_status st = atl_pool_recall_job(x, action, atl_pool_find(x, action->job));
    if (st != ATL_OK)
        atl_pool_unreachable(x, action->worker, st, "signal 9 (Killed): it does not listen");
}

/* ---- workers ---- */

/* Says what it died of in words, before it dies. */
static void kill_lost(atl_executor *x, const atl_action *action)
{
    const double silent_s = atl_ns_to_s(atl_pool_now_ns(x) - x->workers[action->worker].heard_ns);
    char why[128];
    switch ((atl_kill_reason)action->reason) {
    case ATL_KILL_START:
        snprintf(why, sizeof why, "it was not ready after %.1f s", atl_ns_to_s(x->start_patience_ns));
        break;
    case ATL_KILL_SILENT:
        x->workers[action->worker].silent = true;
        snprintf(why, sizeof why, "it was silent for %.1f s", silent_s);
        break;
    case ATL_KILL_COMPUTE:
        snprintf(why, sizeof why, "its computing came to a halt");
        break;
    case ATL_KILL_ASIDE:
        snprintf(why, sizeof why, "it failed one job after the other");
        break;
    }
    atl_pool_kill_worker(x, action->worker, why);
}

static void set_aside(atl_executor *x, const atl_action *action)
{
    static const char *const reasons[] = {[ATL_ASIDE_FAILS_ALL] = "it failed every job",
                                          [ATL_ASIDE_DIES] = "it dies again and again",
                                          [ATL_ASIDE_MEMORY] = "memory does not suffice for it"};
    char text[ATL_WHY_BYTES + 64];
    const char *why = x->workers[action->worker].why;
    snprintf(text, sizeof text, "%s%s%s", reasons[action->reason], why[0] ? ": " : "", why);
    if (why[0] == '\0')
        snprintf(x->workers[action->worker].why, ATL_WHY_BYTES, "%s", reasons[action->reason]);
    atl_pool_set_phase(x, action->worker, ATL_WORKER_ASIDE, text);
}

static void drain_worker(atl_executor *x, uint32_t w)
{
    if (x->workers[w].phase == ATL_WORKER_STARTING)
        atl_pool_kill_worker(x, w, "it was not needed any more");
    else
        atl_pool_say(x, w, ATL_MSG_DRAIN);
}

/* Everything is done or given back: workers may leave. Those that have not said READY are not listening. */
static void dismiss(atl_executor *x)
{
    x->finished = true;
    x->leave_by_ns = atl_clock_now_ns() + leave_patience_ns;
    for (uint32_t w = 0; w < (uint32_t)x->plan.n_workers; w++) {
        atl_pool_worker *worker = &x->workers[w];
        if (worker->process.pid <= 0)
            continue;
        if (worker->phase == ATL_WORKER_STARTING)
            atl_pool_kill_worker(x, w, "it was not needed any more");
        else
            atl_pool_say(x, w, ATL_MSG_DRAIN);
    }
}

static void on_stuck(atl_executor *x)
{
    atl_text why = {0};
    for (int w = 0; w < x->plan.n_workers; w++)
        atl_text_printf(&why, "%sworker %d: %s", w ? "; " : "", w, x->workers[w].why);
    atl_pool_break(x, ATL_CANCELLED, "every worker was set aside: %s", why.data ? why.data : "");
    atl_text_done(&why);
}

static void act(atl_executor *x, const atl_action *a)
{
    switch (a->type) {
    case ATL_DO_PULL:
        atl_pool_pull(x);
        break;
    case ATL_DO_SEND:
        send(x, a);
        break;
    case ATL_DO_RECALL:
        recall(x, a);
        break;
    case ATL_DO_ACCEPT:
        accept(x, a);
        break;
    case ATL_DO_DROP:
        drop(x, a);
        break;
    case ATL_DO_RECORD_LOST:
        record_lost(x, a);
        break;
    case ATL_DO_FAIL:
        fail(x, a);
        break;
    case ATL_DO_SPAWN:
        atl_pool_spawn(x, a->worker);
        break;
    case ATL_DO_KILL:
        kill_lost(x, a);
        break;
    case ATL_DO_DRAIN_WORKER:
        drain_worker(x, a->worker);
        break;
    case ATL_DO_QUARANTINED:
        set_aside(x, a);
        break;
    case ATL_DO_STUCK:
        on_stuck(x);
        break;
    case ATL_DO_FINISHED:
        dismiss(x);
        break;
    }
}

void atl_pool_obey(atl_executor *x)
{
    atl_action action;
    while (!x->broken && atl_dispatch_action(x->dispatch, &action))
        act(x, &action);
}
