/* lanes_test.c - two buffers, sized by a dry walk. */
#include "nets_fixture.h"

#include "nets/lanes.h"

typedef struct journal {
    int n_walks, n_dry;
    size_t last[2]; /* what each lane holds at the real walk */
    float end;
} journal;

/* 1 → 4 → 2 → 3 floats a pixel, each map the one before plus one; and some scratch on the way. */
static void walk(const void *net, const atl_bench *bench, atl_lanes *lanes, void *io)
{
    journal *j = io;
    const int *sizes = net;
    atl_map x = {0};

    j->n_walks++;
    j->n_dry += bench->arena->measuring;
    for (int i = 0; i < 4; i++) {
        atl_map out = atl_lanes_other(lanes, ATL_F32, 1, 10, 10, sizes[i]);
        assert_non_null(out.data);
        atl_arena_take(bench->arena, 1000);
        if (!bench->arena->measuring)
            atl_map_f32(&out)[0] = i > 0 ? atl_map_f32(&x)[0] + 1.0f : 1.0f;
        atl_lanes_switch(lanes);
        x = out;
    }
    if (!bench->arena->measuring)
        j->end = atl_map_f32(&x)[0];
    memcpy(j->last, lanes->bytes, sizeof j->last);
}

static const int sizes[] = {1, 4, 2, 3};

static void chain_is_walked_dry_and_then_for_real(void **state)
{
    (void)state;
    fixture f;
    journal j = {0};
    fixture_init(&f, 0, 1);
    atl_lanes_run(&f.bench, walk, sizes, &j);
    assert_int_equal(j.n_walks, 2);
    assert_int_equal(j.n_dry, 1);
    assert_true(j.end == 4.0f); /* each map came through to the next */
    fixture_done(&f);           /* and all was given back */
}

static void each_lane_is_as_large_as_its_largest_map(void **state)
{
    (void)state;
    fixture f;
    journal j = {0};
    fixture_init(&f, 0, 1);
    atl_lanes_run(&f.bench, walk, sizes, &j);
    assert_int_equal(j.last[1], 2 * 400); /* maps 1 and 3 */
    assert_int_equal(j.last[0], 4 * 400); /* maps 2 and 4 */
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
    atl_lanes_run(&dry, walk, sizes, &j);
    atl_lanes_run(&f.bench, walk, sizes, &j);
    assert_int_equal(ruler.peak_bytes, f.arena.peak_bytes);
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chain_is_walked_dry_and_then_for_real),
        cmocka_unit_test(each_lane_is_as_large_as_its_largest_map),
        cmocka_unit_test(measuring_counts_as_running_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
