/* verdict_inquiry.c - see verdict_private.h. */
#include "verdict_private.h"

#include <math.h>
#include <stdlib.h>

#define NOISE  0.05 /* of a window where no two are alike: studies under results/studies/ have 3 to 9 % */
#define MEDIAN 1.57 /* π/2: the variance of a median over that of a mean */

enum { MAX_VALUES = 4096 };

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double atl_median(double *values, size_t n)
{
    size_t m = 0;
    for (size_t i = 0; i < n; i++)
        if (isfinite(values[i]))
            values[m++] = values[i];
    if (m == 0)
        return NAN;
    qsort(values, m, sizeof *values, compare);
    return m % 2 ? values[m / 2] : (values[m / 2 - 1] + values[m / 2]) / 2;
}

static bool is_meant(const atl_study_window *w, atl_inquired of)
{
    return w->valid && w->round >= 0 && w->config.workers == (int)of.workers &&
           w->config.corunners == of.corunners && (of.probe < 0 || w->config.probe == (of.probe == 1));
}

double atl_inquiry_median(const atl_inquiry *q, atl_inquired of, atl_figure_fn figure, int which)
{
    double values[MAX_VALUES];
    size_t n = 0;
    for (size_t i = 0; i < q->n_windows && n < MAX_VALUES; i++)
        if (is_meant(&q->windows[i], of))
            values[n++] = figure(&q->windows[i], which);
    return atl_median(values, n);
}

static bool is_usable(const atl_study_window *w)
{
    return w->valid && w->round >= 0 && w->images_per_hour > 0;
}

/* Adds the squares about their mean of the windows like the i-th, if it is the first of them. */
static void add_likes(const atl_inquiry *q, size_t i, double *squares, int *degrees)
{
    const atl_study_window *w = &q->windows[i];
    double sum = 0, own = 0;
    int n = 0;
    for (size_t k = 0; k < q->n_windows; k++) {
        const atl_study_window *o = &q->windows[k];
        if (!is_usable(o) || !atl_study_config_equal(&o->config, &w->config))
            continue;
        if (k < i)
            return;
        const double off = log(o->images_per_hour / w->images_per_hour);
        sum += off;
        own += off * off;
        n++;
    }
    *squares += fmax(0, own - sum * sum / n);
    *degrees += n - 1;
}

double atl_inquiry_noise(const atl_inquiry *q)
{
    double squares = 0;
    int degrees = 0;
    for (size_t i = 0; i < q->n_windows; i++)
        if (is_usable(&q->windows[i]))
            add_likes(q, i, &squares, &degrees);
    return degrees > 0 ? sqrt(squares / degrees) : NOISE;
}

/* Of a median of these, in units of one window's. */
static double variance(const atl_inquiry *q, atl_inquired of)
{
    int n = 0;
    for (size_t i = 0; i < q->n_windows; i++)
        n += is_meant(&q->windows[i], of);
    return (n > 2 ? MEDIAN : 1) / fmax(n, 1);
}

double atl_inquiry_error(const atl_inquiry *q, atl_inquired a, atl_inquired b)
{
    return q->noise * sqrt(variance(q, a) + variance(q, b));
}
