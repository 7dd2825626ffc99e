/* executor_loop.c - the pool's one thread: waits, tells dispatch what happened, does what dispatch says.
 *
 * Each turn: wait for a message, a process or a caller; take messages in, before ends of processes, so that
 * what a process said counts before its death does; then the callers' orders, then time. What ended is
 * published once a turn, under one lock.
 *
 * Dispatch's clock stands still while this process is stopped (Ctrl-Z, a suspended machine): whoever was not
 * listened to was not silent. A turn that took away_ns longer than it asked to sleep was away. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "executor_private.h"

static const int64_t away_ns = 100000000, leave_patience_ns = 10000000000;

int64_t atl_pool_now_ns(const atl_executor *x)
{
    return atl_clock_now_ns() - x->lost_ns;
}

void atl_pool_report(atl_executor *x, const atl_pool_event *event)
{
    if (x->on_event)
        x->on_event(x->user, event);
}

/* ---- live futures ---- */

atl_future *atl_pool_find(const atl_executor *x, uint64_t handle)
{
    atl_future *future = x->live[handle % ATL_LIVE_BUCKETS];
    while (future && future->handle != handle)
        future = future->next_live;
    return future;
}

static void make_live(atl_executor *x, atl_future *future)
{
    future->handle = x->next_handle++;
    atl_future **bucket = &x->live[future->handle % ATL_LIVE_BUCKETS];
    future->next_live = *bucket;
    *bucket = future;
}

/* Ends it: its callers are told at the end of the turn. */
static void end_live(atl_executor *x, atl_future *future, atl_future_state state)
{
    atl_future **at = &x->live[future->handle % ATL_LIVE_BUCKETS];
    while (*at != future)
        at = &(*at)->next_live;
    *at = future->next_live;
    future->next_live = NULL;
    future->becomes = state;
    *x->ended_end = future;
    x->ended_end = &future->next_live;
}

static void cancel_live(atl_executor *x, atl_status status, const char *why)
{
    for (size_t i = 0; i < ATL_LIVE_BUCKETS; i++) {
        while (x->live[i]) {
            atl_future *future = x->live[i];
            future->result.status = status;
            atl_fail(&future->result.note, status, "%s", why);
            end_live(x, future, ATL_FUTURE_CANCELLED);
        }
    }
}

static void publish(atl_executor *x)
{
    atl_hall *hall = x->hall;
    pthread_mutex_lock(&hall->mutex);
    for (atl_future *future = x->ended, *next; future; future = next) {
        next = future->next_live;
        atl_job_done(&future->job);
        atl_future_free(atl_hall_end(hall, future, future->becomes));
    }
    hall->counts.lost = x->counts.lost;
    hall->counts.dropped = x->counts.dropped;
    hall->counts.foreign = x->counts.foreign;
    hall->counts.spawned = x->counts.spawned;
    hall->counts.n_ready = 0;
    for (int w = 0; w < x->plan.n_workers; w++)
        hall->counts.n_ready += x->workers[w].process.pid > 0 && x->workers[w].is_ready;
    if (x->ended)
        pthread_cond_broadcast(&hall->ended);
    pthread_mutex_unlock(&hall->mutex);
    x->ended = NULL;
    x->ended_end = &x->ended;
}

/* ---- the end of the pool ---- */

void atl_pool_break(atl_executor *x, atl_status status, const char *format, ...)
{
    if (x->broken)
        return;
    atl_note note = {0};
    va_list args;
    va_start(args, format);
    atl_fail_v(&note, status, format, args);
    va_end(args);
    x->broken = true;
    atl_hall *hall = x->hall;
    pthread_mutex_lock(&hall->mutex);
    hall->over = true;
    hall->status = status;
    hall->note = note;
    atl_hall_cancel_queue(hall);
    pthread_mutex_unlock(&hall->mutex);
    cancel_live(x, status, note.text);
}

static void kill_all(atl_executor *x, const char *why)
{
    for (uint32_t w = 0; w < (uint32_t)x->plan.n_workers; w++)
        if (x->workers[w].process.pid > 0)
            atl_pool_kill_worker(x, w, why);
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

/* ---- actions ---- */

void atl_pool_tell(atl_executor *x, atl_event event)
{
    atl_note note = {0};
    event.now_ns = atl_pool_now_ns(x);
    if (!x->broken && atl_dispatch_event(x->dispatch, &event, &note) != ATL_OK)
        atl_pool_break(x, ATL_NO_MEMORY, "%s", note.text);
}

/* The next future of the queue, or the promise to be woken when there is one. */
static atl_future *take_from_queue(atl_executor *x)
{
    atl_hall *hall = x->hall;
    pthread_mutex_lock(&hall->mutex);
    atl_future *future = hall->queue.first;
    if (future) {
        atl_list_remove(future);
        if (hall->n_queued-- >= hall->queue_limit)
            pthread_cond_broadcast(&hall->room);
    }
    hall->hungry = !future;
    pthread_mutex_unlock(&hall->mutex);
    return future;
}

static void pull(atl_executor *x)
{
    atl_future *future = take_from_queue(x);
    x->pulling = !future;
    if (!future)
        return;
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
    end_live(x, future, ATL_FUTURE_DONE);
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
    end_live(x, future, ATL_FUTURE_FAILED);
}

static void record_lost(atl_executor *x, const atl_action *action)
{
    atl_future *future = atl_pool_find(x, action->job);
    const char *why = x->workers[action->worker].why;
    x->counts.lost++;
    future->result.status = ATL_IO;
    atl_fail(&future->result.note, ATL_IO, "worker %u: %s", action->worker, why);
    atl_pool_report(x, &(atl_pool_event){.type = ATL_POOL_LEASE_LOST,
                                         .worker = action->worker,
                                         .phase = x->workers[action->worker].phase,
                                         .index = future->result.index,
                                         .job = future->result.job,
                                         .attempt = action->attempt,
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
    if (atl_pool_send_job(x, action, atl_pool_find(x, action->job)) != ATL_OK)
        atl_pool_kill_worker(x, action->worker, "it does not take its jobs");
}

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

static void act(atl_executor *x, const atl_action *a)
{
    switch (a->type) {
    case ATL_DO_PULL:
        pull(x);
        break;
    case ATL_DO_SEND:
        send(x, a);
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

/* ---- turns ---- */

/* What callers want, as it is now. */
static void take_orders(atl_executor *x)
{
    atl_hall *hall = x->hall;
    pthread_mutex_lock(&hall->mutex);
    const atl_pool_order order = hall->order;
    const bool paused = hall->paused && order == ATL_POOL_GO_ON; /* a pool that ends is not paused */
    const bool empty = !hall->queue.first;
    pthread_mutex_unlock(&hall->mutex);
    if (paused != x->told_paused)
        atl_pool_tell(x, (atl_event){.type = paused ? ATL_EV_PAUSE : ATL_EV_RESUME});
    x->told_paused = paused;
    if (order == ATL_POOL_KILL)
        x->killing = true;
    else if (order == ATL_POOL_DRAIN && !x->told_drain)
        atl_pool_tell(x, (atl_event){.type = ATL_EV_DRAIN});
    else if (order == ATL_POOL_FINISH && empty && !x->told_end)
        atl_pool_tell(x, (atl_event){.type = ATL_EV_BATCH_END});
    x->told_drain = x->told_drain || order == ATL_POOL_DRAIN;
    x->told_end = x->told_end || (order == ATL_POOL_FINISH && empty);
    if (x->pulling && !empty)
        pull(x);
    atl_pool_obey(x);
}

static int timeout_ms(const atl_executor *x)
{
    int64_t due_ns = x->finished || x->broken ? INT64_MAX : atl_dispatch_deadline_ns(x->dispatch);
    if (due_ns != INT64_MAX)
        due_ns += x->lost_ns;
    const int64_t watch_ns = atl_pool_watch_deadline_ns(x);
    due_ns = watch_ns < due_ns ? watch_ns : due_ns;
    if (x->finished && x->leave_by_ns < due_ns)
        due_ns = x->leave_by_ns;
    if (due_ns == INT64_MAX)
        return -1;
    const int64_t left_ms = (due_ns - atl_clock_now_ns()) / 1000000 + 1;
    return left_ms < 0 ? 0 : left_ms > 3600000 ? 3600000 : (int)left_ms;
}

/* After what was to take `meant_ns` at most since the last time that it woke. */
static void note_absence(atl_executor *x, int64_t meant_ns)
{
    const int64_t now_ns = atl_clock_now_ns(), took_ns = now_ns - x->woke_ns;
    if (took_ns > meant_ns + away_ns)
        x->lost_ns += took_ns;
    x->woke_ns = now_ns;
}

static void wait(atl_executor *x, bool more)
{
    const int timeout = more ? 0 : timeout_ms(x);
    x->fds[0] = x->hall->wake_fd;
    for (int w = 0; w < x->plan.n_workers; w++) {
        const atl_process *process = &x->workers[w].process;
        x->fds[1 + 2 * w] = process->pid > 0 ? process->pid_fd : -1;
        x->fds[2 + 2 * w] = process->pid > 0 ? process->words_fd : -1;
    }
    atl_server_wait(x->server, x->fds, x->readable, 1 + 2 * (size_t)x->plan.n_workers, timeout);
    if (timeout >= 0)
        note_absence(x, (int64_t)timeout * 1000000);
    x->woke_ns = atl_clock_now_ns();
    uint64_t count;
    if (x->readable[0] && read(x->fds[0], &count, sizeof count) < 0)
        return; /* somebody else cannot have read it: the next turn looks again */
}

/* The pool is over when it was told to end and no process is left. */
static bool is_over(atl_executor *x)
{
    if (!x->finished && !x->broken && !x->killing)
        return false;
    if (x->finished && atl_clock_now_ns() >= x->leave_by_ns)
        kill_all(x, "it did not leave");
    return atl_pool_n_alive(x) == 0;
}

static void turn(atl_executor *x, bool *more)
{
    wait(x, *more);
    *more = !atl_pool_take_messages(x);
    if (!*more)
        atl_pool_watch(x, atl_clock_now_ns());
    take_orders(x);
    note_absence(x, 0);
    if (!x->finished && !x->broken && atl_dispatch_deadline_ns(x->dispatch) <= atl_pool_now_ns(x))
        atl_pool_tell(x, (atl_event){.type = ATL_EV_TICK});
    atl_pool_obey(x);
    if (x->killing || x->broken)
        kill_all(x, "the pool ended");
    publish(x);
}

void *atl_pool_main(void *executor)
{
    atl_executor *x = executor;
    bool more = false;
    x->ended_end = &x->ended;
    x->woke_ns = atl_clock_now_ns();
    atl_pool_tell(x, (atl_event){.type = ATL_EV_BEGIN});
    atl_pool_obey(x);
    while (!is_over(x))
        turn(x, &more);
    atl_hall *hall = x->hall;
    pthread_mutex_lock(&hall->mutex);
    if (!hall->over && hall->order == ATL_POOL_GO_ON) {
        hall->status = ATL_CANCELLED;
        atl_fail(&hall->note, ATL_CANCELLED, "the pool has ended");
    }
    hall->over = true;
    atl_hall_cancel_queue(hall);
    const atl_note note = hall->note;
    const atl_status status = hall->status;
    pthread_mutex_unlock(&hall->mutex);
    cancel_live(x, status, note.text);
    publish(x);
    return NULL;
}
