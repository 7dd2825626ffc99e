/* scaling_draw.c - what the rounds of a study say, each taken as often as it was drawn: medians, the law, the
 * recommendation, the knee. */
#include <math.h>
#include <string.h>

#include "scaling_analysis_private.h"

#define KNEE_RISE  0.5  /* of log rate against log N */
#define LEAST_STEP 1.25 /* between the two N of such a rise: of nearer ones it is mostly noise */

/* The rate at the k-th place (from 0) among the points of one N, each counted as often as its round. */
static double at_rank(const atl_analysis *a, int place, int k)
{
    for (size_t i = a->first[place]; i < a->first[place + 1]; i++) {
        k -= a->times[a->points[i].round];
        if (k < 0)
            return a->points[i].rate;
    }
    return (double)NAN;
}

static double median_of(const atl_analysis *a, int place)
{
    int n = 0;
    for (size_t i = a->first[place]; i < a->first[place + 1]; i++)
        n += a->times[a->points[i].round];
    return n > 0 ? at_rank(a, place, (n - 1) / 2) / 2 + at_rank(a, place, n / 2) / 2 : (double)NAN;
}

static void sum_up(const atl_analysis *a, atl_fit_data *data)
{
    const int n_counts = a->result->n_counts;
    *data = (atl_fit_data){0};
    for (int i = 0; i < n_counts; i++) {
        atl_scaling_cell all = {0};
        for (int r = 0; r < a->n_rounds; r++) {
            const atl_scaling_cell *c = &a->cells[r * n_counts + i];
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
static double best_rate(const atl_analysis *a, const double *rates, const atl_law_fit *law)
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

static int recommend(const atl_analysis *a, const double *rates, const atl_law_fit *law)
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

int atl_scaling_step_from(const atl_scaling *r, const double *rates, int from)
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
        const int next = isfinite(rates[i]) ? atl_scaling_step_from(r, rates, i) : -1;
        if (next < 0)
            continue;
        if (log(rates[next] / rates[i]) >= KNEE_RISE * log(r->counts[next] / r->counts[i]))
            break;
        knee = i;
    }
    return knee;
}

/* How far the law is from the median that it misses most. */
static double miss_of(const atl_analysis *a, const atl_scaling_draw *d)
{
    double most = 0;
    for (int i = 0; i < a->result->n_counts; i++) /* the law is of rates less the shift */
        most = fmax(most, fabs(d->predicted[i] * exp(a->shift) / d->median[i] - 1));
    return most;
}

static void say_ratios(const atl_analysis *a, atl_scaling_draw *d)
{
    for (int i = 0; i < a->result->n_counts; i++) {
        d->median[i] = d->predicted[i] = median_of(a, i);
        d->ratio[i] = d->median[i] / d->median[0];
    }
}

void atl_analysis_say(const atl_analysis *a, atl_law chosen, atl_law_fit fits[ATL_N_LAWS],
                      atl_scaling_draw *d)
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
