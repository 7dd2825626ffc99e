/* paired.h - whether one way of working is faster than another, from rounds in which both were measured.
 *
 * What a round has in common (a warm machine, a busy neighbour) is in both of its figures, and cancels in
 * their ratio. Wilcoxon's signed-rank test (Wilcoxon 1945) of the log ratios: exact up to 50 rounds, with
 * ties too; beyond by the normal distribution with corrections for ties and continuity. The ratio itself by
 * Hodges & Lehmann (1963): the median of all means of two, with the interval that belongs to the test.
 *
 *     atl_paired p;
 *     st = atl_paired_compare(seconds_single, seconds_multi, n_rounds, &p, &note);
 *     "speed-up 1/p.ratio (1/p.high to 1/p.low), p = p.p_value" */
#ifndef ATL_RESULTS_PAIRED_H
#define ATL_RESULTS_PAIRED_H

#include "base/status.h"

enum { ATL_PAIRED_EXACT = 50, ATL_PAIRED_MAX = 2000 };

typedef struct atl_paired {
    int n;             /* rounds */
    int n_different;   /* whose two figures differ: those that the test ranks */
    double w_plus;     /* the sum of the ranks of rounds in which b is above a */
    double p_value;    /* two-sided; 1 where nothing differs */
    bool exact;        /* by counting all signs; else by the normal distribution */
    double ratio;      /* b / a */
    double low, high;  /* of the ratio; NAN with one round */
    double confidence; /* that the interval really has: 0.95 or a little more; below 6 rounds less, since
                          there is no interval of 95 % */
} atl_paired;

/* a[i] and b[i] are of the same round. Errors: ATL_USAGE (no rounds, more than 2000, figures that are not
 * finite and > 0), ATL_NO_MEMORY. */
atl_status atl_paired_compare(const double *a, const double *b, int n, atl_paired *ret, atl_note *note);

#endif
