/* archive_trend.c - rows into series, and the judgement of each series' latest value. */
#include "results/archive_trend.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "results/archive_noise.h"

/* The 99th percentile of (x − median) / (1.4826 MAD) of n earlier values, for independent normal noise; by
 * simulation, 10⁶ draws each. */
static const struct {
    int n;
    double limit;
} limits[] = {{5, 10.0}, {6, 6.2},   {7, 5.9},   {8, 4.7},  {9, 4.6},  {10, 4.1},
              {12, 3.7}, {15, 3.45}, {20, 3.05}, {25, 2.9}, {30, 2.8}, {60, 2.55}};

static const double least_scatter = 0.01; /* of the median */

/* ---- the judgement ---- */

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median_of(double *values, int n)
{
    qsort(values, (size_t)n, sizeof *values, compare_doubles);
    return (values[(n - 1) / 2] + values[n / 2]) / 2;
}

static double limit_of(int n)
{
    double limit = limits[0].limit;
    for (size_t i = 0; i < sizeof limits / sizeof *limits && limits[i].n <= n; i++)
        limit = limits[i].limit;
    return limit;
}

/* Figures above 0 are told by their logarithms: half as fast is as far off as twice as fast. */
static bool take_logs(double *values, int n)
{
    for (int i = 0; i < n; i++)
        if (values[i] <= 0)
            return false;
    for (int i = 0; i < n; i++)
        values[i] = log(values[i]);
    return true;
}

static double in_units(double off, double unit)
{
    if (unit > 0)
        return off / unit;
    return off > 0 ? (double)INFINITY : off < 0 ? -(double)INFINITY : 0;
}

void atl_trend_judge(const double *values, int n, double error, atl_better better, atl_trend *ret)
{
    double used[ATL_TREND_MOST + 1];
    const int n_used = n < ATL_TREND_MOST + 1 ? n : ATL_TREND_MOST + 1, n_earlier = n_used - 1;
    ret->verdict = ATL_TREND_UNKNOWN;
    ret->median = ret->scatter = ret->distance = ret->limit = (double)NAN;
    if (n_earlier < 1)
        return;
    memcpy(used, values + n - n_used, (size_t)n_used * sizeof *used);
    const bool are_logs = take_logs(used, n_used);
    const double latest = used[n_earlier], median = median_of(used, n_earlier);
    ret->median = are_logs ? exp(median) : median;
    if (n_earlier < ATL_TREND_LEAST)
        return;
    for (int i = 0; i < n_earlier; i++)
        used[i] = fabs(used[i] - median);
    const double least = fmax(least_scatter, error) * (are_logs ? 1 : fabs(median));
    ret->scatter = fmax(1.4826 * median_of(used, n_earlier), least);
    ret->limit = limit_of(n_earlier);
    ret->distance = in_units(latest - median, ret->scatter);
    if (better == ATL_NEITHER_IS_BETTER)
        return;
    if (fabs(ret->distance) <= ret->limit)
        ret->verdict = ATL_TREND_SAME;
    else
        ret->verdict =
            (ret->distance > 0) == (better == ATL_MORE_IS_BETTER) ? ATL_TREND_BETTER : ATL_TREND_WORSE;
}

/* ---- series ---- */

typedef struct item {
    const atl_archive_entry *entry;
    const atl_archive_figure *figure;
} item;

static int compare_series(const item *x, const item *y)
{
    const char *const a[] = {x->entry->kind,  x->entry->machine, x->entry->model_hash, x->entry->policy,
                             x->entry->order, x->entry->work,    x->figure->name,      x->figure->unit};
    const char *const b[] = {y->entry->kind,  y->entry->machine, y->entry->model_hash, y->entry->policy,
                             y->entry->order, y->entry->work,    y->figure->name,      y->figure->unit};
    for (size_t i = 0; i < sizeof a / sizeof *a; i++) {
        const int c = strcmp(a[i], b[i]);
        if (c != 0)
            return c;
    }
    if (atl_archive_finds_workers(x->entry))
        return 0;
    if (x->entry->workers != y->entry->workers)
        return x->entry->workers < y->entry->workers ? -1 : 1;
    return x->entry->threads < y->entry->threads ? -1 : x->entry->threads > y->entry->threads;
}

static int compare_items(const void *a, const void *b)
{
    const item *x = a, *y = b;
    const int c = compare_series(x, y);
    return c != 0 ? c : x->entry->id < y->entry->id ? -1 : x->entry->id > y->entry->id;
}

static int compare_trends(const void *a, const void *b)
{
    const atl_trend *x = a, *y = b;
    if (x->latest->id != y->latest->id)
        return x->latest->id < y->latest->id ? -1 : 1;
    return x->figure < y->figure ? -1 : x->figure > y->figure;
}

/* Held against the undisturbed ones before it. */
static bool judge(const item *items, int n, atl_trend *ret)
{
    const item *last = &items[n - 1];
    double *quiet = malloc((size_t)n * sizeof *quiet);
    int n_quiet = 0;
    if (!quiet)
        return false;
    for (int i = 0; i < n; i++) {
        char why[128];
        ret->disturbed[i] = atl_archive_disturbed(items[i].entry, items[i].figure->name, why);
        ret->n_disturbed += ret->disturbed[i];
        if (!ret->disturbed[i] || i == n - 1)
            quiet[n_quiet++] = ret->values[i];
        if (ret->disturbed[i] && i == n - 1)
            memcpy(ret->why, why, sizeof why);
    }
    atl_trend_judge(quiet, n_quiet, atl_archive_error_of(last->entry, last->figure->name),
                    last->figure->better, ret);
    if (ret->why[0] && ret->verdict != ATL_TREND_UNKNOWN)
        ret->verdict = ATL_TREND_DISTURBED;
    free(quiet);
    return true;
}

static bool make_trend(const item *items, int n, atl_trend *ret)
{
    const item *last = &items[n - 1];
    *ret = (atl_trend){.latest = last->entry,
                       .figure = last->figure,
                       .headline = last->figure == last->entry->figures,
                       .n = n,
                       .values = malloc((size_t)n * sizeof *ret->values),
                       .disturbed = malloc((size_t)n * sizeof *ret->disturbed),
                       .entries = malloc((size_t)n * sizeof(atl_archive_entry *))};
    if (!ret->values || !ret->disturbed || !ret->entries)
        return false;
    for (int i = 0; i < n; i++) {
        ret->values[i] = items[i].figure->value;
        ret->entries[i] = items[i].entry;
    }
    return judge(items, n, ret);
}

static item *collect(const atl_archive_list *list, int *ret_n)
{
    int n = 0;
    for (int i = 0; i < list->n; i++)
        n += list->entries[i].n_figures;
    item *items = malloc(((size_t)n + 1) * sizeof *items);
    *ret_n = 0;
    for (int i = 0; i < list->n && items; i++)
        for (int k = 0; k < list->entries[i].n_figures; k++)
            if (!atl_archive_is_noise(list->entries[i].figures[k].name))
                items[(*ret_n)++] = (item){&list->entries[i], &list->entries[i].figures[k]};
    return items;
}

atl_status atl_trends_find(const atl_archive_list *list, atl_trends *ret, atl_note *note)
{
    int n = 0;
    item *items = collect(list, &n);
    atl_trends trends = {.items = malloc(((size_t)n + 1) * sizeof *trends.items)};
    bool ok = items && trends.items;
    if (ok)
        qsort(items, (size_t)n, sizeof *items, compare_items);
    for (int i = 0, end; i < n && ok; i = end) {
        for (end = i + 1; end < n && compare_series(&items[i], &items[end]) == 0; end++)
            ;
        ok = make_trend(items + i, end - i, &trends.items[trends.n++]);
    }
    free(items);
    if (!ok) {
        atl_trends_done(&trends);
        return atl_fail(note, ATL_NO_MEMORY, "no memory for the history");
    }
    qsort(trends.items, (size_t)trends.n, sizeof *trends.items, compare_trends);
    *ret = trends;
    return ATL_OK;
}

void atl_trends_done(atl_trends *trends)
{
    for (int i = 0; i < trends->n; i++) {
        free(trends->items[i].values);
        free(trends->items[i].disturbed);
        free(trends->items[i].entries);
    }
    free(trends->items);
    *trends = (atl_trends){0};
}

void atl_trend_put_sparkline(const atl_trend *trend, int width, atl_text *out)
{
    static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    const int first = trend->n > width ? trend->n - width : 0;
    double least = trend->values[first], most = least;
    for (int i = first; i < trend->n; i++) {
        least = fmin(least, trend->values[i]);
        most = fmax(most, trend->values[i]);
    }
    for (int i = first; i < trend->n; i++) {
        const double share = most > least ? (trend->values[i] - least) / (most - least) : 0.5;
        atl_text_puts(out, blocks[(int)(share * 7.999)]);
    }
}
