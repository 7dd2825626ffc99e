/* run_box.c - what the executor's thread tells, kept until the run's own thread looks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "run_private.h"
#include "study_seats.h"

enum { MAX_EVENTS = 1 << 16 };

atl_status atl_run_box_open(atl_run_box *box, size_t n_workers, atl_note *note)
{
    *box = (atl_run_box){.n_workers = n_workers};
    box->workers = calloc(n_workers, sizeof *box->workers);
    if (!box->workers || pthread_mutex_init(&box->mutex, NULL) != 0) {
        free(box->workers);
        return atl_fail(note, ATL_NO_MEMORY, "no memory to watch %zu workers", n_workers);
    }
    return ATL_OK;
}

void atl_run_box_limit(atl_run_box *box, size_t n_workers)
{
    pthread_mutex_lock(&box->mutex);
    box->n_workers = n_workers;
    pthread_mutex_unlock(&box->mutex);
}

void atl_run_box_done(atl_run_box *box)
{
    pthread_mutex_destroy(&box->mutex);
    free(box->workers);
    free(box->events);
    *box = (atl_run_box){0};
}

static void keep(atl_run_box *box, const atl_pool_event *event)
{
    if (box->n == box->capacity) {
        const size_t capacity = box->capacity ? 2 * box->capacity : 64;
        atl_run_event *more = box->n < MAX_EVENTS ? realloc(box->events, capacity * sizeof *more) : NULL;
        if (!more) {
            box->overflow = true;
            return;
        }
        box->events = more;
        box->capacity = capacity;
    }
    atl_run_event *e = &box->events[box->n++];
    *e = (atl_run_event){.type = event->type,
                         .worker = event->worker,
                         .attempt = event->attempt,
                         .index = event->index,
                         .job = event->job,
                         .put_back = event->put_back,
                         .at_ns = atl_clock_now_ns()};
    snprintf(e->text, sizeof e->text, "%s", event->text ? event->text : "");
}

static void note_worker(atl_run_worker *worker, const atl_pool_event *event)
{
    worker->phase = event->phase;
    worker->step = worker->n_steps = 0;
    if (event->text && event->text[0])
        snprintf(worker->text, sizeof worker->text, "%s", event->text);
    if (event->phase == ATL_WORKER_READY)
        atl_cores_of_words(worker->text, worker->cores, sizeof worker->cores);
}

/* A worker that is ready, but not as was wished for, says so at the end of its text. */
static void keep_trouble(atl_run_box *box, const atl_pool_event *event)
{
    const bool ready = event->type == ATL_POOL_WORKER && event->phase == ATL_WORKER_READY && event->text;
    atl_pool_event trouble = *event;
    trouble.text = ready ? strstr(event->text, "packed weights: ") : NULL;
    if (trouble.text)
        keep(box, &trouble);
}

void atl_run_box_put(void *user, const atl_pool_event *event)
{
    atl_run_box *box = user;
    pthread_mutex_lock(&box->mutex);
    atl_run_worker *worker = event->worker < box->n_workers ? &box->workers[event->worker] : NULL;
    if (worker && event->type == ATL_POOL_WORKER)
        note_worker(worker, event);
    if (worker && (event->type == ATL_POOL_STARTED || event->type == ATL_POOL_STEP)) {
        worker->phase = ATL_WORKER_PAINTING;
        worker->index = event->index;
        worker->step = event->step;
        worker->n_steps = event->n_steps;
    }
    if (event->type == ATL_POOL_STARTED || event->type == ATL_POOL_LEASE_LOST)
        keep(box, event);
    keep_trouble(box, event);
    pthread_mutex_unlock(&box->mutex);
}

atl_run_event *atl_run_box_take(atl_run_box *box, size_t *ret_n)
{
    pthread_mutex_lock(&box->mutex);
    atl_run_event *events = box->events;
    *ret_n = box->n;
    box->events = NULL;
    box->n = box->capacity = 0;
    pthread_mutex_unlock(&box->mutex);
    return events;
}

void atl_run_box_workers(atl_run_box *box, atl_run_worker *ret)
{
    pthread_mutex_lock(&box->mutex);
    for (size_t i = 0; i < box->n_workers; i++) {
        const uint64_t n_done = ret[i].n_done; /* the run's own thread counts */
        ret[i] = box->workers[i];
        ret[i].n_done = n_done;
    }
    pthread_mutex_unlock(&box->mutex);
}
