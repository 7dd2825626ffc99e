/* The autoencoders' configs. */
#include "unit/engine/model/config_parts_fixture.h"

static void read_kl(atl_json *json, void *config)
{
    atl_config_read_vae_kl(json, config);
}

static void read_tiny(atl_json *json, void *config)
{
    atl_config_read_vae_tiny(json, config);
}

static void empty_configs_get_diffusers_defaults(void **state)
{
    (void)state;
    atl_vae_config c;
    atl_note note = {0};
    assert_ok(read_text(read_kl, "{}", &c, &note), &note);
    assert_int_equal(c.n_blocks, 1);
    assert_int_equal(c.block_out_channels[0], 64);
    assert_int_equal(c.layers_per_block, 1);
    assert_true(c.scaling_factor == 0.18215f && c.shift_factor == 0 && !c.has_latents_stats);
    assert_true(c.use_quant_conv && c.use_post_quant_conv && c.mid_block_add_attention);
    assert_int_equal(atl_vae_scale(&c), 1);
    assert_ok(read_text(read_tiny, "{}", &c, &note), &note);
    assert_int_equal(c.n_blocks, 4);
    assert_int_equal(c.num_encoder_blocks[0], 1);
    assert_int_equal(c.num_decoder_blocks[0], 3);
    assert_int_equal(c.act, ATL_ACT_RELU);
    assert_true(c.scaling_factor == 1 && c.latent_magnitude == 3 && c.latent_shift == 0.5f);
    assert_int_equal(atl_vae_scale(&c), 8);
}

#define TWO_BLOCKS                                                                                           \
    "\"block_out_channels\": [32, 64], \"down_block_types\": [\"DownEncoderBlock2D\", "                      \
    "\"DownEncoderBlock2D\"], "                                                                              \
    "\"up_block_types\": [\"UpDecoderBlock2D\", \"UpDecoderBlock2D\"]"

static void everything_that_is_said_is_read(void **state)
{
    (void)state;
    atl_vae_config c;
    atl_note note = {0};
    assert_ok(read_text(read_kl,
                        "{" TWO_BLOCKS
                        ", \"latent_channels\": 2, \"latents_mean\": [0.5, 1], \"latents_std\": [2, 3], "
                        "\"shift_factor\": 0.25, \"use_quant_conv\": false, \"use_post_quant_conv\": false, "
                        "\"mid_block_add_attention\": false, \"norm_num_groups\": 16, \"sample_size\": 64}",
                        &c, &note),
              &note);
    assert_int_equal(c.n_blocks, 2);
    assert_int_equal(atl_vae_scale(&c), 2);
    assert_true(c.has_latents_stats && c.latents_mean[1] == 1 && c.latents_std[0] == 2);
    assert_true(c.shift_factor == 0.25f);
    assert_false(c.use_quant_conv || c.use_post_quant_conv || c.mid_block_add_attention);
    assert_int_equal(c.sample_size, 64);
}

static void what_cannot_be_honoured_is_refused(void **state)
{
    (void)state;
    static const refusal kl[] = {
        {"{\"down_block_types\": [\"AttnDownEncoderBlock2D\"]}", ATL_UNSUPPORTED,
         "\"AttnDownEncoderBlock2D\"; supported is"},
        {"{\"block_out_channels\": [64, 64]}", ATL_BAD_INPUT,
         "\"down_block_types\" has 1 entries and \"block_out_channels\" 2"},
        {"{\"block_out_channels\": [65]}", ATL_BAD_INPUT, "does not divide"},
        {"{\"block_out_channels\": 64}", ATL_BAD_INPUT, "a list was wanted"},
        {"{\"latents_mean\": [0]}", ATL_BAD_INPUT, "one number a latent channel"},
        {"{\"scaling_factor\": 0}", ATL_BAD_INPUT, "above 0"},
        {"{\"scaling_factor\": \"x\"}", ATL_BAD_INPUT, "a number was wanted"},
        {"{\"act_fn\": \"elu\"}", ATL_UNSUPPORTED, "\"act_fn\" is \"elu\""},
        {"{\"use_quant_conv\": 1}", ATL_BAD_INPUT, "true or false"},
    };
    static const refusal tiny[] = {
        {"{\"upsample_fn\": \"bilinear\"}", ATL_UNSUPPORTED, "supported are \"nearest\""},
        {"{\"upsampling_scaling_factor\": 4}", ATL_UNSUPPORTED, "only 2 is supported"},
        {"{\"num_encoder_blocks\": [1, 3]}", ATL_BAD_INPUT, "has 4 entries and \"num_encoder_blocks\" 2"},
        {"{\"encoder_block_out_channels\": [64, 64, 64, 32]}", ATL_BAD_INPUT, "equal numbers"},
    };
    atl_vae_config c;
    assert_refusals(read_kl, &c, kl, sizeof kl / sizeof *kl);
    assert_refusals(read_tiny, &c, tiny, sizeof tiny / sizeof *tiny);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_configs_get_diffusers_defaults),
        cmocka_unit_test(everything_that_is_said_is_read),
        cmocka_unit_test(what_cannot_be_honoured_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
