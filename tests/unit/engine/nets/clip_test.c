/* clip_test.c - the text encoder's walk, causality and outputs; its numbers are compared with transformers'
 * in tests/golden. */
#include "nets_fixture.h"

#include "nets/clip.h"

enum { D = 12, N_LAYERS = 2, N_POSITIONS = 9, VOCAB = 20, PROJECTED = 5 };

static const atl_clip_config plain = {
    .vocab_size = VOCAB,
    .hidden_size = D,
    .intermediate_size = 20,
    .n_layers = N_LAYERS,
    .n_heads = 3,
    .n_positions = N_POSITIONS,
    .projection_dim = PROJECTED,
    .act = ATL_ACT_QUICK_GELU,
    .layer_norm_eps = 1e-5f,
    .bos_token_id = 18,
    .eos_token_id = 2,
};

static void *make(atl_loader *loader, const void *config)
{
    return atl_clip_new(loader, config);
}

/* ---- one encoder, and room for all that it gives of two texts ---- */

typedef struct trial {
    atl_store store;
    atl_clip *clip;
    int n;
    int32_t ids[2][N_POSITIONS];
    float hidden[N_LAYERS + 1][2][N_POSITIONS][D];
    float last[2][N_POSITIONS][D], skipped[2][N_POSITIONS][D], pooled[2][D];
} trial;

static trial *trial_new(const atl_clip_config *config)
{
    static const int32_t ids[2][N_POSITIONS] = {{18, 3, 4, 5, 19, 1, 1, 1, 1},
                                                {18, 7, 7, 2, 8, 9, 19, 2, 19}};
    size_t bytes;
    trial *t = calloc(1, sizeof *t);
    assert_non_null(t);
    atl_clip *listed = net_listed(make, config, NULL, &bytes);
    atl_clip_free(&listed);
    t->store = noise_store(bytes);
    t->clip = net_bound(make, config, &t->store);
    t->n = 2;
    memcpy(t->ids, ids, sizeof ids);
    return t;
}

static void trial_free(trial *t)
{
    atl_clip_free(&t->clip);
    atl_store_close(&t->store);
    free(t);
}

static atl_clip_output everything(trial *t)
{
    return (atl_clip_output){
        .hidden = {&t->hidden[0][0][0][0], &t->hidden[1][0][0][0], &t->hidden[2][0][0][0]},
        .last = &t->last[0][0][0],
        .pooled = &t->pooled[0][0],
        .skip_norm_layer = N_LAYERS - 1,
        .skipped = &t->skipped[0][0][0]};
}

/* Returns the most scratch that was in use. */
static size_t run(trial *t, const atl_clip_output *out, int n_threads, bool measuring)
{
    fixture f;
    fixture_init(&f, atl_cpu_flags(), n_threads);
    atl_arena ruler = atl_arena_measure();
    if (measuring)
        f.bench.arena = &ruler;
    atl_clip_run(t->clip, &f.bench, &t->ids[0][0], t->n, out);
    assert_int_equal(f.bench.arena->used_bytes, 0);
    size_t peak = f.bench.arena->peak_bytes;
    fixture_done(&f);
    return peak;
}

static trial *trial_run(const atl_clip_config *config)
{
    trial *t = trial_new(config);
    atl_clip_output out = everything(t);
    run(t, &out, 1, false);
    return t;
}

/* ---- the tests ---- */

static void walk_lists_the_tensors_of_transformers(void **state)
{
    (void)state;
    static const char *const expected[] = {
        "text_model.embeddings.token_embedding.weight 20 12",
        "text_model.embeddings.position_embedding.weight 9 12",
        "text_model.encoder.layers.0.self_attn.k_proj.weight 12 12",
        "text_model.encoder.layers.0.self_attn.k_proj.bias 12",
        "text_model.encoder.layers.0.self_attn.v_proj.weight 12 12",
        "text_model.encoder.layers.0.self_attn.v_proj.bias 12",
        "text_model.encoder.layers.0.self_attn.q_proj.weight 12 12",
        "text_model.encoder.layers.0.self_attn.q_proj.bias 12",
        "text_model.encoder.layers.0.self_attn.out_proj.weight 12 12",
        "text_model.encoder.layers.0.self_attn.out_proj.bias 12",
        "text_model.encoder.layers.0.layer_norm1.weight 12",
        "text_model.encoder.layers.0.layer_norm1.bias 12",
        "text_model.encoder.layers.0.mlp.fc1.weight 20 12",
        "text_model.encoder.layers.0.mlp.fc1.bias 20",
        "text_model.encoder.layers.0.mlp.fc2.weight 12 20",
        "text_model.encoder.layers.0.mlp.fc2.bias 12",
        "text_model.encoder.layers.0.layer_norm2.weight 12",
        "text_model.encoder.layers.0.layer_norm2.bias 12",
        "text_model.final_layer_norm.weight 12",
        "text_model.final_layer_norm.bias 12",
        "text_projection.weight 5 12",
    };
    atl_clip_config config = plain;
    config.n_layers = 1;
    config.with_projection = true;
    names_seen names = {.expected = expected, .n_expected = ATL_COUNT(expected)};
    atl_clip *clip = net_listed(make, &config, &names, NULL);
    assert_int_equal(names.n_seen, names.n_expected);
    atl_clip_free(&clip);

    config.with_projection = false;
    names.n_seen = 0;
    clip = net_listed(make, &config, &names, NULL);
    assert_int_equal(names.n_seen, names.n_expected - 1);
    atl_clip_free(&clip);
}

static void a_later_token_changes_nothing_before_it(void **state)
{
    (void)state;
    trial *t = trial_run(&plain), *other = trial_new(&plain);
    atl_clip_output out = everything(other);
    other->ids[0][5] = 11;
    run(other, &out, 1, false);
    assert_memory_equal(t->last[0], other->last[0], 5 * sizeof t->last[0][0]);
    assert_memory_not_equal(t->last[0][5], other->last[0][5], sizeof t->last[0][5]);
    assert_memory_not_equal(t->last[0][8], other->last[0][8], sizeof t->last[0][8]);
    assert_memory_equal(t->last[1], other->last[1], sizeof t->last[1]);
    trial_free(t);
    trial_free(other);
}

static void texts_of_a_batch_do_not_see_each_other(void **state)
{
    (void)state;
    trial *t = trial_run(&plain), *one = trial_new(&plain);
    atl_clip_output out = everything(one);
    one->n = 1;
    memcpy(one->ids[0], t->ids[1], sizeof t->ids[1]);
    run(one, &out, 1, false);
    assert_memory_equal(one->last[0], t->last[1], sizeof t->last[1]);
    assert_memory_equal(one->pooled[0], t->pooled[1], sizeof t->pooled[1]);
    trial_free(t);
    trial_free(one);
}

static void number_of_threads_changes_no_bit(void **state)
{
    (void)state;
    trial *t = trial_run(&plain), *other = trial_new(&plain);
    atl_clip_output out = everything(other);
    run(other, &out, 5, false);
    assert_memory_equal(t->hidden, other->hidden, sizeof t->hidden);
    assert_memory_equal(t->last, other->last, sizeof t->last);
    trial_free(t);
    trial_free(other);
}

static void what_is_not_asked_for_changes_nothing(void **state)
{
    (void)state;
    trial *t = trial_run(&plain), *other = trial_new(&plain);
    atl_clip_output out = {.skip_norm_layer = 1, .skipped = &other->skipped[0][0][0]};
    run(other, &out, 1, false);
    assert_memory_equal(t->skipped, other->skipped, sizeof t->skipped);
    out = (atl_clip_output){.hidden = {NULL, &other->hidden[1][0][0][0]}};
    run(other, &out, 1, false);
    assert_memory_equal(t->hidden[1], other->hidden[1], sizeof t->hidden[1]);
    out = (atl_clip_output){.pooled = &other->pooled[0][0]};
    run(other, &out, 1, false);
    assert_memory_equal(t->pooled, other->pooled, sizeof t->pooled);
    trial_free(t);
    trial_free(other);
}

static void last_is_the_normed_last_layer(void **state)
{
    (void)state;
    trial *t = trial_new(&plain);
    atl_clip_output out = everything(t);
    out.skip_norm_layer = N_LAYERS;
    run(t, &out, 1, false);
    assert_memory_equal(t->skipped, t->last, sizeof t->last);
    assert_memory_not_equal(t->hidden[N_LAYERS], t->last, sizeof t->last);
    trial_free(t);
}

static void old_configs_pool_at_the_first_of_the_highest_ids(void **state)
{
    (void)state;
    trial *t = trial_run(&plain); /* eos_token_id is 2, and a 2 stands in the second text before the end */
    assert_memory_equal(t->pooled[0], t->last[0][4], sizeof t->pooled[0]);
    assert_memory_equal(t->pooled[1], t->last[1][6], sizeof t->pooled[1]);
    trial_free(t);
}

static void new_configs_pool_at_the_first_end_token(void **state)
{
    (void)state;
    atl_clip_config config = plain;
    config.eos_token_id = 7;
    trial *t = trial_run(&config);
    assert_memory_equal(t->pooled[0], t->last[0][0], sizeof t->pooled[0]); /* there is none */
    assert_memory_equal(t->pooled[1], t->last[1][1], sizeof t->pooled[1]);
    trial_free(t);
}

static void pooled_is_projected_where_the_model_says_so(void **state)
{
    (void)state;
    atl_clip_config config = plain;
    config.with_projection = true;
    trial *t = trial_run(&config), *unprojected = trial_run(&plain);
    const float *pooled = &t->pooled[0][0];
    float second[PROJECTED];
    memcpy(second, pooled + PROJECTED, sizeof second);
    assert_memory_equal(t->last, unprojected->last, sizeof t->last);
    for (int i = 0; i < PROJECTED; i++)
        assert_true(isfinite(pooled[i]) && pooled[i] != 0 && second[i] != 0 && pooled[i] != second[i]);
    assert_true(pooled[2 * PROJECTED] == 0); /* two rows of five, and no more */
    trial_free(t);
    trial_free(unprojected);
}

static void measured_scratch_is_what_a_run_takes(void **state)
{
    (void)state;
    trial *t = trial_new(&plain);
    atl_clip_output out = everything(t);
    assert_int_equal(run(t, &out, 2, true), run(t, &out, 2, false));
    trial_free(t);
}

static void what_cannot_be_built_is_refused_by_name(void **state)
{
    (void)state;
    atl_note note = {0};
    atl_clip_config config = plain;
    config.n_heads = 5;
    assert_int_equal(net_refused(make, &config, &note), ATL_UNSUPPORTED);
    assert_non_null(strstr(note.text, "num_attention_heads"));
    config = plain;
    config.n_layers = ATL_MAX_TEXT_LAYERS + 1;
    assert_int_equal(net_refused(make, &config, &note), ATL_UNSUPPORTED);
    assert_non_null(strstr(note.text, "num_hidden_layers"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(walk_lists_the_tensors_of_transformers),
        cmocka_unit_test(a_later_token_changes_nothing_before_it),
        cmocka_unit_test(texts_of_a_batch_do_not_see_each_other),
        cmocka_unit_test(number_of_threads_changes_no_bit),
        cmocka_unit_test(what_is_not_asked_for_changes_nothing),
        cmocka_unit_test(last_is_the_normed_last_layer),
        cmocka_unit_test(old_configs_pool_at_the_first_of_the_highest_ids),
        cmocka_unit_test(new_configs_pool_at_the_first_end_token),
        cmocka_unit_test(pooled_is_projected_where_the_model_says_so),
        cmocka_unit_test(measured_scratch_is_what_a_run_takes),
        cmocka_unit_test(what_cannot_be_built_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
