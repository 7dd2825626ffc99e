/* scaling_points.c - the windows of a study as an analysis needs them: checked, their rounds and worker
 * counts found, sums and sorted rates for each. */
#include <math.h>
#include <stdlib.h>

#include "scaling_analysis_private.h"

enum { MAX_POINTS = 10000000, MOST_WORKERS = 1000000 };

void atl_analysis_done(atl_analysis *a)
{
    free(a->rounds);
    free(a->points);
    free(a->cells);
    free(a->times);
    free(a->draws);
    free(a->column);
    atl_fitter_close(&a->fitter);
}

atl_status atl_analysis_check(const atl_scaling_point *points, size_t n_points, double threshold,
                              int n_resamplings, atl_note *note)
{
    if (n_points == 0)
        return atl_fail(note, ATL_USAGE, "there are no windows to analyse");
    if (n_points > MAX_POINTS)
        return atl_fail(note, ATL_USAGE, "%zu windows; wanted at most %d", n_points, (int)MAX_POINTS);
    if (!(threshold > 0 && threshold <= 1))
        return atl_fail(note, ATL_USAGE, "threshold %g; wanted above 0, at most 1", threshold);
    if (n_resamplings < 0 || n_resamplings > ATL_SCALING_MAX_RESAMPLINGS)
        return atl_fail(note, ATL_USAGE, "%d resamplings; wanted 0 to %d", n_resamplings,
                        (int)ATL_SCALING_MAX_RESAMPLINGS);
    for (size_t i = 0; i < n_points; i++) {
        if (!(points[i].n >= 1 && points[i].n <= MOST_WORKERS) || points[i].n != floor(points[i].n))
            return atl_fail(note, ATL_USAGE,
                            "window %zu: found %g workers; wanted a whole number from 1 to %d", i,
                            points[i].n, (int)MOST_WORKERS);
        if (!isfinite(points[i].rate) || points[i].rate <= 0)
            return atl_fail(note, ATL_USAGE,
                            "window %zu (%g workers): found a rate of %g; wanted a number above 0", i,
                            points[i].n, points[i].rate);
    }
    return ATL_OK;
}

static int compare_ints(const void *a, const void *b)
{
    const int x = *(const int *)a, y = *(const int *)b;
    return x < y ? -1 : x > y;
}

static int compare_points(const void *a, const void *b)
{
    const atl_sorted_point *x = a, *y = b;
    if (x->place != y->place)
        return x->place < y->place ? -1 : 1;
    return x->rate < y->rate ? -1 : x->rate > y->rate;
}

static atl_status find_rounds(atl_analysis *a, const atl_scaling_point *points, atl_note *note)
{
    a->rounds = malloc(a->n_points * sizeof *a->rounds);
    if (!a->rounds)
        return ATL_NO_MEMORY;
    for (size_t i = 0; i < a->n_points; i++)
        a->rounds[i] = points[i].round;
    qsort(a->rounds, a->n_points, sizeof *a->rounds, compare_ints);
    for (size_t i = 0; i < a->n_points; i++)
        if (a->n_rounds == 0 || a->rounds[i] != a->rounds[a->n_rounds - 1]) {
            if (a->n_rounds == ATL_SCALING_MAX_ROUNDS)
                return atl_fail(note, ATL_USAGE, "more than %d rounds", (int)ATL_SCALING_MAX_ROUNDS);
            a->rounds[a->n_rounds++] = a->rounds[i];
        }
    return ATL_OK;
}

static void sort_points(atl_analysis *a, const atl_scaling_point *points)
{
    const atl_scaling *r = a->result;
    for (size_t i = 0; i < a->n_points; i++) {
        const int *round =
            bsearch(&points[i].round, a->rounds, (size_t)a->n_rounds, sizeof *round, compare_ints);
        a->points[i] = (atl_sorted_point){
            points[i].rate, atl_scaling_place(r->counts, r->n_counts, points[i].n), (int)(round - a->rounds)};
        a->shift += log(points[i].rate) / (double)a->n_points;
    }
    qsort(a->points, a->n_points, sizeof *a->points, compare_points);
    for (size_t i = 0; i < a->n_points; i++) {
        const atl_sorted_point *p = &a->points[i];
        atl_scaling_cell *c = &a->cells[p->round * r->n_counts + p->place];
        const double y = log(p->rate) - a->shift;
        c->n++;
        c->sum += y;
        c->squares += y * y;
        a->first[p->place + 1] = i + 1;
    }
}

atl_status atl_analysis_take_in(atl_analysis *a, const atl_scaling_point *points, size_t n_points,
                                atl_note *note)
{
    a->n_points = n_points;
    a->result->n_counts = atl_scaling_counts(points, n_points, a->result->counts);
    if (a->result->n_counts < 0)
        return atl_fail(note, ATL_USAGE, "more than %d different worker counts", (int)ATL_SCALING_MAX_COUNTS);
    if (a->result->n_counts < 2)
        return atl_fail(note, ATL_USAGE, "all windows have %g worker%s; wanted two worker counts or more",
                        points[0].n, points[0].n == 1 ? "" : "s");
    atl_status st = find_rounds(a, points, note);
    if (st != ATL_OK)
        return st;
    a->points = malloc(n_points * sizeof *a->points);
    a->cells = calloc((size_t)a->n_rounds * (size_t)a->result->n_counts, sizeof *a->cells);
    a->times = malloc((size_t)a->n_rounds * sizeof *a->times);
    a->draws = malloc(((size_t)a->n_draws + 1) * sizeof *a->draws);
    a->column = malloc(((size_t)a->n_draws + 1) * sizeof *a->column);
    if (!a->points || !a->cells || !a->times || !a->draws || !a->column)
        return ATL_NO_MEMORY;
    sort_points(a, points);
    if (a->result->n_counts >= ATL_SCALING_LAW_COUNTS)
        st = atl_fitter_open(a->result->counts, a->result->n_counts, &a->fitter, note);
    return st;
}
