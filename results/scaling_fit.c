/* scaling_fit.c - one law to one set of means: a scan of a table for where to begin, then Levenberg's and
 * Marquardt's way down (Marquardt 1963), with bounds.
 *
 * The table holds what a law looks like at each N for a grid of its parameters. It depends on the N alone, so
 * 2000 resamplings share it, and a scan of it is a few thousand multiplications: that the fit ends in the
 * lowest valley, not the nearest, costs next to nothing. γ only shifts log rates: for each cell of the table
 * the best γ is a mean. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "scaling_private.h"

enum {
    N_FIRST = 20,
    N_SECOND = 16,
    MAX_CELLS = N_FIRST * N_SECOND,
    N_STARTS = 4,
    MAX_STEPS = 200,
    MAX_PARAMETERS = 3
};

/* Nobody measures rates better than a millionth: what is smaller decides nothing between laws. */
static const double least_variance = 1e-12;

typedef struct table {
    int n_cells;
    double theta[MAX_CELLS][ATL_LAW_MAX_SHAPE];
    double *shape; /* [n_cells][n_counts]; owned */
    double least[ATL_LAW_MAX_SHAPE], most[ATL_LAW_MAX_SHAPE];
} table;

struct atl_fitter {
    int n_counts;
    double counts[ATL_SCALING_MAX_COUNTS];
    table tables[ATL_N_LAWS];
};

/* ---- the table ---- */

/* 0, then n − 1 values from `least` to `most` with equal ratios. */
static double from_zero(int i, int n, double least, double most)
{
    return i == 0 ? 0 : least * pow(most / least, (double)(i - 1) / (n - 2));
}

static double between(int i, int n, double least, double most)
{
    return least + (most - least) * i / (n - 1);
}

static void set_bounds(table *t, atl_law law, double first, double last)
{
    t->least[0] = t->least[1] = 0;
    t->most[0] = t->most[1] = 1;
    if (law == ATL_LAW_SATURATION) {
        t->least[0] = log(0.5 * first);
        t->most[0] = log(8 * last);
        t->most[1] = log(64);
    }
}

static void set_cell(table *t, atl_law law, int i, int k, double last, double theta[ATL_LAW_MAX_SHAPE])
{
    if (law == ATL_LAW_SATURATION) {
        theta[0] = between(i, N_FIRST, t->least[0], t->most[0]);
        theta[1] = between(k, N_SECOND, t->least[1], t->most[1]);
        return;
    }
    theta[0] = from_zero(i, N_FIRST, 1e-4, 1);
    theta[1] = law == ATL_LAW_USL ? fmin(1, from_zero(k, N_SECOND, 1e-3, 1e2) / (last * last)) : 0;
}

static bool fill(atl_fitter *f, atl_law law)
{
    const int n_shape = atl_law_n_shape(law), n_first = n_shape > 0 ? N_FIRST : 1,
              n_second = n_shape > 1 ? N_SECOND : 1;
    const double last = f->counts[f->n_counts - 1];
    table *t = &f->tables[law];
    double slope[ATL_LAW_MAX_SHAPE];
    t->n_cells = n_first * n_second;
    t->shape = malloc((size_t)t->n_cells * (size_t)f->n_counts * sizeof *t->shape);
    if (!t->shape)
        return false;
    set_bounds(t, law, f->counts[0], last);
    for (int cell = 0; cell < t->n_cells; cell++) {
        set_cell(t, law, cell / n_second, cell % n_second, last, t->theta[cell]);
        for (int i = 0; i < f->n_counts; i++)
            t->shape[cell * f->n_counts + i] = atl_law_shape(law, t->theta[cell], f->counts[i], slope);
    }
    return true;
}

atl_status atl_fitter_open(const double *counts, int n_counts, atl_fitter **ret, atl_note *note)
{
    atl_fitter *f = calloc(1, sizeof *f);
    bool ok = f != NULL;
    if (ok) {
        f->n_counts = n_counts;
        memcpy(f->counts, counts, (size_t)n_counts * sizeof *counts);
    }
    for (int law = 0; law < ATL_N_LAWS && ok; law++)
        ok = fill(f, (atl_law)law);
    if (!ok) {
        atl_fitter_close(&f);
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a fit");
    }
    *ret = f;
    return ATL_OK;
}

void atl_fitter_close(atl_fitter **fitter)
{
    for (int law = 0; law < ATL_N_LAWS && *fitter; law++)
        free((*fitter)->tables[law].shape);
    free(*fitter);
    *fitter = NULL;
}

/* ---- where to begin ---- */

/* The sum of squares of a cell with its best γ, whose logarithm is stored. Rates are told by their ratio. */
static double cell_rss(const double *shape, const atl_fit_data *data, int n_counts, double *ret_log_gamma)
{
    double weight = 0, sum = 0, rss = 0;
    for (int i = 0; i < n_counts; i++) {
        const double w = data->weight[i] * (data->are_rates ? exp(2 * shape[i]) : 1);
        const double d = data->are_rates ? data->mean[i] * exp(-shape[i]) : data->mean[i] - shape[i];
        weight += w;
        sum += w * d;
    }
    const double mean = sum / weight;
    for (int i = 0; i < n_counts; i++) {
        const double pred = data->are_rates ? mean * exp(shape[i]) : mean + shape[i];
        const double d = data->mean[i] - pred;
        rss += data->weight[i] * d * d;
    }
    *ret_log_gamma = data->are_rates ? log(mean) : mean;
    return rss;
}

typedef struct start {
    double rss, parameter[MAX_PARAMETERS]; /* ln γ, and the shape's */
} start;

/* The best cells, each with a first parameter of its own; returns how many. */
static int find_starts(const atl_fitter *f, atl_law law, const atl_fit_data *data, int wanted, start *starts)
{
    const table *t = &f->tables[law];
    const int row = atl_law_n_shape(law) > 1 ? N_SECOND : 1;
    int n = 0;
    for (int first = 0; first < t->n_cells; first += row) {
        start best = {.rss = (double)INFINITY};
        for (int cell = first; cell < first + row; cell++) {
            double log_gamma;
            const double rss = cell_rss(t->shape + cell * f->n_counts, data, f->n_counts, &log_gamma);
            if (rss < best.rss)
                best = (start){rss, {log_gamma, t->theta[cell][0], t->theta[cell][1]}};
        }
        if (n == wanted && !(best.rss < starts[n - 1].rss))
            continue;
        int at = n < wanted ? n++ : n - 1;
        for (; at > 0 && starts[at - 1].rss > best.rss; at--)
            starts[at] = starts[at - 1];
        starts[at] = best;
    }
    return n;
}

/* ---- the way down ---- */

typedef struct slope {
    int n; /* parameters */
    double rss, matrix[MAX_PARAMETERS][MAX_PARAMETERS], right[MAX_PARAMETERS];
} slope;

/* The sum of squares between the means and the law, and where it goes down: JᵀWJ and JᵀWr. */
static void evaluate(const atl_fitter *f, atl_law law, const atl_fit_data *data, const double *parameter,
                     slope *ret)
{
    *ret = (slope){.n = 1 + atl_law_n_shape(law)};
    for (int i = 0; i < f->n_counts; i++) {
        if (data->weight[i] <= 0)
            continue;
        double row[MAX_PARAMETERS] = {1};
        double value = parameter[0] + atl_law_shape(law, parameter + 1, f->counts[i], row + 1);
        if (data->are_rates) {
            value = exp(value);
            for (int k = 0; k < ret->n; k++)
                row[k] *= value;
        }
        const double r = data->mean[i] - value;
        ret->rss += data->weight[i] * r * r;
        for (int k = 0; k < ret->n; k++) {
            ret->right[k] += data->weight[i] * row[k] * r;
            for (int l = 0; l < ret->n; l++)
                ret->matrix[k][l] += data->weight[i] * row[k] * row[l];
        }
    }
}

/* Solves for the step, with `damping` on the diagonal; a held parameter stays. The matrix is positive
 * definite by its damping, so that no pivoting is needed. False: it was not, by rounding. */
static bool solve(const slope *s, double damping, const bool *held, double *step)
{
    double m[MAX_PARAMETERS][MAX_PARAMETERS + 1] = {{0}};
    for (int k = 0; k < s->n; k++) {
        for (int l = 0; l < s->n; l++)
            m[k][l] = held[k] || held[l] ? 0 : s->matrix[k][l];
        m[k][k] = held[k] ? 1 : s->matrix[k][k] * (1 + damping) + 1e-300;
        m[k][s->n] = held[k] ? 0 : s->right[k];
    }
    for (int k = 0; k < s->n; k++) {
        if (!(m[k][k] > 0))
            return false;
        for (int l = k + 1; l < s->n; l++) {
            const double factor = m[l][k] / m[k][k];
            for (int c = k; c <= s->n; c++)
                m[l][c] -= factor * m[k][c];
        }
    }
    for (int k = s->n - 1; k >= 0; k--) {
        step[k] = m[k][s->n];
        for (int l = k + 1; l < s->n; l++)
            step[k] -= m[k][l] * step[l];
        step[k] /= m[k][k];
    }
    return true;
}

/* One damped step, kept inside of the bounds. A parameter at a bound that wants out is held there. */
static bool take_step(const table *t, const slope *here, double damping, const double *from, double *to)
{
    bool held[MAX_PARAMETERS] = {false};
    double step[MAX_PARAMETERS] = {0};
    for (int k = 1; k < here->n; k++)
        held[k] = (from[k] <= t->least[k - 1] && here->right[k] < 0) ||
                  (from[k] >= t->most[k - 1] && here->right[k] > 0);
    if (!solve(here, damping, held, step))
        return false;
    for (int k = 0; k < here->n; k++) {
        to[k] = from[k] + step[k];
        if (k > 0)
            to[k] = fmin(fmax(to[k], t->least[k - 1]), t->most[k - 1]);
    }
    return true;
}

static void descend(const atl_fitter *f, atl_law law, const atl_fit_data *data, start *at)
{
    const table *t = &f->tables[law];
    double damping = 1e-3;
    slope here;
    evaluate(f, law, data, at->parameter, &here);
    for (int i = 0; i < MAX_STEPS && damping < 1e9; i++) {
        double to[MAX_PARAMETERS] = {0};
        slope there = {.rss = (double)INFINITY};
        if (take_step(t, &here, damping, at->parameter, to))
            evaluate(f, law, data, to, &there);
        if (!(there.rss < here.rss)) {
            damping *= 8;
            continue;
        }
        const double gain = here.rss - there.rss;
        memcpy(at->parameter, to, sizeof to);
        here = there;
        damping = fmax(damping / 8, 1e-9);
        if (gain <= 1e-11 * here.rss + 1e-22)
            break;
    }
    at->rss = here.rss;
}

/* ---- the fit ---- */

static double aicc(double rss, double n, int n_parameters)
{
    const double k = n_parameters + 1; /* the variance is one, too */
    if (n - k - 1 <= 0)
        return (double)INFINITY;
    return n * log(fmax(rss / n, least_variance)) + 2 * k + 2 * k * (k + 1) / (n - k - 1);
}

static void set_parameters(atl_law_fit *fit, const double *parameter)
{
    fit->gamma = exp(parameter[0]);
    if (fit->law == ATL_LAW_SATURATION) {
        fit->s = exp(parameter[1]);
        fit->p = exp(parameter[2]);
    } else if (fit->law != ATL_LAW_LINEAR) {
        fit->alpha = parameter[1];
        fit->beta = fit->law == ATL_LAW_USL ? parameter[2] : 0;
    }
}

static start start_of(const atl_law_fit *fit)
{
    const bool bends = fit->law == ATL_LAW_SATURATION;
    return (start){
        .parameter = {log(fit->gamma), bends ? log(fit->s) : fit->alpha, bends ? log(fit->p) : fit->beta}};
}

atl_law_fit atl_fitter_fit(const atl_fitter *f, atl_law law, const atl_fit_data *data,
                           const atl_law_fit *hint)
{
    atl_law_fit fit = {.law = law, .aicc = (double)INFINITY};
    start starts[N_STARTS + 1], *best = starts;
    double n = 0;
    int n_counts = 0;
    for (int i = 0; i < f->n_counts; i++) {
        n += data->weight[i];
        n_counts += data->weight[i] > 0;
    }
    if (n_counts <= atl_law_n_shape(law))
        return fit;
    int n_starts = find_starts(f, law, data, hint ? 1 : N_STARTS, starts);
    if (hint && hint->fitted)
        starts[n_starts++] = start_of(hint);
    for (int i = 0; i < n_starts; i++) {
        descend(f, law, data, &starts[i]);
        if (starts[i].rss < best->rss)
            best = &starts[i];
    }
    set_parameters(&fit, best->parameter);
    fit.rss = best->rss + data->within;
    fit.aicc = aicc(fit.rss, n, 1 + atl_law_n_shape(law));
    fit.fitted = true;
    return fit;
}

/* ---- of points ---- */

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
