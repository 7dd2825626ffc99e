/* scaling_fit_points.c - a law fitted to windows one by one, and the distinct worker counts among them: for
 * those who have points, not the sums that scaling_fit.c takes. */
#include <math.h>
#include <stdlib.h>

#include "scaling_private.h"

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

int atl_scaling_place(const double *counts, int n_counts, double n)
{
    const double *at = bsearch(&n, counts, (size_t)n_counts, sizeof *counts, compare_doubles);
    return at ? (int)(at - counts) : -1;
}

int atl_scaling_counts(const atl_scaling_point *points, size_t n_points,
                       double ret_counts[ATL_SCALING_MAX_COUNTS])
{
    int n = 0;
    for (size_t i = 0; i < n_points; i++) {
        if (atl_scaling_place(ret_counts, n, points[i].n) >= 0)
            continue;
        if (n == ATL_SCALING_MAX_COUNTS)
            return -1;
        ret_counts[n++] = points[i].n;
        qsort(ret_counts, (size_t)n, sizeof *ret_counts, compare_doubles);
    }
    return n;
}

static atl_status check_points(const atl_scaling_point *points, size_t n_points, atl_note *note)
{
    if (n_points == 0)
        return atl_fail(note, ATL_USAGE, "there are no windows to fit a law to");
    for (size_t i = 0; i < n_points; i++)
        if (!isfinite(points[i].n) || points[i].n <= 0 || !isfinite(points[i].rate) || points[i].rate <= 0)
            return atl_fail(note, ATL_USAGE,
                            "window %zu: found %g workers and a rate of %g; wanted numbers above 0", i,
                            points[i].n, points[i].rate);
    return ATL_OK;
}

/* `shift` was taken off each logarithm; rates were divided by its exponential. */
static void sum_up(const atl_scaling_point *points, size_t n_points, const double *counts, int n_counts,
                   double shift, atl_fit_data *data)
{
    for (size_t i = 0; i < n_points; i++) {
        const int at = atl_scaling_place(counts, n_counts, points[i].n);
        const double y = data->are_rates ? points[i].rate / exp(shift) : log(points[i].rate) - shift;
        const double before = y - data->mean[at];
        data->mean[at] += before / ++data->weight[at]; /* Welford 1962 */
        data->within += before * (y - data->mean[at]);
    }
}

static atl_status fit_points(atl_law law, const atl_scaling_point *points, size_t n_points, bool are_rates,
                             atl_law_fit *ret, atl_note *note)
{
    double counts[ATL_SCALING_MAX_COUNTS], shift = 0;
    atl_fit_data data = {.are_rates = are_rates};
    atl_fitter *fitter = NULL;
    atl_status st = check_points(points, n_points, note);
    if (st != ATL_OK)
        return st;
    const int n_counts = atl_scaling_counts(points, n_points, counts);
    if (n_counts < 0)
        return atl_fail(note, ATL_USAGE, "more than %d different worker counts", (int)ATL_SCALING_MAX_COUNTS);
    st = atl_fitter_open(counts, n_counts, &fitter, note);
    if (st != ATL_OK)
        return st;
    for (size_t i = 0; i < n_points; i++)
        shift += log(points[i].rate) / (double)n_points;
    sum_up(points, n_points, counts, n_counts, shift, &data);
    *ret = atl_fitter_fit(fitter, law, &data, NULL);
    ret->gamma *= exp(shift);
    if (are_rates)
        ret->rss *= exp(2 * shift);
    atl_fitter_close(&fitter);
    return ATL_OK;
}

atl_status atl_law_fit_points(atl_law law, const atl_scaling_point *points, size_t n_points, atl_law_fit *ret,
                              atl_note *note)
{
    return fit_points(law, points, n_points, false, ret, note);
}

atl_status atl_law_fit_rates(atl_law law, const atl_scaling_point *points, size_t n_points, atl_law_fit *ret,
                             atl_note *note)
{
    return fit_points(law, points, n_points, true, ret, note);
}
