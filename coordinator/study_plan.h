/* study_plan.h - which windows a study measures, and in which order. Private to the room.
 *
 * Pure: no process, no clock. A round is every worker count once in random order, with the smallest one at
 * its beginning and at its end, so that a machine that slows down or speeds up shows. */
#ifndef ATL_COORDINATOR_STUDY_PLAN_H
#define ATL_COORDINATOR_STUDY_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "coordinator/placement.h"
#include "results/study.h"

enum { ATL_STUDY_MAX_COUNTS = 128, ATL_STUDY_MAX_SERIES = 64 };

/* Windows that differ in worker count alone. */
typedef struct atl_study_series {
    char policy[16];
    int threads;
    atl_order order;
    int n_counts;
    int counts[ATL_STUDY_MAX_COUNTS]; /* ascending */
    int most_corunners;               /* 0: no windows with streaming neighbours */
} atl_study_series;

/* 1, 2, 3, 4, 6, 8, 12, 16, 24, … and n_max itself; returns how many. */
int atl_study_default_counts(int n_max, int counts[ATL_STUDY_MAX_COUNTS]);
/* Puts `count` in its place, unless it is there already or there is no room. */
void atl_study_add_count(atl_study_series *series, int count);

/* The windows of one round of a series; returns how many were written. `extras`: also the smallest and the
 * largest count without the probe (where there is one), and one worker beside 1, 2, 4 … streams. The order
 * follows from `seed` and `round` alone. */
size_t atl_study_plan_round(const atl_study_series *series, int round, uint64_t seed, bool probe, bool extras,
                            atl_study_config *ret, size_t capacity);

/* The order in which a round takes the series up. */
void atl_study_shuffle(int *items, int n, uint64_t seed);

#endif
