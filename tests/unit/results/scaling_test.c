/* scaling_test.c - the fitter against R's usl, against laws whose truth is known, and against bad input. */
#include "results/scaling.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/random.h"

/* ---- made-up studies ---- */

enum { MAX_POINTS = 512 };

typedef struct study {
    size_t n;
    atl_scaling_point points[MAX_POINTS];
} study;

static uint64_t state;

static double uniform(void)
{
    return ((double)(atl_random_next(&state) >> 32) + 0.5) / 4294967296.0;
}

static double normal(void)
{
    return sqrt(-2 * log(uniform())) * cos(6.283185307179586 * uniform());
}

static const double grid[] = {1, 2, 3, 4, 6, 8, 12, 16, 24, 32};
enum { N_GRID = sizeof grid / sizeof *grid };

/* Each N once a round and N = 1 twice, as the protocol has it; noise of each window, and of each round. */
static study simulate(const atl_law_fit *truth, int n_rounds, double window_noise, double round_noise,
                      uint64_t seed)
{
    study s = {0};
    state = UINT64_MAX - seed; /* far from the seeds of resamplings */
    for (int r = 0; r < n_rounds; r++) {
        const double shared = round_noise * normal();
        for (int i = -1; i < N_GRID; i++) {
            const double n = grid[i < 0 ? 0 : i];
            s.points[s.n++] =
                (atl_scaling_point){n, atl_law_rate(truth, n) * exp(shared + window_noise * normal()), r};
        }
    }
    return s;
}

static const atl_law_fit true_linear = {.law = ATL_LAW_LINEAR, .gamma = 50, .fitted = true};
static const atl_law_fit true_amdahl = {.law = ATL_LAW_AMDAHL, .gamma = 50, .alpha = 0.05, .fitted = true};
static const atl_law_fit true_usl = {
    .law = ATL_LAW_USL, .gamma = 50, .alpha = 0.03, .beta = 0.004, .fitted = true};
static const atl_law_fit true_saturation = {
    .law = ATL_LAW_SATURATION, .gamma = 50, .s = 9, .p = 4, .fitted = true};
static const atl_law_fit *const truths[ATL_N_LAWS] = {&true_linear, &true_amdahl, &true_usl,
                                                      &true_saturation};

/* The place on the grid of what the truth itself would recommend. */
static int true_place(const atl_law_fit *truth)
{
    double best = 0;
    for (double n = 1; n <= grid[N_GRID - 1]; n++)
        best = fmax(best, atl_law_rate(truth, n));
    for (int i = 0; i < N_GRID; i++)
        if (atl_law_rate(truth, grid[i]) >= 0.95 * best)
            return i;
    return -1;
}

static int place_of(int n)
{
    for (int i = 0; i < N_GRID; i++)
        if ((int)grid[i] == n)
            return i;
    return -1;
}

static bool holds(atl_interval interval, double value)
{
    return interval.low <= value && value <= interval.high;
}

static void assert_near(double found, double wanted, double relative)
{
    if (!(fabs(found - wanted) <= relative * fabs(wanted)))
        fail_msg("found %.9g, wanted %.9g within %g", found, wanted, relative);
}

/* ---- against R ---- */

/* SPEC SDM 91 on a SPARCcenter 2000, the example of R's package usl (S. Möding): scripts an hour. */
static const atl_scaling_point specsdm91[] = {{1, 64.9, 0},    {18, 995.9, 0},   {36, 1652.4, 0},
                                              {72, 1853.2, 0}, {108, 1828.9, 0}, {144, 1775.0, 0},
                                              {216, 1702.2, 0}};

/* usl prints alpha 0.0277285, beta 0.0001044, gamma 89.9952330, residual standard error 82.8 on 4 degrees of
 * freedom. */
static void rates_are_fitted_as_r_does(void **unused)
{
    (void)unused;
    atl_law_fit fit;
    assert_int_equal(atl_law_fit_rates(ATL_LAW_USL, specsdm91, 7, &fit, NULL), ATL_OK);
    assert_near(fit.alpha, 0.0277285, 2e-6);
    assert_near(fit.beta, 0.0001044, 5e-4);
    assert_near(fit.gamma, 89.9952330, 1e-7);
    assert_near(sqrt(fit.rss / 4), 82.8, 6e-4);
    assert_near(atl_law_peak(&fit), 96.5, 1e-3);
}

/* Log rates weigh the single user as much as the crowd. Found by scipy.optimize.least_squares. */
static void logarithms_of_the_same_rates_say_something_else(void **unused)
{
    (void)unused;
    atl_law_fit fit;
    assert_int_equal(atl_law_fit_points(ATL_LAW_USL, specsdm91, 7, &fit, NULL), ATL_OK);
    assert_near(fit.alpha, 0.0134524729, 1e-5);
    assert_near(fit.beta, 0.000115110078, 1e-5);
    assert_near(fit.gamma, 67.9423227, 1e-6);
    assert_near(fit.rss, 0.0222771152, 1e-8);
}

/* ---- against the truth ---- */

static void each_law_is_found_again_from_exact_rates(void **unused)
{
    (void)unused;
    for (int law = 0; law < ATL_N_LAWS; law++) {
        const study s = simulate(truths[law], 2, 0, 0, 1);
        atl_law_fit fits[ATL_N_LAWS];
        for (int i = 0; i < ATL_N_LAWS; i++)
            assert_int_equal(atl_law_fit_points((atl_law)i, s.points, s.n, &fits[i], NULL), ATL_OK);
        const atl_law_fit *fit = &fits[law], *truth = truths[law];
        assert_near(fit->gamma, truth->gamma, 1e-6);
        assert_near(fit->alpha, truth->alpha, 1e-5);
        assert_near(fit->beta, truth->beta, 1e-5);
        assert_near(fit->s, truth->s, 1e-5);
        assert_near(fit->p, truth->p, 1e-4);
        assert_int_equal(atl_law_choose(fits), law);
    }
}

typedef struct tally {
    int chosen[ATL_N_LAWS], peaks, near;
} tally;

static tally analyse_many(const atl_law_fit *truth, int n_rounds, double noise, int n_seeds)
{
    tally t = {0};
    for (int seed = 0; seed < n_seeds; seed++) {
        const study s = simulate(truth, n_rounds, noise, noise / 2, (uint64_t)seed);
        atl_scaling r;
        assert_int_equal(atl_scaling_analyse(s.points, s.n, 0.95, 20, (uint64_t)seed, &r, NULL), ATL_OK);
        t.chosen[r.chosen]++;
        t.peaks += r.peak_seen;
        t.near += abs(place_of(r.recommended) - true_place(truth)) <= 1;
    }
    return t;
}

static void noise_rarely_hides_the_law_and_never_moves_the_knee_far(void **unused)
{
    (void)unused;
    static const double noise[] = {0.01, 0.03, 0.05};
    for (int law = 0; law < ATL_N_LAWS; law++)
        for (int k = 0; k < 3; k++) {
            const tally t = analyse_many(truths[law], 7, noise[k], 60);
            assert_true(t.chosen[law] >= 54);
            assert_true(t.near >= 59);
            assert_true(law == ATL_LAW_USL ? t.peaks >= 57 : t.peaks == 0);
        }
}

/* What USL alone is known for: on rates that level off it sees a peak. */
static void a_ceiling_is_not_taken_for_a_peak(void **unused)
{
    (void)unused;
    static const double s[] = {9, 3, 9, 20}, p[] = {1.5, 2, 30, 8};
    for (int i = 0; i < 4; i++) {
        const atl_law_fit truth = {
            .law = ATL_LAW_SATURATION, .gamma = 50, .s = s[i], .p = p[i], .fitted = true};
        const tally t = analyse_many(&truth, 5, 0.03, 60);
        assert_true(t.chosen[ATL_LAW_USL] <= 2);
        assert_int_equal(t.peaks, 0);
        assert_true(t.near >= 59);
    }
}

/* A peak far outside of what was measured may be there; nobody saw it. */
static void a_peak_far_away_is_not_claimed(void **unused)
{
    (void)unused;
    const atl_law_fit truth = {
        .law = ATL_LAW_USL, .gamma = 50, .alpha = 0.03, .beta = 0.0001, .fitted = true}; /* at 98 */
    assert_int_equal(analyse_many(&truth, 7, 0.01, 60).peaks, 0);
}

enum { N_SEEDS = 200, LEAST_HELD = 176, MOST_HELD = 198 }; /* 88 and 99 % */

static void assert_covers(int n_held, int n, const char *what, int law)
{
    if (n_held * N_SEEDS < LEAST_HELD * n || n_held * N_SEEDS > MOST_HELD * n)
        fail_msg("%s, %s: the interval held the truth %d times of %d", atl_law_name((atl_law)law), what,
                 n_held, n);
}

static void intervals_hold_the_truth_as_often_as_they_say(void **unused)
{
    (void)unused;
    for (int law = 0; law < ATL_N_LAWS; law++) {
        const double middle = atl_law_rate(truths[law], 8), end = atl_law_rate(truths[law], 32);
        const double start = atl_law_rate(truths[law], 1);
        int at_middle = 0, at_end = 0, median = 0, ratio = 0, parameter = 0, n = 0;
        for (uint64_t seed = 0; seed < N_SEEDS; seed++) {
            const study s = simulate(truths[law], 7, 0.02, 0.02, seed);
            atl_scaling r;
            assert_int_equal(atl_scaling_analyse(s.points, s.n, 0.95, 250, seed, &r, NULL), ATL_OK);
            at_middle += holds(r.predicted[place_of(8)], middle);
            at_end += holds(r.predicted[place_of(32)], end);
            median += holds(r.rate[place_of(32)], end);
            ratio += holds(r.ratio_range[place_of(32)], end / start);
            if (r.chosen != (atl_law)law)
                continue;
            n++;
            parameter +=
                law == ATL_LAW_SATURATION ? holds(r.s, truths[law]->s) : holds(r.alpha, truths[law]->alpha);
        }
        assert_covers(at_middle, N_SEEDS, "rate at 8", law);
        assert_covers(at_end, N_SEEDS, "rate at 32", law);
        assert_true(median >= LEAST_HELD &&
                    ratio >= LEAST_HELD); /* a median of 7 has few values: held more */
        if (law != ATL_LAW_LINEAR)
            assert_covers(parameter, n, "parameter", law);
    }
}

static void the_recommendation_comes_with_how_sure_it_is(void **unused)
{
    (void)unused;
    const double truly = grid[true_place(&true_saturation)];
    int held = 0;
    for (uint64_t seed = 0; seed < 50; seed++) {
        const study s = simulate(&true_saturation, 5, 0.05, 0.02, seed);
        atl_scaling r;
        assert_int_equal(atl_scaling_analyse(s.points, s.n, 0.95, 200, seed, &r, NULL), ATL_OK);
        assert_true(r.recommended_share >= 0.9 && r.recommended_share <= 1);
        assert_true(r.recommended_low <= r.recommended && r.recommended <= r.recommended_high);
        held += r.recommended_low <= truly && truly <= r.recommended_high;
    }
    assert_true(held >= 45);
}

/* ---- what is asked for again comes out again; what it costs ---- */

static void a_seed_gives_the_same_again(void **unused)
{
    (void)unused;
    const study s = simulate(&true_usl, 6, 0.03, 0.03, 1);
    atl_scaling a, b, c;
    assert_int_equal(atl_scaling_analyse(s.points, s.n, 0.95, 200, 5, &a, NULL), ATL_OK);
    assert_int_equal(atl_scaling_analyse(s.points, s.n, 0.95, 200, 5, &b, NULL), ATL_OK);
    assert_int_equal(atl_scaling_analyse(s.points, s.n, 0.95, 200, 6, &c, NULL), ATL_OK);
    assert_memory_equal(&a, &b, sizeof a);
    assert_true(a.alpha.low != c.alpha.low || a.alpha.high != c.alpha.high);
}

static void the_order_of_windows_does_not_matter(void **unused)
{
    (void)unused;
    study s = simulate(&true_amdahl, 5, 0.03, 0.03, 1);
    atl_scaling a, b;
    assert_int_equal(atl_scaling_analyse(s.points, s.n, 0.95, 100, 5, &a, NULL), ATL_OK);
    for (size_t i = 0; i < s.n / 2; i++) {
        const atl_scaling_point swapped = s.points[i];
        s.points[i] = s.points[s.n - 1 - i];
        s.points[s.n - 1 - i] = swapped;
    }
    assert_int_equal(atl_scaling_analyse(s.points, s.n, 0.95, 100, 5, &b, NULL), ATL_OK);
    assert_int_equal(a.chosen, b.chosen);
    assert_near(b.alpha.low, a.alpha.low, 1e-6);
    assert_near(b.rate[3].high, a.rate[3].high, 1e-12);
}

static void two_thousand_resamplings_take_less_than_a_second(void **unused)
{
    (void)unused;
    const study s = simulate(&true_usl, 10, 0.02, 0.02, 1);
    atl_scaling r;
    const int64_t begun = atl_clock_thread_cpu_ns();
    assert_int_equal(atl_scaling_analyse(s.points, s.n, 0.95, 2000, 1, &r, NULL), ATL_OK);
    const double s_taken = atl_ns_to_s(atl_clock_thread_cpu_ns() - begun);
    print_message("2000 resamplings of 110 windows: %.3f s\n", s_taken);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    assert_true(s_taken < 1);
#endif
}

/* ---- little or nothing to go by ---- */

static void few_worker_counts_give_ratios_without_a_law(void **unused)
{
    (void)unused;
    study s = simulate(&true_amdahl, 7, 0.01, 0.05, 1);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        if (s.points[i].n <= 4)
            s.points[n++] = s.points[i];
    atl_scaling r;
    assert_int_equal(atl_scaling_analyse(s.points, n, 0.95, 200, 1, &r, NULL), ATL_OK);
    assert_false(r.modelled);
    assert_int_equal(r.n_counts, 4);
    assert_near(r.ratio[3], 4 / 1.15, 0.02);
    assert_true(holds(r.ratio_range[3], 4 / 1.15));
    /* what a round has in common is in the rates, and not in their ratios */
    assert_true((r.ratio_range[3].high - r.ratio_range[3].low) / r.ratio[3] <
                0.5 * (r.rate[3].high - r.rate[3].low) / r.median_rate[3]);
    assert_int_equal(r.recommended, 4);
    assert_true(isinf(r.peak) && !r.peak_seen && isnan(r.alpha.low) && isnan(r.chosen_share));
    assert_non_null(strstr(r.counts_warning, "4 worker counts"));
}

static void two_rounds_give_figures_but_no_intervals(void **unused)
{
    (void)unused;
    const study s = simulate(&true_saturation, 2, 0.01, 0, 1);
    atl_scaling r;
    assert_int_equal(atl_scaling_analyse(s.points, s.n, 0.95, 200, 1, &r, NULL), ATL_OK);
    assert_int_equal(r.n_rounds, 2);
    assert_true(r.modelled);
    assert_int_equal(place_of(r.recommended), true_place(&true_saturation));
    assert_true(isnan(r.rate[0].low) && isnan(r.predicted[4].high) && isnan(r.s.low));
    assert_true(isnan(r.recommended_share) && !r.peak_seen);
    assert_non_null(strstr(r.rounds_warning, "2 rounds"));
}

/* A worker count that was added later is missing from most rounds, and from some resamplings. */
static void a_count_of_one_round_has_no_interval_but_the_laws(void **unused)
{
    (void)unused;
    study s = simulate(&true_saturation, 6, 0.02, 0.02, 1);
    s.points[s.n++] = (atl_scaling_point){10, 430, 5};
    s.points[s.n++] = (atl_scaling_point){64, 450, 5};
    atl_scaling r;
    assert_int_equal(atl_scaling_analyse(s.points, s.n, 0.95, 300, 1, &r, NULL), ATL_OK);
    assert_int_equal(r.n_counts, N_GRID + 2);
    assert_int_equal(r.rounds_at[6], 1);
    assert_true(isnan(r.rate[6].low) && isnan(r.ratio_range[6].high));
    assert_true(r.rate[5].low < r.rate[5].high);
    assert_true(r.predicted[6].low < r.predicted[6].high);
    assert_int_equal(isfinite(r.recommended_share), r.holds); /* a law that holds is sure of it */
    assert_non_null(strstr(r.rounds_warning, "only 1 of 6 rounds has a valid window"));
    assert_false(r.peak_seen);
}

static void medians_of_too_few_windows_recommend_without_certainty(void **unused)
{
    (void)unused;
    const atl_scaling_point points[] = {{1, 100, 0}, {1, 101, 1}, {1, 99, 2}, {1, 100, 3}, {2, 200, 3}};
    atl_scaling r;
    assert_int_equal(atl_scaling_analyse(points, 5, 0.95, 300, 1, &r, NULL), ATL_OK);
    assert_int_equal(r.recommended, 2);
    assert_true(isnan(r.recommended_share) && isnan(r.knee_share));
    assert_true(r.rate[0].low < r.rate[0].high);
    assert_true(isnan(r.rate[1].low));
    assert_non_null(strstr(r.rounds_warning, "nor how sure the recommendation is"));
}

static atl_status analyse_two(atl_scaling_point a, atl_scaling_point b, atl_note *note)
{
    const atl_scaling_point points[] = {a, b};
    atl_scaling r;
    return atl_scaling_analyse(points, 2, 0.95, 100, 1, &r, note);
}

static void numbers_that_cannot_be_are_refused(void **unused)
{
    (void)unused;
    const atl_scaling_point good = {1, 10, 0};
    const double rates[] = {0, -1, NAN, INFINITY}, counts[] = {0, -1, 1.5, NAN, INFINITY, 1e9};
    atl_note note = {0};
    atl_law_fit fit;
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        const atl_scaling_point bad = {2, rates[i], 0};
        assert_int_equal(analyse_two(good, bad, &note), ATL_USAGE);
        assert_non_null(strstr(note.text, "window 1 (2 workers): found a rate of"));
        assert_int_equal(atl_law_fit_points(ATL_LAW_USL, &bad, 1, &fit, &note), ATL_USAGE);
    }
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        assert_int_equal(analyse_two(good, (atl_scaling_point){counts[i], 10, 0}, &note), ATL_USAGE);
        assert_non_null(strstr(note.text, "wanted a whole number"));
    }
    assert_int_equal(analyse_two(good, (atl_scaling_point){1, 12, 1}, &note), ATL_USAGE);
    assert_non_null(strstr(note.text, "wanted two worker counts"));
    assert_int_equal(atl_scaling_analyse(NULL, 0, 0.95, 1, 1, &(atl_scaling){0}, &note), ATL_USAGE);
    assert_int_equal(atl_law_fit_points(ATL_LAW_USL, NULL, 0, &fit, &note), ATL_USAGE);
}

static void asking_for_nonsense_is_refused(void **unused)
{
    (void)unused;
    const study s = simulate(&true_usl, 3, 0.02, 0.02, 1);
    atl_scaling r;
    assert_int_equal(atl_scaling_analyse(s.points, s.n, 0, 10, 1, &r, NULL), ATL_USAGE);
    assert_int_equal(atl_scaling_analyse(s.points, s.n, 1.01, 10, 1, &r, NULL), ATL_USAGE);
    assert_int_equal(atl_scaling_analyse(s.points, s.n, (double)NAN, 10, 1, &r, NULL), ATL_USAGE);
    assert_int_equal(atl_scaling_analyse(s.points, s.n, 0.95, -1, 1, &r, NULL), ATL_USAGE);
    assert_int_equal(atl_scaling_analyse(s.points, s.n, 0.95, 1 << 30, 1, &r, NULL), ATL_USAGE);
    atl_scaling_point many[ATL_SCALING_MAX_COUNTS + 1];
    for (int i = 0; i <= ATL_SCALING_MAX_COUNTS; i++)
        many[i] = (atl_scaling_point){i + 1, 1, 0};
    assert_int_equal(atl_scaling_analyse(many, ATL_SCALING_MAX_COUNTS + 1, 0.95, 10, 1, &r, NULL), ATL_USAGE);
    assert_int_equal(atl_scaling_analyse(many, ATL_SCALING_MAX_COUNTS, 0.95, 10, 1, &r, NULL), ATL_OK);
}

/* The unit of the rate is anybody's: 10³⁰⁰ of something fits as well as 10⁻³⁰⁰. */
static void the_unit_does_not_matter(void **unused)
{
    (void)unused;
    const study s = simulate(&true_saturation, 5, 0.03, 0.03, 1);
    atl_scaling plain;
    assert_int_equal(atl_scaling_analyse(s.points, s.n, 0.95, 100, 1, &plain, NULL), ATL_OK);
    for (int sign = -1; sign <= 1; sign += 2) {
        study scaled = s;
        const double unit = sign > 0 ? 1e300 : 1e-300;
        for (size_t i = 0; i < s.n; i++)
            scaled.points[i].rate *= unit;
        atl_scaling r;
        assert_int_equal(atl_scaling_analyse(scaled.points, s.n, 0.95, 100, 1, &r, NULL), ATL_OK);
        assert_int_equal(r.chosen, plain.chosen);
        assert_int_equal(r.recommended, plain.recommended);
        assert_near(r.s.low, plain.s.low, 1e-6);
        assert_near(r.predicted[5].high / unit, plain.predicted[5].high, 1e-6);
        assert_near(r.rate[5].high / unit, plain.rate[5].high, 1e-12);
    }
}

static void rates_that_do_not_change_at_all_recommend_one_worker(void **unused)
{
    (void)unused;
    study s = simulate(&true_linear, 5, 0, 0, 1);
    for (size_t i = 0; i < s.n; i++)
        s.points[i].rate = 7;
    atl_scaling r;
    assert_int_equal(atl_scaling_analyse(s.points, s.n, 0.95, 100, 1, &r, NULL), ATL_OK);
    assert_int_equal(r.recommended, 1);
    assert_int_equal(r.chosen, ATL_LAW_AMDAHL);
    assert_near(r.fits[ATL_LAW_AMDAHL].alpha, 1, 1e-9);
}

/* The place from which on the law's log rate rises by less than half of log N, by its slope there. */
static int bend_of(const atl_law_fit *truth)
{
    int bend = N_GRID - 1;
    for (int i = N_GRID - 2; i >= 0; i--) {
        const double n = sqrt(grid[i] * grid[i + 1]), h = 1.001;
        if (log(atl_law_rate(truth, n * h) / atl_law_rate(truth, n / h)) >= 0.5 * log(h * h))
            break;
        bend = i;
    }
    return bend;
}

/* 3 % noise: one place beside the truth on a grid of 1.3 to 2 times the workers is as near as can be asked.
 */
static void the_bend_is_found_with_its_distribution(void **unused)
{
    (void)unused;
    enum { STUDIES = 30 };
    for (int law = ATL_LAW_AMDAHL; law < ATL_N_LAWS; law++) {
        int near = 0, inside = 0, held = 0;
        const int truth = bend_of(truths[law]);
        for (int k = 0; k < STUDIES; k++) {
            const study s = simulate(truths[law], 7, 0.03, 0.02, 500 + (uint64_t)k);
            atl_scaling r;
            assert_int_equal(atl_scaling_analyse(s.points, s.n, 0.95, 200, 1, &r, NULL), ATL_OK);
            held += r.holds;
            near += abs(place_of(r.knee) - truth) <= 1;
            inside += r.knee_low <= (int)grid[truth] && (int)grid[truth] <= r.knee_high;
        }
        if (near < STUDIES || inside < STUDIES * 9 / 10 || held < STUDIES * 9 / 10)
            fail_msg("%s: bend at %g: %d near, %d inside, %d held, of %d", atl_law_name((atl_law)law),
                     grid[truth], near, inside, held, STUDIES);
    }
}

static void rates_without_a_bend_have_none(void **unused)
{
    (void)unused;
    const study s = simulate(&true_linear, 7, 0.02, 0.01, 3);
    atl_scaling r;
    assert_int_equal(atl_scaling_analyse(s.points, s.n, 0.95, 200, 1, &r, NULL), ATL_OK);
    assert_int_equal(r.knee, 0);
    assert_int_equal(r.most, 32);
}

/* Two steps, as of cores that share something and of nodes: no law has such a shape. */
static void a_law_that_misses_the_points_is_not_believed(void **unused)
{
    (void)unused;
    static const double rates[] = {50, 100, 150, 200, 210, 215, 430, 640, 650, 655};
    atl_scaling_point points[2 * N_GRID];
    atl_scaling r;
    for (int i = 0; i < 2 * N_GRID; i++)
        points[i] = (atl_scaling_point){grid[i / 2], rates[i / 2] * (i % 2 ? 1.001 : 0.999), i % 2};
    assert_int_equal(atl_scaling_analyse(points, (size_t)2 * N_GRID, 0.95, 0, 1, &r, NULL), ATL_OK);
    assert_true(r.modelled);
    assert_false(r.holds);
    assert_true(r.miss > ATL_SCALING_MOST_MISS);
    assert_int_equal(r.recommended, 16);
    assert_int_equal(r.knee, 16);
    assert_int_equal(r.most, 32);
    assert_near(r.beyond_knee, (650 - 640) / 8.0 / 50, 1e-6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_are_fitted_as_r_does),
        cmocka_unit_test(logarithms_of_the_same_rates_say_something_else),
        cmocka_unit_test(each_law_is_found_again_from_exact_rates),
        cmocka_unit_test(noise_rarely_hides_the_law_and_never_moves_the_knee_far),
        cmocka_unit_test(a_ceiling_is_not_taken_for_a_peak),
        cmocka_unit_test(a_peak_far_away_is_not_claimed),
        cmocka_unit_test(intervals_hold_the_truth_as_often_as_they_say),
        cmocka_unit_test(the_recommendation_comes_with_how_sure_it_is),
        cmocka_unit_test(a_seed_gives_the_same_again),
        cmocka_unit_test(the_order_of_windows_does_not_matter),
        cmocka_unit_test(two_thousand_resamplings_take_less_than_a_second),
        cmocka_unit_test(few_worker_counts_give_ratios_without_a_law),
        cmocka_unit_test(two_rounds_give_figures_but_no_intervals),
        cmocka_unit_test(a_count_of_one_round_has_no_interval_but_the_laws),
        cmocka_unit_test(medians_of_too_few_windows_recommend_without_certainty),
        cmocka_unit_test(numbers_that_cannot_be_are_refused),
        cmocka_unit_test(asking_for_nonsense_is_refused),
        cmocka_unit_test(the_unit_does_not_matter),
        cmocka_unit_test(rates_that_do_not_change_at_all_recommend_one_worker),
        cmocka_unit_test(the_bend_is_found_with_its_distribution),
        cmocka_unit_test(rates_without_a_bend_have_none),
        cmocka_unit_test(a_law_that_misses_the_points_is_not_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
