/* verdict_test.c - when the memory is named as the limit, and when it is not. */
#include "results/verdict.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* What a machine shows at 1 and at 16 workers. */
typedef struct scene {
    double gain;               /* of 16 workers over one */
    double rise, control;      /* of unet's and png_encode's CPU time; 0: not measured */
    double latency;            /* rise of the probe's; 0: no probe */
    double beside;             /* rate beside 8 streams; 0: not measured */
    double gbps_one, gbps_all; /* 0: not known */
    double run_delay, cores;
    double units; /* what all cores compute over what one does; 0: not known */
} scene;

static void add_evidence(atl_study_window *w, const char *name, double value)
{
    atl_evidence *e = &w->evidence[w->n_evidence++];
    snprintf(e->name, sizeof e->name, "%s", name);
    e->value = value > 0 ? value : NAN;
}

static atl_study_window window_of(const scene *s, int workers, int corunners)
{
    const bool many = workers > 1;
    atl_study_window w = {
        .valid = true, .attempt = 1, .config = {"bf16", "scatter", workers, 1, corunners, s->latency > 0}};
    w.images_per_hour = 100 * (many ? s->gain : 1) * (corunners ? s->beside : 1);
    w.probe_ns = s->latency > 0 ? 100 * (many ? s->latency : 1) : NAN;
    w.stage[ATL_STAGE_UNET].cpu_ns = (int64_t)(s->rise > 0 ? 1e9 * (many ? s->rise : 1) : 0);
    w.stage[ATL_STAGE_PNG_ENCODE].cpu_ns = (int64_t)(s->control > 0 ? 3e7 * (many ? s->control : 1) : 0);
    add_evidence(&w, "memory_bandwidth", s->gbps_one * workers);
    add_evidence(&w, "run_delay", s->run_delay);
    return w;
}

static atl_verdict verdict_of(const scene *s)
{
    /* two alike of each count, so that the noise is known to be none */
    const atl_study_window one = window_of(s, 1, 0), many = window_of(s, 16, 0),
                           windows[] = {one, one, many, many, window_of(s, 1, 8)};
    atl_scaling scaling = {
        .n_counts = 2, .counts = {1, 16}, .median_rate = {100, 100 * s->gain}, .recommended = 8};
    const atl_study_ceilings ceilings = {NAN,
                                         s->gbps_all > 0 ? s->gbps_all : NAN,
                                         NAN,
                                         s->units > 0 ? 1000 : NAN,
                                         s->units > 0 ? 1000 * s->units : NAN,
                                         "bf16"};
    atl_verdict v;
    atl_verdict_reach(windows, s->beside > 0 ? 5 : 4, &scaling, &ceilings, s->cores, &v);
    assert_true(strlen(v.sentence) > 20);
    assert_null(strstr(v.sentence, "nan"));
    assert_null(strstr(v.sentence, "inf"));
    return v;
}

static void two_agreeing_pieces_are_memory(void **state)
{
    (void)state;
    const scene s = {.gain = 8, .rise = 2, .control = 1, .latency = 2, .cores = 64};
    const atl_verdict v = verdict_of(&s);
    assert_int_equal(v.limit, ATL_LIMIT_MEMORY);
    assert_int_equal(v.n_for, 2);
    assert_int_equal(v.n_against, 0);
    assert_int_equal(v.n_unknown, 2);
    assert_non_null(strstr(v.sentence, "memory is the limit"));
}

static void one_piece_is_not_enough(void **state)
{
    (void)state;
    const scene s = {.gain = 8, .latency = 2, .cores = 64};
    const atl_verdict v = verdict_of(&s);
    assert_int_equal(v.limit, ATL_LIMIT_UNPROVEN);
    assert_int_equal(v.n_for, 1);
    assert_null(strstr(v.sentence, "memory is the limit"));
}

static void one_piece_against_two_is_unproven(void **state)
{
    (void)state;
    const scene s = {.gain = 8, .rise = 2, .control = 1, .latency = 2, .beside = 0.99, .cores = 64};
    const atl_verdict v = verdict_of(&s);
    assert_int_equal(v.limit, ATL_LIMIT_UNPROVEN);
    assert_int_equal(v.n_for, 2);
    assert_int_equal(v.n_against, 1);
}

static void all_four_pieces_speak_with_their_figures(void **state)
{
    (void)state;
    const scene s = {8, 2, 1, 2, 0.5, 10, 90, 0.1, 64, 0};
    const atl_verdict v = verdict_of(&s);
    assert_int_equal(v.n_for, 4);
    assert_int_equal(v.limit, ATL_LIMIT_MEMORY);
    assert_non_null(strstr(v.reason_for[0], "10 GB/s"));
    assert_non_null(strstr(v.reason_for[0], "room for 9 workers"));
    assert_non_null(strstr(v.reason_for[1], "2.00 times"));
    assert_non_null(strstr(v.reason_for[2], "50 %"));
    assert_non_null(strstr(v.reason_for[3], "200 ns"));
}

static void a_bandwidth_with_room_for_many_more_speaks_against(void **state)
{
    (void)state;
    const scene s = {8, 2, 1, 2, 0.5, 1, 90, 0.1, 64, 0};
    const atl_verdict v = verdict_of(&s);
    assert_int_equal(v.n_against, 1);
    assert_int_equal(v.limit, ATL_LIMIT_UNPROVEN);
}

static void stages_that_all_rise_are_not_memory(void **state)
{
    (void)state;
    const scene s = {.gain = 8, .rise = 1.6, .control = 1.5, .latency = 2, .beside = 0.5, .cores = 64};
    const atl_verdict v = verdict_of(&s);
    assert_int_equal(v.n_against, 1);
    assert_non_null(strstr(v.reason_against[0], "clock frequency"));
    assert_int_equal(v.limit, ATL_LIMIT_UNPROVEN);
}

static void cores_that_slow_each_other_down_without_memory_are_the_limit(void **state)
{
    (void)state;
    scene s = {.gain = 8, .latency = 2, .cores = 16, .units = 6.5};
    const atl_verdict v = verdict_of(&s);
    assert_int_equal(v.limit, ATL_LIMIT_CORES);
    assert_int_equal(v.n_against, 1);
    assert_non_null(strstr(v.sentence, "6.5 times"));
    assert_non_null(strstr(v.sentence, "One piece of evidence speaks for the memory."));
    s.units = 15;
    assert_int_equal(verdict_of(&s).limit, ATL_LIMIT_UNPROVEN);
}

/* With as many workers as cores the probe has none: what it saw beside most of them is worth as much, but
 * that it saw nothing there says nothing of the rest. */
static void a_latency_short_of_the_last_count_can_speak_for_the_memory_alone(void **state)
{
    (void)state;
    const scene s = {.gain = 8, .latency = 1, .cores = 16};
    const atl_study_ceilings ceilings = {NAN, NAN, NAN, NAN, NAN, "bf16"};
    const atl_scaling scaling = {
        .n_counts = 3, .counts = {1, 12, 16}, .median_rate = {100, 780, 800}, .recommended = 12};
    const struct {
        double ns;
        int n_for, n_against;
        const char *words;
    } cases[] = {
        {140, 1, 0, "140 ns beside 12 workers, the most that left the probe a core, 100 ns beside 1"},
        {102, 0, 0, "102 ns beside 12 workers, the most that left the probe a core, 100 ns beside 1"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        atl_study_window windows[] = {window_of(&s, 1, 0), window_of(&s, 12, 0), window_of(&s, 16, 0)};
        atl_verdict v;
        bool said = false;
        windows[1].probe_ns = cases[i].ns;
        windows[2].probe_ns = NAN;
        atl_verdict_reach(windows, 3, &scaling, &ceilings, s.cores, &v);
        assert_int_equal(v.n_for, cases[i].n_for);
        assert_int_equal(v.n_against, cases[i].n_against);
        for (int k = 0; k < v.n_for; k++)
            said = said || strstr(v.reason_for[k], cases[i].words);
        for (int k = 0; k < v.n_unknown; k++)
            said = said || strstr(v.unknown[k], cases[i].words);
        assert_true(said);
    }
}

static void what_all_cores_compute_says_nothing_of_a_quarter_of_them(void **state)
{
    (void)state;
    const scene s = {.gain = 8, .latency = 2, .cores = 64, .units = 11.5};
    const atl_verdict v = verdict_of(&s);
    assert_int_equal(v.limit, ATL_LIMIT_UNPROVEN);
    assert_int_equal(v.n_against, 0);
}

/* Of windows that scatter by 9 %, a rise by 12 % is none, and one by 0 % does not speak against a rise. */
static void what_noise_can_make_speaks_neither_for_nor_against(void **state)
{
    (void)state;
    const atl_study_ceilings ceilings = {NAN, NAN, NAN, NAN, NAN, "bf16"};
    const atl_scaling scaling = {
        .n_counts = 2, .counts = {1, 16}, .median_rate = {100, 800}, .recommended = 8};
    const double rises[] = {1.12, 1.0, 1.6};
    const int n_for[] = {0, 0, 1};
    for (int i = 0; i < 3; i++) {
        const scene s = {.gain = 8, .rise = rises[i], .control = 1, .cores = 64};
        atl_study_window windows[] = {window_of(&s, 1, 0), window_of(&s, 1, 0), window_of(&s, 16, 0),
                                      window_of(&s, 16, 0)};
        windows[1].images_per_hour *= 1.13;
        windows[3].images_per_hour *= 1.13;
        atl_verdict v;
        atl_verdict_reach(windows, 4, &scaling, &ceilings, 64, &v);
        assert_int_equal(v.n_for, n_for[i]);
        assert_int_equal(v.n_against, 0);
    }
}

static void waiting_for_cores_is_cores(void **state)
{
    (void)state;
    const scene s = {.gain = 8, .rise = 1, .control = 1, .latency = 1, .run_delay = 30, .cores = 8};
    const atl_verdict v = verdict_of(&s);
    assert_int_equal(v.limit, ATL_LIMIT_CORES);
    assert_non_null(strstr(v.sentence, "30 %"));
}

static void a_gain_to_the_last_core_is_cores_and_below_it_nothing(void **state)
{
    (void)state;
    scene s = {.gain = 15.5, .cores = 16};
    assert_int_equal(verdict_of(&s).limit, ATL_LIMIT_CORES);
    s.cores = 64;
    assert_int_equal(verdict_of(&s).limit, ATL_LIMIT_NOT_SEEN);
    s.cores = NAN;
    assert_int_equal(verdict_of(&s).limit, ATL_LIMIT_NOT_SEEN);
}

static void flawed_windows_have_no_say(void **state)
{
    (void)state;
    const scene good = {.gain = 8, .rise = 1, .control = 1}, bad = {.gain = 8, .rise = 9, .control = 1};
    const atl_study_window one = window_of(&good, 1, 0), many = window_of(&good, 16, 0),
                           odd = window_of(&bad, 16, 0);
    atl_study_window windows[] = {one, one, many, many, odd, odd, odd};
    for (int i = 4; i < 7; i++)
        windows[i].valid = false;
    const atl_scaling scaling = {
        .n_counts = 2, .counts = {1, 16}, .median_rate = {100, 800}, .recommended = 8};
    const atl_study_ceilings ceilings = {NAN, NAN, NAN, NAN, NAN, ""};
    atl_verdict v;
    atl_verdict_reach(windows, 7, &scaling, &ceilings, 64, &v);
    assert_int_equal(v.n_for, 0);
    assert_int_equal(v.n_against, 1);
    for (int i = 4; i < 7; i++)
        windows[i].valid = true;
    atl_verdict_reach(windows, 7, &scaling, &ceilings, 64, &v);
    assert_int_equal(v.n_for, 1);
}

static void one_count_says_nothing(void **state)
{
    (void)state;
    const atl_scaling scaling = {.n_counts = 1, .counts = {4}, .median_rate = {100}};
    const atl_study_ceilings ceilings = {NAN, NAN, NAN, NAN, NAN, ""};
    atl_verdict v;
    atl_verdict_reach(NULL, 0, &scaling, &ceilings, 4, &v);
    assert_int_equal(v.limit, ATL_LIMIT_UNPROVEN);
    assert_non_null(strstr(v.sentence, "One worker count"));
}

static void a_median_passes_over_what_is_not_finite(void **state)
{
    (void)state;
    double odd[] = {3, NAN, 1, 2}, even[] = {4, 1, INFINITY, 2, 3}, none[] = {NAN};
    assert_true(atl_median(odd, 4) == 2);
    assert_true(atl_median(even, 5) == 2.5);
    assert_true(isnan(atl_median(none, 1)));
    assert_true(isnan(atl_median(none, 0)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_agreeing_pieces_are_memory),
        cmocka_unit_test(one_piece_is_not_enough),
        cmocka_unit_test(one_piece_against_two_is_unproven),
        cmocka_unit_test(all_four_pieces_speak_with_their_figures),
        cmocka_unit_test(a_bandwidth_with_room_for_many_more_speaks_against),
        cmocka_unit_test(stages_that_all_rise_are_not_memory),
        cmocka_unit_test(cores_that_slow_each_other_down_without_memory_are_the_limit),
        cmocka_unit_test(what_all_cores_compute_says_nothing_of_a_quarter_of_them),
        cmocka_unit_test(a_latency_short_of_the_last_count_can_speak_for_the_memory_alone),
        cmocka_unit_test(what_noise_can_make_speaks_neither_for_nor_against),
        cmocka_unit_test(waiting_for_cores_is_cores),
        cmocka_unit_test(a_gain_to_the_last_core_is_cores_and_below_it_nothing),
        cmocka_unit_test(flawed_windows_have_no_say),
        cmocka_unit_test(one_count_says_nothing),
        cmocka_unit_test(a_median_passes_over_what_is_not_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
