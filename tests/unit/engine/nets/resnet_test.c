/* resnet_test.c - the residual block: where it may write, and what time does to it. */
#include "nets_fixture.h"

#include "nets/resnet.h"

static void *make(atl_loader *loader, const void *config)
{
    atl_resnet *resnet = calloc(1, sizeof *resnet);
    assert_non_null(resnet);
    atl_resnet_load(loader, resnet, config);
    if (atl_loader_status(loader) == ATL_OK)
        return resnet;
    free(resnet);
    return NULL;
}

static const atl_resnet_shape timeless = {.c_in = 8,
                                          .c_out = 8,
                                          .groups = 4,
                                          .eps = 1e-5f,
                                          .act = ATL_ACT_SILU,
                                          .output_scale_factor = 1,
                                          .layer_class = ATL_LAYER_CONV};

/* With the time embedding as scale and shift, or added. */
static atl_resnet_shape timely(bool scale_shift)
{
    atl_resnet_shape shape = timeless;
    shape.time_dim = 6;
    shape.scale_shift = scale_shift;
    return shape;
}

typedef struct trial {
    fixture f;
    atl_store store;
    atl_resnet *resnet;
    atl_map x, out;
} trial;

static void trial_init(trial *t, const atl_resnet_shape *shape, int n)
{
    size_t bytes;
    free(net_listed(make, shape, NULL, &bytes));
    fixture_init(&t->f, atl_cpu_flags(), 2);
    t->store = noise_store(bytes);
    t->resnet = net_bound(make, shape, &t->store);
    t->x = numbers_map(n, 5, 3, shape->c_in, 1);
    t->out = numbers_map(n, 5, 3, shape->c_out, 2);
}

static void trial_done(trial *t)
{
    free(t->resnet);
    free(t->x.data);
    free(t->out.data);
    atl_store_close(&t->store);
    fixture_done(&t->f);
}

static void block_of_equal_channels_may_write_over_its_input(void **state)
{
    (void)state;
    trial t;
    trial_init(&t, &timeless, 2);
    atl_resnet_run(t.resnet, &t.f.bench, &(atl_resnet_io){.x = &t.x, .out = &t.out});
    assert_alive(&t.out);
    atl_map normed = numbers_map(2, 5, 3, 8, 3);
    atl_resnet_run(t.resnet, &t.f.bench, &(atl_resnet_io){.x = &t.x, .normed = &normed, .out = &t.x});
    assert_memory_equal(t.x.data, t.out.data, map_bytes(&t.x));
    atl_map x = numbers_map(2, 5, 3, 8, 1);
    atl_resnet_run(t.resnet, &t.f.bench, &(atl_resnet_io){.x = &x, .between = &normed, .out = &x});
    assert_memory_equal(x.data, t.out.data, map_bytes(&x));
    free(x.data);
    free(normed.data);
    trial_done(&t);
}

static void block_with_a_shortcut_may_norm_its_input_in_place(void **state)
{
    (void)state;
    atl_resnet_shape shape = timeless;
    shape.c_out = 12;
    trial t;
    trial_init(&t, &shape, 2);
    atl_resnet_run(t.resnet, &t.f.bench, &(atl_resnet_io){.x = &t.x, .out = &t.out});
    assert_alive(&t.out);
    atl_map second = numbers_map(2, 5, 3, 12, 3);
    atl_resnet_run(t.resnet, &t.f.bench, &(atl_resnet_io){.x = &t.x, .normed = &t.x, .out = &second});
    assert_memory_equal(second.data, t.out.data, map_bytes(&second));
    free(second.data);
    trial_done(&t);
}

static void assert_same_rows(const atl_map *found, const atl_map *wanted)
{
    const size_t bytes = (size_t)wanted->c * sizeof(uint16_t);
    for (size_t row = 0; row < atl_map_rows(wanted); row++)
        assert_memory_equal((const uint16_t *)found->data + atl_map_row_at(found, row),
                            (const uint16_t *)wanted->data + atl_map_row_at(wanted, row), bytes);
}

/* x of h × w, woven `lag` lines behind itself: the same numbers as in memory of their own. Then the block
 * after it, in place, whose first half's result goes between the rows. */
static void check_weaving(const atl_bench *bench, const atl_resnet *halving, const atl_resnet *keeping, int h,
                          int w, int lag)
{
    atl_map x = numbers_map_bf16(1, h, w, halving->shape.c_in, 1),
            apart = numbers_map_bf16(1, h, w, halving->shape.c_out, 2), inside = x, out, room;
    const size_t line = atl_map_line_bytes(&x);
    inside.data = malloc((size_t)(h + lag) * line);
    assert_non_null(inside.data);
    memcpy(inside.data, x.data, (size_t)h * line);
    assert_true(atl_resnet_can_weave(halving, bench, &inside));
    atl_resnet_run(halving, bench, &(atl_resnet_io){.x = &x, .out = &apart});
    atl_resnet_weave(halving, bench, &inside, lag, &out);
    assert_ptr_equal(out.data, (char *)inside.data + (size_t)lag * line);
    assert_int_equal(out.gap > 0, w % 64 == 0);
    assert_same_rows(&out, &apart);
    assert_true(atl_resnet_woven_room(&out, &room));
    assert_false(atl_resnet_woven_room(&apart, &room));
    atl_resnet_run(keeping, bench, &(atl_resnet_io){.x = &apart, .out = &apart});
    atl_resnet_run(keeping, bench, &(atl_resnet_io){.x = &out, .between = &room, .out = &out});
    assert_same_rows(&out, &apart);
    free(x.data);
    free(apart.data);
    free(inside.data);
}

static atl_resnet *bound_bf16(const atl_resnet_shape *shape, atl_store *store)
{
    size_t bytes;
    free(net_listed_as("bf16", make, shape, NULL, &bytes));
    *store = noise_store_bf16(bytes);
    return net_bound_as("bf16", make, shape, store);
}

static void blocks_are_woven_into_the_memory_of_their_input(void **state)
{
    static const int cases[][3] = {{1, 32, 2},   {9, 16, 2},  {9, 48, 5},  {16, 32, 9},
                                   {16, 80, 17}, {7, 32, 40}, /* woven by rows, and by lines: */
                                   {1, 64, 2},   {9, 128, 2}, {16, 64, 9}, {11, 192, 40}};
    (void)state;
    atl_resnet_shape halving = timeless, keeping = timeless;
    atl_store stores[2];
    halving.shortcut_class = halving.layer_class; /* all in bf16 */
    halving.c_in = 64;
    halving.c_out = keeping.c_in = keeping.c_out = 32;
    atl_resnet *first = bound_bf16(&halving, &stores[0]), *second = bound_bf16(&keeping, &stores[1]);
    for (int n_threads = 1; n_threads <= 2; n_threads++) {
        fixture f;
        fixture_init(&f, n_threads == 1 ? atl_cpu_flags() : 0, n_threads);
        f.bench.policy = atl_policy_find("bf16");
        for (size_t i = 0; i < ATL_COUNT(cases); i++)
            check_weaving(&f.bench, first, second, cases[i][0], cases[i][1], cases[i][2]);
        fixture_done(&f);
    }
    free(first);
    free(second);
    atl_store_close(&stores[0]);
    atl_store_close(&stores[1]);
}

/* The two halves of a map, given apart, are the map. */
static void skip_connection_is_a_concatenation(void **state)
{
    (void)state;
    atl_resnet_shape shape = timeless;
    shape.c_in = 16;
    trial t;
    trial_init(&t, &shape, 2);
    atl_resnet_run(t.resnet, &t.f.bench, &(atl_resnet_io){.x = &t.x, .out = &t.out});
    atl_map whole = t.out;
    t.out = numbers_map(2, 5, 3, 8, 4);
    atl_map first = atl_map_channels(&t.x, 0, 4), more = atl_map_channels(&t.x, 4, 12);
    atl_resnet_run(t.resnet, &t.f.bench, &(atl_resnet_io){.x = &first, .x_more = &more, .out = &t.out});
    for (size_t i = 0; i < 240; i++)
        assert_float_equal(atl_map_f32(&t.out)[i], atl_map_f32(&whole)[i], 1e-5);
    free(whole.data);
    trial_done(&t);
}

static void one_row_of_time_serves_every_picture(void **state)
{
    (void)state;
    for (int scale_shift = 0; scale_shift < 2; scale_shift++) {
        const atl_resnet_shape shape = timely(scale_shift);
        trial t;
        trial_init(&t, &shape, 3);
        atl_map one = numbers_map(1, 1, 1, 6, 5), three = numbers_map(3, 1, 1, 6, 6);
        atl_map second = numbers_map(3, 5, 3, 8, 7);
        atl_resnet_run(t.resnet, &t.f.bench, &(atl_resnet_io){.x = &t.x, .time = &three, .out = &second});
        for (int i = 0; i < 3; i++)
            memcpy(atl_map_f32(&three) + 6 * i, one.data, 6 * sizeof(float));
        atl_resnet_run(t.resnet, &t.f.bench, &(atl_resnet_io){.x = &t.x, .time = &one, .out = &t.out});
        assert_memory_not_equal(second.data, t.out.data, map_bytes(&t.out)); /* other times, other maps */
        atl_resnet_run(t.resnet, &t.f.bench, &(atl_resnet_io){.x = &t.x, .time = &three, .out = &second});
        assert_memory_equal(second.data, t.out.data, map_bytes(&t.out));
        free(one.data);
        free(three.data);
        free(second.data);
        trial_done(&t);
    }
}

static void each_picture_has_its_own_time(void **state)
{
    (void)state;
    for (int scale_shift = 0; scale_shift < 2; scale_shift++) {
        const atl_resnet_shape shape = timely(scale_shift);
        trial t;
        trial_init(&t, &shape, 3);
        atl_map times = numbers_map(3, 1, 1, 6, 5), alone = numbers_map(1, 5, 3, 8, 6);
        atl_resnet_run(t.resnet, &t.f.bench, &(atl_resnet_io){.x = &t.x, .time = &times, .out = &t.out});
        for (int i = 0; i < 3; i++) {
            atl_map x = atl_map_pictures(&t.x, i, 1), time = atl_map_pictures(&times, i, 1);
            atl_map out = atl_map_pictures(&t.out, i, 1);
            atl_resnet_run(t.resnet, &t.f.bench, &(atl_resnet_io){.x = &x, .time = &time, .out = &alone});
            assert_memory_equal(alone.data, out.data, map_bytes(&alone));
        }
        free(times.data);
        free(alone.data);
        trial_done(&t);
    }
}

/* With a projection of nothing but zeros, scale and shift are 0: then time changes nothing in either form. */
static void time_of_zeros_is_no_time(void **state)
{
    (void)state;
    atl_map plain = {0};
    for (int scale_shift = 0; scale_shift < 2; scale_shift++) {
        const atl_resnet_shape shape = timely(scale_shift);
        trial t;
        trial_init(&t, &shape, 2);
        int n_out = scale_shift ? 16 : 8;
        size_t bytes = atl_linear_packed_bytes(6, n_out, true, ATL_F32);
        void *zeros = aligned_alloc(64, atl_round_up(bytes, 64));
        memset(zeros, 0, bytes);
        atl_linear_bind(&t.resnet->time_proj, 6, n_out, true, ATL_F32, zeros);
        atl_map time = numbers_map(2, 1, 1, 6, 5);
        atl_resnet_run(t.resnet, &t.f.bench, &(atl_resnet_io){.x = &t.x, .time = &time, .out = &t.out});
        t.resnet->shape.time_dim = 0;
        plain = numbers_map(2, 5, 3, 8, 7);
        atl_resnet_run(t.resnet, &t.f.bench, &(atl_resnet_io){.x = &t.x, .out = &plain});
        assert_memory_equal(plain.data, t.out.data, map_bytes(&plain));
        free(plain.data);
        free(time.data);
        free(zeros);
        trial_done(&t);
    }
}

static void sum_is_divided_by_the_output_scale_factor(void **state)
{
    (void)state;
    trial t;
    trial_init(&t, &timeless, 1);
    atl_resnet_run(t.resnet, &t.f.bench, &(atl_resnet_io){.x = &t.x, .out = &t.out});
    atl_map half = numbers_map(1, 5, 3, 8, 3);
    t.resnet->shape.output_scale_factor = 2;
    atl_resnet_run(t.resnet, &t.f.bench, &(atl_resnet_io){.x = &t.x, .out = &half});
    for (size_t i = 0; i < 120; i++)
        assert_true(atl_map_f32(&half)[i] == atl_map_f32(&t.out)[i] / 2);
    free(half.data);
    trial_done(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(block_of_equal_channels_may_write_over_its_input),
        cmocka_unit_test(block_with_a_shortcut_may_norm_its_input_in_place),
        cmocka_unit_test(blocks_are_woven_into_the_memory_of_their_input),
        cmocka_unit_test(skip_connection_is_a_concatenation),
        cmocka_unit_test(one_row_of_time_serves_every_picture),
        cmocka_unit_test(each_picture_has_its_own_time),
        cmocka_unit_test(time_of_zeros_is_no_time),
        cmocka_unit_test(sum_is_divided_by_the_output_scale_factor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
