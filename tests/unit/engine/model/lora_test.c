#include "unit/engine/model/model_fixture.h"

#include <math.h>

#include "base/sizes.h"
#include "model/lora.h"

/* Two attention projections, a convolution and a text encoder's layer. */
static const atl_unet_config unet = {.n_blocks = 2, .layers_per_block = {2, 2}};

static void add(atl_lora_modules *modules, atl_component component, const char *name, int n_in, int n_out,
                int kernel)
{
    atl_lora_modules_add(modules, &(atl_layer_site){.component = component,
                                                    .name = name,
                                                    .n_in = n_in,
                                                    .n_out = n_out,
                                                    .kernel = kernel,
                                                    .stride = 1,
                                                    .n_out_all = n_out});
}

#define TO_Q   "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"
#define TO_OUT "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_out.0"

static atl_lora_modules small_modules(void)
{
    atl_lora_modules modules = {.unet = &unet};
    add(&modules, ATL_TEXT_ENCODER, "text_model.encoder.layers.0.self_attn.q_proj", 4, 4, 1);
    add(&modules, ATL_UNET, TO_Q, 6, 8, 1);
    add(&modules, ATL_UNET, TO_OUT, 8, 6, 1);
    add(&modules, ATL_UNET, "down_blocks.1.resnets.0.conv1", 6, 8, 3);
    add(&modules, ATL_UNET, "down_blocks.0.downsamplers.0.conv", 6, 6, 3);
    add(&modules, ATL_TEXT_ENCODER_2, "text_projection", 4, 4, 1);
    assert_false(modules.failed);
    return modules;
}

static void finds(const char *key, size_t module, atl_lora_role role)
{
    atl_lora_modules modules = small_modules();
    size_t found = 99;
    atl_lora_role is = ATL_LORA_N_ROLES;
    if (!atl_lora_modules_find(&modules, key, &found, &is))
        fail_msg("%s is not found", key);
    assert_int_equal(found, module);
    assert_int_equal(is, role);
    atl_lora_modules_done(&modules);
}

static void keys_of_every_style_find_their_layer(void **state)
{
    (void)state;
    finds("lora_te_text_model_encoder_layers_0_self_attn_q_proj.lora_down.weight", 0, ATL_LORA_DOWN);
    finds("lora_te1_text_model_encoder_layers_0_self_attn_q_proj.alpha", 0, ATL_LORA_ALPHA);
    finds("text_encoder.text_model.encoder.layers.0.self_attn.q_proj.lora_B.weight", 0, ATL_LORA_UP);
    finds("text_encoder.encoder.layers.0.self_attn.q_proj.lora_A.weight", 0, ATL_LORA_DOWN);
    finds("text_encoder.text_model.encoder.layers.0.self_attn.to_q_lora.down.weight", 0, ATL_LORA_DOWN);
    finds("text_encoder.text_model.encoder.layers.0.self_attn.q_proj.lora_linear_layer.up.weight", 0,
          ATL_LORA_UP);
    finds("lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_q.lora_up.weight", 1,
          ATL_LORA_UP);
    finds("lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q.lora_up.weight", 1, ATL_LORA_UP);
    finds("unet." TO_Q ".lora_A.weight", 1, ATL_LORA_DOWN);
    finds("base_model.model.unet." TO_Q ".lora_A.default.weight", 1, ATL_LORA_DOWN);
    finds("unet." TO_Q ".lora.down.weight", 1, ATL_LORA_DOWN);
    finds("down_blocks.1.attentions.0.transformer_blocks.0.attn1.processor.to_out_lora.up.weight", 2,
          ATL_LORA_UP);
    finds("lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_out_0.alpha", 2, ATL_LORA_ALPHA);
    finds("lora_unet_input_blocks_4_0_in_layers_2.lora_down.weight", 3, ATL_LORA_DOWN);
    finds("lora_unet_input_blocks_3_0_op.lora_down.weight", 4, ATL_LORA_DOWN);
    finds("lora_te2_text_projection.lora_down.weight", 5, ATL_LORA_DOWN);
}

static void keys_of_nothing_here_are_not_found(void **state)
{
    (void)state;
    static const char *const keys[] = {
        "",
        ".alpha",
        "lora_unet_",
        "lora_unet_.lora_up.weight",
        "lora_unet_input_blocks_.lora_up.weight",
        "lora_unet_input_blocks_4_.lora_up.weight",
        "lora_unet_input_blocks_99999_1_proj_in.lora_up.weight",
        "lora_unet_middle_block_1_proj_in.lora_up.weight",
        "unet." TO_Q ".weight",
        "unet." TO_Q ".lora_magnitude_vector.weight",
        "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_q.hada_w1_a",
        "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_q.dora_scale",
        "lora_unet_down_blocks_1_resnets_0_conv1.lora_mid.weight",
        "lora_te2_text_model_encoder_layers_0_self_attn_q_proj.lora_up.weight",
    };
    atl_lora_modules modules = small_modules();
    size_t module;
    atl_lora_role role;
    for (size_t i = 0; i < ATL_COUNT(keys); i++)
        if (atl_lora_modules_find(&modules, keys[i], &module, &role))
            fail_msg("%s is found", keys[i]);
    atl_lora_modules_done(&modules);
}

/* ---- files ---- */

#define DOWN                                                                                                 \
    {                                                                                                        \
        "unet." TO_Q ".lora_A.weight", 2,                                                                    \
        {                                                                                                    \
            3, 6                                                                                             \
        }                                                                                                    \
    }
#define UP                                                                                                   \
    {                                                                                                        \
        "unet." TO_Q ".lora_B.weight", 2,                                                                    \
        {                                                                                                    \
            8, 3                                                                                             \
        }                                                                                                    \
    }

static atl_status open_with(st_named *tensors, size_t n, atl_lora **ret, atl_note *note)
{
    char *folder = folder_make();
    atl_lora_modules modules = small_modules();
    st_write(in_folder(folder, "x.safetensors"), tensors, n);
    const atl_status st = atl_lora_open(in_folder(folder, "x.safetensors"), &modules, ret, note);
    atl_lora_modules_done(&modules);
    folder_remove(folder);
    return st;
}

static void a_pair_is_read_with_its_rank_and_factor(void **state)
{
    (void)state;
    atl_note note = {0};
    atl_lora *lora = NULL;
    st_named tensors[] = {DOWN,
                          UP,
                          {"unet." TO_Q ".alpha", 0, {0}},
                          {"lora_unet_down_blocks_1_resnets_0_conv1.lora_down.weight", 4, {2, 6, 3, 3}},
                          {"lora_unet_down_blocks_1_resnets_0_conv1.lora_up.weight", 4, {8, 2, 1, 1}}};
    assert_ok(open_with(tensors, ATL_COUNT(tensors), &lora, &note), &note);
    assert_int_equal(lora->n_pairs, 2);
    assert_int_equal(lora->pairs[1].rank, 3);
    assert_true(lora->pairs[1].factor == st_value("unet." TO_Q ".alpha", 0) / 3.0f);
    assert_int_equal(lora->pairs[3].rank, 2);
    assert_true(lora->pairs[3].factor == 1.0f); /* without an alpha */
    assert_null(lora->pairs[0].down);
    atl_lora_close(&lora);
}

static void refuses(st_named *tensors, size_t n, atl_status status, const char *name, const char *why)
{
    atl_note note = {0};
    atl_lora *lora = NULL;
    assert_int_equal(open_with(tensors, n, &lora, &note), status);
    assert_note(&note, name);
    assert_note(&note, why);
    assert_null(lora);
}

static void what_cannot_be_applied_is_refused_by_name(void **state)
{
    (void)state;
    st_named unknown[] = {DOWN, UP, {"unet.elsewhere.lora_A.weight", 2, {3, 6}}};
    refuses(unknown, 3, ATL_UNSUPPORTED, "unet.elsewhere.lora_A.weight", "no layer of this model");
    st_named half[] = {DOWN};
    refuses(half, 1, ATL_BAD_INPUT, TO_Q ".lora_A.weight", "the other tensors");
    st_named alone[] = {{"unet." TO_Q ".alpha", 0, {0}}};
    refuses(alone, 1, ATL_BAD_INPUT, TO_Q ".alpha", "the other tensors");
    st_named twice[] = {DOWN, UP, {"unet." TO_Q ".lora.down.weight", 2, {3, 6}}};
    refuses(twice, 3, ATL_BAD_INPUT, TO_Q, "already");
    st_named narrow[] = {{"unet." TO_Q ".lora_A.weight", 2, {3, 5}}, UP};
    refuses(narrow, 2, ATL_BAD_INPUT, "3 x 5", "wanted 3 x 6");
    st_named other_rank[] = {DOWN, {"unet." TO_Q ".lora_B.weight", 2, {8, 4}}};
    refuses(other_rank, 2, ATL_BAD_INPUT, "8 x 4", "wanted 8 x 3");
    st_named flat[] = {{"lora_unet_down_blocks_1_resnets_0_conv1.lora_down.weight", 2, {2, 6}},
                       {"lora_unet_down_blocks_1_resnets_0_conv1.lora_up.weight", 2, {8, 2}}};
    refuses(flat, 2, ATL_BAD_INPUT, "conv1.lora_down", "2 x 6 x 3 x 3");
    st_named alphas[] = {DOWN, UP, {"unet." TO_Q ".alpha", 1, {2}}};
    refuses(alphas, 3, ATL_BAD_INPUT, ".alpha", "found 2 numbers");
    refuses(NULL, 0, ATL_BAD_INPUT, "x.safetensors", "nothing in it");
}

static void assert_factor(const char *json, float wanted)
{
    static const float numbers[24];
    char *folder = folder_make();
    atl_lora_modules modules = small_modules();
    atl_note note = {0};
    atl_lora *lora = NULL;
    atl_st_writer *writer;
    assert_ok(atl_st_writer_open(&writer, &note), &note);
    atl_st_writer_add(writer, "unet." TO_Q ".lora_A.weight", ATL_ST_F32, 2, (size_t[]){3, 6}, numbers);
    atl_st_writer_add(writer, "unet." TO_Q ".lora_B.weight", ATL_ST_F32, 2, (size_t[]){8, 3}, numbers);
    atl_st_writer_metadata(writer, "lora_adapter_metadata", json);
    assert_ok(atl_st_writer_write(writer, in_folder(folder, "x.safetensors"), &note), &note);
    atl_st_writer_close(&writer);
    const atl_status st = atl_lora_open(in_folder(folder, "x.safetensors"), &modules, &lora, &note);
    if (isnan(wanted)) {
        assert_int_equal(st, ATL_BAD_INPUT);
        assert_note(&note, "lora_adapter_metadata");
    } else {
        assert_ok(st, &note);
        assert_true(fabsf(lora->pairs[1].factor - wanted) < 1e-6f);
    }
    atl_lora_close(&lora);
    atl_lora_modules_done(&modules);
    folder_remove(folder);
}

static void the_metadata_of_peft_say_the_alpha(void **state)
{
    (void)state;
    assert_factor("{}", 1.0f);
    assert_factor("{\"unet.lora_alpha\": 6, \"text_encoder.lora_alpha\": 30}", 2.0f);
    assert_factor("{\"unet.lora_alpha\": 6, \"unet.use_rslora\": true}", 6.0f / sqrtf(3.0f));
    assert_factor("{\"unet.lora_alpha\": 6, \"unet.alpha_pattern\": {\"attn1.to_q\": 12, \"o_q\": 18}}",
                  4.0f);
    assert_factor("{\"unet.lora_alpha\": 6, \"unet.alpha_pattern\": {\"" TO_Q "\": 3}}", 1.0f);
    assert_factor("[1]", NAN);
    assert_factor("{", NAN);
}

/* What a trainer left in the metadata is of the tensors that it wrote. */
static void the_hash_is_of_the_tensors_themselves(void **state)
{
    (void)state;
    static const char left[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    char hashes[2][ATL_LORA_HASH + 1];
    float numbers[24] = {0};
    char *folder = folder_make();
    atl_lora_modules modules = small_modules();
    for (int i = 0; i < 2; i++) {
        atl_note note = {0};
        atl_lora *lora = NULL;
        atl_st_writer *writer;
        numbers[5] = (float)i;
        assert_ok(atl_st_writer_open(&writer, &note), &note);
        atl_st_writer_add(writer, "unet." TO_Q ".lora_A.weight", ATL_ST_F32, 2, (size_t[]){3, 6}, numbers);
        atl_st_writer_add(writer, "unet." TO_Q ".lora_B.weight", ATL_ST_F32, 2, (size_t[]){8, 3}, numbers);
        atl_st_writer_metadata(writer, "sshs_model_hash", left);
        assert_ok(atl_st_writer_write(writer, in_folder(folder, "x.safetensors"), &note), &note);
        atl_st_writer_close(&writer);
        assert_ok(atl_lora_open(in_folder(folder, "x.safetensors"), &modules, &lora, &note), &note);
        memcpy(hashes[i], lora->hash, sizeof hashes[i]);
        assert_int_equal(strspn(hashes[i], "0123456789abcdef"), ATL_LORA_HASH);
        atl_lora_close(&lora);
    }
    assert_string_not_equal(hashes[0], hashes[1]);
    atl_lora_modules_done(&modules);
    folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_of_every_style_find_their_layer),
        cmocka_unit_test(keys_of_nothing_here_are_not_found),
        cmocka_unit_test(a_pair_is_read_with_its_rank_and_factor),
        cmocka_unit_test(what_cannot_be_applied_is_refused_by_name),
        cmocka_unit_test(the_metadata_of_peft_say_the_alpha),
        cmocka_unit_test(the_hash_is_of_the_tensors_themselves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
