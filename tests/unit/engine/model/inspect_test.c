/* An inspection reports faults instead of stopping at them. */
#include <jansson.h>
#include <math.h>

#include "unit/engine/model/small_model_fixture.h"

#include "model/inspect.h"

static char *inspect(const char *path, size_t *ret_n_faults)
{
    atl_note note = {0};
    atl_text report = {0};
    assert_ok(atl_model_inspect(path, "", false, &report, ret_n_faults, &note), &note);
    return report.data;
}

static void assert_reported(const char *folder, size_t n_faults, const char *phrase)
{
    size_t n;
    char *report = inspect(folder, &n);
    if (n != n_faults || !strstr(report, phrase))
        fail_msg("%zu faults, or no \"%s\" in:\n%s", n, phrase, report);
    free(report);
}

static void sound_model_has_no_fault(void **state)
{
    (void)state;
    char *folder = small_model();
    assert_reported(folder, 0, "no faults");
    assert_reported(folder, 0, "8 channels, 1 ResNet, transformers of 1 layer, 2 heads");
    assert_reported(folder, 0, "2 layers of 12, 2 heads, 77 positions, 40 tokens, quick_gelu");
    folder_remove(folder);
}

static void json_says_the_same(void **state)
{
    (void)state;
    char *folder = small_model();
    atl_note note = {0};
    atl_text report = {0};
    size_t n;
    small_remove(folder, "tokenizer/merges.txt");
    assert_ok(atl_model_inspect(folder, "", true, &report, &n, &note), &note);
    json_t *root = json_loads(report.data, 0, NULL);
    assert_non_null(root);
    assert_int_equal(json_array_size(json_object_get(root, "faults")), 1);
    assert_int_equal(json_array_size(json_object_get(root, "components")), 3);
    const json_t *text = json_array_get(json_object_get(root, "components"), 0);
    assert_string_equal(json_string_value(json_object_get(text, "name")), "text_encoder");
    assert_int_equal(json_integer_value(json_object_get(text, "bytes")),
                     4 * json_integer_value(json_object_get(text, "parameters")));
    assert_int_equal(json_integer_value(json_object_get(root, "width")), 16);
    json_decref(root);
    atl_text_done(&report);
    folder_remove(folder);
}

static void missing_and_misshapen_tensors_are_all_listed(void **state)
{
    (void)state;
    char *folder = folder_make();
    atl_note note = {0};
    atl_model_config config;
    small_configs(folder);
    assert_ok(atl_model_config_read(folder, &config, &note), &note);
    small_tensors *t = small_list(&config);
    for (size_t i = 0; i < t->n; i++) {
        if (strcmp(t->at[i].name, "conv_out.bias") == 0)
            strcpy((char *)(uintptr_t)t->at[i].name, "conv_oat.bias");
        if (strcmp(t->at[i].name, "time_embedding.linear_1.bias") == 0)
            t->at[i].shape[0]++;
    }
    small_write(folder, "text_encoder/model.safetensors", t, ATL_TEXT_ENCODER);
    small_write(folder, "unet/diffusion_pytorch_model.safetensors", t, ATL_UNET);
    small_write(folder, "vae/diffusion_pytorch_model.safetensors", t, ATL_VAE);
    small_free(t);
    atl_model_config_done(&config);
    assert_reported(folder, 2, "has no tensor \"conv_out.bias\"");
    assert_reported(folder, 2, "\"time_embedding.linear_1.bias\" has shape [33]; [32] was wanted");
    assert_reported(folder, 2, "unet: tensor \"conv_oat.bias\" is not used");
    folder_remove(folder);
}

static void nan_is_found(void **state)
{
    (void)state;
    char *folder = small_model();
    const char *path = in_folder(folder, "unet/diffusion_pytorch_model.safetensors");
    /* the first tensor of the file begins right after the header, whose length is its first 8 bytes */
    FILE *f = fopen(path, "r+b");
    uint8_t length[8];
    assert_int_equal(fread(length, 1, 8, f), 8);
    const float nan_value = NAN;
    fseek(f, 8 + (long)length[0] + ((long)length[1] << 8) + ((long)length[2] << 16), SEEK_SET);
    assert_int_equal(fwrite(&nan_value, sizeof nan_value, 1, f), 1);
    fclose(f);
    assert_reported(folder, 1, "element 0 is NaN");
    folder_remove(folder);
}

static void config_is_shown_where_weights_are_missing(void **state)
{
    (void)state;
    char *folder = folder_make();
    small_configs(folder);
    assert_reported(folder, 1, "down      8 channels");
    assert_reported(folder, 1, "has neither model.safetensors");
    folder_remove(folder);
}

static void unsupported_value_is_a_fault(void **state)
{
    (void)state;
    char *folder = small_model();
    put_file(folder, "unet/config.json", "{\"act_fn\": \"snake\"}");
    assert_reported(folder, 1, "\"act_fn\" is \"snake\"");
    folder_remove(folder);
}

static void stray_keys_are_noted(void **state)
{
    (void)state;
    char *folder = small_model();
    put_file(folder, "vae/config.json",
             "{\"colour\": 1, \"block_out_channels\": [8, 8], \"norm_num_groups\": 4, \"down_block_types\": "
             "[\"DownEncoderBlock2D\", \"DownEncoderBlock2D\"], \"up_block_types\": [\"UpDecoderBlock2D\", "
             "\"UpDecoderBlock2D\"]}");
    assert_reported(folder, 0, "vae/config.json: colour: not a key that diffusers knows");
    folder_remove(folder);
}

static void place_where_nothing_is_cannot_be_inspected(void **state)
{
    (void)state;
    atl_note note = {0};
    atl_text report = {0};
    size_t n;
    assert_int_equal(atl_model_inspect("/nowhere", "", false, &report, &n, &note), ATL_NOT_FOUND);
    assert_note(&note, "/nowhere");
    atl_text_done(&report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_model_has_no_fault),
        cmocka_unit_test(json_says_the_same),
        cmocka_unit_test(missing_and_misshapen_tensors_are_all_listed),
        cmocka_unit_test(nan_is_found),
        cmocka_unit_test(config_is_shown_where_weights_are_missing),
        cmocka_unit_test(unsupported_value_is_a_fault),
        cmocka_unit_test(stray_keys_are_noted),
        cmocka_unit_test(place_where_nothing_is_cannot_be_inspected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
