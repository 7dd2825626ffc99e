/* ceilings_test.c - that what is measured is in the order that physics gives it, on any machine and under any
 * load; and the arithmetic around it. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ceilings.h"
#include "kernels/kernels.h"
#include "walks.h"

static atl_ceiling list[ATL_MAX_CEILINGS];
static size_t n_list;

static void measure(const char *only, int n_threads, bool all_isas)
{
    const atl_ceilings_options options = {
        .n_threads = n_threads, .seconds = 0.1, .only = only, .all_isas = all_isas};
    atl_note note = {0};
    if (atl_ceilings_measure(&options, list, &n_list, &note) != ATL_OK)
        fail_msg("%s", note.text);
    for (size_t i = 0; i < n_list; i++) {
        printf("%-16s %-12s %d thread(s) %9zu KB: median %9.2f mean %9.2f sd %6.2f best %9.2f %s\n",
               list[i].name, list[i].isa, list[i].n_threads, list[i].bytes / 1000, list[i].median,
               list[i].mean, list[i].sd, list[i].best, list[i].unit);
        assert_true(isfinite(list[i].median) && list[i].median > 0 && list[i].sd >= 0);
        assert_int_equal(list[i].n_threads, n_threads);
    }
}

static double best(const char *name, int n_threads)
{
    const atl_ceiling *found = atl_ceiling_find(list, n_list, name, NULL, n_threads);
    if (!found)
        fail_msg("%s was not measured", name);
    return found->best;
}

/* By bests, which another program's turns on the core change least; a busy machine is asked again. */
enum { GOES = 6 };

static bool memory_is_in_order(void)
{
    measure("read_l1,read_l2,read_memory,latency_", 1, false);
    return best("latency_l1", 1) < best("latency_l2", 1) &&
           best("latency_l2", 1) < best("latency_memory", 1) && best("latency_l1", 1) > 0.3 &&
           best("latency_l1", 1) < 20 && best("read_l1", 1) > best("read_memory", 1) &&
           best("read_memory", 1) > 0.2 && best("read_memory", 1) < 2000;
}

static bool products_are_in_order(void)
{
    measure("gemm", 1, true);
    const atl_kernels *mine = atl_kernels_choose(atl_cpu_flags());
    const atl_ceiling *portable = atl_ceiling_find(list, n_list, "gemm_f32", "portable", 1);
    const atl_ceiling *bf16 = atl_ceiling_find(list, n_list, "gemm_bf16", mine->isa, 1);
    const atl_ceiling *s8 = atl_ceiling_find(list, n_list, "gemm_s8", mine->isa, 1);
    assert_non_null(portable);
    assert_non_null(bf16);
    assert_non_null(s8);
    if ((atl_cpu_flags() & ATL_CPU_AVX2) && !(best("gemm_f32", 1) > 1.5 * portable->best)) /* twice as wide */
        return false;
    return !(atl_cpu_flags() & ATL_CPU_AMX) ||
           (bf16->best > 2 * best("gemm_f32", 1) && s8->best > 1.2 * bf16->best);
}

static void holds(bool (*is_so)(void))
{
    bool so = false;
    for (int go = 0; go < GOES && !so; go++)
        so = is_so();
    assert_true(so);
}

static void farther_memory_is_later_and_slower(void **state)
{
    (void)state;
    holds(memory_is_in_order);
}

static void every_instruction_set_has_its_products(void **state)
{
    (void)state;
    holds(products_are_in_order);
}

static void threads_start_together_and_count_together(void **state)
{
    (void)state;
    measure("gemm_f32,triad", 2, false);
    assert_int_equal(n_list, 3);
    assert_true(best("triad", 2) > 0.2);
}

static void an_unknown_name_is_an_error(void **state)
{
    (void)state;
    const atl_ceilings_options options = {.n_threads = 1, .only = "gem_f32,,reads"};
    atl_note note = {0};
    assert_int_equal(atl_ceilings_measure(&options, list, &n_list, &note), ATL_USAGE);
    assert_string_equal(note.text, "no ceiling is called 'gem_f32,,reads'");
}

static void what_somebody_else_took_of_a_walk_is_left_out(void **state)
{
    (void)state;
    int64_t stolen[] = {26000, 6000000, 24000, 25000, 25000}, slow[] = {25000, 25000, 75000, 75000};
    assert_true(fabs(atl_walk_rate(256, stolen, 5) - 256 / 25000.0) < 1e-12);
    assert_true(fabs(atl_walk_rate(256, slow, 4) - 256 / 50000.0) < 1e-12); /* the memory's own doing */
    assert_true(isnan(atl_walk_rate(256, slow, 0)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(farther_memory_is_later_and_slower),
        cmocka_unit_test(every_instruction_set_has_its_products),
        cmocka_unit_test(threads_start_together_and_count_together),
        cmocka_unit_test(an_unknown_name_is_an_error),
        cmocka_unit_test(what_somebody_else_took_of_a_walk_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
