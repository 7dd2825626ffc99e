/* executor_loop.c - the pool's one thread: waits, tells dispatch what happened, does what dispatch says.
 *
 * Each turn: wait for a message, a process or a caller; take messages in, before ends of processes, so that
 * what a process said counts before its death does; then the callers' orders, then time. What ended is
 * published once a turn, under one lock.
 *
 * Dispatch's clock stands still while this process is stopped (Ctrl-Z, a suspended machine): whoever was not
 * listened to was not silent. A turn that took away_ns longer than it asked to sleep was away.
 *
 * The thread sleeps until something happens or a worker would be doubted; then it looks at what the workers
 * show on their desks, which moves that deadline. Who shows nothing is given grace_ns to run, as it may have
 * been stopped together with us. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sizes.h"
#include "executor_private.h"

static const int64_t away_ns = 100000000, grace_ns = 20000000;

int64_t atl_pool_now_ns(const atl_executor *x)
{
    return atl_clock_now_ns() - x->lost_ns;
}

void atl_pool_report(atl_executor *x, const atl_pool_event *event)
{
    x->nudge |= x->nudge_fd >= 0 && (event->type == ATL_POOL_WORKER || event->type == ATL_POOL_LEASE_LOST);
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

/* Ends it: its callers are told at the end of the turn. */
void atl_pool_end_live(atl_executor *x, atl_future *future, atl_future_state state)
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
            atl_pool_end_live(x, future, ATL_FUTURE_CANCELLED);
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
    hall->counts.put_back = x->counts.put_back;
    hall->counts.dropped = x->counts.dropped;
    hall->counts.foreign = x->counts.foreign;
    hall->counts.spawned = x->counts.spawned;
    hall->counts.n_beyond = atl_dispatch_n_beyond(x->dispatch);
    hall->counts.n_ready = 0;
    for (int w = 0; w < x->plan.n_workers; w++)
        hall->counts.n_ready += x->workers[w].process.pid > 0 && x->workers[w].is_ready;
    if (x->ended)
        atl_hall_tell_ended(hall);
    if (x->nudge)
        atl_hall_nudge(hall);
    pthread_mutex_unlock(&hall->mutex);
    x->nudge = false;
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

void atl_pool_tell(atl_executor *x, atl_event event)
{
    atl_note note = {0};
    event.now_ns = atl_pool_now_ns(x);
    if (!x->broken && atl_dispatch_event(x->dispatch, &event, &note) != ATL_OK)
        atl_pool_break(x, ATL_NO_MEMORY, "%s", note.text);
}

void atl_pool_tell_limit(atl_executor *x, uint32_t limit)
{
    if (limit != x->told_limit)
        atl_pool_tell(x, (atl_event){.type = ATL_EV_LIMIT, .worker = limit});
    x->told_limit = limit;
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
    const uint32_t limit = hall->limit;
    pthread_mutex_unlock(&hall->mutex);
    if (paused != x->told_paused)
        atl_pool_tell(x, (atl_event){.type = paused ? ATL_EV_PAUSE : ATL_EV_RESUME});
    x->told_paused = paused;
    atl_pool_tell_limit(x, limit);
    if (order == ATL_POOL_KILL)
        x->killing = true;
    else if (order == ATL_POOL_DRAIN && !x->told_drain)
        atl_pool_tell(x, (atl_event){.type = ATL_EV_DRAIN});
    else if (order == ATL_POOL_FINISH && empty && !x->told_end)
        atl_pool_tell(x, (atl_event){.type = ATL_EV_BATCH_END});
    x->told_drain = x->told_drain || order == ATL_POOL_DRAIN;
    x->told_end = x->told_end || (order == ATL_POOL_FINISH && empty);
    if (x->pulling && !empty)
        atl_pool_pull(x);
    atl_pool_obey(x);
}

static int timeout_ms(const atl_executor *x)
{
    int64_t due_ns = x->finished || x->broken ? INT64_MAX : atl_dispatch_deadline_ns(x->dispatch);
    if (due_ns != INT64_MAX)
        due_ns = (x->doubt_ns ? x->doubt_ns + grace_ns : due_ns) + x->lost_ns;
    const int64_t others_ns[] = {atl_pool_watch_deadline_ns(x), atl_pool_steps_deadline_ns(x),
                                 x->finished ? x->leave_by_ns : INT64_MAX};
    for (size_t i = 0; i < ATL_COUNT(others_ns); i++)
        due_ns = others_ns[i] < due_ns ? others_ns[i] : due_ns;
    if (due_ns == INT64_MAX)
        return -1;
    const int64_t left_ms = (due_ns - atl_clock_now_ns()) / 1000000 + 1;
    return left_ms < 0 ? 0 : left_ms > 3600000 ? 3600000 : (int)left_ms;
}

/* After what was to take `meant_ns` at most since the last time that it woke. */
static void note_absence(atl_executor *x, int64_t meant_ns)
{
    const int64_t now_ns = atl_clock_now_ns(), took_ns = now_ns - x->woke_ns;
    if (took_ns > meant_ns + away_ns) {
        x->lost_ns += took_ns;
        atl_pool_look(x, took_ns);
    }
    x->woke_ns = now_ns;
}

static void wait(atl_executor *x, bool more)
{
    const int timeout = more ? 0 : timeout_ms(x);
    x->fds[0] = x->hall->wake_fd;
    x->fds[1] = x->nudge_fd;
    for (int w = 0; w < x->plan.n_workers; w++) {
        const atl_process *process = &x->workers[w].process;
        x->fds[2 + 2 * w] = process->pid > 0 ? process->pid_fd : -1;
        x->fds[3 + 2 * w] = process->pid > 0 ? process->words_fd : -1;
    }
    atl_server_wait(x->server, x->fds, x->readable, 2 + 2 * (size_t)x->plan.n_workers, timeout);
    if (timeout >= 0)
        note_absence(x, (int64_t)timeout * 1000000);
    x->woke_ns = atl_clock_now_ns();
    uint64_t count;
    x->nudge |= x->readable[1];
    for (int i = 0; i < 2; i++)
        if (x->readable[i] && read(x->fds[i], &count, sizeof count) < 0)
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

/* Looks at a worker before it is held to be lost, and once more a little later. */
static void keep_time(atl_executor *x)
{
    if (x->finished || x->broken)
        return;
    if (atl_dispatch_deadline_ns(x->dispatch) <= atl_pool_now_ns(x))
        atl_pool_look(x, 0);
    const int64_t now_ns = atl_pool_now_ns(x);
    if (atl_dispatch_deadline_ns(x->dispatch) > now_ns)
        x->doubt_ns = 0;
    else if (x->doubt_ns == 0)
        x->doubt_ns = now_ns;
    else if (now_ns - x->doubt_ns >= grace_ns)
        atl_pool_tell(x, (atl_event){.type = ATL_EV_TICK});
}

static void turn(atl_executor *x, bool *more)
{
    wait(x, *more);
    *more = !atl_pool_take_messages(x);
    if (!*more)
        atl_pool_watch(x, atl_clock_now_ns());
    take_orders(x);
    note_absence(x, 0);
    keep_time(x);
    atl_pool_obey(x);
    atl_pool_tell_steps(x);
    if (x->killing || x->broken)
        kill_all(x, "the pool ended");
    publish(x);
}

void *atl_pool_main(void *executor)
{
    atl_executor *x = executor;
    bool more = false;
    x->ended_end = &x->ended;
    x->told_limit = (uint32_t)x->plan.n_workers;
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
