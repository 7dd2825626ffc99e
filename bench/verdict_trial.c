/* verdict_trial.c - how often the verdict of a study is wrong: studies of machines whose limit is known, with
 * the noise of real ones, judged by results/verdict.c.
 *
 *     verdict_trial [TRIES [tuned|drawn [SEED]]]
 *
 * "tuned": the eight machines that the thresholds were chosen by; all have their knee at 26 workers. "drawn":
 * every study has a machine, a grid of counts and a noise of its own, drawn from ranges that were set before
 * the verdict was asked about any of them: how strong the limit is, where the knee is and how sharp, how many
 * cores there are, how long stages take, how the noise is shared between figures, with tails wider than a
 * normal's and a drift from round to round. Nothing in verdict.c was changed after these were looked at.
 *
 * A row for each kind of machine, noise and number of rounds: how often memory, cores, nothing or "unproven"
 * is said, and how often each piece of evidence speaks for, against or not at all. The noise of a window is
 * partly common to all of its figures (a slow host slows all stages), and partly each one's own. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "results/verdict.h"

enum { MOST_COUNTS = 10, MAX_ROUNDS = 7, MAX_WINDOWS = MOST_COUNTS * MAX_ROUNDS + 2, N_GRIDS = 5 };

typedef struct grid {
    int n, count[MOST_COUNTS];
} grid;

static const grid tuned_grid = {7, {1, 2, 4, 8, 16, 32, 64}};
static const grid drawn_grids[N_GRIDS] = {{6, {1, 3, 6, 12, 24, 48}},
                                          {8, {1, 2, 3, 4, 6, 8, 12, 16}},
                                          {5, {1, 8, 24, 48, 96}},
                                          {9, {1, 2, 3, 5, 8, 12, 20, 32, 40}},
                                          {4, {2, 4, 8, 12}}};

/* What the most workers show over one, without noise. */
typedef struct machine {
    const char *name;
    atl_limit truth;
    double stages, control; /* rise of the network's CPU time; of the PNG encoder's */
    double latency, beside; /* of the probe; rate beside 8 streams */
    double units;           /* what all cores compute over what as many lone ones would */
    double waiting;         /* % of the time, for a CPU */
    double room;            /* workers that the bandwidth has room for, by a counter; 0: none */
    double cores;
    double knee, sharpness; /* of the ceiling: saturation's s and p */
    double unet_ns, png_ns;
    double common; /* part of a window's variance that all of its figures share */
    double drift;  /* of the rate from the first round to the last */
    bool wide;     /* Student's t with four degrees of freedom instead of a normal */
    const grid *grid;
} machine;

#define TUNED .knee = 26, .sharpness = 2, .unet_ns = 3e9, .png_ns = 4e7, .common = 0.5, .grid = &tuned_grid
static const machine machines[] = {
    {"memory, strongly", ATL_LIMIT_MEMORY, 2.5, 1.00, 2.0, 0.60, 0.95, 0.5, 0, 64, TUNED},
    {"memory, strongly, traffic counted", ATL_LIMIT_MEMORY, 2.5, 1.00, 2.0, 0.60, 0.95, 0.5, 26, 64, TUNED},
    {"memory, a little", ATL_LIMIT_MEMORY, 1.25, 1.00, 1.4, 0.85, 0.95, 0.5, 0, 64, TUNED},
    {"clock or shared units, strongly", ATL_LIMIT_CORES, 2.5, 2.30, 1.1, 0.97, 0.30, 0.5, 0, 64, TUNED},
    {"clock, a little", ATL_LIMIT_CORES, 1.20, 1.18, 1.0, 0.99, 0.85, 0.5, 0, 64, TUNED},
    {"cores shared with others", ATL_LIMIT_CORES, 1.0, 1.00, 1.0, 0.99, 0.95, 40, 0, 64, TUNED},
    {"no limit yet", ATL_LIMIT_NOT_SEEN, 1.03, 1.00, 1.05, 0.98, 0.97, 0.3, 0, 128, TUNED},
    {"all cores at work", ATL_LIMIT_CORES, 1.03, 1.00, 1.05, 0.98, 0.97, 0.3, 0, 64, TUNED},
};
enum { N_MACHINES = sizeof machines / sizeof *machines };

static uint64_t state;

static double normal(void)
{
    const double u = ((double)(atl_random_next(&state) >> 32) + 0.5) / 4294967296.0;
    const double v = ((double)(atl_random_next(&state) >> 32) + 0.5) / 4294967296.0;
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

static double uniform(double from, double to)
{
    return from + (to - from) * (double)(atl_random_next(&state) >> 11) * 0x1p-53;
}

static double between(double from, double to) /* evenly by ratio */
{
    return from * pow(to / from, uniform(0, 1));
}

/* Of variance 1 either way. */
static double error_of(const machine *m)
{
    double squares = 0;
    const double z = normal();
    for (int i = 0; m->wide && i < 4; i++)
        squares += pow(normal(), 2);
    return m->wide ? z / sqrt(squares / 4) / sqrt(2) : z;
}

static int most_of(const machine *m)
{
    return m->grid->count[m->grid->n - 1];
}

/* From 1 at one worker to `at_last` at the most, as a ceiling brings it. */
static double rise(const machine *m, double at_last, int workers)
{
    const double at = pow(workers / m->knee, m->sharpness), last = pow(most_of(m) / m->knee, m->sharpness);
    return pow(at_last, log1p(at) / log1p(last));
}

/* ---- machines drawn ---- */

/* A machine of the kind of machines[kind], of which nothing else is kept. */
static machine draw(int kind)
{
    machine m = machines[kind];
    const bool strong = kind == 0 || kind == 1 || kind == 3;
    m.grid = &drawn_grids[atl_random_next(&state) % N_GRIDS];
    m.knee = most_of(&m) * uniform(0.15, 0.75);
    m.sharpness = uniform(1.2, 4);
    m.unet_ns = between(3e7, 2e10);
    m.png_ns = between(8e5, 8e7);
    m.common = uniform(0.2, 0.8);
    m.drift = uniform(-0.05, 0.05);
    m.wide = uniform(0, 1) < 0.5;
    m.cores = most_of(&m);
    m.waiting = uniform(0, 1);
    m.units = uniform(0.8, 1);
    m.control = uniform(1, 1.03);
    m.latency = uniform(1, 1.2);
    m.beside = uniform(0.94, 1);
    const double lost = 1 / (strong ? uniform(0.25, 0.6) : uniform(0.65, 0.85));
    if (m.truth == ATL_LIMIT_MEMORY) {
        m.stages = lost;
        m.latency = strong ? uniform(1.4, 3) : uniform(1.15, 1.8);
        m.beside = strong ? uniform(0.4, 0.8) : uniform(0.75, 0.93);
        m.room = kind == 1 ? m.knee * between(0.6, 1.6) : 0;
        m.cores = most_of(&m) * uniform(1, 2);
    } else if (kind == 3 || kind == 4) { /* a clock or units that cores share */
        m.stages = lost;
        m.control = 1 + (lost - 1) * uniform(0.7, 1.1);
        m.units = fmin(1, between(0.85, 1.15) / lost);
    } else {
        m.stages = uniform(1, 1.05);
        if (kind == 5)
            m.waiting = uniform(15, 60);
        if (m.truth == ATL_LIMIT_NOT_SEEN)
            m.cores = most_of(&m) * uniform(1.6, 4);
    }
    return m;
}

/* ---- their studies ---- */

static void add_evidence(atl_study_window *w, const char *name, double value)
{
    atl_evidence *e = &w->evidence[w->n_evidence++];
    snprintf(e->name, sizeof e->name, "%s", name);
    e->value = value;
}

static atl_study_window make_window(const machine *m, int workers, int round, int rounds, int corunners,
                                    double noise)
{
    const double common = noise * sqrt(m->common) * error_of(m), own = noise * sqrt(1 - m->common);
    const double slow = exp(common + own * error_of(m) + m->drift * round / fmax(rounds - 1, 1));
    const double grown = rise(m, m->stages, workers), share = (double)workers / most_of(m);
    atl_study_window w = {.valid = true, .attempt = 1, .round = round};
    w.config = (atl_study_config){"bf16", "scatter", workers, 1, corunners, corunners == 0};
    const double wait = 1 + m->waiting / 100 * share;
    w.images_per_hour = 700 * workers / grown / wait / slow * (corunners ? m->beside : 1);
    w.stage[ATL_STAGE_UNET].cpu_ns = (int64_t)(m->unet_ns * grown * exp(common + own * error_of(m)));
    w.stage[ATL_STAGE_VAE_DECODE].cpu_ns =
        (int64_t)(m->unet_ns / 3 * grown * exp(common + own * error_of(m)));
    w.stage[ATL_STAGE_PNG_ENCODE].cpu_ns =
        (int64_t)(m->png_ns * rise(m, m->control, workers) * exp(common + own * error_of(m)));
    w.probe_ns = corunners ? (double)NAN : 110 * rise(m, m->latency, workers) * exp(0.04 * error_of(m));
    add_evidence(&w, "run_delay", m->waiting * share);
    if (m->room > 0)
        add_evidence(&w, "memory_bandwidth", 200 / m->room * workers / grown);
    return w;
}

static bool judge(const machine *m, double noise, int rounds, atl_verdict *ret)
{
    static atl_study_window windows[MAX_WINDOWS];
    static atl_scaling_point points[MAX_WINDOWS];
    static atl_scaling scaling;
    size_t n = 0;
    for (int round = 0; round < rounds; round++)
        for (int i = 0; i < m->grid->n; i++, n++) {
            windows[n] = make_window(m, m->grid->count[i], round, rounds, 0, noise);
            points[n] = (atl_scaling_point){m->grid->count[i], windows[n].images_per_hour, round};
        }
    const atl_status st = atl_scaling_analyse(points, n, 0.95, 0, 1, &scaling, NULL);
    windows[n++] = make_window(m, m->grid->count[0], 0, rounds, 8, noise);
    const atl_study_ceilings ceilings = {14, 200, 105, 2800, 2800 * m->cores * m->units, "bf16"};
    if (st == ATL_OK)
        atl_verdict_reach(windows, n, &scaling, &ceilings, m->cores, ret);
    return st == ATL_OK;
}

typedef struct band {
    double from, to; /* of a window's noise */
} band;

static void try_one(int kind, bool drawn, band noise, int rounds, int n_tries)
{
    int said[4] = {0}, n_for = 0, n_against = 0, n_unknown = 0;
    for (int i = 0; i < n_tries; i++) {
        atl_verdict v;
        const machine m = drawn ? draw(kind) : machines[kind];
        if (!judge(&m, noise.from < noise.to ? uniform(noise.from, noise.to) : noise.from, rounds, &v))
            exit(1);
        said[v.limit]++;
        n_for += v.n_for;
        n_against += v.n_against;
        n_unknown += v.n_unknown;
    }
    const atl_limit truth = machines[kind].truth;
    const double all = n_tries, wrong = all - said[truth] - said[ATL_LIMIT_UNPROVEN];
    printf("| %s | %.0f", machines[kind].name, 100 * noise.from);
    if (noise.from < noise.to)
        printf("–%.0f", 100 * noise.to);
    printf(" | %d | %.1f | %.1f | %.1f | %.1f | %.1f | %.2f | %.2f | %.2f |\n", rounds,
           100 * said[ATL_LIMIT_MEMORY] / all, 100 * said[ATL_LIMIT_CORES] / all,
           100 * said[ATL_LIMIT_NOT_SEEN] / all, 100 * said[ATL_LIMIT_UNPROVEN] / all, 100 * wrong / all,
           n_for / all, n_against / all, n_unknown / all);
}

int main(int argc, char **argv)
{
    static const band fixed[] = {{0.03, 0.03}, {0.05, 0.05}, {0.09, 0.09}},
                      wide[] = {{0.02, 0.04}, {0.04, 0.08}, {0.08, 0.14}};
    static const int rounds[] = {1, 2, 5};
    const int n_tries = argc > 1 ? atoi(argv[1]) : 400;
    const bool drawn = argc > 2 && strcmp(argv[2], "drawn") == 0;
    state = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
    printf("| machine | noise, %% | rounds | memory | cores | not seen | unproven | wrong | for | against | "
           "not known |\n"
           "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n");
    for (int kind = 0; kind < N_MACHINES; kind++)
        for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
            for (size_t k = 0; k < sizeof rounds / sizeof *rounds; k++)
                try_one(kind, drawn, drawn ? wide[i] : fixed[i], rounds[k], n_tries);
    return 0;
}
