/* scaling_descend.c - the way down from a start to the least sum of squares: Levenberg's and Marquardt's
 * (Marquardt 1963), with bounds. At most three unknowns: the equations are solved where they stand. */
#include <math.h>
#include <string.h>

#include "scaling_private.h"

enum { MAX_STEPS = 200 };

typedef struct problem {
    atl_law law;
    const double *counts;
    int n_counts;
    const atl_fit_data *data;
} problem;

typedef struct slope {
    int n; /* parameters */
    double rss, matrix[ATL_LAW_MAX_PARAMETERS][ATL_LAW_MAX_PARAMETERS], right[ATL_LAW_MAX_PARAMETERS];
} slope;

/* The sum of squares between the means and the law, and where it goes down: JᵀWJ and JᵀWr. */
static void evaluate(const problem *p, const double *parameter, slope *ret)
{
    const atl_fit_data *data = p->data;
    *ret = (slope){.n = 1 + atl_law_n_shape(p->law)};
    for (int i = 0; i < p->n_counts; i++) {
        if (data->weight[i] <= 0)
            continue;
        double row[ATL_LAW_MAX_PARAMETERS] = {1};
        double value = parameter[0] + atl_law_shape(p->law, parameter + 1, p->counts[i], row + 1);
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
    double m[ATL_LAW_MAX_PARAMETERS][ATL_LAW_MAX_PARAMETERS + 1] = {{0}};
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
static bool take_step(const atl_law_bounds *bounds, const slope *here, double damping, const double *from,
                      double *to)
{
    bool held[ATL_LAW_MAX_PARAMETERS] = {false};
    double step[ATL_LAW_MAX_PARAMETERS] = {0};
    for (int k = 1; k < here->n; k++)
        held[k] = (from[k] <= bounds->least[k - 1] && here->right[k] < 0) ||
                  (from[k] >= bounds->most[k - 1] && here->right[k] > 0);
    if (!solve(here, damping, held, step))
        return false;
    for (int k = 0; k < here->n; k++) {
        to[k] = from[k] + step[k];
        if (k > 0)
            to[k] = fmin(fmax(to[k], bounds->least[k - 1]), bounds->most[k - 1]);
    }
    return true;
}

void atl_law_descend(atl_law law, const double *counts, int n_counts, const atl_law_bounds *bounds,
                     const atl_fit_data *data, atl_law_start *at)
{
    const problem p = {law, counts, n_counts, data};
    double damping = 1e-3;
    slope here;
    evaluate(&p, at->parameter, &here);
    for (int i = 0; i < MAX_STEPS && damping < 1e9; i++) {
        double to[ATL_LAW_MAX_PARAMETERS] = {0};
        slope there = {.rss = (double)INFINITY};
        if (take_step(bounds, &here, damping, at->parameter, to))
            evaluate(&p, to, &there);
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
