/* ceilings.h - the most that this machine can do, measured: what a share of is worth telling.
 *
 * Matrix products of the kernels on random data out of the first cache, bandwidths of the caches and of
 * memory, latencies; on one thread or on many with a common start. About a second each. The caller's
 * thread waits; one at a time in a process, on cores that nothing else uses. */
#ifndef ATL_CEILINGS_H
#define ATL_CEILINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

typedef struct atl_ceiling {
    char name[24]; /* "gemm_bf16", "triad", "read_l2", "latency_memory"; the table in ceilings.c */
    char isa[16];  /* the kernels' of a product; else "" */
    char unit[12]; /* "GFLOP/s", "GB/s", "ns" */
    int n_threads; /* that did it at the same time; the figures are of all together, ns of one load */
    size_t bytes;  /* that each thread walked over; 0: a product */
    int n;         /* repetitions */
    double median, mean, sd, best;
} atl_ceiling;

enum { ATL_MAX_CEILINGS = 32 };

typedef struct atl_ceilings_options {
    int n_threads;   /* ≥ 1 */
    const int *cpus; /* [n_threads] hardware threads to bind to; NULL: not bound */
    double seconds;  /* for each figure; 0: 1 */
    /* Names (or beginnings of names: "read_") with commas between; NULL: all. The products are those of the
     * kernels that would be chosen here; with `all_isas` those of every set that the machine runs. */
    const char *only;
    bool all_isas;
} atl_ceilings_options;

/* Fills ret[ATL_MAX_CEILINGS]. What does not fit into the machine (no third cache; a cache's share that is
 * smaller than the cache before it) is left out. Memory: up to four times the last caches, at most a quarter
 * of what is free. Errors: ATL_NO_MEMORY, ATL_IO (no thread could be started), ATL_USAGE (`only` names
 * nothing). */
atl_status atl_ceilings_measure(const atl_ceilings_options *options, atl_ceiling *ret, size_t *ret_n,
                                atl_note *note);

/* The first of that name on n_threads threads, or NULL. `isa` NULL: of any. */
const atl_ceiling *atl_ceiling_find(const atl_ceiling *list, size_t n, const char *name, const char *isa,
                                    int n_threads);

#endif
