/* Names that belong to nothing are refused, whatever numbers they carry. (Names that belong to something are
 * checked against diffusers' in weights_ldm_test.c.) */
#include "unit/engine/model/model_fixture.h"

#include "model/weights_table.h"

static const atl_unet_config two_blocks = {.n_blocks = 2, .layers_per_block = {1, 2}};

/* "" is wanted where the name is unknown. */
static void assert_unet(const char *ldm, const char *wanted)
{
    char out[ATL_MAX_TENSOR_NAME];
    const bool known = atl_name_ldm_unet(ldm, &two_blocks, out);
    if (strcmp(known ? out : "", wanted) != 0)
        fail_msg("%s became %s", ldm, known ? out : "nothing");
}

static void unet_blocks_of_unequal_layers_are_counted(void **state)
{
    (void)state;
    assert_unet("input_blocks.0.0.weight", "conv_in.weight");
    assert_unet("input_blocks.1.0.in_layers.0.bias", "down_blocks.0.resnets.0.norm1.bias");
    assert_unet("input_blocks.2.0.op.weight", "down_blocks.0.downsamplers.0.conv.weight");
    assert_unet("input_blocks.4.1.proj_in.weight", "down_blocks.1.attentions.1.proj_in.weight");
    assert_unet("output_blocks.2.2.conv.bias", "up_blocks.0.upsamplers.0.conv.bias");
    assert_unet("output_blocks.3.0.skip_connection.weight", "up_blocks.1.resnets.0.conv_shortcut.weight");
    assert_unet("middle_block.2.out_layers.3.weight", "mid_block.resnets.1.conv2.weight");
}

static void unet_names_out_of_range_are_unknown(void **state)
{
    (void)state;
    assert_unet("input_blocks.5.0.in_layers.0.bias", "");
    assert_unet("input_blocks.99999.0.in_layers.0.bias", "");
    assert_unet("input_blocks.-1.0.in_layers.0.bias", "");
    assert_unet("input_blocks.1.2.in_layers.0.bias", "");
    assert_unet("input_blocks.1.0.in_layers.7.bias", "");
    assert_unet("input_blocks.2.0.in_layers.0.bias", ""); /* a down-sampler is there */
    assert_unet("output_blocks.5.0.in_layers.0.bias", "");
    assert_unet("middle_block.3.in_layers.0.bias", "");
    assert_unet("label_emb.1.0.weight", "");
    assert_unet("", "");
}

static void vae_levels_count_from_the_other_end(void **state)
{
    (void)state;
    char out[ATL_MAX_TENSOR_NAME];
    assert_true(atl_name_ldm_vae("decoder.up.3.block.1.nin_shortcut.weight", 4, out));
    assert_string_equal(out, "decoder.up_blocks.0.resnets.1.conv_shortcut.weight");
    assert_true(atl_name_ldm_vae("encoder.down.0.downsample.conv.bias", 4, out));
    assert_string_equal(out, "encoder.down_blocks.0.downsamplers.0.conv.bias");
    assert_false(atl_name_ldm_vae("decoder.up.4.block.1.conv1.weight", 4, out));
    assert_false(atl_name_ldm_vae("decoder.up.x.block.1.conv1.weight", 4, out));
    assert_false(atl_name_ldm_vae("encoder.down.0.attn.0.q.weight", 4, out));
    assert_false(atl_name_ldm_vae("encoder.mid.block_0.conv1.weight", 4, out));
    assert_false(atl_name_ldm_vae("loss.logvar", 4, out));
}

static void names_that_are_too_long_are_unknown(void **state)
{
    (void)state;
    char ldm[2 * ATL_MAX_TENSOR_NAME], out[ATL_MAX_TENSOR_NAME];
    memset(ldm, 'x', sizeof ldm);
    ldm[sizeof ldm - 1] = '\0';
    memcpy(ldm, "time_embed.0.", 13);
    assert_false(atl_name_ldm_unet(ldm, &two_blocks, out));
    memcpy(ldm, "ln_final.xxxx", 13);
    assert_false(atl_name_open_clip(ldm, out));
    memcpy(ldm, "quant_conv.xx", 13);
    assert_false(atl_name_ldm_vae(ldm, 4, out));
    assert_false(atl_name_vae_attention(ldm, out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unet_blocks_of_unequal_layers_are_counted),
        cmocka_unit_test(unet_names_out_of_range_are_unknown),
        cmocka_unit_test(vae_levels_count_from_the_other_end),
        cmocka_unit_test(names_that_are_too_long_are_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
