/* bench_plan.h - what a benchmark measures: its options, taken apart. */
#ifndef ATL_CLI_BENCH_PLAN_H
#define ATL_CLI_BENCH_PLAN_H

#include <stdint.h>

#include "bench_rows.h"
#include "coordinator/placement.h"

enum { BENCH_MAX_LIST = 16, BENCH_MAX_STAGES = 4, BENCH_WORD = 16, BENCH_MAX_REPETITIONS = 1000 };

typedef struct bench_plan {
    const char *model, *variant;
    const atl_machine *machine;
    char stages[BENCH_MAX_STAGES][BENCH_WORD], policies[BENCH_MAX_LIST][BENCH_WORD];
    int n_stages, n_policies;
    int threads[BENCH_MAX_LIST], n_threads;
    int widths[BENCH_MAX_LIST], heights[BENCH_MAX_LIST], n_sizes; /* 0 × 0: the model's own */
    int batch, repetitions;
    bool layers;       /* a row for each shape of layer, and the products of every instruction set */
    bool no_ceilings;  /* none: no shares either */
    bool all_ceilings; /* not only those that shares are of */
} bench_plan;

/* Measures all of it, the repetitions of different configurations in random turns. Rows are for free().
 * `about` gets the noise. Says on stderr what it does. Errors: as atl_engine_open, atl_ceilings_measure. */
atl_status bench_measure(const bench_plan *plan, bench_row **ret_rows, size_t *ret_n, bench_about *about,
                         atl_note *note);

#endif
