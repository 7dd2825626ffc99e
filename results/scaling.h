/* scaling.h - what rates measured at several worker counts say: which law they follow, where the knee is, and
 * how sure one can be of it.
 *
 * Four laws of a rate X(N), by least squares of log X with bounds and several starts:
 *   linear      γN
 *   amdahl      γN / (1 + α(N − 1))                              (Amdahl 1967; α: the serial share)
 *   usl         γN / (1 + α(N − 1) + βN(N − 1))                  (Gunther 2007; β: crosstalk, gives a peak)
 *   saturation  γN / (1 + (N/s)^p)^(1/p)                         (a ceiling at γs)
 * with 0 ≤ α, β ≤ 1, p from 1 (where saturation is Amdahl's law in other letters) to 64 (a sharp corner), and
 * s from half the smallest N to eight times the largest. One is chosen by AICc (Hurvich & Tsai 1989), the
 * simpler one unless it loses by more than 2; of usl and saturation, which have as many parameters, the one
 * that claims less, saturation, counts as the simpler. Whole rounds are resampled (block bootstrap), the law
 * chosen anew each time. Nothing here knows files or processes. */
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
    bool fitted;                     /* false: fewer distinct N than the law has parameters */
} atl_law_fit;

double atl_law_rate(const atl_law_fit *fit, double n);
/* Where the law peaks (usl with β > 0: √((1 − α)/β)); INFINITY where it does not. */
double atl_law_peak(const atl_law_fit *fit);

/* Errors: ATL_USAGE (no points, numbers that are not finite and > 0, more than 128 distinct N),
 * ATL_NO_MEMORY. */
atl_status atl_law_fit_points(atl_law law, const atl_scaling_point *points, size_t n_points, atl_law_fit *ret,
                              atl_note *note);
/* The same by least squares of the rates themselves, as R's `usl` fits: large rates weigh more. For
 * comparison with other programs; rss and aicc are of the rates. Errors: the same. */
atl_status atl_law_fit_rates(atl_law law, const atl_scaling_point *points, size_t n_points, atl_law_fit *ret,
                             atl_note *note);
/* Which of the fits, indexed by law, to believe. */
atl_law atl_law_choose(const atl_law_fit fits[ATL_N_LAWS]);

/* 95 %, from percentiles of the resamplings, taken further out where rounds are few (the expanded percentile
 * interval of Hesterberg 2015): with plain ones, 7 rounds give intervals that hold the truth 88 times of 100.
 * NAN, NAN where nothing can be said: fewer than 3 rounds, no resampling. */
typedef struct atl_interval {
    double low, high;
} atl_interval;

enum {
    ATL_SCALING_MAX_COUNTS = 128,
    ATL_SCALING_MAX_ROUNDS = 10000,
    ATL_SCALING_MAX_RESAMPLINGS = 20000,
    ATL_SCALING_LAW_COUNTS = 5, /* distinct N below which no law is fitted */
    ATL_SCALING_LEAST_ROUNDS = 3
};
#define ATL_SCALING_MOST_MISS 0.05 /* what a law may miss a median by: what the recommendation gives away */

typedef struct atl_scaling {
    int n_counts; /* distinct N, ascending */
    double counts[ATL_SCALING_MAX_COUNTS];
    double median_rate[ATL_SCALING_MAX_COUNTS];
    int rounds_at[ATL_SCALING_MAX_COUNTS];     /* that have a point there: below 3 its intervals are NAN */
    atl_interval rate[ATL_SCALING_MAX_COUNTS]; /* of the median, over resampled rounds */
    bool modelled;                             /* false below 5 distinct N: then no law, only ratios */
    atl_law_fit fits[ATL_N_LAWS];
    atl_law chosen;
    double chosen_share; /* of the resamplings that chose the same law; NAN without resamplings */
    /* Of the rate at counts[i] by the law that each resampling chose for itself, so that doubt about the law
     * is in it; without a law as `rate`. */
    atl_interval predicted[ATL_SCALING_MAX_COUNTS];
    atl_interval alpha, beta, s; /* of the chosen law's parameters, that law fitted to each resampling */
    /* How far the chosen law is from the median of the count that it misses most, as a share of it; NAN
     * without a law. Above ATL_SCALING_MOST_MISS the law does not hold: what follows is of the medians then.
     */
    double miss;
    bool holds;
    /* The smallest measured N whose predicted (without a law that holds: median) rate is at least 95 % of the
     * best inside the measured range. */
    int recommended;
    int recommended_low, recommended_high; /* the narrowest range of N around it that has ≥ 90 % … */
    /* … and the share that it has; NAN without resamplings, and where no law holds and some count has fewer
     * than 3 rounds: whether it is in a resampling or not would say more than its rate. */
    double recommended_share;
    /* The smallest measured N from which on twice the workers bring less than √2 of the rate: where log rate
     * against log N rises by less than a half. That is s itself of the saturation law, and where Amdahl's has
     * half of its ideal gain left. 0: not seen in the measured range. Range and share as above. */
    int knee, knee_low, knee_high;
    double knee_share;
    double beyond_knee; /* the most that each further worker brings there, over a worker of the smallest N */
    int most;           /* the measured N with the highest median */
    bool peak_seen;     /* the interval of the peak ends below 1.5 × the largest N */
    double peak;        /* of the chosen law; INFINITY: it has none */
    atl_interval peak_range; /* a resampling that chose a law without a peak counts as INFINITY */
    /* The rate over that at the smallest N, and its interval: both of one round as a rule, so that what a
     * round has in common cancels. */
    double ratio[ATL_SCALING_MAX_COUNTS];
    atl_interval ratio_range[ATL_SCALING_MAX_COUNTS];
    int n_rounds;
    /* "" or a sentence: how few rounds, how few counts there were, and what that leaves unsaid. */
    char rounds_warning[192], counts_warning[128];
} atl_scaling;

/* `threshold` is 0.95 by custom, in (0, 1]; n_resamplings 2000, or 0 for none; `seed` makes it repeat.
 * Errors: ATL_USAGE (no points, one worker count only, counts that are not whole numbers from 1 to a million,
 * rates that are not finite and > 0, more than the bounds above), ATL_NO_MEMORY. */
atl_status atl_scaling_analyse(const atl_scaling_point *points, size_t n_points, double threshold,
                               int n_resamplings, uint64_t seed, atl_scaling *ret, atl_note *note);

#endif
