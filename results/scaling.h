/* scaling.h - what rates measured at several worker counts say: which law they follow, where the knee is, and
 * how sure one can be of it.
 *
 * Four laws of a rate X(N), by least squares of log X with bounds and several starts:
 *   linear      γN
 *   amdahl      γN / (1 + α(N − 1))                              (Amdahl 1967; α: the serial share)
 *   usl         γN / (1 + α(N − 1) + βN(N − 1))                  (Gunther 2007; β: crosstalk, gives a peak)
 *   saturation  γN / (1 + (N/s)^p)^(1/p)                         (a ceiling at γs)
 * One is chosen by AICc (Hurvich & Tsai 1989), the simpler one unless it loses by more than 2. Whole rounds
 * are resampled (block bootstrap), the law chosen anew each time. Nothing here knows files or processes. */
#ifndef ATL_RESULTS_SCALING_H
#define ATL_RESULTS_SCALING_H

#include <stdint.h>

#include "base/status.h"

typedef enum atl_law { ATL_LAW_LINEAR, ATL_LAW_AMDAHL, ATL_LAW_USL, ATL_LAW_SATURATION, ATL_N_LAWS } atl_law;
const char *atl_law_name(atl_law law); /* "linear", "amdahl", "usl", "saturation" */

/* One measured window. */
typedef struct atl_scaling_point {
    double n;    /* workers, > 0 */
    double rate; /* any unit, > 0 */
    int round;   /* points of one round are resampled together */
} atl_scaling_point;

typedef struct atl_law_fit {
    atl_law law;
    double gamma, alpha, beta, s, p; /* those that the law has; else 0 */
    double rss;                      /* of log rates */
    double aicc;                     /* INFINITY where there are too few points for the law */
    bool fitted;
} atl_law_fit;

double atl_law_rate(const atl_law_fit *fit, double n);
/* Where the law peaks (usl with β > 0: √((1 − α)/β)); INFINITY where it does not. */
double atl_law_peak(const atl_law_fit *fit);

/* Errors: ATL_USAGE (no points, numbers that are not > 0). */
atl_status atl_law_fit_points(atl_law law, const atl_scaling_point *points, size_t n_points,
                              atl_law_fit *ret, atl_note *note);

typedef struct atl_interval {
    double low, high; /* 2.5th and 97.5th percentiles */
} atl_interval;

enum { ATL_SCALING_MAX_COUNTS = 128 };

typedef struct atl_scaling {
    int n_counts; /* distinct N, ascending */
    double counts[ATL_SCALING_MAX_COUNTS];
    double median_rate[ATL_SCALING_MAX_COUNTS];
    atl_interval rate[ATL_SCALING_MAX_COUNTS]; /* of the median, over resampled rounds */
    bool modelled;                             /* false below 5 distinct N: then no law, only ratios */
    atl_law_fit fits[ATL_N_LAWS];
    atl_law chosen;
    double chosen_share;                          /* of the resamplings that chose the same law */
    atl_interval predicted[ATL_SCALING_MAX_COUNTS]; /* of the chosen law's rate at counts[i] */
    atl_interval alpha, beta, s;                  /* of the chosen law's parameters */
    /* The smallest measured N whose predicted (without a law: median) rate is at least 95 % of the best
     * inside the measured range. */
    int recommended;
    int recommended_low, recommended_high; /* the narrowest range of N around it that has ≥ 90 % … */
    double recommended_share;              /* … and the share that it has */
    bool peak_seen;                        /* the interval of the peak ends below 1.5 × the largest N */
    double peak;
    atl_interval peak_range;
} atl_scaling;

/* `threshold` is 0.95 by custom; n_resamplings 2000; `seed` makes it repeat. Errors: ATL_USAGE,
 * ATL_NO_MEMORY. */
atl_status atl_scaling_analyse(const atl_scaling_point *points, size_t n_points, double threshold,
                               int n_resamplings, uint64_t seed, atl_scaling *ret, atl_note *note);

#endif
