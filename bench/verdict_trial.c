/* verdict_trial.c - how often the verdict of a study is wrong: studies of machines whose limit is known, with
 * the noise of real ones, judged by results/verdict.c.
 *
 *     verdict_trial [TRIES]
 *
 * A row for each machine, noise and number of rounds: how often memory, cores, nothing or "unproven" is said,
 * and how often each piece of evidence speaks for, against or not at all. The noise of a window is half
 * common to all of its figures (a slow host slows all stages) and half each one's own. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "results/verdict.h"

enum { N_COUNTS = 7, MAX_ROUNDS = 7, MAX_WINDOWS = N_COUNTS * MAX_ROUNDS + 2 };
static const int counts[N_COUNTS] = {1, 2, 4, 8, 16, 32, 64};

/* What 64 workers show over one, without noise. */
typedef struct machine {
    const char *name;
    atl_limit truth;
    double stages, control; /* rise of the network's CPU time; of the PNG encoder's */
    double latency, beside; /* of the probe; rate beside 8 streams */
    double units;           /* what all cores compute over what as many lone ones would */
    double waiting;         /* % of the time, for a CPU */
    double room;            /* workers that the bandwidth has room for, by a counter; 0: none */
    double cores;
} machine;

static const machine machines[] = {
    {"memory, strongly", ATL_LIMIT_MEMORY, 2.5, 1.00, 2.0, 0.60, 0.95, 0.5, 0, 64},
    {"memory, strongly, traffic counted", ATL_LIMIT_MEMORY, 2.5, 1.00, 2.0, 0.60, 0.95, 0.5, 26, 64},
    {"memory, a little", ATL_LIMIT_MEMORY, 1.25, 1.00, 1.4, 0.85, 0.95, 0.5, 0, 64},
    {"clock or shared units, strongly", ATL_LIMIT_CORES, 2.5, 2.30, 1.1, 0.97, 0.30, 0.5, 0, 64},
    {"clock, a little", ATL_LIMIT_CORES, 1.20, 1.18, 1.0, 0.99, 0.85, 0.5, 0, 64},
    {"cores shared with others", ATL_LIMIT_CORES, 1.0, 1.00, 1.0, 0.99, 0.95, 40, 0, 64},
    {"no limit yet", ATL_LIMIT_NOT_SEEN, 1.03, 1.00, 1.05, 0.98, 0.97, 0.3, 0, 128},
    {"all cores at work", ATL_LIMIT_CORES, 1.03, 1.00, 1.05, 0.98, 0.97, 0.3, 0, 64},
};

static uint64_t state;

static double normal(void)
{
    const double u = ((double)(atl_random_next(&state) >> 32) + 0.5) / 4294967296.0;
    const double v = ((double)(atl_random_next(&state) >> 32) + 0.5) / 4294967296.0;
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

/* From 1 at one worker to `at_last` at 64, as a ceiling at 26 brings it (saturation, p = 2). */
static double rise(double at_last, int workers)
{
    const double at = workers / 26.0, last = 64 / 26.0;
    return pow(at_last, log1p(at * at) / log1p(last * last));
}

static void add_evidence(atl_study_window *w, const char *name, double value)
{
    atl_evidence *e = &w->evidence[w->n_evidence++];
    snprintf(e->name, sizeof e->name, "%s", name);
    e->value = value;
}

static atl_study_window make_window(const machine *m, int workers, int round, int corunners, double noise)
{
    const double common = noise * sqrt(0.5) * normal(), own = noise * sqrt(0.5);
    const double slow = exp(common + own * normal());
    atl_study_window w = {.valid = true, .attempt = 1, .round = round};
    w.config = (atl_study_config){"bf16", "scatter", workers, 1, corunners, corunners == 0};
    const double wait = 1 + m->waiting / 100 * workers / 64;
    w.images_per_hour = 700 * workers / rise(m->stages, workers) / wait / slow * (corunners ? m->beside : 1);
    w.stage[ATL_STAGE_UNET].cpu_ns = (int64_t)(3e9 * rise(m->stages, workers) * exp(common + own * normal()));
    w.stage[ATL_STAGE_VAE_DECODE].cpu_ns =
        (int64_t)(1e9 * rise(m->stages, workers) * exp(common + own * normal()));
    w.stage[ATL_STAGE_PNG_ENCODE].cpu_ns =
        (int64_t)(4e7 * rise(m->control, workers) * exp(common + own * normal()));
    w.probe_ns = corunners ? (double)NAN : 110 * rise(m->latency, workers) * exp(0.04 * normal());
    add_evidence(&w, "run_delay", m->waiting * workers / 64);
    if (m->room > 0)
        add_evidence(&w, "memory_bandwidth", 200 / m->room * workers / rise(m->stages, workers));
    return w;
}

static bool judge(const machine *m, double noise, int rounds, atl_verdict *ret)
{
    static atl_study_window windows[MAX_WINDOWS];
    static atl_scaling_point points[MAX_WINDOWS];
    static atl_scaling scaling;
    size_t n = 0;
    for (int round = 0; round < rounds; round++)
        for (int i = 0; i < N_COUNTS; i++, n++) {
            windows[n] = make_window(m, counts[i], round, 0, noise);
            points[n] = (atl_scaling_point){counts[i], windows[n].images_per_hour, round};
        }
    const atl_status st = atl_scaling_analyse(points, n, 0.95, 0, 1, &scaling, NULL);
    windows[n++] = make_window(m, 1, 0, 8, noise);
    const atl_study_ceilings ceilings = {14, 200, 105, 2800, 2800 * 64 * m->units, "bf16"};
    if (st == ATL_OK)
        atl_verdict_reach(windows, n, &scaling, &ceilings, m->cores, ret);
    return st == ATL_OK;
}

static void try_one(const machine *m, double noise, int rounds, int n_tries)
{
    int said[4] = {0}, n_for = 0, n_against = 0, n_unknown = 0;
    for (int i = 0; i < n_tries; i++) {
        atl_verdict v;
        if (!judge(m, noise, rounds, &v))
            exit(1);
        said[v.limit]++;
        n_for += v.n_for;
        n_against += v.n_against;
        n_unknown += v.n_unknown;
    }
    const double all = n_tries, wrong = all - said[m->truth] - said[ATL_LIMIT_UNPROVEN];
    printf("| %s | %.0f | %d | %.1f | %.1f | %.1f | %.1f | %.1f | %.2f | %.2f | %.2f |\n", m->name,
           100 * noise, rounds, 100 * said[ATL_LIMIT_MEMORY] / all, 100 * said[ATL_LIMIT_CORES] / all,
           100 * said[ATL_LIMIT_NOT_SEEN] / all, 100 * said[ATL_LIMIT_UNPROVEN] / all, 100 * wrong / all,
           n_for / all, n_against / all, n_unknown / all);
}

int main(int argc, char **argv)
{
    static const double noises[] = {0.03, 0.05, 0.09};
    static const int rounds[] = {1, 2, 5};
    const int n_tries = argc > 1 ? atoi(argv[1]) : 400;
    state = 1;
    printf("| machine | noise, %% | rounds | memory | cores | not seen | unproven | wrong | for | against | "
           "not known |\n"
           "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n");
    for (size_t m = 0; m < sizeof machines / sizeof *machines; m++)
        for (size_t i = 0; i < sizeof noises / sizeof *noises; i++)
            for (size_t k = 0; k < sizeof rounds / sizeof *rounds; k++)
                try_one(&machines[m], noises[i], rounds[k], n_tries);
    return 0;
}
