/* scaling_laws.c - the four laws: their names, rates, peaks and limits, and their looks for the fit. */
#include <math.h>

#include "scaling_private.h"

const char *atl_law_name(atl_law law)
{
    static const char *const names[ATL_N_LAWS] = {"linear", "amdahl", "usl", "saturation"};
    return law >= 0 && law < ATL_N_LAWS ? names[law] : "?";
}

int atl_law_n_shape(atl_law law)
{
    static const int n[ATL_N_LAWS] = {0, 1, 2, 2};
    return n[law];
}

/* ln(1 + eᵘ), for any u. */
static double softplus(double u)
{
    return u > 0 ? u + log1p(exp(-u)) : log1p(exp(u));
}

static double logistic(double u)
{
    return 1 / (1 + exp(-u));
}

/* ln N − softplus(u)/p with u = p(ln N − ln s) */
static double saturation_shape(const double theta[2], double n, double slope[2])
{
    const double p = exp(theta[1]), u = p * (log(n) - theta[0]), share = logistic(u), bend = softplus(u);
    slope[0] = share;
    slope[1] = (bend - u * share) / p;
    return log(n) - bend / p;
}

double atl_law_shape(atl_law law, const double theta[ATL_LAW_MAX_SHAPE], double n,
                     double slope[ATL_LAW_MAX_SHAPE])
{
    slope[0] = slope[1] = 0;
    if (law == ATL_LAW_LINEAR)
        return log(n);
    if (law == ATL_LAW_SATURATION)
        return saturation_shape(theta, n, slope);
    const double beta = law == ATL_LAW_USL ? theta[1] : 0;
    const double slowed = 1 + theta[0] * (n - 1) + beta * n * (n - 1);
    slope[0] = -(n - 1) / slowed;
    slope[1] = law == ATL_LAW_USL ? -n * (n - 1) / slowed : 0;
    return log(n) - log(slowed);
}

double atl_law_rate(const atl_law_fit *fit, double n)
{
    double slope[ATL_LAW_MAX_SHAPE], theta[ATL_LAW_MAX_SHAPE] = {fit->alpha, fit->beta};
    if (!fit->fitted)
        return (double)NAN;
    if (fit->law == ATL_LAW_SATURATION) {
        theta[0] = log(fit->s);
        theta[1] = log(fit->p);
    }
    return fit->gamma * exp(atl_law_shape(fit->law, theta, n, slope));
}

double atl_law_peak(const atl_law_fit *fit)
{
    return fit->fitted && fit->law == ATL_LAW_USL && fit->beta > 0 ? sqrt((1 - fit->alpha) / fit->beta)
                                                                   : (double)INFINITY;
}

atl_law atl_law_choose(const atl_law_fit fits[ATL_N_LAWS])
{
    static const atl_law by_claim[ATL_N_LAWS] = {ATL_LAW_LINEAR, ATL_LAW_AMDAHL, ATL_LAW_SATURATION,
                                                 ATL_LAW_USL};
    const double worth = 2; /* of AICc, for which a law with more to say is taken */
    double least = (double)INFINITY;
    for (int i = 0; i < ATL_N_LAWS; i++)
        if (fits[i].fitted && fits[i].aicc < least)
            least = fits[i].aicc;
    for (int i = 0; i < ATL_N_LAWS; i++)
        if (fits[by_claim[i]].fitted && fits[by_claim[i]].aicc <= least + worth)
            return by_claim[i];
    return ATL_LAW_LINEAR;
}
