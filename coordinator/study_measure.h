/* study_measure.h - what the pictures of one window say. Private to the room.
 *
 * Pure: pictures with their times in, figures out. A worker's rate is taken over the pictures that lie wholly
 * inside the window, with the pauses between them; the rates of the workers are added. So nothing at the
 * window's edges counts, where a neighbour was not there yet or no longer. */
#ifndef ATL_COORDINATOR_STUDY_MEASURE_H
#define ATL_COORDINATOR_STUDY_MEASURE_H

#include <stddef.h>
#include <stdint.h>

#include "results/study.h"

/* One picture that was painted while a window was open, or about that time. */
typedef struct atl_study_sample {
    int worker;
    int64_t begun_ns, ended_ns; /* CLOCK_MONOTONIC, of painting */
    atl_span stage[ATL_N_STAGES];
    int n_unet_steps;
} atl_study_sample;

/* How many pictures of worker `worker` lie wholly in [begin_ns, end_ns]. */
size_t atl_study_whole(const atl_study_sample *samples, size_t n, int worker, int64_t begin_ns,
                       int64_t end_ns);

/* The same but for the rate: stages, percentiles, cpu_share, length, images. There is at least one whole
 * picture. Errors: ATL_NO_MEMORY. */
atl_status atl_study_summarise(const atl_study_sample *samples, size_t n, int64_t begin_ns, int64_t end_ns,
                               atl_study_window *ret, atl_note *note);

/* Fills in images, rates, stages, percentiles, cpu_share and length of a window with workers 0 … n_workers −
 * 1. Errors: ATL_USAGE (a worker without a whole picture), ATL_NO_MEMORY. */
atl_status atl_study_measure(const atl_study_sample *samples, size_t n, int64_t begin_ns, int64_t end_ns,
                             atl_study_window *ret, atl_note *note);

/* Sets `flaws` and `valid` by what the window and its evidence say: CPU time below 97 % of wall time (one
 * thread a worker), steal above 1 %, foreign load above 2 %, workers that waited for work above 5 %,
 * throttling. `room`: CPUs for each of its threads, less than 1 where they share some: so much CPU time is
 * all that they can have. */
void atl_study_judge(atl_study_window *window, double room);

#endif
