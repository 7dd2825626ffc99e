/* pool.h - the engine's threads: the one owner of parallelism in a process.
 *
 * Work is cut into tiles over outputs, never over a sum; which thread computes a tile decides
 * nothing about its value, so results do not depend on the number of threads. Called from one
 * thread at a time (the engine's owner); tiles run on all of the pool's threads, the caller's
 * included as thread 0. */
#ifndef ATL_OPS_POOL_H
#define ATL_OPS_POOL_H

#include <stddef.h>

#include "base/status.h"

typedef struct atl_pool atl_pool;

/* Computes tile `tile` of `job`; `thread` in [0, n_threads) picks per-thread scratch. Must not call
 * atl_pool_run. */
typedef void (*atl_tile_fn)(void *job, size_t tile, int thread);

/* Called once in each new thread (and for thread 0 within open) before any tile: pins it, say. */
typedef void (*atl_thread_hook)(void *user, int thread);

/* n_threads in [1, 1024]. Errors: ATL_USAGE, ATL_NO_MEMORY, ATL_IO (no thread to be had). */
atl_status atl_pool_open(int n_threads, atl_thread_hook hook, void *hook_user, atl_pool **ret_pool,
                         atl_note *note);
void atl_pool_close(atl_pool **pool); /* joins the threads; accepts NULL inside */
int atl_pool_n_threads(const atl_pool *pool);

/* Runs tiles 0 … n_tiles-1, each exactly once, and returns when all are done. */
void atl_pool_run(atl_pool *pool, size_t n_tiles, atl_tile_fn fn, void *job);

#endif
