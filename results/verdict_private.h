/* verdict_private.h - the windows of a series, asked for medians: verdict_inquiry.c answers, verdict.c draws
 * the conclusions. */
#ifndef ATL_RESULTS_VERDICT_PRIVATE_H
#define ATL_RESULTS_VERDICT_PRIVATE_H

#include "results/verdict.h"

typedef struct atl_inquiry {
    const atl_study_window *windows;
    size_t n_windows;
    const atl_scaling *scaling;
    const atl_study_ceilings *ceilings;
    double cores, n_first, n_last; /* the least and the largest worker count */
    int threads;
    double noise; /* of a window, relative: atl_inquiry_noise */
    atl_verdict *verdict;
} atl_inquiry;

/* Which windows. */
typedef struct atl_inquired {
    double workers;
    int corunners, probe; /* probe: −1 either, else without or with */
} atl_inquired;

typedef double (*atl_figure_fn)(const atl_study_window *window, int which);

/* Over the valid ones of those windows; NAN: there are none. */
double atl_inquiry_median(const atl_inquiry *q, atl_inquired of, atl_figure_fn figure, int which);
/* The scatter of log rates between windows that should be alike, pooled over all that have a like; 5 % where
 * none has. */
double atl_inquiry_noise(const atl_inquiry *q);
/* The standard error of the ratio of two such medians, by that noise. */
double atl_inquiry_error(const atl_inquiry *q, atl_inquired a, atl_inquired b);

#endif
