/* map_test.c - views share memory and keep the stride. */
#include "unit/engine/ops/ops_fixture.h"

static void channels_are_a_slice_of_every_row(void **state)
{
    (void)state;
    float x[2 * 3 * 10] = {0};
    atl_map map = atl_map_over(x, ATL_F32, 1, 2, 3, 10), slice = atl_map_channels(&map, 4, 5);
    assert_true(atl_map_dense(&map));
    assert_false(atl_map_dense(&slice));
    assert_ptr_equal(slice.data, x + 4);
    assert_int_equal(slice.c, 5);
    assert_int_equal(slice.stride, 10);
    assert_int_equal(atl_map_rows(&slice), 6);
}

static void pictures_are_a_run_of_rows(void **state)
{
    (void)state;
    float x[4 * 2 * 3 * 10] = {0};
    atl_map map = atl_map_over(x, ATL_F32, 4, 2, 3, 10), wide = atl_map_channels(&map, 2, 3);
    atl_map view = atl_map_pictures(&wide, 1, 2);
    assert_ptr_equal(view.data, x + 60 + 2);
    assert_int_equal(view.n, 2);
}

static void reshaping_keeps_the_rows(void **state)
{
    (void)state;
    float x[6] = {0};
    atl_map map = atl_map_over(x, ATL_F32, 1, 2, 3, 1), tokens = atl_map_reshaped(&map, 1, 6);
    assert_ptr_equal(tokens.data, x);
    assert_int_equal(tokens.h, 1);
    assert_int_equal(tokens.w, 6);
}

static void lines_may_be_apart(void **state)
{
    (void)state;
    float x[2 * 3 * 64 * 5];
    atl_map map = atl_map_over(x, ATL_F32, 1, 3, 64, 5), apart = map;
    assert_true(atl_map_may_gap(&map));
    apart.gap = 64 * 5;
    assert_false(atl_map_dense(&apart));
    assert_int_equal(atl_map_row_at(&map, 130), 130 * 5);
    assert_int_equal(atl_map_row_at(&apart, 130), 130 * 5 + 2 * 64 * 5);
    assert_int_equal(atl_map_line_bytes(&apart), 2 * 64 * 5 * sizeof(float));
    atl_map lines = atl_map_lines(&apart, (atl_lines){1, 2});
    assert_ptr_equal(lines.data, x + 2 * 64 * 5);
    assert_int_equal(lines.h, 2);
    assert_int_equal(lines.gap, apart.gap);
    map.w = 80; /* where a block of 64 rows would reach into the next line */
    assert_false(atl_map_may_gap(&map));
}

static void a_map_takes_its_bytes_from_the_arena(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f, 0, 1);
    atl_map map = atl_map_take(&f.bench, ATL_F16, 2, 3, 5, 7);
    assert_non_null(map.data);
    assert_int_equal(f.arena.used_bytes, atl_round_up(2 * 3 * 5 * 7 * 2, 64));
    atl_arena_release(&f.arena, 0);
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(channels_are_a_slice_of_every_row),
        cmocka_unit_test(pictures_are_a_run_of_rows),
        cmocka_unit_test(reshaping_keeps_the_rows),
        cmocka_unit_test(lines_may_be_apart),
        cmocka_unit_test(a_map_takes_its_bytes_from_the_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
