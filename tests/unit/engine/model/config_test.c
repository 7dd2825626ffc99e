/* The checkpoint as a whole: model_index.json, and whether the parts fit together. */
#include <math.h>

#include "unit/engine/model/small_model_fixture.h"

static atl_status read_with(const char *file, const char *text, atl_model_config *config, atl_note *note)
{
    char *folder = folder_make();
    small_configs(folder);
    if (file)
        put_file(folder, file, text);
    const atl_status st = atl_model_config_read(folder, config, note);
    folder_remove(folder);
    return st;
}

static void assert_refused(const char *file, const char *text, atl_status status, const char *phrase)
{
    atl_model_config config;
    atl_note note = {0};
    const atl_status st = read_with(file, text, &config, &note);
    if (st != status)
        fail_msg("%s: status %d, not %d (%s)", file, (int)st, (int)status, note.text);
    assert_note(&note, file);
    assert_note(&note, phrase);
}

static void plain_directory_is_read(void **state)
{
    (void)state;
    atl_model_config c;
    atl_note note = {0};
    assert_ok(read_with(NULL, NULL, &c, &note), &note);
    assert_int_equal(c.n_text_encoders, 1);
    assert_false(c.two_encoder_pipeline || c.single_file || c.force_zeros_for_empty_prompt);
    assert_int_equal(c.unet.block_out_channels[1], 16);
    assert_int_equal(c.vae.kind, ATL_VAE_KL);
    assert_int_equal(c.text[0].hidden_size, 12);
    assert_string_equal(c.tokenizer[0].pad, "<|endoftext|>");
    assert_string_equal(c.scheduler.class_name, "DDIMScheduler");
    assert_int_equal(c.default_steps, 0);
    assert_true(isnan(c.default_guidance_scale));
    assert_ok(atl_model_config_check(&c, &note), &note);
    atl_model_config_done(&c);
}

#define PARTS(pipeline, unet, vae, text, scheduler, more)                                                    \
    "{\"_class_name\": \"" pipeline "\", \"unet\": [\"diffusers\", \"" unet                                  \
    "\"], \"vae\": [\"diffusers\", \"" vae "\"], \"text_encoder\": [\"transformers\", \"" text               \
    "\"], \"tokenizer\": [\"transformers\", \"CLIPTokenizer\"], "                                            \
    "\"scheduler\": [\"diffusers\", \"" scheduler "\"]" more "}"
#define SECOND                                                                                               \
    ", \"text_encoder_2\": [\"transformers\", \"CLIPTextModelWithProjection\"], \"tokenizer_2\": "           \
    "[\"transformers\", "                                                                                    \
    "\"CLIPTokenizer\"]"

static void index_decides_classes(void **state)
{
    (void)state;
    atl_model_config c;
    atl_note note = {0};
    char *folder = folder_make();
    small_configs(folder);
    put_file(folder, "text_encoder_2/config.json", SMALL_TEXT);
    put_file(folder, "vae/config.json", "{}");
    put_file(folder, "model_index.json",
             PARTS("StableDiffusionXLPipeline", "UNet2DConditionModel", "AutoencoderTiny", "CLIPTextModel",
                   "LCMScheduler", SECOND ", \"force_zeros_for_empty_prompt\": false"));
    assert_ok(atl_model_config_read(folder, &c, &note), &note);
    assert_int_equal(c.n_text_encoders, 2);
    assert_true(c.two_encoder_pipeline && c.text[1].with_projection && !c.text[0].with_projection);
    assert_false(c.force_zeros_for_empty_prompt);
    assert_int_equal(c.vae.kind, ATL_VAE_TINY);
    assert_string_equal(c.scheduler.class_name, "LCMScheduler"); /* the index wins over the file */
    atl_model_config_done(&c);
    folder_remove(folder);
}

static void unknown_classes_are_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *text, *phrase;
    } cases[] = {
        {PARTS("FluxPipeline", "UNet2DConditionModel", "AutoencoderKL", "CLIPTextModel", "X", ""),
         "\"_class_name\" is \"FluxPipeline\"; supported are"},
        {PARTS("StableDiffusionPipeline", "UNet3D", "AutoencoderKL", "CLIPTextModel", "X", ""),
         "\"unet\" is of class \"UNet3D\"; supported: UNet2DConditionModel"},
        {PARTS("StableDiffusionPipeline", "UNet2DConditionModel", "VQModel", "CLIPTextModel", "X", ""),
         "\"vae\" is of class \"VQModel\""},
        {PARTS("StableDiffusionPipeline", "UNet2DConditionModel", "AutoencoderKL", "BertModel", "X", ""),
         "\"text_encoder\" is of class \"BertModel\""},
        {PARTS("StableDiffusionXLPipeline", "UNet2DConditionModel", "AutoencoderKL", "CLIPTextModel", "X",
               ""),
         "has no \"text_encoder_2\""},
        {PARTS("StableDiffusionXLPipeline", "UNet2DConditionModel", "AutoencoderKL", "CLIPTextModel", "X",
               SECOND ", \"requires_aesthetics_score\": true"),
         "\"requires_aesthetics_score\" is true"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_refused("model_index.json", cases[i].text, ATL_UNSUPPORTED, cases[i].phrase);
    assert_refused("model_index.json", "{}", ATL_UNSUPPORTED, "\"_class_name\"");
    assert_refused("model_index.json", "{", ATL_BAD_INPUT, "not valid JSON");
}

static void failure_in_a_part_names_its_file(void **state)
{
    (void)state;
    assert_refused("unet/config.json", "{\"act_fn\": \"x\"}", ATL_UNSUPPORTED, "\"act_fn\" is \"x\"");
    assert_refused("vae/config.json", "{\"act_fn\": \"x\"}", ATL_UNSUPPORTED, "\"act_fn\" is \"x\"");
    assert_refused("text_encoder/config.json", "{\"hidden_act\": \"x\"}", ATL_UNSUPPORTED,
                   "\"hidden_act\" is \"x\"");
    assert_refused("scheduler/scheduler_config.json", "{\"prediction_type\": \"x\"}", ATL_UNSUPPORTED,
                   "\"prediction_type\" is \"x\"");
    assert_refused("tokenizer/tokenizer_config.json", "{\"pad_token\": 1}", ATL_BAD_INPUT,
                   "\"pad_token\" is 1");
    assert_refused("atelier.json", "{\"steps\": 0}", ATL_BAD_INPUT, "\"steps\" is 0");
}

static void missing_parts_are_not_found(void **state)
{
    (void)state;
    static const char *const files[] = {"model_index.json", "unet/config.json", "vae/config.json",
                                        "text_encoder/config.json", "scheduler/scheduler_config.json"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char *folder = folder_make();
        atl_model_config config;
        atl_note note = {0};
        small_configs(folder);
        small_remove(folder, files[i]);
        assert_int_equal(atl_model_config_read(folder, &config, &note), ATL_NOT_FOUND);
        assert_note(&note, files[i]);
        folder_remove(folder);
    }
}

static void special_tokens_win_unless_the_config_is_complete(void **state)
{
    (void)state;
    char *folder = folder_make();
    atl_model_config c;
    atl_note note = {0};
    small_configs(folder);
    put_file(folder, "tokenizer/tokenizer_config.json", "{\"pad_token\": \"a\"}");
    put_file(folder, "tokenizer/special_tokens_map.json", "{\"pad_token\": \"b\"}");
    assert_ok(atl_model_config_read(folder, &c, &note), &note);
    assert_string_equal(c.tokenizer[0].pad, "b");
    atl_model_config_done(&c);
    put_file(folder, "tokenizer/tokenizer_config.json",
             "{\"pad_token\": \"a\", \"added_tokens_decoder\": {}}");
    assert_ok(atl_model_config_read(folder, &c, &note), &note);
    assert_string_equal(c.tokenizer[0].pad, "a");
    atl_model_config_done(&c);
    folder_remove(folder);
}

static void own_settings_and_stray_keys_are_kept(void **state)
{
    (void)state;
    atl_model_config c;
    atl_note note = {0};
    assert_ok(
        read_with(
            "atelier.json",
            "{\"steps\": 4, \"width\": 128, \"height\": 96, \"guidance_scale\": 1.5, \"sampler\": \"lcm\", "
            "\"colour\": 1}",
            &c, &note),
        &note);
    assert_int_equal(c.default_steps, 4);
    assert_int_equal(c.default_height, 96);
    assert_true(c.default_guidance_scale == 1.5);
    assert_string_equal(c.default_sampler, "lcm");
    assert_non_null(strstr(c.unread_keys.data, "atelier.json: colour\n"));
    atl_model_config_done(&c);
}

static void parts_that_do_not_fit_are_told(void **state)
{
    (void)state;
    atl_model_config c;
    atl_note note = {0};
    assert_ok(read_with(NULL, NULL, &c, &note), &note);
    atl_model_config other = c;
    other.unet.in_channels = 9;
    assert_int_equal(atl_model_config_check(&other, &note), ATL_UNSUPPORTED);
    assert_note(&note, "takes 9 channels");
    other = c;
    other.unet.cross_attention_dim[0] = 13;
    assert_int_equal(atl_model_config_check(&other, &note), ATL_UNSUPPORTED);
    assert_note(&note, "width 13, the text encoders give 12");
    other = c;
    other.unet.addition_text_time = true;
    assert_int_equal(atl_model_config_check(&other, &note), ATL_UNSUPPORTED);
    atl_model_config_done(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_directory_is_read),
        cmocka_unit_test(index_decides_classes),
        cmocka_unit_test(unknown_classes_are_refused_by_name),
        cmocka_unit_test(failure_in_a_part_names_its_file),
        cmocka_unit_test(missing_parts_are_not_found),
        cmocka_unit_test(special_tokens_win_unless_the_config_is_complete),
        cmocka_unit_test(own_settings_and_stray_keys_are_kept),
        cmocka_unit_test(parts_that_do_not_fit_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
