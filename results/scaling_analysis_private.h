/* scaling_analysis_private.h - between the files of atl_scaling_analyse: the points taken in, and what one
 * resampling of the rounds says.
 *
 * A resampling is how often each round was drawn. All that is needed of it follows from sums for each round
 * and N (for the fit) and from one sorted list for each N (for medians), so that nothing is copied. */
#ifndef ATL_RESULTS_SCALING_ANALYSIS_PRIVATE_H
#define ATL_RESULTS_SCALING_ANALYSIS_PRIVATE_H

#include "scaling_private.h"

/* The points of one round at one N. */
typedef struct atl_scaling_cell {
    double n, sum, squares; /* of log rates, less the shift */
} atl_scaling_cell;

typedef struct atl_sorted_point {
    double rate;
    int place, round; /* indices of the count and the round */
} atl_sorted_point;

/* What one resampling says; NAN: it lacks that N. */
typedef struct atl_scaling_draw {
    double median[ATL_SCALING_MAX_COUNTS], ratio[ATL_SCALING_MAX_COUNTS], predicted[ATL_SCALING_MAX_COUNTS];
    atl_law law;
    double alpha, beta, s, peak;
    double miss;
    int recommended, knee; /* places of the counts; the last one's: no knee was seen */
} atl_scaling_draw;

typedef struct atl_analysis {
    atl_scaling *result;
    double threshold, shift;
    int n_rounds, *rounds; /* owned, ascending */
    size_t n_points;
    atl_sorted_point *points; /* owned; by count, then rate */
    size_t first[ATL_SCALING_MAX_COUNTS + 1];
    atl_scaling_cell *cells; /* owned, [n_rounds][n_counts] */
    int *times;              /* owned, [n_rounds]: how often each was drawn */
    atl_fitter *fitter;      /* NULL: too few counts for a law */
    atl_scaling_draw *draws; /* owned */
    int n_draws;
    double *column; /* owned, [n_draws] */
} atl_analysis;

/* ---- scaling_points.c ---- */
/* Whether an analysis can be made of these. Errors: ATL_USAGE. */
atl_status atl_analysis_check(const atl_scaling_point *points, size_t n_points, double threshold,
                              int n_resamplings, atl_note *note);
/* Sorts checked points by round and N; `a` has its result and n_draws. Close with done, whatever came of it.
 * Errors: ATL_USAGE (too many rounds or worker counts, or one count alone), ATL_NO_MEMORY. */
atl_status atl_analysis_take_in(atl_analysis *a, const atl_scaling_point *points, size_t n_points,
                                atl_note *note);
void atl_analysis_done(atl_analysis *a);

/* ---- scaling_draw.c ---- */
/* What the rounds say, each taken as often as a->times has it. `chosen` is the law of the whole, whose
 * parameters are asked for; ATL_N_LAWS: this is the whole. `fits` is read as hints then, else written. */
void atl_analysis_say(const atl_analysis *a, atl_law chosen, atl_law_fit fits[ATL_N_LAWS],
                      atl_scaling_draw *d);
/* The next place far enough from `from` to tell how steep it is; −1: there is none. */
int atl_scaling_step_from(const atl_scaling *r, const double *rates, int from);

#endif
