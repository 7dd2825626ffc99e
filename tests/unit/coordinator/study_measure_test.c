#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "study_measure.h"

#define S INT64_C(1000000000)

static void assert_near(double found, double wanted, double error)
{
    if (!(fabs(found - wanted) <= error))
        fail_msg("found %.9g, wanted %.9g", found, wanted);
}

/* A picture from `begun` to `ended` s; nine tenths of it are four steps, with `cpu` of their time on a CPU.
 */
static atl_study_sample picture(int worker, double begun, double ended, double cpu)
{
    const double unet = 0.9 * (ended - begun) * 1e9;
    atl_study_sample sample = {.worker = worker,
                               .begun_ns = (int64_t)(begun * 1e9),
                               .ended_ns = (int64_t)(ended * 1e9),
                               .n_unet_steps = 4};
    sample.stage[ATL_STAGE_UNET] = (atl_span){.wall_ns = (int64_t)unet, .cpu_ns = (int64_t)(cpu * unet)};
    return sample;
}

static void rates_of_whole_pictures_are_added(void **state)
{
    /* Worker 0: every 2 s with pauses of 0.1; worker 1: every 4 s without. The first of each began before. */
    const atl_study_sample samples[] = {
        picture(0, 8.1, 10.0, 1),  picture(0, 10.1, 12.0, 1), picture(0, 12.1, 14.0, 1),
        picture(0, 14.1, 16.0, 1), picture(0, 16.1, 18.0, 1), picture(1, 7, 11, 1),
        picture(1, 11, 15, 1),     picture(1, 15, 19, 1),
    };
    atl_study_window window = {.config = {.workers = 2, .threads = 1}};
    (void)state;
    assert_int_equal(atl_study_measure(samples, 8, 10 * S, 17 * S, &window, NULL), ATL_OK);
    assert_near(window.images_per_hour, 3600 * (1 / 2.0 + 1 / 4.0), 1e-6);
    assert_int_equal(window.n_jobs, 4); /* three of worker 0, one of worker 1 */
    assert_near(window.length_s, 7, 1e-9);
    assert_near(window.job_ms_p50, 1900, 1e-6);
    assert_near(window.job_ms_p99, 1900 + 0.97 * 2100, 1e-6);
    assert_near((double)window.unet_step.wall_ns, 0.9e9 * (3 * 1.9 + 4) / 16, 2);
    assert_near(window.cpu_share, 1, 1e-9);
    assert_string_equal(window.evidence[0].name, "idle");
    assert_near(window.evidence[0].value, 100 * (0.2 / 5.9) / 2, 1e-6);
}

static void a_worker_without_a_whole_picture_is_an_error(void **state)
{
    const atl_study_sample samples[] = {picture(0, 1, 2, 1), picture(1, 0.5, 1.5, 1)};
    atl_study_window window = {.config = {.workers = 2, .threads = 1}};
    atl_note note = {0};
    (void)state;
    assert_int_equal(atl_study_measure(samples, 2, 1 * S, 3 * S, &window, &note), ATL_USAGE);
    assert_non_null(strstr(note.text, "worker 1"));
}

static void workers_beyond_the_window_do_not_count(void **state)
{
    const atl_study_sample samples[] = {picture(0, 1, 2, 1), picture(1, 1, 2, 0)};
    atl_study_window window = {.config = {.workers = 1, .threads = 1}};
    (void)state;
    assert_int_equal(atl_study_measure(samples, 2, 1 * S, 3 * S, &window, NULL), ATL_OK);
    assert_int_equal(window.n_jobs, 1);
    assert_near(window.images_per_hour, 3600, 1e-6);
    assert_near(window.cpu_share, 1, 1e-9);
}

static atl_study_window judged(double cpu_share, int threads, const char *name, double value)
{
    atl_study_window window = {.config = {.workers = 1, .threads = threads},
                               .cpu_share = cpu_share,
                               .same_pixels = true,
                               .n_evidence = 1};
    snprintf(window.evidence[0].name, sizeof window.evidence[0].name, "%s", name);
    window.evidence[0].value = value;
    atl_study_judge(&window, 1);
    return window;
}

static void a_disturbed_window_is_flawed_and_says_why(void **state)
{
    (void)state;
    assert_true(judged(0.99, 1, "steal", 0.5).valid);
    assert_true(judged(0.99, 1, "steal", (double)NAN).valid);
    assert_false(judged(0.99, 1, "steal", 1.5).valid);
    assert_non_null(strstr(judged(0.99, 1, "steal", 1.5).flaws, "1.50 %"));
    assert_false(judged(0.95, 1, "steal", 0).valid);
    assert_true(judged(0.80, 4, "steal", 0).valid); /* threads wait for each other: no sign of neighbours */
    assert_false(judged(0.99, 1, "foreign_load", 3).valid);
    assert_false(judged(0.99, 1, "group_throttled", 1).valid);
    assert_false(judged(0.99, 1, "idle", 5.5).valid);
}

/* Three workers on two CPUs have two thirds of a CPU each: more is not to be had, less is a disturbance. */
static void workers_that_share_cores_are_held_against_what_they_can_have(void **state)
{
    (void)state;
    atl_study_window window = {.config = {.workers = 3, .threads = 1}, .cpu_share = 0.66};
    atl_study_judge(&window, 2.0 / 3);
    assert_true(window.valid);
    window.cpu_share = 0.60;
    atl_study_judge(&window, 2.0 / 3);
    assert_string_equal(window.flaws, "CPU time is 60.00 % of wall time (65 % wanted).");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_of_whole_pictures_are_added),
        cmocka_unit_test(a_worker_without_a_whole_picture_is_an_error),
        cmocka_unit_test(workers_beyond_the_window_do_not_count),
        cmocka_unit_test(a_disturbed_window_is_flawed_and_says_why),
        cmocka_unit_test(workers_that_share_cores_are_held_against_what_they_can_have),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
