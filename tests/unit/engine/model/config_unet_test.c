/* UNet2DConditionModel's config: defaults, what is honoured, and what is refused by name. */
#include "unit/engine/model/model_fixture.h"

#include "model/config_json.h"

static atl_status read_unet(const char *text, atl_unet_config *config, atl_note *note)
{
    char *copy = strdup(text);
    atl_json json;
    atl_json_open_bytes(&json, "unet/config.json", copy, strlen(copy), note);
    if (json.status == ATL_OK)
        atl_config_read_unet(&json, config);
    free(copy);
    return atl_json_close(&json, NULL);
}

static atl_unet_config unet_of(const char *text)
{
    atl_unet_config config;
    atl_note note = {0};
    assert_ok(read_unet(text, &config, &note), &note);
    return config;
}

static void assert_refused(const char *text, atl_status status, const char *key, const char *phrase)
{
    atl_unet_config config;
    atl_note note = {0};
    char quoted[128];
    snprintf(quoted, sizeof quoted, "unet/config.json: \"%s\"", key);
    const atl_status st = read_unet(text, &config, &note);
    if (st != status)
        fail_msg("%s: status %d, not %d (%s)", text, (int)st, (int)status, note.text);
    assert_note(&note, quoted);
    assert_note(&note, phrase);
}

static void empty_config_gets_diffusers_defaults(void **state)
{
    (void)state;
    const atl_unet_config c = unet_of("{}");
    assert_int_equal(c.n_blocks, 4);
    assert_int_equal(c.block_out_channels[3], 1280);
    assert_int_equal(c.down[2], ATL_BLOCK_CROSS_ATTN);
    assert_int_equal(c.down[3], ATL_BLOCK_PLAIN);
    assert_int_equal(c.up[0], ATL_BLOCK_PLAIN);
    assert_int_equal(c.up[1], ATL_BLOCK_CROSS_ATTN);
    assert_int_equal(c.mid, ATL_MID_CROSS_ATTN);
    assert_int_equal(c.layers_per_block[1], 2);
    assert_int_equal(c.cross_attention_dim[0], 1280);
    assert_int_equal(c.n_heads[0], 8);
    assert_int_equal(c.transformer_layers[0], 1);
    assert_int_equal(c.norm_num_groups, 32);
    assert_true(c.norm_eps == 1e-5f);
    assert_true(c.flip_sin_to_cos && !c.use_linear_projection && !c.center_input_sample);
    assert_int_equal(c.time_embed_dim, 1280);
    assert_int_equal(c.time_embed_act, ATL_ACT_SILU);
    assert_int_equal(c.time_embedding_act, ATL_ACT_NONE);
    assert_int_equal(c.time_cond_proj_dim, 0);
    assert_int_equal(c.conv_in_kernel, 3);
    assert_int_equal(c.downsample_padding, 1);
    assert_int_equal(c.sample_h, 0);
    assert_true(c.mid_block_scale_factor == 1 && c.resnet_out_scale_factor == 1);
}

static void single_numbers_are_spread_over_blocks(void **state)
{
    (void)state;
    const atl_unet_config c =
        unet_of("{\"layers_per_block\": 3, \"cross_attention_dim\": 7, \"attention_head_dim\": 4, "
                "\"transformer_layers_per_block\": 2, \"only_cross_attention\": true, \"sample_size\": 96}");
    for (int i = 0; i < 4; i++) {
        assert_int_equal(c.layers_per_block[i], 3);
        assert_int_equal(c.cross_attention_dim[i], 7);
        assert_int_equal(c.n_heads[i], 4);
        assert_int_equal(c.transformer_layers[i], 2);
        assert_int_equal(c.up_transformer_layers[i], 2);
        assert_true(c.only_cross_attention[i]);
    }
    assert_int_equal(c.sample_h, 96);
    assert_int_equal(c.sample_w, 96);
}

static void lists_are_taken_block_by_block(void **state)
{
    (void)state;
    const atl_unet_config c = unet_of("{\"block_out_channels\": [32, 64, 96], \"down_block_types\": "
                                      "[\"DownBlock2D\", \"CrossAttnDownBlock2D\", "
                                      "\"CrossAttnDownBlock2D\"], \"up_block_types\": "
                                      "[\"CrossAttnUpBlock2D\", \"CrossAttnUpBlock2D\", \"UpBlock2D\"], "
                                      "\"attention_head_dim\": [1, 2, 3], \"transformer_layers_per_block\": "
                                      "[0, 2, 10], \"layers_per_block\": [1, 2, 3], "
                                      "\"cross_attention_dim\": [5, 6, 7], \"sample_size\": [8, 12], "
                                      "\"only_cross_attention\": [false, true, false]}");
    assert_int_equal(c.n_blocks, 3);
    assert_int_equal(c.down[0], ATL_BLOCK_PLAIN);
    assert_int_equal(c.up[2], ATL_BLOCK_PLAIN);
    assert_int_equal(c.n_heads[2], 3);
    assert_int_equal(c.transformer_layers[2], 10);
    assert_int_equal(c.up_transformer_layers[0], 10); /* reversed */
    assert_int_equal(c.up_transformer_layers[1], 2);
    assert_int_equal(c.layers_per_block[2], 3);
    assert_int_equal(c.cross_attention_dim[1], 6);
    assert_int_equal(c.sample_h, 8);
    assert_int_equal(c.sample_w, 12);
    assert_true(c.only_cross_attention[1] && !c.only_cross_attention[0]);
}

static void missing_mid_block_is_told_from_null(void **state)
{
    (void)state;
    assert_int_equal(unet_of("{\"mid_block_type\": null}").mid, ATL_MID_NONE);
    assert_int_equal(unet_of("{\"mid_block_type\": \"UNetMidBlock2D\"}").mid, ATL_MID_PLAIN);
}

static void layers_of_one_block_may_be_listed_if_they_agree(void **state)
{
    (void)state;
    const char *agreeing = "{\"transformer_layers_per_block\": [1, [2, 2], [4, 4], 1], "
                           "\"reverse_transformer_layers_per_block\": [1, [4, 4, 4], [2, 2, 2], 3]}";
    const atl_unet_config c = unet_of(agreeing);
    assert_int_equal(c.transformer_layers[2], 4);
    assert_int_equal(c.up_transformer_layers[1], 4);
    assert_int_equal(c.up_transformer_layers[3], 3);
    assert_refused("{\"transformer_layers_per_block\": [1, [2, 1], 4, 1]}", ATL_UNSUPPORTED,
                   "transformer_layers_per_block", "only if its entries agree");
}

static void conditions_of_sdxl_and_lcm_are_read(void **state)
{
    (void)state;
    const atl_unet_config c = unet_of(
        "{\"addition_embed_type\": \"text_time\", \"addition_time_embed_dim\": 256, "
        "\"projection_class_embeddings_input_dim\": 2816, \"time_cond_proj_dim\": 256, \"encoder_hid_dim\": "
        "9, "
        "\"time_embedding_dim\": 50, \"time_embedding_act_fn\": \"SiLU\", \"timestep_post_act\": \"mish\", "
        "\"act_fn\": \"gelu\", \"resnet_time_scale_shift\": \"scale_shift\"}");
    assert_true(c.addition_text_time && c.scale_shift_norm);
    assert_int_equal(c.addition_time_embed_dim, 256);
    assert_int_equal(c.projection_class_embeddings_input_dim, 2816);
    assert_int_equal(c.time_cond_proj_dim, 256);
    assert_int_equal(c.encoder_hid_dim, 9);
    assert_int_equal(c.time_embed_dim, 50);
    assert_int_equal(c.time_embedding_act, ATL_ACT_SILU);
    assert_int_equal(c.timestep_post_act, ATL_ACT_MISH);
    assert_int_equal(c.act, ATL_ACT_GELU);
    assert_int_equal(c.time_embed_act, ATL_ACT_GELU);
}

/* diffusers hands these to no block type that is supported: they change nothing. */
static void idle_parameters_change_nothing(void **state)
{
    (void)state;
    const atl_unet_config plain = unet_of("{}");
    const atl_unet_config c =
        unet_of("{\"resnet_skip_time_act\": true, \"resnet_out_scale_factor\": 2.0, \"dropout\": 0.1, "
                "\"mid_block_only_cross_attention\": true, \"cross_attention_norm\": \"layer_norm\"}");
    assert_memory_equal(&plain, &c, sizeof c);
}

/* As SDXL's published file has them. */
static void null_counts_as_false(void **state)
{
    (void)state;
    const atl_unet_config plain = unet_of("{}");
    const atl_unet_config c =
        unet_of("{\"upcast_attention\": null, \"mid_block_only_cross_attention\": null, "
                "\"cross_attention_norm\": null, "
                "\"class_embed_type\": null, \"num_attention_heads\": null, \"encoder_hid_dim_type\": null, "
                "\"reverse_transformer_layers_per_block\": null, \"time_embedding_dim\": null, "
                "\"timestep_post_act\": null, \"time_cond_proj_dim\": null, \"addition_embed_type\": null}");
    assert_memory_equal(&plain, &c, sizeof c);
    assert_false(unet_of("{\"flip_sin_to_cos\": null}").flip_sin_to_cos);
}

static void values_that_are_not_honoured_are_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *key, *value, *phrase;
    } cases[] = {
        {"down_block_types", "[\"AttnDownBlock2D\"]",
         "has \"AttnDownBlock2D\"; supported are \"DownBlock2D\""},
        {"up_block_types", "[\"SimpleCrossAttnUpBlock2D\"]", "has \"SimpleCrossAttnUpBlock2D\""},
        {"mid_block_type", "\"UNetMidBlock2DSimpleCrossAttn\"", "supported are \"UNetMidBlock2DCrossAttn\""},
        {"act_fn", "\"snake\"", "is \"snake\"; supported are \"silu\""},
        {"dual_cross_attention", "true", "only false is supported"},
        {"class_embed_type", "\"timestep\"", "only null is supported"},
        {"num_class_embeds", "1000", "is 1000; only null"},
        {"addition_embed_type", "\"image\"", "supported are \"text_time\""},
        {"encoder_hid_dim_type", "\"image_proj\"", "supported are \"text_proj\""},
        {"resnet_time_scale_shift", "\"ada_group\"", "supported are \"default\", \"scale_shift\""},
        {"time_embedding_type", "\"fourier\"", "supported are \"positional\""},
        {"time_embedding_act_fn", "\"tanh\"", "is \"tanh\""},
        {"conv_in_kernel", "5", "1 and 3 are supported"},
        {"conv_out_kernel", "7", "1 and 3 are supported"},
        {"downsample_padding", "2", "0 and 1 are supported"},
        {"attention_type", "\"gated\"", "supported are \"default\""},
        {"class_embeddings_concat", "true", "only false is supported"},
        {"num_attention_heads", "8", "only null is supported"},
        {"norm_num_groups", "null", "a number of groups is supported"},
        {"attention_head_dim", "7", "gives 7 heads, which do not divide"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[256];
        snprintf(text, sizeof text, "{\"%s\": %s}", cases[i].key, cases[i].value);
        assert_refused(text, ATL_UNSUPPORTED, cases[i].key, cases[i].phrase);
    }
}

static void wrong_types_and_lengths_are_bad_input(void **state)
{
    (void)state;
    static const struct {
        const char *key, *value, *phrase;
    } cases[] = {
        {"in_channels", "\"4\"", "is \"4\"; a whole number from 1"},
        {"in_channels", "4.5", "a whole number"},
        {"in_channels", "0", "a whole number from 1"},
        {"in_channels", "null", "a whole number"},
        {"flip_sin_to_cos", "1", "true or false was wanted"},
        {"freq_shift", "\"0\"", "a number was wanted"},
        {"norm_eps", "true", "a number was wanted"},
        {"act_fn", "null", "the name of an activation"},
        {"layers_per_block", "[2, 2]", "one entry a block (4)"},
        {"attention_head_dim", "[8, null, 8, 8]", "a whole number"},
        {"cross_attention_dim", "{}", "a whole number"},
        {"only_cross_attention", "[true]", "one entry a block"},
        {"only_cross_attention", "0", "true or false"},
        {"down_block_types", "\"DownBlock2D\"", "a list"},
        {"down_block_types", "[1]", "a list of block types"},
        {"block_out_channels", "[320, 640]", "has 2 entries and \"down_block_types\" 4"},
        {"up_block_types", "[\"UpBlock2D\"]", "has 1 entries and \"down_block_types\" 4"},
        {"block_out_channels", "[320, 640, 1280, 1281]",
         "has 1281, which \"norm_num_groups\" (32) does not divide"},
        {"sample_size", "[1, 2, 3]", "[height, width]"},
        {"mid_block_scale_factor", "0", "other than 0"},
        {"transformer_layers_per_block", "[1, 2]", "one entry a block"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[256];
        snprintf(text, sizeof text, "{\"%s\": %s}", cases[i].key, cases[i].value);
        assert_refused(text, ATL_BAD_INPUT, cases[i].key, cases[i].phrase);
    }
    assert_refused("{\"addition_embed_type\": \"text_time\"}", ATL_BAD_INPUT, "addition_time_embed_dim",
                   "is missing; \"text_time\" needs it");
    assert_refused("{\"encoder_hid_dim_type\": \"text_proj\"}", ATL_BAD_INPUT, "encoder_hid_dim", "needs it");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_config_gets_diffusers_defaults),
        cmocka_unit_test(single_numbers_are_spread_over_blocks),
        cmocka_unit_test(lists_are_taken_block_by_block),
        cmocka_unit_test(missing_mid_block_is_told_from_null),
        cmocka_unit_test(layers_of_one_block_may_be_listed_if_they_agree),
        cmocka_unit_test(conditions_of_sdxl_and_lcm_are_read),
        cmocka_unit_test(idle_parameters_change_nothing),
        cmocka_unit_test(null_counts_as_false),
        cmocka_unit_test(values_that_are_not_honoured_are_refused_by_name),
        cmocka_unit_test(wrong_types_and_lengths_are_bad_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
