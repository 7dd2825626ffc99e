/* unet_blocks_test.c - the maps of the way down and how the way up takes them back. */
#include "nets_fixture.h"

#include "nets/unet.h"
#include "nets/unet_blocks.h"

#define N_BLOCKS 3

/* Three resolutions of unequal depth and width; no attention, which other tests have. */
static const atl_unet_config config = {
    .n_blocks = N_BLOCKS,
    .block_out_channels = {4, 8, 12},
    .layers_per_block = {1, 3, 2},
    .mid = ATL_MID_PLAIN,
    .downsample_padding = 1,
    .mid_block_scale_factor = 1,
    .act = ATL_ACT_SILU,
    .norm_num_groups = 4,
    .norm_eps = 1e-5f,
    .time_embed_dim = 6,
};

typedef struct blocks {
    atl_unet_stage down[N_BLOCKS], mid, up[N_BLOCKS];
} blocks;

static void *make(atl_loader *loader, const void *unused)
{
    blocks *b = calloc(1, sizeof *b);
    (void)unused;
    assert_non_null(b);
    for (int i = 0; i < N_BLOCKS; i++) {
        atl_unet_down_load(loader, &b->down[i], &config, i);
        atl_unet_up_load(loader, &b->up[i], &config, i);
    }
    atl_unet_mid_load(loader, &b->mid, &config);
    return b;
}

static void blocks_free(blocks *b)
{
    for (int i = 0; i < N_BLOCKS; i++) {
        atl_unet_stage_done(&b->down[i]);
        atl_unet_stage_done(&b->up[i]);
    }
    atl_unet_stage_done(&b->mid);
    free(b);
}

static void layers_of_the_way_up_take_what_the_way_down_left(void **state)
{
    /* channels from below and from the skip, for each layer of each up block */
    static const int c_in[N_BLOCKS][4] = {
        {12 + 12, 12 + 12, 12 + 8}, {12 + 8, 8 + 8, 8 + 8, 8 + 4}, {8 + 4, 4 + 4}};
    static const int n_layers[N_BLOCKS] = {3, 4, 2};
    (void)state;
    blocks *b = net_listed(make, NULL, NULL, NULL);
    for (int i = 0; i < N_BLOCKS; i++) {
        assert_int_equal(b->up[i].n_layers, n_layers[i]);
        for (int j = 0; j < n_layers[i]; j++)
            assert_int_equal(b->up[i].layers[j].resnet.shape.c_in, c_in[i][j]);
        assert_int_equal(b->up[i].has_sampler, i < 2);
        assert_int_equal(b->down[i].has_sampler, i < 2);
    }
    blocks_free(b);
}

typedef struct way {
    const atl_unet_condition *on;
    const atl_skips *skips;
} way;

static void walk_up(const void *net, const atl_bench *bench, atl_lanes *lanes, void *io)
{
    static const int h[N_BLOCKS] = {5, 9, 9}, w[N_BLOCKS] = {4, 7, 7}, c[N_BLOCKS] = {12, 8, 4};
    const blocks *b = net;
    const way *on = io;
    atl_skips skips = *on->skips;
    atl_map x = skips.maps[skips.n - 1];

    atl_unet_mid_run(&b->mid, bench, on->on, lanes, &x);
    for (int i = 0; i < N_BLOCKS; i++) {
        atl_unet_up_run(&b->up[i], bench, on->on, &skips, lanes, &x);
        assert_int_equal(x.h, h[i]);
        assert_int_equal(x.w, w[i]);
        assert_int_equal(x.c, c[i]);
    }
    assert_int_equal(skips.n, 0);
}

/* 9 × 7 goes down to 5 × 4 and 3 × 2, and comes up to just these sizes again: not to 6 × 4 and 10 × 8. */
static void odd_sizes_come_back_by_the_same_steps(void **state)
{
    static const int h[] = {9, 9, 5, 5, 5, 5, 3, 3, 3}, w[] = {7, 7, 4, 4, 4, 4, 2, 2, 2};
    (void)state;
    fixture f;
    atl_skips skips = {.n = 1};
    blocks *b = net_listed(make, NULL, NULL, NULL);
    fixture_init(&f, 0, 1);
    atl_arena ruler = atl_arena_measure();
    f.bench.arena = &ruler;
    atl_map time = atl_map_take(&f.bench, ATL_F32, 1, 1, 1, 6);
    atl_unet_condition on = {.time = &time};
    skips.maps[0] = atl_map_take(&f.bench, ATL_F32, 2, 9, 7, 4);
    for (int i = 0; i < N_BLOCKS; i++)
        atl_unet_down_run(&b->down[i], &f.bench, &on, &skips);
    assert_int_equal(skips.n, ATL_COUNT(h));
    for (int i = 0; i < skips.n; i++) {
        assert_int_equal(skips.maps[i].h, h[i]);
        assert_int_equal(skips.maps[i].w, w[i]);
    }
    atl_lanes_run(&f.bench, 0, walk_up, b, &(way){.on = &on, .skips = &skips});
    fixture_done(&f);
    blocks_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layers_of_the_way_up_take_what_the_way_down_left),
        cmocka_unit_test(odd_sizes_come_back_by_the_same_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
