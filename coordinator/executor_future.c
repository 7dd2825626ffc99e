/* executor_future.c - futures, and the hall in which callers and the pool's thread meet: see
 * executor_private.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "executor_private.h"

/* ---- lists ---- */

void atl_list_append(atl_future_list *list, atl_future *future)
{
    future->list = list;
    future->next = NULL;
    future->previous = list->last;
    if (list->last)
        list->last->next = future;
    else
        list->first = future;
    list->last = future;
}

void atl_list_remove(atl_future *future)
{
    atl_future_list *list = future->list;
    if (!list)
        return;
    *(future->previous ? &future->previous->next : &list->first) = future->next;
    *(future->next ? &future->next->previous : &list->last) = future->previous;
    future->list = NULL;
    future->next = future->previous = NULL;
}

/* ---- the hall ---- */

static bool init_sync(atl_hall *hall)
{
    pthread_condattr_t monotonic;
    if (pthread_condattr_init(&monotonic) != 0)
        return false;
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    const bool ok = pthread_mutex_init(&hall->mutex, NULL) == 0 &&
                    pthread_cond_init(&hall->ended, &monotonic) == 0 &&
                    pthread_cond_init(&hall->gathered, &monotonic) == 0 &&
                    pthread_cond_init(&hall->room, &monotonic) == 0;
    pthread_condattr_destroy(&monotonic);
    return ok;
}

atl_status atl_hall_open(size_t queue_limit, size_t n_workers, atl_hall **ret, atl_note *note)
{
    atl_hall *hall = calloc(1, sizeof *hall);
    pid_t *pids = calloc(n_workers, sizeof *pids);
    if (!hall || !pids || !init_sync(hall)) {
        free(hall);
        free(pids);
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a pool");
    }
    hall->pids = pids;
    hall->n_pids = n_workers;
    hall->queue_limit = queue_limit;
    hall->limit = (uint32_t)n_workers;
    hall->refs = 1;
    hall->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (hall->wake_fd < 0) {
        const atl_status st = atl_fail(note, ATL_IO, "cannot open an eventfd: %s", strerror(errno));
        atl_hall_leave(hall);
        return st;
    }
    *ret = hall;
    return ATL_OK;
}

void atl_hall_leave(atl_hall *hall)
{
    pthread_mutex_lock(&hall->mutex);
    const bool last = --hall->refs == 0;
    pthread_mutex_unlock(&hall->mutex);
    if (!last)
        return;
    pthread_mutex_destroy(&hall->mutex);
    pthread_cond_destroy(&hall->ended);
    pthread_cond_destroy(&hall->gathered);
    pthread_cond_destroy(&hall->room);
    if (hall->wake_fd >= 0)
        close(hall->wake_fd);
    free(hall->pids);
    free(hall);
}

void atl_hall_wake(atl_hall *hall)
{
    const uint64_t one = 1;
    if (hall->wake_fd >= 0 && write(hall->wake_fd, &one, sizeof one) < 0)
        return; /* EAGAIN: it was woken 2^64 times already */
}

void atl_hall_tell_ended(atl_hall *hall)
{
    pthread_cond_broadcast(&hall->ended);
    if (hall->wanted > 0 && (hall->n_completed >= hall->wanted || hall->n_open == 0))
        pthread_cond_signal(&hall->gathered);
}

void atl_hall_nudge(atl_hall *hall)
{
    hall->nudged = true;
    pthread_cond_signal(&hall->gathered);
}

static void take_completed(atl_hall *hall, atl_future *future)
{
    atl_list_remove(future);
    hall->n_completed--;
}

static bool has_ended(const atl_future *future)
{
    return future->state >= ATL_FUTURE_DONE;
}

atl_future *atl_hall_end(atl_hall *hall, atl_future *future, atl_future_state state)
{
    future->state = state;
    future->pools = false;
    hall->n_open--;
    hall->counts.done += state == ATL_FUTURE_DONE;
    hall->counts.failed += state == ATL_FUTURE_FAILED;
    hall->counts.cancelled += state == ATL_FUTURE_CANCELLED;
    if (!future->users)
        return future;
    atl_list_append(&hall->completed, future);
    hall->n_completed++;
    return NULL;
}

static void cancel_queued(atl_hall *hall, atl_future *future, atl_status status, const char *why)
{
    atl_list_remove(future);
    hall->n_queued--;
    future->result.status = status;
    atl_fail(&future->result.note, status, "%s", why);
    atl_future_free(atl_hall_end(hall, future, ATL_FUTURE_CANCELLED));
}

void atl_hall_cancel_queue(atl_hall *hall)
{
    while (hall->queue.first)
        cancel_queued(hall, hall->queue.first, hall->status, hall->note.text);
    atl_hall_tell_ended(hall);
    pthread_cond_broadcast(&hall->room);
}

/* ---- futures ---- */

/* Its hall's reference goes with it; the hall itself is still held by the caller. */
void atl_future_free(atl_future *future)
{
    if (!future)
        return;
    atl_job_done(&future->job);
    atl_job_timings_done(&future->result.timings);
    atl_frame_done(&future->picture);
    free(future->settings);
    future->hall->refs--;
    free(future);
}

atl_future_state atl_future_peek(const atl_future *future)
{
    pthread_mutex_lock(&future->hall->mutex);
    const atl_future_state state = future->state;
    pthread_mutex_unlock(&future->hall->mutex);
    return state;
}

static struct timespec after_ms(int timeout_ms)
{
    const int64_t at = atl_clock_now_ns() + (int64_t)timeout_ms * 1000000;
    return (struct timespec){.tv_sec = at / 1000000000, .tv_nsec = at % 1000000000};
}

/* Under the mutex. False: the time is over. */
static bool wait_for(pthread_cond_t *what, atl_hall *hall, int timeout_ms, const struct timespec *until)
{
    if (timeout_ms == 0)
        return false;
    if (timeout_ms < 0)
        return pthread_cond_wait(what, &hall->mutex) == 0;
    return pthread_cond_timedwait(what, &hall->mutex, until) == 0;
}

static bool wait_for_end(atl_hall *hall, int timeout_ms, const struct timespec *until)
{
    return wait_for(&hall->ended, hall, timeout_ms, until);
}

bool atl_future_wait(atl_future *future, int timeout_ms)
{
    atl_hall *hall = future->hall;
    const struct timespec until = after_ms(timeout_ms);
    pthread_mutex_lock(&hall->mutex);
    while (!has_ended(future) && wait_for_end(hall, timeout_ms, &until))
        ;
    const bool ended = has_ended(future);
    pthread_mutex_unlock(&hall->mutex);
    return ended;
}

const atl_result *atl_future_result(const atl_future *future)
{
    return atl_future_peek(future) >= ATL_FUTURE_DONE ? &future->result : NULL;
}

bool atl_future_cancel(atl_future *future)
{
    atl_hall *hall = future->hall;
    pthread_mutex_lock(&hall->mutex);
    const bool queued = future->list == &hall->queue;
    if (queued) {
        cancel_queued(hall, future, ATL_CANCELLED, "cancelled before it was sent to a worker");
        atl_hall_tell_ended(hall);
        pthread_cond_broadcast(&hall->room);
    }
    const bool cancelled = future->state == ATL_FUTURE_CANCELLED;
    pthread_mutex_unlock(&hall->mutex);
    return cancelled;
}

void atl_future_release(atl_future **future)
{
    atl_future *f = *future;
    *future = NULL;
    if (!f)
        return;
    atl_hall *hall = f->hall;
    pthread_mutex_lock(&hall->mutex);
    hall->refs++; /* ours, while the future's goes */
    f->users = false;
    if (f->list == &hall->completed)
        take_completed(hall, f);
    if (!f->pools)
        atl_future_free(f);
    pthread_mutex_unlock(&hall->mutex);
    atl_hall_leave(hall);
}

static size_t count_ended(atl_future *const *futures, size_t n)
{
    size_t ended = 0;
    for (size_t i = 0; i < n; i++)
        ended += has_ended(futures[i]);
    return ended;
}

size_t atl_executor_wait(atl_executor *executor, atl_future *const *futures, size_t n, bool all,
                         int timeout_ms)
{
    atl_hall *hall = executor->hall;
    const struct timespec until = after_ms(timeout_ms);
    pthread_mutex_lock(&hall->mutex);
    if (all) {
        for (size_t i = 0; i < n; i++)
            while (!has_ended(futures[i]) && wait_for_end(hall, timeout_ms, &until))
                ;
    } else {
        while (n > 0 && count_ended(futures, n) == 0 && wait_for_end(hall, timeout_ms, &until))
            ;
    }
    const size_t ended = count_ended(futures, n);
    pthread_mutex_unlock(&hall->mutex);
    return ended;
}

atl_future *atl_executor_next_completed(atl_executor *executor, int timeout_ms)
{
    atl_hall *hall = executor->hall;
    const struct timespec until = after_ms(timeout_ms);
    pthread_mutex_lock(&hall->mutex);
    while (!hall->completed.first && hall->n_open > 0 && wait_for_end(hall, timeout_ms, &until))
        ;
    atl_future *future = hall->completed.first;
    if (future)
        take_completed(hall, future);
    pthread_mutex_unlock(&hall->mutex);
    return future;
}

size_t atl_executor_gather(atl_executor *executor, size_t n, int timeout_ms)
{
    atl_hall *hall = executor->hall;
    const struct timespec until = after_ms(timeout_ms);
    pthread_mutex_lock(&hall->mutex);
    hall->wanted = n;
    while (hall->n_completed < n && hall->n_open > 0 && !hall->nudged &&
           wait_for(&hall->gathered, hall, timeout_ms, &until))
        ;
    hall->wanted = 0;
    hall->nudged = false;
    const size_t there = hall->n_completed;
    pthread_mutex_unlock(&hall->mutex);
    return there;
}
