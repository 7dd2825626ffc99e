/* scaling_analyse.c - atl_scaling_analyse: what the rounds say as they were, and by resampling whole rounds
 * how sure each figure is. The points are scaling_points.c's, one resampling is scaling_draw.c's. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "scaling_analysis_private.h"

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void draw_rounds(atl_analysis *a, uint64_t *random)
{
    memset(a->times, 0, (size_t)a->n_rounds * sizeof *a->times);
    for (int i = 0; i < a->n_rounds; i++)
        a->times[atl_random_below(random, (uint64_t)a->n_rounds)]++;
}

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
static atl_interval interval(const atl_analysis *a, size_t offset)
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

static void count_rounds(const atl_analysis *a)
{
    atl_scaling *r = a->result;
    for (int i = 0; i < r->n_counts; i++)
        for (int round = 0; round < a->n_rounds; round++)
            r->rounds_at[i] += a->cells[round * r->n_counts + i].n > 0;
}

/* The place with the fewest rounds. */
static int thinnest(const atl_scaling *r)
{
    int at = 0;
    for (int i = 1; i < r->n_counts; i++)
        at = r->rounds_at[i] < r->rounds_at[at] ? i : at;
    return at;
}

/* Of a point that one or two rounds have, resamplings say that it is sure: they hold it or do not. */
static void find_intervals(const atl_analysis *a)
{
    atl_scaling *r = a->result;
    const atl_interval none = {(double)NAN, (double)NAN};
    for (int i = 0; i < r->n_counts; i++) {
        const bool enough = r->rounds_at[i] >= ATL_SCALING_LEAST_ROUNDS;
        r->rate[i] = enough ? interval(a, field_at(offsetof(atl_scaling_draw, median), i)) : none;
        r->predicted[i] =
            enough || r->modelled ? interval(a, field_at(offsetof(atl_scaling_draw, predicted), i)) : none;
        r->ratio_range[i] = enough && r->rounds_at[0] >= ATL_SCALING_LEAST_ROUNDS
                                ? interval(a, field_at(offsetof(atl_scaling_draw, ratio), i))
                                : none;
    }
    r->alpha = interval(a, offsetof(atl_scaling_draw, alpha));
    r->beta = interval(a, offsetof(atl_scaling_draw, beta));
    r->s = interval(a, offsetof(atl_scaling_draw, s));
    r->peak_range = interval(a, offsetof(atl_scaling_draw, peak));
    int same = 0;
    for (int i = 0; i < a->n_draws; i++)
        same += a->draws[i].law == r->chosen;
    r->chosen_share = r->modelled && a->n_draws > 0 ? (double)same / a->n_draws : (double)NAN;
    r->peak_seen = isfinite(r->peak) && r->peak_range.high < 1.5 * r->counts[r->n_counts - 1];
}

/* The narrowest range of places around `at` with 90 % of the resamplings' votes; of equally wide ones the
 * fuller. */
static void find_range(const atl_analysis *a, const int *votes, int at, int *ret_low, int *ret_high,
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

static void find_ranges(const atl_analysis *a, const atl_scaling_draw *whole)
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

static void take_knee(const atl_analysis *a, const atl_scaling_draw *whole)
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
        const int next = atl_scaling_step_from(r, rates, i);
        if (next > 0)
            r->beyond_knee =
                fmax(r->beyond_knee, (rates[next] - rates[i]) / (r->counts[next] - r->counts[i]) / each);
    }
}

static void warn(atl_scaling *r)
{
    const int n = r->n_rounds;
    if (n < ATL_SCALING_LEAST_ROUNDS)
        snprintf(r->rounds_warning, sizeof r->rounds_warning,
                 "Only %d round%s: how sure the figures are cannot be said (wanted 5 or more).", n,
                 n == 1 ? "" : "s");
    else if (n < 5)
        snprintf(r->rounds_warning, sizeof r->rounds_warning,
                 "Only %d rounds: the intervals are rough, and rather too narrow (wanted 5 or more).", n);
    const int thin = thinnest(r), n_thin = r->rounds_at[thin];
    if (n >= ATL_SCALING_LEAST_ROUNDS && n_thin < ATL_SCALING_LEAST_ROUNDS)
        snprintf(r->rounds_warning, sizeof r->rounds_warning,
                 "With %g worker%s only %d of %d rounds %s a valid window: how sure that figure is cannot be "
                 "said%s.",
                 r->counts[thin], r->counts[thin] > 1 ? "s" : "", n_thin, n, n_thin == 1 ? "has" : "have",
                 r->holds ? "" : ", nor how sure the recommendation is");
    if (!r->modelled)
        snprintf(r->counts_warning, sizeof r->counts_warning,
                 "Only %d worker counts: no law is fitted (wanted %d or more).", r->n_counts,
                 (int)ATL_SCALING_LAW_COUNTS);
}

static void analyse(atl_analysis *a, uint64_t seed)
{
    atl_scaling *r = a->result;
    atl_scaling_draw *whole = &a->draws[a->n_draws];
    for (int i = 0; i < a->n_rounds; i++)
        a->times[i] = 1;
    atl_analysis_say(a, ATL_N_LAWS, r->fits, whole);
    r->n_rounds = a->n_rounds;
    count_rounds(a);
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
        atl_analysis_say(a, r->chosen, r->fits, &a->draws[i]);
    }
    find_intervals(a);
    if (a->n_draws > 0 && (r->holds || r->rounds_at[thinnest(r)] >= ATL_SCALING_LEAST_ROUNDS))
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
    atl_analysis a = {.result = result, .threshold = threshold, .n_draws = n_resamplings};
    atl_status st =
        result ? atl_analysis_check(points, n_points, threshold, n_resamplings, note) : ATL_NO_MEMORY;
    if (st == ATL_OK)
        st = atl_analysis_take_in(&a, points, n_points, note);
    if (st == ATL_OK) {
        analyse(&a, seed);
        *ret = *result;
    } else if (st == ATL_NO_MEMORY) {
        atl_fail(note, ATL_NO_MEMORY, "no memory for an analysis");
    }
    atl_analysis_done(&a);
    free(result);
    return st;
}
