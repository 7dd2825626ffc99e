/* paired.c - see paired.h.
 *
 * Ranks are kept doubled, so that the mean ranks of ties are whole numbers, and the number of sign patterns
 * that reach each sum of ranks is counted one rank after the other: exact for ties as well. */
#include "results/paired.h"

#include <math.h>
#include <stdlib.h>

enum { MOST_SUM = ATL_PAIRED_EXACT * (ATL_PAIRED_EXACT + 1) }; /* of doubled ranks */

typedef struct difference {
    double value; /* ln(b / a) */
    int rank;     /* doubled, of |value| among those that differ */
} difference;

static int compare_size(const void *a, const void *b)
{
    const double x = fabs(((const difference *)a)->value), y = fabs(((const difference *)b)->value);
    return x < y ? -1 : x > y;
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Sorts by size and ranks those that are not 0, which come to stand first; returns Σ(t³ − t) over ties. */
static double rank(difference *d, int n)
{
    double ties = 0;
    qsort(d, (size_t)n, sizeof *d, compare_size);
    for (int i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && fabs(d[end].value) == fabs(d[i].value); end++)
            ;
        for (int k = i; k < end; k++)
            d[k].rank = i + 1 + end;
        ties += pow(end - i, 3) - (end - i);
    }
    return ties;
}

/* ways[s]: how many of the 2ⁿ sign patterns have positive doubled ranks that sum up to s. */
static void count_patterns(const difference *d, int n, double ways[MOST_SUM + 1])
{
    for (int s = 0; s <= MOST_SUM; s++)
        ways[s] = s == 0;
    for (int i = 0; i < n; i++)
        for (int s = MOST_SUM; s >= d[i].rank; s--)
            ways[s] += ways[s - d[i].rank];
}

/* P(sum ≤ most) under no difference. */
static double share_up_to(const double *ways, int n, double most)
{
    double sum = 0;
    for (int s = 0; s <= MOST_SUM && s <= most; s++)
        sum += ways[s];
    return ldexp(sum, -n);
}

static double exact_p(const difference *d, int n, double w_plus)
{
    double ways[MOST_SUM + 1];
    const double all = n * (n + 1.0); /* doubled */
    count_patterns(d, n, ways);
    return fmin(1, 2 * share_up_to(ways, n, fmin(2 * w_plus, all - 2 * w_plus)));
}

static double normal_p(int n, double ties, double w_plus)
{
    const double mean = n * (n + 1.0) / 4, variance = n * (n + 1.0) * (2 * n + 1.0) / 24 - ties / 48;
    return erfc(fmax(0, fabs(w_plus - mean) - 0.5) / sqrt(2 * variance));
}

static void test(difference *d, int n, atl_paired *ret)
{
    double ties, sum = 0;
    ret->p_value = ret->exact = 1;
    if (n == 0)
        return;
    ties = rank(d, n);
    for (int i = 0; i < n; i++)
        sum += d[i].value > 0 ? d[i].rank : 0;
    ret->w_plus = sum / 2;
    ret->exact = n <= ATL_PAIRED_EXACT;
    ret->p_value = ret->exact ? exact_p(d, n, ret->w_plus) : normal_p(n, ties, ret->w_plus);
}

/* ---- the ratio ---- */

/* How many of the means to leave out at each end for 95 %, and what the interval has then: the largest sum of
 * ranks whose tail is at most 2.5 %; below 6 rounds there is none, and all means are in the interval. */
static int cut_exact(int n, double *ret_confidence)
{
    difference d[ATL_PAIRED_EXACT];
    double ways[MOST_SUM + 1];
    int cut = 0;
    for (int i = 0; i < n; i++)
        d[i].rank = 2 * (i + 1);
    count_patterns(d, n, ways);
    while (share_up_to(ways, n, 2 * cut) <= 0.025)
        cut++;
    *ret_confidence = 1 - 2 * share_up_to(ways, n, 2 * (cut > 0 ? cut - 1 : 0));
    return cut > 0 ? cut - 1 : 0;
}

static int cut_normal(int n, double *ret_confidence)
{
    const double mean = n * (n + 1.0) / 4, sd = sqrt(n * (n + 1.0) * (2 * n + 1.0) / 24);
    *ret_confidence = 0.95;
    return (int)floor(mean - 1.959964 * sd - 0.5);
}

static atl_status estimate(const double *logs, int n, atl_paired *ret, atl_note *note)
{
    const int n_means = n * (n + 1) / 2;
    double *means = malloc((size_t)n_means * sizeof *means);
    int at = 0;
    if (!means)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for %d rounds", n);
    for (int i = 0; i < n; i++)
        for (int k = i; k < n; k++)
            means[at++] = (logs[i] + logs[k]) / 2;
    qsort(means, (size_t)n_means, sizeof *means, compare_doubles);
    ret->ratio = exp((means[(n_means - 1) / 2] + means[n_means / 2]) / 2);
    ret->low = ret->high = ret->confidence = (double)NAN;
    if (n > 1) {
        const int cut =
            n <= ATL_PAIRED_EXACT ? cut_exact(n, &ret->confidence) : cut_normal(n, &ret->confidence);
        ret->low = exp(means[cut]);
        ret->high = exp(means[n_means - 1 - cut]);
    }
    free(means);
    return ATL_OK;
}

atl_status atl_paired_compare(const double *a, const double *b, int n, atl_paired *ret, atl_note *note)
{
    difference d[ATL_PAIRED_MAX];
    double logs[ATL_PAIRED_MAX];
    atl_paired found = {.n = n};
    if (n < 1 || n > ATL_PAIRED_MAX)
        return atl_fail(note, ATL_USAGE, "%d paired rounds; wanted 1 to %d", n, (int)ATL_PAIRED_MAX);
    for (int i = 0; i < n; i++) {
        if (!isfinite(a[i]) || !isfinite(b[i]) || a[i] <= 0 || b[i] <= 0)
            return atl_fail(note, ATL_USAGE, "round %d: found %g and %g; wanted numbers above 0", i, a[i],
                            b[i]);
        logs[i] = log(b[i]) - log(a[i]);
        if (a[i] != b[i])
            d[found.n_different++].value = logs[i];
    }
    test(d, found.n_different, &found);
    const atl_status st = estimate(logs, n, &found, note);
    if (st == ATL_OK)
        *ret = found;
    return st;
}
