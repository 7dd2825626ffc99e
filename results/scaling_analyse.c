/* scaling_analyse.c - atl_scaling_analyse: medians, the chosen law, the recommendation, and by resampling
 * whole rounds how sure each of them is.
 *
 * A resampling is how often each round was drawn. All that is needed of it follows from sums for each round
 * and N (for the fit) and from one sorted list for each N (for medians), so that nothing is copied. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "base/sizes.h"
#include "scaling_private.h"

enum { MAX_POINTS = 10000000, MOST_WORKERS = 1000000 };
#define KNEE_RISE  0.5  /* of log rate against log N */
#define LEAST_STEP 1.25 /* between the two N of such a rise: of nearer ones it is mostly noise */

/* The points of one round at one N. */
typedef struct cell {
    double n, sum, squares; /* of log rates, less the shift */
} cell;

typedef struct sorted_point {
    double rate;
    int place, round; /* indices of the count and the round */
} sorted_point;

/* What one resampling says; NAN: it lacks that N. */
typedef struct draw {
    double median[ATL_SCALING_MAX_COUNTS], ratio[ATL_SCALING_MAX_COUNTS], predicted[ATL_SCALING_MAX_COUNTS];
    atl_law law;
    double alpha, beta, s, peak;
    double miss;
    int recommended, knee; /* places of the counts; the last one's: no knee was seen */
} draw;

typedef struct analysis {
    atl_scaling *result;
    double threshold, shift;
    int n_rounds, *rounds; /* owned, ascending */
    size_t n_points;
    sorted_point *points; /* owned; by count, then rate */
    size_t first[ATL_SCALING_MAX_COUNTS + 1];
    cell *cells;        /* owned, [n_rounds][n_counts] */
    int *times;         /* owned, [n_rounds]: how often each was drawn */
    atl_fitter *fitter; /* NULL: too few counts for a law */
    draw *draws;        /* owned */
    int n_draws;
    double *column; /* owned, [n_draws] */
} analysis;

static void analysis_done(analysis *a)
{
    free(a->rounds);
    free(a->points);
    free(a->cells);
    free(a->times);
    free(a->draws);
    free(a->column);
    atl_fitter_close(&a->fitter);
}

/* ---- taking the points in ---- */

static atl_status check(const atl_scaling_point *points, size_t n_points, double threshold, int n_resamplings,
                        atl_note *note)
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
    const sorted_point *x = a, *y = b;
    if (x->place != y->place)
        return x->place < y->place ? -1 : 1;
    return x->rate < y->rate ? -1 : x->rate > y->rate;
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static atl_status find_rounds(analysis *a, const atl_scaling_point *points, atl_note *note)
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

static void sort_points(analysis *a, const atl_scaling_point *points)
{
    const atl_scaling *r = a->result;
    for (size_t i = 0; i < a->n_points; i++) {
        const int *round =
            bsearch(&points[i].round, a->rounds, (size_t)a->n_rounds, sizeof *round, compare_ints);
        a->points[i] = (sorted_point){points[i].rate, atl_scaling_place(r->counts, r->n_counts, points[i].n),
                                      (int)(round - a->rounds)};
        a->shift += log(points[i].rate) / (double)a->n_points;
    }
    qsort(a->points, a->n_points, sizeof *a->points, compare_points);
    for (size_t i = 0; i < a->n_points; i++) {
        const sorted_point *p = &a->points[i];
        cell *c = &a->cells[p->round * r->n_counts + p->place];
        const double y = log(p->rate) - a->shift;
        c->n++;
        c->sum += y;
        c->squares += y * y;
        a->first[p->place + 1] = i + 1;
    }
}

static atl_status take_in(analysis *a, const atl_scaling_point *points, size_t n_points, atl_note *note)
{
    a->n_points = n_points;
    a->result->n_counts = atl_scaling_counts(points, n_points, a->result->counts);
    if (a->result->n_counts < 0)
        return atl_fail(note, ATL_USAGE, "more than %d different worker counts", (int)ATL_SCALING_MAX_COUNTS);
    if (a->result->n_counts < 2)
        return atl_fail(note, ATL_USAGE, "all windows have %g workers; wanted two worker counts or more",
                        points[0].n);
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

/* ---- one resampling ---- */

/* The rate at the k-th place (from 0) among the points of one N, each counted as often as its round. */
static double at_rank(const analysis *a, int place, int k)
{
    for (size_t i = a->first[place]; i < a->first[place + 1]; i++) {
        k -= a->times[a->points[i].round];
        if (k < 0)
            return a->points[i].rate;
    }
    return (double)NAN;
}

static double median_of(const analysis *a, int place)
{
    int n = 0;
    for (size_t i = a->first[place]; i < a->first[place + 1]; i++)
        n += a->times[a->points[i].round];
    return n > 0 ? at_rank(a, place, (n - 1) / 2) / 2 + at_rank(a, place, n / 2) / 2 : (double)NAN;
}

static void sum_up(const analysis *a, atl_fit_data *data)
{
    const int n_counts = a->result->n_counts;
    *data = (atl_fit_data){0};
    for (int i = 0; i < n_counts; i++) {
        cell all = {0};
        for (int r = 0; r < a->n_rounds; r++) {
            const cell *c = &a->cells[r * n_counts + i];
            all.n += a->times[r] * c->n;
            all.sum += a->times[r] * c->sum;
            all.squares += a->times[r] * c->squares;
        }
        data->weight[i] = all.n;
        data->mean[i] = all.n > 0 ? all.sum / all.n : 0;
        data->within += fmax(0, all.squares - all.sum * data->mean[i]);
    }
}

/* The best rate inside of the measured range: usl may have it between two N. */
static double best_rate(const analysis *a, const double *rates, const atl_law_fit *law)
{
    const atl_scaling *r = a->result;
    double best = 0;
    for (int i = 0; i < r->n_counts; i++)
        if (rates[i] > best)
            best = rates[i];
    const double peak = law ? atl_law_peak(law) : (double)INFINITY;
    if (law && peak > r->counts[0] && peak < r->counts[r->n_counts - 1])
        best = fmax(best, fmax(atl_law_rate(law, floor(peak)), atl_law_rate(law, ceil(peak))));
    return best;
}

static int recommend(const analysis *a, const double *rates, const atl_law_fit *law)
{
    const double best = best_rate(a, rates, law);
    int highest = 0;
    for (int i = 0; i < a->result->n_counts; i++) {
        if (rates[i] >= a->threshold * best)
            return i;
        if (!(rates[i] <= rates[highest]))
            highest = i;
    }
    return highest; /* the peak lies far from each measured N */
}

/* The next place far enough from `from` to tell how steep it is; −1: there is none. */
static int step_from(const atl_scaling *r, const double *rates, int from)
{
    for (int i = from + 1; i < r->n_counts; i++)
        if (r->counts[i] >= LEAST_STEP * r->counts[from] && isfinite(rates[i]))
            return i;
    return -1;
}

static int find_knee(const atl_scaling *r, const double *rates)
{
    int knee = r->n_counts - 1;
    for (int i = r->n_counts - 2; i >= 0; i--) {
        const int next = isfinite(rates[i]) ? step_from(r, rates, i) : -1;
        if (next < 0)
            continue;
        if (log(rates[next] / rates[i]) >= KNEE_RISE * log(r->counts[next] / r->counts[i]))
            break;
        knee = i;
    }
    return knee;
}

/* How far the law is from the median that it misses most. */
static double miss_of(const analysis *a, const draw *d)
{
    double most = 0;
    for (int i = 0; i < a->result->n_counts; i++) /* the law is of rates less the shift */
        most = fmax(most, fabs(d->predicted[i] * exp(a->shift) / d->median[i] - 1));
    return most;
}

static void say_ratios(const analysis *a, draw *d)
{
    for (int i = 0; i < a->result->n_counts; i++) {
        d->median[i] = d->predicted[i] = median_of(a, i);
        d->ratio[i] = d->median[i] / d->median[0];
    }
}

/* What the rounds say, each taken as often as a->times has it. `chosen` is the law of the whole, whose
 * parameters are asked for; ATL_N_LAWS: this is the whole. `fits` is read as hints then, else written. */
static void say(const analysis *a, atl_law chosen, atl_law_fit fits[ATL_N_LAWS], draw *d)
{
    say_ratios(a, d);
    d->alpha = d->beta = d->s = (double)NAN;
    d->peak = (double)INFINITY;
    d->law = ATL_LAW_LINEAR;
    d->miss = (double)NAN;
    const atl_law_fit *law = NULL;
    atl_law_fit now[ATL_N_LAWS];
    if (a->fitter) {
        atl_fit_data data;
        sum_up(a, &data);
        for (int i = 0; i < ATL_N_LAWS; i++)
            now[i] = atl_fitter_fit(a->fitter, (atl_law)i, &data, chosen == ATL_N_LAWS ? NULL : &fits[i]);
        d->law = atl_law_choose(now);
        const atl_law_fit *asked = &now[chosen == ATL_N_LAWS ? d->law : chosen];
        if (asked->fitted) {
            d->alpha = asked->alpha;
            d->beta = asked->beta;
            d->s = asked->s;
        }
        law = &now[d->law];
        d->peak = atl_law_peak(law);
        for (int i = 0; i < a->result->n_counts; i++)
            d->predicted[i] = atl_law_rate(law, a->result->counts[i]);
        d->miss = miss_of(a, d);
    }
    const bool holds = d->miss <= ATL_SCALING_MOST_MISS;
    const double *rates = holds ? d->predicted : d->median;
    d->recommended = recommend(a, rates, holds ? law : NULL);
    d->knee = find_knee(a->result, rates);
    if (chosen == ATL_N_LAWS && a->fitter)
        memcpy(fits, now, sizeof now);
}

static void draw_rounds(analysis *a, uint64_t *random)
{
    memset(a->times, 0, (size_t)a->n_rounds * sizeof *a->times);
    for (int i = 0; i < a->n_rounds; i++)
        a->times[atl_random_below(random, (uint64_t)a->n_rounds)]++;
}

/* ---- what the resamplings come to ---- */

/* Student's t, 97.5 %, by Fisher's expansion in 1/ν (Abramowitz & Stegun 26.7.5): within 1 % from ν = 3 on.
 */
static double student_975(int nu)
{
    const double z = 1.959964, z3 = z * z * z, z5 = z3 * z * z, z7 = z5 * z * z, v = nu;
    return z + (z3 + z) / (4 * v) + (5 * z5 + 16 * z3 + 3 * z) / (96 * v * v) +
           (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * v * v * v);
}

/* The share of resamplings beyond each end of an interval (Hesterberg 2015, §4.2). */
static double tail_share(int n_rounds)
{
    const double far = sqrt(n_rounds / (n_rounds - 1.0)) * student_975(n_rounds - 1);
    return erfc(far / sqrt(2)) / 2;
}

static size_t field_at(size_t field, int i)
{
    return field + (size_t)i * sizeof(double);
}

/* The interval of the draws' double at that offset. */
static atl_interval interval(const analysis *a, size_t offset)
{
    int n = 0;
    for (int i = 0; i < a->n_draws; i++) {
        double value;
        memcpy(&value, (const char *)&a->draws[i] + offset, sizeof value);
        if (!isnan(value))
            a->column[n++] = value;
    }
    if (n == 0)
        return (atl_interval){(double)NAN, (double)NAN};
    qsort(a->column, (size_t)n, sizeof *a->column, compare_doubles);
    const int cut = (int)floor(tail_share(a->n_rounds) * n);
    return (atl_interval){a->column[cut], a->column[n - 1 - cut]};
}

static void find_intervals(const analysis *a)
{
    atl_scaling *r = a->result;
    for (int i = 0; i < r->n_counts; i++) {
        r->rate[i] = interval(a, field_at(offsetof(draw, median), i));
        r->predicted[i] = interval(a, field_at(offsetof(draw, predicted), i));
        r->ratio_range[i] = interval(a, field_at(offsetof(draw, ratio), i));
    }
    r->alpha = interval(a, offsetof(draw, alpha));
    r->beta = interval(a, offsetof(draw, beta));
    r->s = interval(a, offsetof(draw, s));
    r->peak_range = interval(a, offsetof(draw, peak));
    int same = 0;
    for (int i = 0; i < a->n_draws; i++)
        same += a->draws[i].law == r->chosen;
    r->chosen_share = r->modelled && a->n_draws > 0 ? (double)same / a->n_draws : (double)NAN;
    r->peak_seen = isfinite(r->peak) && r->peak_range.high < 1.5 * r->counts[r->n_counts - 1];
}

/* The narrowest range of places around `at` with 90 % of the resamplings' votes; of equally wide ones the
 * fuller. */
static void find_range(const analysis *a, const int *votes, int at, int *ret_low, int *ret_high,
                       double *ret_share)
{
    const atl_scaling *r = a->result;
    int best_width = r->n_counts, best = -1;
    for (int low = 0; low <= at; low++) {
        int n = 0;
        for (int high = low; high < r->n_counts; high++) {
            n += votes[high];
            const int width = high - low;
            if (high < at || n < 0.9 * a->n_draws || width > best_width || (width == best_width && n <= best))
                continue;
            best_width = width;
            best = n;
            *ret_low = (int)r->counts[low];
            *ret_high = (int)r->counts[high];
            *ret_share = (double)n / a->n_draws;
        }
    }
}

static void find_ranges(const analysis *a, const draw *whole)
{
    atl_scaling *r = a->result;
    int recommended[ATL_SCALING_MAX_COUNTS] = {0}, knee[ATL_SCALING_MAX_COUNTS] = {0};
    for (int i = 0; i < a->n_draws; i++) {
        recommended[a->draws[i].recommended]++;
        knee[a->draws[i].knee]++;
    }
    find_range(a, recommended, whole->recommended, &r->recommended_low, &r->recommended_high,
               &r->recommended_share);
    find_range(a, knee, whole->knee, &r->knee_low, &r->knee_high, &r->knee_share);
}

static void take_knee(const analysis *a, const draw *whole)
{
    atl_scaling *r = a->result;
    const double *rates = whole->median, each = rates[0] / r->counts[0];
    int most = 0;
    for (int i = 1; i < r->n_counts; i++)
        most = rates[i] > rates[most] ? i : most;
    r->most = (int)r->counts[most];
    r->knee = whole->knee < r->n_counts - 1 ? (int)r->counts[whole->knee] : 0;
    r->knee_low = r->knee_high = r->knee;
    r->knee_share = r->beyond_knee = (double)NAN;
    for (int i = whole->knee; i < r->n_counts; i++) {
        const int next = step_from(r, rates, i);
        if (next > 0)
            r->beyond_knee =
                fmax(r->beyond_knee, (rates[next] - rates[i]) / (r->counts[next] - r->counts[i]) / each);
    }
}

static void warn(atl_scaling *r)
{
    size_t n = 0;
    if (r->n_rounds < ATL_SCALING_LEAST_ROUNDS)
        n = (size_t)snprintf(r->warning, sizeof r->warning,
                             "Only %d round%s: how sure the figures are cannot be said (wanted 5 or more).",
                             r->n_rounds, r->n_rounds == 1 ? "" : "s");
    else if (r->n_rounds < 5)
        n = (size_t)snprintf(
            r->warning, sizeof r->warning,
            "Only %d rounds: the intervals are rough, and rather too narrow (wanted 5 or more).",
            r->n_rounds);
    if (!r->modelled)
        snprintf(r->warning + n, sizeof r->warning - n,
                 "%sOnly %d worker counts: no law is fitted (wanted %d or more).", n > 0 ? " " : "",
                 r->n_counts, (int)ATL_SCALING_LAW_COUNTS);
}

static void analyse(analysis *a, uint64_t seed)
{
    atl_scaling *r = a->result;
    draw *whole = &a->draws[a->n_draws];
    for (int i = 0; i < a->n_rounds; i++)
        a->times[i] = 1;
    say(a, ATL_N_LAWS, r->fits, whole);
    r->n_rounds = a->n_rounds;
    r->modelled = a->fitter != NULL;
    r->chosen = whole->law;
    r->peak = whole->peak;
    r->recommended = r->recommended_low = r->recommended_high = (int)r->counts[whole->recommended];
    r->recommended_share = (double)NAN;
    r->miss = whole->miss;
    r->holds = whole->miss <= ATL_SCALING_MOST_MISS;
    take_knee(a, whole);
    memcpy(r->median_rate, whole->median, sizeof r->median_rate);
    memcpy(r->ratio, whole->ratio, sizeof r->ratio);
    if (a->n_rounds < ATL_SCALING_LEAST_ROUNDS)
        a->n_draws = 0;
    for (int i = 0; i < a->n_draws; i++) {
        draw_rounds(a, &seed);
        say(a, r->chosen, r->fits, &a->draws[i]);
    }
    find_intervals(a);
    if (a->n_draws > 0)
        find_ranges(a, whole);
    for (int i = 0; i < ATL_N_LAWS; i++)
        r->fits[i].gamma *= exp(a->shift);
    for (int i = 0; i < r->n_counts && r->modelled; i++) {
        r->predicted[i].low *= exp(a->shift);
        r->predicted[i].high *= exp(a->shift);
    }
    warn(r);
}

atl_status atl_scaling_analyse(const atl_scaling_point *points, size_t n_points, double threshold,
                               int n_resamplings, uint64_t seed, atl_scaling *ret, atl_note *note)
{
    atl_scaling *result = calloc(1, sizeof *result);
    analysis a = {.result = result, .threshold = threshold, .n_draws = n_resamplings};
    atl_status st = result ? check(points, n_points, threshold, n_resamplings, note) : ATL_NO_MEMORY;
    if (st == ATL_OK)
        st = take_in(&a, points, n_points, note);
    if (st == ATL_OK) {
        analyse(&a, seed);
        *ret = *result;
    } else if (st == ATL_NO_MEMORY) {
        atl_fail(note, ATL_NO_MEMORY, "no memory for an analysis");
    }
    analysis_done(&a);
    free(result);
    return st;
}
