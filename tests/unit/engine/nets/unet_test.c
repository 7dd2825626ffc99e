/* unet_test.c - the denoiser's walk, independence and memory; its numbers are compared with diffusers' in
 * tests/golden. */
#include "nets_fixture.h"

#include "diffusers_names.h"
#include "nets/unet.h"

/* Every optional part at once: LCM's condition, SDXL's sizes, a projected text. */
static const atl_unet_config rich = {
    .in_channels = 4,
    .out_channels = 4,
    .flip_sin_to_cos = true,
    .n_blocks = 2,
    .block_out_channels = {8, 16},
    .layers_per_block = {1, 1},
    .down = {ATL_BLOCK_PLAIN, ATL_BLOCK_CROSS_ATTN},
    .up = {ATL_BLOCK_CROSS_ATTN, ATL_BLOCK_PLAIN},
    .mid = ATL_MID_CROSS_ATTN,
    .downsample_padding = 1,
    .mid_block_scale_factor = 1,
    .act = ATL_ACT_SILU,
    .norm_num_groups = 4,
    .norm_eps = 1e-5f,
    .cross_attention_dim = {12, 12},
    .transformer_layers = {1, 1},
    .up_transformer_layers = {1, 1},
    .n_heads = {2, 4},
    .resnet_out_scale_factor = 1,
    .time_embed_dim = 32,
    .time_embed_act = ATL_ACT_SILU,
    .time_cond_proj_dim = 6,
    .conv_in_kernel = 3,
    .conv_out_kernel = 3,
    .encoder_hid_dim = 7,
    .addition_text_time = true,
    .addition_time_embed_dim = 2,
    .projection_class_embeddings_input_dim = 17,
};

#define N_TOKENS 5
#define N_POOLED 5

static void *make(atl_loader *loader, const void *config)
{
    return atl_unet_new(loader, config);
}

/* Without SDXL's sizes: one row of the time embedding serves all pictures unless LCM's condition is given. */
static atl_unet_config plain_time(void)
{
    atl_unet_config config = rich;
    config.addition_text_time = false;
    return config;
}

/* ---- one network, and inputs for three pictures ---- */

typedef struct trial {
    atl_store store;
    atl_unet *unet;
    atl_unet_config config;
    atl_map sample, context, out;
    float *cond, *text, *ids;
    atl_unet_input in;
} trial;

static void trial_init(trial *t, const atl_unet_config *config, int n, int h, int w)
{
    size_t bytes;
    atl_unet *listed = net_listed(make, config, NULL, &bytes);
    atl_unet_free(&listed);
    *t = (trial){.config = *config, .store = noise_store(bytes)};
    t->unet = net_bound(make, config, &t->store);
    t->sample = numbers_map(n, h, w, config->in_channels, 1);
    t->context = numbers_map(n, 1, N_TOKENS, config->encoder_hid_dim, 2);
    t->out = numbers_map(n, h, w, config->out_channels, 3);
    t->cond = fixture_numbers((size_t)n * 6, 4, false);
    t->text = fixture_numbers((size_t)n * N_POOLED, 5, false);
    t->ids = fixture_numbers((size_t)n * 6, 6, false);
    t->in = (atl_unet_input){.sample = &t->sample,
                             .timestep = 321,
                             .context = &t->context,
                             .timestep_cond = t->cond,
                             .text_embeds = t->text,
                             .time_ids = t->ids};
}

static void trial_done(trial *t)
{
    atl_unet_free(&t->unet);
    atl_store_close(&t->store);
    free(t->sample.data);
    free(t->context.data);
    free(t->out.data);
    free(t->cond);
    free(t->text);
    free(t->ids);
}

/* Runs and returns the most scratch that was in use. */
static size_t run(trial *t, int n_threads)
{
    fixture f;
    fixture_init(&f, atl_cpu_flags(), n_threads);
    atl_unet_run(t->unet, &f.bench, &t->in, &t->out);
    size_t peak = f.arena.peak_bytes;
    fixture_done(&f);
    return peak;
}

static size_t measure(const atl_unet *unet, const atl_unet_input *in, const atl_map *out, int n_threads)
{
    fixture f;
    fixture_init(&f, atl_cpu_flags(), n_threads);
    atl_arena ruler = atl_arena_measure();
    f.bench.arena = &ruler;
    atl_unet_run(unet, &f.bench, in, out);
    assert_int_equal(ruler.used_bytes, 0);
    fixture_done(&f);
    return ruler.peak_bytes;
}

/* ---- the tests ---- */

static void walk_lists_the_tensors_of_diffusers(void **state)
{
    (void)state;
    names_seen names = {.expected = unet_names, .n_expected = ATL_COUNT(unet_names)};
    atl_unet *unet = net_listed(make, &rich, &names, NULL);
    assert_int_equal(names.n_seen, names.n_expected);
    atl_unet_free(&unet);
}

static void linear_projection_is_listed_as_a_matrix(void **state)
{
    (void)state;
    atl_unet_config config = rich;
    const char *expected[ATL_COUNT(unet_names)];
    char lines[ATL_COUNT(unet_names)][128];
    config.use_linear_projection = true;
    for (size_t i = 0; i < ATL_COUNT(unet_names); i++) {
        size_t length = strlen(unet_names[i]);
        bool proj = strstr(unet_names[i], ".proj_in.weight") || strstr(unet_names[i], ".proj_out.weight");
        snprintf(lines[i], sizeof lines[i], "%.*s", (int)(proj ? length - 4 : length), unet_names[i]);
        expected[i] = lines[i];
    }
    names_seen names = {.expected = expected, .n_expected = ATL_COUNT(unet_names)};
    atl_unet *unet = net_listed(make, &config, &names, NULL);
    assert_int_equal(names.n_seen, names.n_expected);
    atl_unet_free(&unet);
}

static void pictures_of_a_batch_do_not_see_each_other(void **state)
{
    (void)state;
    trial t;
    trial_init(&t, &rich, 3, 8, 6);
    run(&t, 2);
    assert_alive(&t.out);
    atl_map batch = t.out, all_samples = t.sample, all_contexts = t.context;
    t.out = numbers_map(1, 8, 6, 4, 9);
    for (int i = 0; i < 3; i++) {
        t.sample = atl_map_pictures(&all_samples, i, 1);
        t.context = atl_map_pictures(&all_contexts, i, 1);
        t.in.timestep_cond = t.cond + 6 * i;
        t.in.text_embeds = t.text + N_POOLED * i;
        t.in.time_ids = t.ids + 6 * i;
        run(&t, 2);
        atl_map one = atl_map_pictures(&batch, i, 1);
        assert_memory_equal(t.out.data, one.data, map_bytes(&one));
    }
    t.sample = all_samples;
    t.context = all_contexts;
    free(batch.data);
    trial_done(&t);
}

static void number_of_threads_changes_no_bit(void **state)
{
    (void)state;
    trial t;
    trial_init(&t, &rich, 2, 9, 7);
    run(&t, 1);
    assert_alive(&t.out);
    atl_map first = t.out;
    for (int n_threads = 2; n_threads <= 5; n_threads += 3) {
        t.out = numbers_map(2, 9, 7, 4, 10);
        run(&t, n_threads);
        assert_memory_equal(t.out.data, first.data, map_bytes(&first));
        free(t.out.data);
    }
    t.out = first;
    trial_done(&t);
}

static void condition_of_each_picture_is_heard(void **state)
{
    (void)state;
    atl_unet_config config = plain_time();
    trial t;
    trial_init(&t, &config, 2, 4, 4);
    memcpy((float *)t.sample.data + 64, t.sample.data, 64 * sizeof(float));
    memcpy((float *)t.context.data + N_TOKENS * 7, t.context.data, N_TOKENS * 7 * sizeof(float));
    run(&t, 1);
    atl_map a = atl_map_pictures(&t.out, 0, 1), b = atl_map_pictures(&t.out, 1, 1);
    assert_memory_not_equal(a.data, b.data, map_bytes(&a));
    t.in.timestep_cond = NULL; /* now nothing tells them apart */
    run(&t, 1);
    assert_memory_equal(a.data, b.data, map_bytes(&a));
    trial_done(&t);
}

static void condition_of_zeros_is_as_none(void **state)
{
    (void)state;
    atl_unet_config config = plain_time();
    trial t;
    trial_init(&t, &config, 2, 4, 4);
    memset(t.cond, 0, 12 * sizeof *t.cond);
    run(&t, 1); /* a row of the embedding for each picture */
    atl_map each = t.out;
    t.out = numbers_map(2, 4, 4, 4, 11);
    t.in.timestep_cond = NULL;
    run(&t, 1); /* one row for both */
    assert_memory_equal(t.out.data, each.data, map_bytes(&each));
    free(each.data);
    trial_done(&t);
}

static void measured_scratch_is_what_a_run_takes(void **state)
{
    static const int sizes[][3] = {{1, 1, 1}, {2, 5, 3}, {3, 8, 8}, {1, 16, 24}};
    (void)state;
    for (size_t i = 0; i < ATL_COUNT(sizes); i++) {
        trial t;
        trial_init(&t, &rich, sizes[i][0], sizes[i][1], sizes[i][2]);
        size_t measured = measure(t.unet, &t.in, &t.out, 2);
        assert_int_equal(run(&t, 2), measured);
        assert_alive(&t.out);
        trial_done(&t);
    }
}

/* A step that reuses what a whole step of the same sample and timestep kept says what that one said. */
static void reusing_deep_features_of_the_same_step_changes_no_bit(void **state)
{
    static const int sizes[][3] = {{1, 8, 8}, {2, 9, 7}};
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        atl_unet_config config = rich;
        config.layers_per_block[0] = 1 + kind; /* the last layer of the way up has others before it, or few */
        if (kind == 2)
            config.n_blocks = 1;
        trial t;
        trial_init(&t, &config, sizes[kind % 2][0], sizes[kind % 2][1], sizes[kind % 2][2]);
        run(&t, 2);
        const atl_map whole = t.out;
        atl_unet_deep deep = {.data = malloc(atl_unet_deep_bytes(t.unet, whole.n, whole.h, whole.w))};
        assert_non_null(deep.data);
        t.in.deep = &deep;
        t.out = numbers_map(whole.n, whole.h, whole.w, whole.c, 12);
        run(&t, 2); /* keeps, and is not changed by keeping */
        assert_memory_equal(t.out.data, whole.data, map_bytes(&whole));
        deep.reuse = true;
        free(t.out.data);
        t.out = numbers_map(whole.n, whole.h, whole.w, whole.c, 13);
        assert_true(run(&t, 1) > 0);
        assert_memory_equal(t.out.data, whole.data, map_bytes(&whole));
        t.in.timestep = 1; /* the outermost layers hear it, the kept ones do not */
        run(&t, 1);
        assert_memory_not_equal(t.out.data, whole.data, map_bytes(&whole));
        free(whole.data);
        free(deep.data);
        trial_done(&t);
    }
}

static void reuse_needs_no_more_scratch_than_a_whole_step(void **state)
{
    (void)state;
    trial t;
    trial_init(&t, &rich, 2, 16, 12);
    atl_unet_deep deep = {.data = malloc(atl_unet_deep_bytes(t.unet, 2, 16, 12))};
    t.in.deep = &deep;
    const size_t whole = measure(t.unet, &t.in, &t.out, 2);
    assert_int_equal(run(&t, 2), whole);
    deep.reuse = true;
    const size_t shallow = measure(t.unet, &t.in, &t.out, 2);
    assert_int_equal(run(&t, 2), shallow);
    assert_true(shallow <= whole);
    free(deep.data);
    trial_done(&t);
}

/* The ways that configs differ, each run at an odd size, which brings the resized up-sampling with it. */
static void every_kind_of_config_runs(void **state)
{
    (void)state;
    for (int kind = 0; kind < 7; kind++) {
        atl_unet_config config = rich;
        if (kind == 0)
            config.mid = ATL_MID_NONE;
        if (kind == 1)
            config.mid = ATL_MID_PLAIN;
        if (kind == 2)
            config.scale_shift_norm = true;
        if (kind == 3)
            config.only_cross_attention[1] = true;
        if (kind == 4)
            config.conv_in_kernel = config.conv_out_kernel = 1;
        if (kind == 5)
            config.downsample_padding = 0;
        if (kind == 6)
            config.center_input_sample = true;
        trial t;
        trial_init(&t, &config, 2, 7, 5);
        run(&t, 1);
        assert_alive(&t.out);
        trial_done(&t);
    }
}

static atl_unet_config sd15(void)
{
    atl_unet_config config = rich;
    const int channels[] = {320, 640, 1280, 1280};
    config.n_blocks = 4;
    for (int i = 0; i < 4; i++) {
        config.block_out_channels[i] = channels[i];
        config.layers_per_block[i] = 2;
        config.down[i] = i < 3 ? ATL_BLOCK_CROSS_ATTN : ATL_BLOCK_PLAIN;
        config.up[i] = i > 0 ? ATL_BLOCK_CROSS_ATTN : ATL_BLOCK_PLAIN;
        config.cross_attention_dim[i] = 768;
        config.transformer_layers[i] = config.up_transformer_layers[i] = 1;
        config.n_heads[i] = 8;
    }
    config.norm_num_groups = 32;
    config.time_embed_dim = 1280;
    config.time_cond_proj_dim = config.encoder_hid_dim = 0;
    config.addition_text_time = false;
    return config;
}

/* Bounds above what was measured (160 MB); a map kept too long is 10 MB or more. */
static void sd15_pair_at_512_px_needs_little_scratch(void **state)
{
    (void)state;
    atl_unet_config config = sd15();
    atl_unet *unet = net_listed(make, &config, NULL, NULL);
    atl_map nothing = atl_map_over((void *)64, ATL_F32, 2, 64, 64, 4);
    atl_map context = atl_map_over((void *)64, ATL_F32, 2, 1, 77, 768);
    atl_unet_input in = {.sample = &nothing, .timestep = 1, .context = &context};
    size_t bytes = measure(unet, &in, &nothing, 2);
    assert_in_range(bytes, 100000000, 168000000);
    atl_unet_free(&unet);
}

static void assert_refused(const atl_unet_config *config, const char *word)
{
    atl_note note = {0};
    assert_int_equal(net_refused(make, config, &note), ATL_UNSUPPORTED);
    if (!strstr(note.text, word))
        fail_msg("\"%s\" does not say \"%s\"", note.text, word);
}

static void what_cannot_be_built_is_refused_by_name(void **state)
{
    (void)state;
    atl_unet_config config = rich;
    config.norm_num_groups = 3;
    assert_refused(&config, "norm_num_groups");
    config.norm_num_groups = 0;
    assert_refused(&config, "norm_num_groups");
    config = rich;
    config.n_blocks = ATL_MAX_BLOCKS + 1;
    assert_refused(&config, "blocks");
    config = rich;
    config.layers_per_block[1] = 127;
    assert_refused(&config, "layers_per_block");
    config = rich;
    config.n_heads[1] = 17;
    assert_refused(&config, "heads");
    config = rich;
    config.projection_class_embeddings_input_dim = 12;
    assert_refused(&config, "projection_class_embeddings_input_dim");
    config = rich;
    config.mid_block_scale_factor = 0;
    assert_refused(&config, "mid_block_scale_factor");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(walk_lists_the_tensors_of_diffusers),
        cmocka_unit_test(linear_projection_is_listed_as_a_matrix),
        cmocka_unit_test(pictures_of_a_batch_do_not_see_each_other),
        cmocka_unit_test(number_of_threads_changes_no_bit),
        cmocka_unit_test(condition_of_each_picture_is_heard),
        cmocka_unit_test(condition_of_zeros_is_as_none),
        cmocka_unit_test(measured_scratch_is_what_a_run_takes),
        cmocka_unit_test(reusing_deep_features_of_the_same_step_changes_no_bit),
        cmocka_unit_test(reuse_needs_no_more_scratch_than_a_whole_step),
        cmocka_unit_test(every_kind_of_config_runs),
        cmocka_unit_test(sd15_pair_at_512_px_needs_little_scratch),
        cmocka_unit_test(what_cannot_be_built_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
