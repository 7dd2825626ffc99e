/* bench_measure_private.h - a benchmark under way: bench_measure.c opens, runs and watches,
 * bench_measure_rows.c makes rows of it. */
#ifndef ATL_CLI_BENCH_MEASURE_PRIVATE_H
#define ATL_CLI_BENCH_MEASURE_PRIVATE_H

#include "bench_plan.h"
#include "engine/ceilings.h"
#include "engine/cpu.h"
#include "engine/stages.h"

enum { BENCH_MAX_ROWS = 4096, BENCH_MAX_OPS = 512 };

/* One policy on one number of threads. */
typedef struct bench_seat {
    const char *policy;
    int threads;
    const atl_plan *plan; /* of the cores for so many threads */
    atl_stage_bench *bench;
} bench_seat;

typedef struct bench_op_times {
    atl_stage_op op; /* of the last run */
    double *ms;      /* [repetitions] */
    int n;
} bench_op_times;

/* What is measured over and over. */
typedef struct bench_subject {
    const bench_seat *seat;
    atl_stage_case which;
    double gflop, mb;
    double *ms; /* [repetitions] */
    bench_op_times *ops;
    size_t n_ops;
} bench_subject;

typedef struct bench_measuring {
    const bench_plan *plan;
    atl_plan plans[BENCH_MAX_LIST];
    bench_seat seats[BENCH_MAX_LIST * BENCH_MAX_LIST];
    int n_seats;
    bench_subject *subjects;
    size_t n_subjects;
    atl_ceiling before[BENCH_MAX_LIST][ATL_MAX_CEILINGS], after[ATL_MAX_CEILINGS];
    size_t n_before[BENCH_MAX_LIST];
    atl_cpu cpu;
    bench_row *rows;
    size_t n_rows;
} bench_measuring;

/* A row for each subject, for its layers where they are wanted, and for each ceiling: fills `rows`, at most
 * BENCH_MAX_ROWS, which the rest is left out of. */
void bench_fill_rows(bench_measuring *m);

#endif
