/* lanes_test.c - a chain of maps between the two ends of the arena. */
#include "nets_fixture.h"

#include "nets/lanes.h"

typedef struct journal {
    int n_walks;
    size_t near_bytes, far_bytes; /* in use when the last map stands */
    float end;
} journal;

/* 1 → 4 → 2 → 3 floats a pixel, each map the one before plus one; and some scratch on the way. */
static void walk(const void *net, const atl_bench *bench, atl_lanes *lanes, void *io)
{
    journal *j = io;
    const int *sizes = net;
    atl_map x = {0};

    j->n_walks++;
    for (int i = 0; i < 4; i++) {
        atl_map out = atl_lanes_other(lanes, ATL_F32, 1, 10, 10, sizes[i]);
        const size_t mark = atl_arena_mark(bench->arena), n = atl_map_rows(&out) * (size_t)out.c;
        assert_non_null(out.data);
        float *scratch = atl_arena_take(bench->arena, n * sizeof *scratch);
        for (size_t k = 0; k < n && !bench->arena->measuring; k++)
            scratch[k] = i > 0 ? atl_map_f32(&x)[0] + 1.0f : 1.0f;
        if (!bench->arena->measuring)
            memcpy(out.data, scratch, n * sizeof *scratch);
        atl_arena_release(bench->arena, mark);
        atl_lanes_switch(lanes);
        x = out;
    }
    if (!bench->arena->measuring)
        j->end = atl_map_f32(&x)[0];
    j->near_bytes = bench->arena->used_bytes;
    j->far_bytes = bench->arena->far_bytes;
}

static const int sizes[] = {1, 4, 2, 3};

static void each_map_comes_through_to_the_next(void **state)
{
    (void)state;
    fixture f;
    journal j = {0};
    fixture_init(&f, 0, 1);
    atl_lanes_run(&f.bench, 0, walk, sizes, &j);
    assert_int_equal(j.n_walks, 1);
    assert_true(j.end == 4.0f);
    assert_int_equal(f.arena.far_bytes, 0);
    fixture_done(&f); /* and all was given back */
}

static void what_was_read_is_given_back(void **state)
{
    (void)state;
    fixture f;
    journal j = {0};
    fixture_init(&f, 0, 1);
    atl_lanes_run(&f.bench, 0, walk, sizes, &j);
    assert_int_equal(j.near_bytes, atl_round_up(3 * 400, ATL_ARENA_ALIGN)); /* the fourth map */
    assert_int_equal(j.far_bytes, 0);                                       /* where the third was */
    fixture_done(&f);
}

/* The dearest moment is the second map: its input of 400 bytes, itself and the scratch of 1600 each. */
static void no_more_is_in_use_than_a_map_its_successor_and_scratch(void **state)
{
    (void)state;
    fixture f;
    journal j = {0};
    fixture_init(&f, 0, 1);
    atl_lanes_run(&f.bench, 0, walk, sizes, &j);
    assert_int_equal(f.arena.peak_bytes, atl_round_up(400, ATL_ARENA_ALIGN) + 2 * 1600);
    fixture_done(&f);
}

static void measuring_counts_as_running_does(void **state)
{
    (void)state;
    fixture f;
    journal j = {0};
    fixture_init(&f, 0, 1);
    atl_arena ruler = atl_arena_measure();
    atl_bench dry = f.bench;
    dry.arena = &ruler;
    atl_lanes_run(&dry, 0, walk, sizes, &j);
    atl_lanes_run(&f.bench, 0, walk, sizes, &j);
    assert_int_equal(ruler.peak_bytes, f.arena.peak_bytes);
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_map_comes_through_to_the_next),
        cmocka_unit_test(what_was_read_is_given_back),
        cmocka_unit_test(no_more_is_in_use_than_a_map_its_successor_and_scratch),
        cmocka_unit_test(measuring_counts_as_running_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
