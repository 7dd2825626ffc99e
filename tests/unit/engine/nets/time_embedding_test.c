/* time_embedding_test.c - what the denoiser is told besides picture and text. */
#include "nets_fixture.h"

#include "nets/time_embedding.h"

#define DIM 16

static const atl_unet_config base = {
    .flip_sin_to_cos = true,
    .n_blocks = 1,
    .block_out_channels = {8},
    .act = ATL_ACT_SILU,
    .time_embed_dim = DIM,
    .time_embed_act = ATL_ACT_SILU,
};

static void *make(atl_loader *loader, const void *config)
{
    atl_time_embedding *embedding = calloc(1, sizeof *embedding);
    assert_non_null(embedding);
    atl_time_embedding_load(loader, embedding, config);
    return embedding;
}

/* out[rows][DIM] of one config and input; the caller frees it. */
static float *embed(const atl_unet_config *config, const atl_unet_input *in, int rows)
{
    size_t bytes;
    fixture f;
    free(net_listed(make, config, NULL, &bytes));
    atl_store store = noise_store(bytes);
    atl_time_embedding *embedding = net_bound(make, config, &store);
    atl_map out = numbers_map(rows, 1, 1, DIM, 1);
    fixture_init(&f, atl_cpu_flags(), 1);
    atl_time_embedding_run(embedding, config, &f.bench, in, &out);
    fixture_done(&f);
    free(embedding);
    atl_store_close(&store);
    assert_alive(&out);
    return out.data;
}

static bool equal(const float *a, const float *b)
{
    return memcmp(a, b, DIM * sizeof *a) == 0;
}

static void timestep_alone_is_the_same_for_every_picture(void **state)
{
    (void)state;
    atl_unet_config lcm = base, sdxl = base;
    float cond[4] = {0};
    atl_unet_input none = {.timestep = 1}, with = {.timestep = 1, .timestep_cond = cond};
    lcm.time_cond_proj_dim = 4;
    sdxl.addition_text_time = true;
    assert_false(atl_time_embedding_per_picture(&base, &none));
    assert_false(atl_time_embedding_per_picture(&base, &with));
    assert_false(atl_time_embedding_per_picture(&lcm, &none));
    assert_true(atl_time_embedding_per_picture(&lcm, &with));
    assert_true(atl_time_embedding_per_picture(&sdxl, &none));
}

static void each_timestep_has_its_own_embedding(void **state)
{
    (void)state;
    float *a = embed(&base, &(atl_unet_input){.timestep = 999}, 2);
    float *b = embed(&base, &(atl_unet_input){.timestep = 998.5f}, 1);
    assert_true(equal(a, a + DIM));
    assert_false(equal(a, b));
    free(a);
    free(b);
}

static void each_activation_of_the_config_is_heeded(void **state)
{
    (void)state;
    atl_unet_config configs[4] = {base, base, base, base};
    float *out[4];
    configs[1].timestep_post_act = ATL_ACT_MISH;
    configs[2].time_embedding_act = ATL_ACT_GELU;
    configs[3].act = ATL_ACT_GELU;
    for (int i = 0; i < 4; i++)
        out[i] = embed(&configs[i], &(atl_unet_input){.timestep = 500}, 1);
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < i; j++)
            assert_false(equal(out[i], out[j]));
    for (int i = 0; i < 4; i++)
        free(out[i]);
}

static void text_and_every_size_are_heard(void **state)
{
    (void)state;
    atl_unet_config config = base;
    float text[2][3] = {{1, 2, 3}, {1, 2, 3}}, ids[2][6] = {{512, 512, 0, 0, 512, 512}};
    atl_unet_input in = {.timestep = 500, .text_embeds = text[0], .time_ids = ids[0]};
    config.addition_text_time = true;
    config.addition_time_embed_dim = 4;
    config.projection_class_embeddings_input_dim = 3 + 6 * 4;
    for (int changed = -1; changed < 7; changed++) {
        memcpy(ids[1], ids[0], sizeof ids[0]);
        text[1][2] = changed == 6 ? 4 : 3;
        if (changed >= 0 && changed < 6)
            ids[1][changed] += 64;
        float *out = embed(&config, &in, 2);
        assert_int_equal(equal(out, out + DIM), changed < 0);
        free(out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timestep_alone_is_the_same_for_every_picture),
        cmocka_unit_test(each_timestep_has_its_own_embedding),
        cmocka_unit_test(each_activation_of_the_config_is_heeded),
        cmocka_unit_test(text_and_every_size_are_heard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
