/* compare.h - one core against many on a fixed batch.
 *
 * The whole batch is painted once by each of W x T (1 × 1, one worker on all cores, and the factorings of the
 * core count between them), each policy apart, in rounds of random order; what a study measures in windows is
 * measured here over whole batches (results/compare.h). */
#ifndef ATL_COORDINATOR_COMPARE_H
#define ATL_COORDINATOR_COMPARE_H

#include "coordinator/study.h"

/* Of the options, `workers`, `threads`, `orders`, `window_s`, `least_pictures`, `probe` and `corunners` do
 * not count. The record and the report are for the caller to add quality to: the report is written by
 * atl_compare_finish. Errors: as atl_study_run. */
atl_status atl_compare_run(const atl_study_options *options, atl_note *note);

/* Writes the head anew, with what the caller put into its `quality`, and the report. Errors: ATL_IO,
 * ATL_BAD_INPUT, ATL_NO_MEMORY. */
atl_status atl_compare_finish(const atl_study_options *options, atl_note *note);

#endif
