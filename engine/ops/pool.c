/* pool.c - the engine's threads; see pool.h.
 *
 * Who owns what. The caller owns the description of a run (fn, job, n_tiles) and writes it only while no
 * worker is inside a run. It then raises `generation`; a worker that sees a generation it has not served
 * takes tiles from `next_tile` until none is left and counts itself out of `n_inside`. The caller, which
 * takes tiles too, returns when `n_inside` is 0: every worker passes through every run exactly once, so
 * nobody can still read the description of run g when run g + 1 is written, and each tile is taken exactly
 * once because `next_tile` is a single atomic counter.
 *
 * Who sleeps. Runs follow each other within microseconds inside a network, so a waiter first spins
 * (N_SPINS pauses, some tens of microseconds) and then sleeps on a condition variable. A sleeper re-checks
 * under the mutex, and whoever changes what it waits for takes the same mutex before it signals: no wake-up
 * can be lost.
 *
 * Shutdown. `stopping` is set and the generation raised as if for a run; workers leave instead of
 * taking tiles, and close joins them. */
#include "ops/pool.h"

#include <cblas.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MAX_THREADS 1024
#define N_SPINS     4000

typedef struct worker {
    atl_pool *pool;
    pthread_t thread;
    int index; /* 1 … n_threads-1: the caller is thread 0 */
} worker;

struct atl_pool {
    int n_threads;
    int n_started; /* workers whose thread exists */
    worker *workers;
    atl_thread_hook hook;
    void *hook_user;

    /* the run: written by the caller while n_inside is 0 */
    atl_tile_fn fn;
    void *job;
    size_t n_tiles;
    bool stopping;

    /* each on its own cache line: they are hammered by different threads */
    _Alignas(64) atomic_uint generation;
    _Alignas(64) atomic_size_t next_tile;
    _Alignas(64) atomic_int n_inside;

    pthread_mutex_t mutex;
    pthread_cond_t new_run;  /* workers wait here for a generation */
    pthread_cond_t all_left; /* the caller waits here for n_inside = 0 */
};

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void take_tiles(atl_pool *pool, int thread)
{
    for (;;) {
        size_t tile = atomic_fetch_add_explicit(&pool->next_tile, 1, memory_order_relaxed);
        if (tile >= pool->n_tiles)
            return;
        pool->fn(pool->job, tile, thread);
    }
}

static unsigned wait_for_run(atl_pool *pool, unsigned served)
{
    for (int i = 0; i < N_SPINS; i++) {
        unsigned now = atomic_load_explicit(&pool->generation, memory_order_acquire);
        if (now != served)
            return now;
        relax();
    }
    pthread_mutex_lock(&pool->mutex);
    unsigned now;
    while ((now = atomic_load_explicit(&pool->generation, memory_order_acquire)) == served)
        pthread_cond_wait(&pool->new_run, &pool->mutex);
    pthread_mutex_unlock(&pool->mutex);
    return now;
}

static void leave_run(atl_pool *pool)
{
    if (atomic_fetch_sub_explicit(&pool->n_inside, 1, memory_order_acq_rel) != 1)
        return;
    pthread_mutex_lock(&pool->mutex);
    pthread_cond_signal(&pool->all_left);
    pthread_mutex_unlock(&pool->mutex);
}

static void *worker_main(void *arg)
{
    worker *self = arg;
    atl_pool *pool = self->pool;
    unsigned served = 0;
    if (pool->hook)
        pool->hook(pool->hook_user, self->index);
    for (;;) {
        served = wait_for_run(pool, served);
        if (pool->stopping)
            return NULL;
        take_tiles(pool, self->index);
        leave_run(pool);
    }
}

static void begin_run(atl_pool *pool)
{
    atomic_store_explicit(&pool->n_inside, pool->n_started, memory_order_relaxed);
    pthread_mutex_lock(&pool->mutex);
    atomic_fetch_add_explicit(&pool->generation, 1, memory_order_release);
    pthread_cond_broadcast(&pool->new_run);
    pthread_mutex_unlock(&pool->mutex);
}

static void wait_until_all_left(atl_pool *pool)
{
    for (int i = 0; i < N_SPINS; i++) {
        if (atomic_load_explicit(&pool->n_inside, memory_order_acquire) == 0)
            break;
        relax();
    }
    /* The mutex is taken in any case: the last worker may still be about to signal, and the pool must not be
     * destroyed under it. */
    pthread_mutex_lock(&pool->mutex);
    while (atomic_load_explicit(&pool->n_inside, memory_order_acquire) != 0)
        pthread_cond_wait(&pool->all_left, &pool->mutex);
    pthread_mutex_unlock(&pool->mutex);
}

static atl_status start_workers(atl_pool *pool, atl_note *note)
{
    for (int i = 1; i < pool->n_threads; i++) {
        worker *w = &pool->workers[i - 1];
        *w = (worker){.pool = pool, .index = i};
        int error = pthread_create(&w->thread, NULL, worker_main, w);
        if (error)
            return atl_fail(note, ATL_IO, "cannot start thread %d of %d: %s", i + 1, pool->n_threads,
                            strerror(error));
        pool->n_started++;
    }
    return ATL_OK;
}

atl_status atl_pool_open(int n_threads, atl_thread_hook hook, void *hook_user, atl_pool **ret_pool,
                         atl_note *note)
{
    if (n_threads < 1 || n_threads > MAX_THREADS)
        return atl_fail(note, ATL_USAGE, "%d threads: wanted 1 to %d", n_threads, MAX_THREADS);
    atl_pool *pool = aligned_alloc(_Alignof(atl_pool), sizeof *pool);
    if (!pool)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a thread pool");
    memset(pool, 0, sizeof *pool);
    pool->n_threads = n_threads;
    pool->hook = hook;
    pool->hook_user = hook_user;
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->new_run, NULL);
    pthread_cond_init(&pool->all_left, NULL);
    openblas_set_num_threads(1); /* the pool is the one owner of parallelism */

    atl_status st = ATL_OK;
    pool->workers = calloc((size_t)n_threads, sizeof *pool->workers);
    if (!pool->workers)
        st = atl_fail(note, ATL_NO_MEMORY, "no memory for %d threads", n_threads);
    else
        st = start_workers(pool, note);
    if (st != ATL_OK)
        goto fail;
    if (hook)
        hook(hook_user, 0);
    *ret_pool = pool;
    return ATL_OK;
fail:
    atl_pool_close(&pool);
    return st;
}

void atl_pool_close(atl_pool **pool_ref)
{
    if (!pool_ref || !*pool_ref)
        return;
    atl_pool *pool = *pool_ref;
    pool->stopping = true;
    begin_run(pool);
    for (int i = 0; i < pool->n_started; i++)
        pthread_join(pool->workers[i].thread, NULL);
    pthread_cond_destroy(&pool->all_left);
    pthread_cond_destroy(&pool->new_run);
    pthread_mutex_destroy(&pool->mutex);
    free(pool->workers);
    free(pool);
    *pool_ref = NULL;
}

int atl_pool_n_threads(const atl_pool *pool)
{
    return pool->n_threads;
}

void atl_pool_run(atl_pool *pool, size_t n_tiles, atl_tile_fn fn, void *job)
{
    if (pool->n_started == 0 || n_tiles <= 1) {
        for (size_t tile = 0; tile < n_tiles; tile++)
            fn(job, tile, 0);
        return;
    }
    pool->fn = fn;
    pool->job = job;
    pool->n_tiles = n_tiles;
    atomic_store_explicit(&pool->next_tile, 0, memory_order_relaxed);
    begin_run(pool);
    take_tiles(pool, 0);
    wait_until_all_left(pool);
}
