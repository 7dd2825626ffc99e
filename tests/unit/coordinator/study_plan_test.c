#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "study_plan.h"

static void default_counts_double_and_add_halves_up_to_the_machine(void **state)
{
    static const int wanted[] = {1, 2, 3, 4, 6, 8, 12, 14};
    int counts[ATL_STUDY_MAX_COUNTS];
    (void)state;
    assert_int_equal(atl_study_default_counts(14, counts), 8);
    assert_memory_equal(counts, wanted, sizeof wanted);
    assert_int_equal(atl_study_default_counts(1, counts), 1);
    assert_int_equal(counts[0], 1);
    assert_int_equal(atl_study_default_counts(0, counts), 0);
}

static void added_counts_stay_ascending_and_single(void **state)
{
    static const int wanted[] = {1, 3, 4, 5, 8};
    atl_study_series series = {0};
    (void)state;
    atl_study_add_count(&series, 8);
    atl_study_add_count(&series, 1);
    atl_study_add_count(&series, 4);
    atl_study_add_count(&series, 3);
    atl_study_add_count(&series, 5);
    atl_study_add_count(&series, 4);
    assert_int_equal(series.n_counts, 5);
    assert_memory_equal(series.counts, wanted, sizeof wanted);
}

static atl_study_series example(void)
{
    return (atl_study_series){
        .policy = "bf16", .threads = 2, .n_counts = 6, .counts = {1, 2, 3, 4, 6, 8}, .most_corunners = 5};
}

static void a_round_has_every_count_and_the_smallest_at_both_ends(void **state)
{
    const atl_study_series series = example();
    atl_study_config configs[64];
    (void)state;
    for (int round = 0; round < 50; round++) {
        const size_t n = atl_study_plan_round(&series, round, 7, false, false, configs, 64);
        int seen[9] = {0};
        assert_int_equal(n, 7);
        assert_int_equal(configs[0].workers, 1);
        assert_int_equal(configs[n - 1].workers, 1);
        for (size_t i = 0; i < n; i++) {
            seen[configs[i].workers]++;
            assert_int_equal(configs[i].threads, 2);
            assert_string_equal(configs[i].policy, "bf16");
            assert_string_equal(configs[i].order, "scatter");
            assert_int_equal(configs[i].corunners, 0);
        }
        assert_int_equal(seen[1], 2);
        for (int i = 1; i < series.n_counts; i++)
            assert_int_equal(seen[series.counts[i]], 1);
    }
}

static void the_order_is_random_and_repeats_with_its_seed(void **state)
{
    const atl_study_series series = example();
    atl_study_config first[64], again[64];
    int places[9] = {0}, n_others = 0;
    (void)state;
    for (int round = 0; round < 200; round++) {
        atl_study_plan_round(&series, round, 7, false, false, first, 64);
        atl_study_plan_round(&series, round, 7, false, false, again, 64);
        assert_memory_equal(first, again, 7 * sizeof *first);
        atl_study_plan_round(&series, round, 8, false, false, again, 64);
        n_others += memcmp(first, again, 7 * sizeof *first) != 0;
        for (int i = 0; i < 7; i++)
            if (first[i].workers == 8)
                places[i]++;
    }
    assert_true(n_others > 150);
    for (int i = 1; i < 6; i++) /* 40 expected at each of five places */
        assert_in_range(places[i], 15, 75);
}

static void extras_are_windows_without_the_probe_and_beside_streams(void **state)
{
    const atl_study_series series = example();
    atl_study_config configs[64];
    (void)state;
    const size_t n = atl_study_plan_round(&series, 0, 7, true, true, configs, 64);
    int without = 0, streams = 0;
    for (size_t i = 0; i < n; i++) {
        streams += configs[i].corunners;
        without += configs[i].corunners == 0 && !configs[i].probe;
        assert_true(configs[i].corunners == 0 || configs[i].workers == 1);
    }
    assert_int_equal(without, 2);
    assert_int_equal(streams, 1 + 2 + 4);
    assert_int_equal(configs[n - 1].workers, 1);
    assert_int_equal(configs[n - 1].corunners, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(default_counts_double_and_add_halves_up_to_the_machine),
        cmocka_unit_test(added_counts_stay_ascending_and_single),
        cmocka_unit_test(a_round_has_every_count_and_the_smallest_at_both_ends),
        cmocka_unit_test(the_order_is_random_and_repeats_with_its_seed),
        cmocka_unit_test(extras_are_windows_without_the_probe_and_beside_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
