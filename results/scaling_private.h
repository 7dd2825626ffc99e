/* scaling_private.h - between the files of scaling.h.
 *
 * Least squares need of the points only how many lie at each N, their mean, and the squares within: so a
 * resampling is a handful of sums, and what a law looks like on a grid of its parameters is computed once. */
#ifndef ATL_RESULTS_SCALING_PRIVATE_H
#define ATL_RESULTS_SCALING_PRIVATE_H

#include "results/scaling.h"

enum { ATL_LAW_MAX_SHAPE = 2, ATL_LAW_MAX_PARAMETERS = 1 + ATL_LAW_MAX_SHAPE }; /* γ, and those beside it */

/* The parameters beside γ as the fit moves them: amdahl α; usl α, β; saturation ln s, ln p. */
int atl_law_n_shape(atl_law law);
/* ln(X(N)/γ), and its derivatives by those parameters. */
double atl_law_shape(atl_law law, const double theta[ATL_LAW_MAX_SHAPE], double n,
                     double ret_slope[ATL_LAW_MAX_SHAPE]);

/* What is fitted to: y at counts[i] has the mean `mean[i]` over `weight[i]` points (0: none). */
typedef struct atl_fit_data {
    double weight[ATL_SCALING_MAX_COUNTS], mean[ATL_SCALING_MAX_COUNTS];
    double within;  /* sum of squares around the means */
    bool are_rates; /* y is the rate; else its logarithm */
} atl_fit_data;

/* Of the parameters beside γ. */
typedef struct atl_law_bounds {
    double least[ATL_LAW_MAX_SHAPE], most[ATL_LAW_MAX_SHAPE];
} atl_law_bounds;

typedef struct atl_law_start {
    double rss, parameter[ATL_LAW_MAX_PARAMETERS]; /* ln γ, and the shape's */
} atl_law_start;
/* Goes from `at` down to the nearest least sum of squares within the bounds, and leaves it there. */
void atl_law_descend(atl_law law, const double *counts, int n_counts, const atl_law_bounds *bounds,
                     const atl_fit_data *data, atl_law_start *at);

typedef struct atl_fitter atl_fitter; /* counts, and the laws' looks there */
/* `counts` ascending and distinct. Errors: ATL_NO_MEMORY. */
atl_status atl_fitter_open(const double *counts, int n_counts, atl_fitter **ret, atl_note *note);
void atl_fitter_close(atl_fitter **fitter);

/* `hint`: an earlier fit of the same law to begin from, too; or NULL, then more starts are tried. */
atl_law_fit atl_fitter_fit(const atl_fitter *fitter, atl_law law, const atl_fit_data *data,
                           const atl_law_fit *hint);

/* Sorts out the distinct N of points: counts ascending; returns how many, or −1 for more than fit. */
int atl_scaling_counts(const atl_scaling_point *points, size_t n_points,
                       double ret_counts[ATL_SCALING_MAX_COUNTS]);
/* The place of a count that is among them. */
int atl_scaling_place(const double *counts, int n_counts, double n);

#endif
