/* scaling_fit.c - one law to one set of means: a scan of a table for where to begin, then down from there
 * (scaling_descend.c).
 *
 * The table holds what a law looks like at each N for a grid of its parameters. It depends on the N alone, so
 * 2000 resamplings share it, and a scan of it is a few thousand multiplications: that the fit ends in the
 * lowest valley, not the nearest, costs next to nothing. γ only shifts log rates: for each cell of the table
 * the best γ is a mean. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "scaling_private.h"

enum { N_FIRST = 20, N_SECOND = 16, MAX_CELLS = N_FIRST * N_SECOND, N_STARTS = 4 };

/* Nobody measures rates better than a millionth: what is smaller decides nothing between laws. */
static const double least_variance = 1e-12;

typedef struct table {
    int n_cells;
    double theta[MAX_CELLS][ATL_LAW_MAX_SHAPE];
    double *shape; /* [n_cells][n_counts]; owned */
    atl_law_bounds bounds;
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
    t->bounds.least[0] = t->bounds.least[1] = 0;
    t->bounds.most[0] = t->bounds.most[1] = 1;
    if (law == ATL_LAW_SATURATION) {
        t->bounds.least[0] = log(0.5 * first);
        t->bounds.most[0] = log(8 * last);
        t->bounds.most[1] = log(64);
    }
}

static void set_cell(table *t, atl_law law, int i, int k, double last, double theta[ATL_LAW_MAX_SHAPE])
{
    if (law == ATL_LAW_SATURATION) {
        theta[0] = between(i, N_FIRST, t->bounds.least[0], t->bounds.most[0]);
        theta[1] = between(k, N_SECOND, t->bounds.least[1], t->bounds.most[1]);
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

/* The best cells, each with a first parameter of its own; returns how many. */
static int find_starts(const atl_fitter *f, atl_law law, const atl_fit_data *data, int wanted,
                       atl_law_start *starts)
{
    const table *t = &f->tables[law];
    const int row = atl_law_n_shape(law) > 1 ? N_SECOND : 1;
    int n = 0;
    for (int first = 0; first < t->n_cells; first += row) {
        atl_law_start best = {.rss = (double)INFINITY};
        for (int cell = first; cell < first + row; cell++) {
            double log_gamma;
            const double rss = cell_rss(t->shape + cell * f->n_counts, data, f->n_counts, &log_gamma);
            if (rss < best.rss)
                best = (atl_law_start){rss, {log_gamma, t->theta[cell][0], t->theta[cell][1]}};
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

static atl_law_start start_of(const atl_law_fit *fit)
{
    const bool bends = fit->law == ATL_LAW_SATURATION;
    return (atl_law_start){
        .parameter = {log(fit->gamma), bends ? log(fit->s) : fit->alpha, bends ? log(fit->p) : fit->beta}};
}

atl_law_fit atl_fitter_fit(const atl_fitter *f, atl_law law, const atl_fit_data *data,
                           const atl_law_fit *hint)
{
    atl_law_fit fit = {.law = law, .aicc = (double)INFINITY};
    atl_law_start starts[N_STARTS + 1], *best = starts;
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
        atl_law_descend(law, f->counts, f->n_counts, &f->tables[law].bounds, data, &starts[i]);
        if (starts[i].rss < best->rss)
            best = &starts[i];
    }
    set_parameters(&fit, best->parameter);
    fit.rss = best->rss + data->within;
    fit.aicc = aicc(fit.rss, n, 1 + atl_law_n_shape(law));
    fit.fitted = true;
    return fit;
}
