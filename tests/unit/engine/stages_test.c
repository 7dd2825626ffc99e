/* stages_test.c - that stages run alone, and that their arithmetic is counted as their shapes say. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernels/kernels.h"
#include "ops/account.h"
#include "ops/attention.h"
#include "stages.h"

#define MODEL ATELIER_TEST_DATA "/../models/pochade-fast"

static atl_stage_cost run(atl_stage_bench *bench, const char *stage, int width, int height, int batch)
{
    const atl_stage_case which = {.stage = stage, .width = width, .height = height, .batch = batch};
    atl_stage_cost cost = {0};
    atl_note note = {0};
    if (atl_stage_run(bench, &which, true, &cost, &note) != ATL_OK)
        fail_msg("%s: %s", stage, note.text);
    double flops = 0, bytes = 0;
    int64_t ns = 0;
    for (size_t i = 0; i < cost.n_ops; i++) {
        flops += cost.ops[i].flops;
        bytes += cost.ops[i].bytes;
        ns += cost.ops[i].ns;
        assert_true(i == 0 || cost.ops[i].ns <= cost.ops[i - 1].ns);
    }
    assert_true(fabs(flops - cost.flops) <= 1e-9 * flops && fabs(bytes - cost.bytes) <= 1e-9 * bytes);
    assert_true(ns > 0 && ns <= cost.wall_ns); /* what is between ops is not counted */
    free(cost.ops);
    return cost;
}

static void stages_cost_in_proportion_to_their_work(void **state)
{
    (void)state;
    atl_stage_bench *bench = NULL;
    atl_note note = {0};
    if (atl_stage_bench_open(&(atl_engine_options){.model = MODEL, .n_threads = 1}, &bench, &note) != ATL_OK)
        fail_msg("%s", note.text);
    int width, height;
    atl_stage_bench_size(bench, &width, &height);
    const double text = run(bench, "text_encode", 0, 0, 1).flops;
    assert_true(text > 0 && run(bench, "text_encode", 0, 0, 3).flops == 3 * text);
    const double step = run(bench, "unet_step", width, height, 1).flops;
    const double step_twice = run(bench, "unet_step", width, height, 2).flops;
    assert_true(step_twice > 1.9 * step && step_twice <= 2 * step); /* the time embedding is made once */
    const double decode = run(bench, "vae_decode", width, height, 1).flops;
    assert_true(run(bench, "vae_decode", width, height, 2).flops == 2 * decode);
    assert_true(run(bench, "vae_decode", 2 * width, height, 1).flops >= 2 * decode); /* attention: more */
    assert_true(run(bench, "vae_encode", width, height, 1).flops > 0);
    atl_stage_bench_close(&bench);
}

static void what_cannot_be_run_is_told(void **state)
{
    (void)state;
    atl_stage_bench *bench = NULL;
    atl_stage_cost cost;
    atl_note note = {0};
    assert_int_equal(
        atl_stage_bench_open(&(atl_engine_options){.model = MODEL, .n_threads = 1}, &bench, &note), ATL_OK);
    assert_int_equal(atl_stage_run(bench, &(atl_stage_case){.stage = "unet"}, false, &cost, &note),
                     ATL_USAGE);
    assert_non_null(strstr(note.text, "wanted one of text_encode"));
    assert_int_equal(
        atl_stage_run(bench, &(atl_stage_case){.stage = "unet_step", .width = 65}, false, &cost, &note),
        ATL_USAGE);
    assert_non_null(strstr(note.text, "found 65 x"));
    atl_stage_bench_close(&bench);
}

/* One linear layer and one attention, counted by hand. */
static void an_op_counts_twice_its_multiply_adds_and_its_bytes(void **state)
{
    (void)state;
    enum { ROWS = 6, K = 64, N = 32, TOKENS = 4 };
    static float x_data[ROWS * K], out_data[ROWS * N];
    static atl_account account;
    atl_pool *pool = NULL;
    atl_arena arena = {0};
    assert_int_equal(atl_pool_open(1, NULL, NULL, &pool, NULL), ATL_OK);
    assert_int_equal(atl_arena_open(1 << 22, &arena, NULL), ATL_OK);
    const atl_bench bench = {.pool = pool,
                             .arena = &arena,
                             .kernels = atl_kernels_choose(atl_cpu_flags()),
                             .policy = atl_policy_find("fp32"),
                             .account = &account};
    const size_t bytes = atl_linear_packed_bytes(K, N, false, ATL_F32);
    void *region = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
    assert_non_null(region);
    memset(region, 0, bytes);
    atl_linear linear;
    atl_linear_bind(&linear, K, N, false, ATL_F32, region);
    const atl_map x = atl_map_over(x_data, ATL_F32, 1, 2, 3, K),
                  out = atl_map_over(out_data, ATL_F32, 1, 2, 3, N);
    for (int i = 0; i < 2; i++)
        atl_linear_run(&bench, &linear, &x, NULL, &out);
    const atl_map q = atl_map_over(x_data, ATL_F32, 1, 1, TOKENS, 32),
                  o = atl_map_over(out_data, ATL_F32, 1, 1, TOKENS, 32);
    atl_attention(&bench, &q, &q, &q, 2, 0.25f, false, &o);
    assert_int_equal(account.n, 2);
    assert_string_equal(account.items[0].name, "linear 64>32 @3x2");
    assert_int_equal(account.items[0].n_calls, 2);
    assert_true(account.items[0].flops == 2 * 2.0 * ROWS * K * N);
    assert_true(account.items[0].bytes == 2 * 4.0 * (ROWS * K + K * N + ROWS * N));
    assert_string_equal(account.items[1].name, "attention 4x4 2 heads of 16");
    assert_true(account.items[1].flops == 4.0 * TOKENS * TOKENS * 32);
    assert_int_equal(account.depth, 0);
    free(region);
    atl_arena_close(&arena);
    atl_pool_close(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_op_counts_twice_its_multiply_adds_and_its_bytes),
        cmocka_unit_test(stages_cost_in_proportion_to_their_work),
        cmocka_unit_test(what_cannot_be_run_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
