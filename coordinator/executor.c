/* executor.c - the callers' side: submitting to a pool, steering it, ending it. See executor.h and
 * executor_private.h; executor_open.c opens one. */
#include "coordinator/executor.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "executor_private.h"

const atl_plan *atl_executor_plan(const atl_executor *executor)
{
    return &executor->plan;
}

/* ---- submitting ---- */

static atl_status new_future(const atl_job *job, atl_future **ret, atl_note *note)
{
    static const atl_job_id no_id;
    atl_future *future = calloc(1, sizeof *future);
    if (!future || atl_job_copy(job, &future->job) != ATL_OK) {
        free(future);
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a job");
    }
    const bool unnamed = memcmp(&job->id, &no_id, sizeof no_id) == 0;
    const atl_status st = unnamed ? atl_job_identify(&future->job, note) : ATL_OK;
    if (st != ATL_OK) {
        atl_job_done(&future->job);
        free(future);
        return st;
    }
    future->submitted_ns = atl_clock_now_ns();
    future->users = future->pools = true;
    future->result.index = job->index;
    future->result.job = future->job.id;
    *ret = future;
    return ATL_OK;
}

static bool takes_jobs(const atl_hall *hall)
{
    return !hall->over && hall->order == ATL_POOL_GO_ON;
}

/* Under the mutex, once there is room. */
static void enqueue(atl_hall *hall, atl_future *future)
{
    future->hall = hall;
    hall->refs++;
    hall->n_open++;
    hall->n_queued++;
    hall->counts.submitted++;
    atl_list_append(&hall->queue, future);
    if (hall->hungry) {
        hall->hungry = false;
        atl_hall_wake(hall);
    }
}

atl_status atl_executor_submit(atl_executor *executor, const atl_job *job, atl_future **ret_future,
                               atl_note *note)
{
    atl_hall *hall = executor->hall;
    atl_future *future = NULL;
    atl_status st = new_future(job, &future, note);
    if (st != ATL_OK)
        return st;
    pthread_mutex_lock(&hall->mutex);
    while (takes_jobs(hall) && hall->n_queued >= hall->queue_limit)
        pthread_cond_wait(&hall->room, &hall->mutex);
    if (takes_jobs(hall)) {
        enqueue(hall, future);
        if (ret_future)
            *ret_future = future;
        future = NULL;
    } else {
        st = atl_fail(note, hall->status, "%s", hall->note.text);
    }
    pthread_mutex_unlock(&hall->mutex);
    if (future) {
        atl_job_done(&future->job);
        free(future);
    }
    return st;
}

atl_status atl_executor_map(atl_executor *executor, const atl_job *jobs, size_t n, atl_future **ret_futures,
                            atl_note *note)
{
    for (size_t i = 0; i < n; i++) {
        const atl_status st = atl_executor_submit(executor, &jobs[i], &ret_futures[i], note);
        if (st == ATL_OK)
            continue;
        while (i > 0) {
            atl_future_cancel(ret_futures[--i]);
            atl_future_release(&ret_futures[i]);
        }
        return st;
    }
    return ATL_OK;
}

/* ---- steering and ending ---- */

/* Orders only grow: from finishing to draining to killing. */
static void give_order(atl_hall *hall, atl_pool_order order)
{
    pthread_mutex_lock(&hall->mutex);
    if (order > hall->order) {
        if (hall->order == ATL_POOL_GO_ON && !hall->over) {
            hall->status = ATL_CANCELLED;
            atl_fail(&hall->note, ATL_CANCELLED, "the pool is shutting down");
        }
        hall->order = order;
        if (order >= ATL_POOL_DRAIN)
            atl_hall_cancel_queue(hall);
        pthread_cond_broadcast(&hall->room);
        atl_hall_wake(hall);
    }
    pthread_mutex_unlock(&hall->mutex);
}

void atl_executor_limit(atl_executor *executor, uint32_t n)
{
    const uint32_t most = (uint32_t)executor->plan.n_workers;
    atl_hall *hall = executor->hall;
    pthread_mutex_lock(&hall->mutex);
    hall->limit = n > most ? most : n > 0 ? n : 1;
    atl_hall_wake(hall);
    pthread_mutex_unlock(&hall->mutex);
}

void atl_executor_pause(atl_executor *executor, bool pause)
{
    atl_hall *hall = executor->hall;
    pthread_mutex_lock(&hall->mutex);
    hall->paused = pause;
    atl_hall_wake(hall);
    pthread_mutex_unlock(&hall->mutex);
}

void atl_executor_drain(atl_executor *executor)
{
    give_order(executor->hall, ATL_POOL_DRAIN);
}

void atl_executor_shutdown(atl_executor **executor, bool wait, bool cancel_pending)
{
    atl_executor *x = *executor;
    *executor = NULL;
    if (!x)
        return;
    give_order(x->hall, !wait ? ATL_POOL_KILL : cancel_pending ? ATL_POOL_DRAIN : ATL_POOL_FINISH);
    pthread_join(x->thread, NULL);
    pthread_mutex_lock(&x->hall->mutex);
    close(x->hall->wake_fd);
    x->hall->wake_fd = -1;
    pthread_mutex_unlock(&x->hall->mutex);
    atl_pool_free(x);
}

atl_pool_counts atl_executor_counts(atl_executor *executor)
{
    pthread_mutex_lock(&executor->hall->mutex);
    const atl_pool_counts counts = executor->hall->counts;
    pthread_mutex_unlock(&executor->hall->mutex);
    return counts;
}
