/* pool_test.c - every tile once, on every thread, however often; also what the thread sanitizer watches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <stdatomic.h>

#include "ops/pool.h"

#define MAX_TILES 1000

typedef struct count_job {
    int n_threads;
    int counts[MAX_TILES]; /* not atomic: a tile belongs to one thread */
    atomic_int bad_thread;
} count_job;

static void count_tile(void *user, size_t tile, int thread)
{
    count_job *job = user;
    job->counts[tile]++;
    if (thread < 0 || thread >= job->n_threads)
        atomic_fetch_add(&job->bad_thread, 1);
}

static void check_runs(int n_threads, size_t n_tiles, int n_runs)
{
    atl_pool *pool = NULL;
    count_job job = {.n_threads = n_threads};
    assert_int_equal(atl_pool_open(n_threads, NULL, NULL, &pool, NULL), ATL_OK);
    assert_int_equal(atl_pool_n_threads(pool), n_threads);
    for (int i = 0; i < n_runs; i++)
        atl_pool_run(pool, n_tiles, count_tile, &job);
    atl_pool_close(&pool);
    assert_null(pool);
    for (size_t i = 0; i < MAX_TILES; i++)
        assert_int_equal(job.counts[i], i < n_tiles ? n_runs : 0);
    assert_int_equal(job.bad_thread, 0);
}

static void every_tile_runs_once(void **state)
{
    (void)state;
    for (int n_threads = 1; n_threads <= 5; n_threads++) {
        check_runs(n_threads, 0, 3);
        check_runs(n_threads, 1, 3);
        check_runs(n_threads, 2, 300);
        check_runs(n_threads, 7, 300);
        check_runs(n_threads, MAX_TILES, 20);
    }
}

/* Two tiles that wait for each other end only if two threads take them. */
typedef struct meeting {
    atomic_int arrived;
} meeting;

static void meet(void *user, size_t tile, int thread)
{
    meeting *m = user;
    (void)tile;
    (void)thread;
    atomic_fetch_add(&m->arrived, 1);
    while (atomic_load(&m->arrived) < 2)
        ;
}

static void tiles_run_at_the_same_time(void **state)
{
    (void)state;
    atl_pool *pool = NULL;
    meeting m = {0};
    assert_int_equal(atl_pool_open(2, NULL, NULL, &pool, NULL), ATL_OK);
    atl_pool_run(pool, 2, meet, &m);
    assert_int_equal(m.arrived, 2);
    atl_pool_close(&pool);
}

static void note_thread(void *user, int thread)
{
    atomic_int *seen = user;
    atomic_fetch_add(&seen[thread], 1);
}

static void hook_is_called_once_in_each_thread(void **state)
{
    (void)state;
    atl_pool *pool = NULL;
    atomic_int seen[4] = {0};
    assert_int_equal(atl_pool_open(4, note_thread, seen, &pool, NULL), ATL_OK);
    assert_int_equal(seen[0], 1);
    atl_pool_close(&pool); /* joins, so that every hook has been called */
    for (int i = 0; i < 4; i++)
        assert_int_equal(seen[i], 1);
}

static void impossible_numbers_of_threads_are_refused(void **state)
{
    (void)state;
    atl_pool *pool = NULL;
    atl_note note = {0};
    assert_int_equal(atl_pool_open(0, NULL, NULL, &pool, &note), ATL_USAGE);
    assert_int_equal(atl_pool_open(1025, NULL, NULL, &pool, &note), ATL_USAGE);
    assert_non_null(strstr(note.text, "1025"));
    assert_null(pool);
    atl_pool_close(&pool);
    atl_pool_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_tile_runs_once),
        cmocka_unit_test(tiles_run_at_the_same_time),
        cmocka_unit_test(hook_is_called_once_in_each_thread),
        cmocka_unit_test(impossible_numbers_of_threads_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
