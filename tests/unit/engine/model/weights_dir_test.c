/* Which files of a diffusers directory are taken. */
#include "unit/engine/model/small_model_fixture.h"

#define UNET_FILE "unet/diffusion_pytorch_model.safetensors"
#define UNET_FP16 "unet/diffusion_pytorch_model.fp16.safetensors"
#define PROBE     "conv_in.weight"

static void assert_opens(const char *folder, const char *variant, const char *file)
{
    atl_note note = {0};
    atl_weights *weights;
    atl_weight weight;
    assert_ok(atl_weights_open(folder, variant, &weights, &note), &note);
    assert_true(atl_weights_find(weights, ATL_UNET, PROBE, &weight));
    assert_string_equal(atl_safetensors_path(weight.file), in_folder(folder, file));
    assert_string_equal(atl_weights_tokenizer_dir(weights, 0), in_folder(folder, "tokenizer"));
    assert_null(atl_weights_tokenizer_dir(weights, 1));
    assert_string_equal(atl_weights_path(weights), folder);
    atl_weights_close(&weights);
    assert_null(weights);
}

static void assert_refused(const char *folder, const char *variant, atl_status status, const char *phrase)
{
    atl_note note = {0};
    atl_weights *weights;
    const atl_status st = atl_weights_open(folder, variant, &weights, &note);
    if (st != status)
        fail_msg("status %d, not %d: %s", (int)st, (int)status, note.text);
    assert_note(&note, phrase);
}

static void plain_files_are_taken(void **state)
{
    (void)state;
    char *folder = small_model();
    assert_opens(folder, "", UNET_FILE);
    folder_remove(folder);
}

static void copy_all(const char *folder, const char *from, const char *to)
{
    char *data;
    size_t size;
    atl_note note = {0};
    assert_ok(atl_file_read(in_folder(folder, from), 1 << 26, &data, &size, &note), &note);
    assert_ok(atl_file_write(in_folder(folder, to), data, size, &note), &note);
    free(data);
}

static void make_variants(const char *folder)
{
    copy_all(folder, UNET_FILE, UNET_FP16);
    copy_all(folder, "vae/diffusion_pytorch_model.safetensors",
             "vae/diffusion_pytorch_model.fp16.safetensors");
    copy_all(folder, "text_encoder/model.safetensors", "text_encoder/model.fp16.safetensors");
}

static void variant_is_taken_where_it_is_asked_for(void **state)
{
    (void)state;
    char *folder = small_model();
    make_variants(folder);
    assert_opens(folder, "", UNET_FILE);
    assert_opens(folder, "fp16", UNET_FP16);
    assert_refused(folder, "bf16", ATL_NOT_FOUND, "no safetensors files of the variant \"bf16\"");
    assert_refused(folder, "../x", ATL_USAGE, "cannot be the variant");
    folder_remove(folder);
}

/* As diffusers does. */
static void part_without_the_variant_is_read_plainly(void **state)
{
    (void)state;
    char *folder = small_model();
    copy_all(folder, "vae/diffusion_pytorch_model.safetensors",
             "vae/diffusion_pytorch_model.fp16.safetensors");
    assert_opens(folder, "fp16", UNET_FILE);
    folder_remove(folder);
}

static void only_variant_is_taken_where_no_plain_file_is(void **state)
{
    (void)state;
    char *folder = small_model();
    make_variants(folder);
    small_remove(folder, UNET_FILE);
    assert_opens(folder, "", UNET_FP16);
    copy_all(folder, UNET_FP16, "unet/diffusion_pytorch_model.bf16.safetensors");
    assert_refused(folder, "", ATL_NOT_FOUND, "more than one variant");
    folder_remove(folder);
}

static void missing_weights_are_named(void **state)
{
    (void)state;
    char *folder = small_model();
    small_remove(folder, UNET_FILE);
    assert_refused(folder, "", ATL_NOT_FOUND,
                   "has neither diffusion_pytorch_model.safetensors nor its sharded form");
    folder_remove(folder);
}

static void pickle_is_refused_with_the_way_out(void **state)
{
    (void)state;
    char *folder = small_model();
    small_move(folder, UNET_FILE, "unet/diffusion_pytorch_model.bin");
    assert_refused(folder, "", ATL_UNSUPPORTED, "diffusion_pytorch_model.bin");
    assert_refused(folder, "", ATL_UNSUPPORTED, "save_pretrained");
    assert_refused("/tmp/model.ckpt", "", ATL_UNSUPPORTED, "/tmp/model.ckpt: is a pickle file");
    folder_remove(folder);
}

/* Two shards and the index that joins them. */
static void make_shards(const char *folder, const char *index_name, const char *tail)
{
    atl_note note = {0};
    atl_safetensors *file;
    atl_text index = {0};
    assert_ok(atl_safetensors_open(in_folder(folder, UNET_FILE), &file, &note), &note);
    atl_text_puts(&index, "{\"metadata\": {}, \"weight_map\": {");
    for (int shard = 0; shard < 2; shard++) {
        atl_st_writer *writer;
        char name[64];
        snprintf(name, sizeof name, "part-%d.safetensors", shard);
        assert_ok(atl_st_writer_open(&writer, &note), &note);
        for (size_t i = (size_t)shard; i < atl_safetensors_count(file); i += 2) {
            const atl_st_tensor *t = atl_safetensors_at(file, i);
            atl_st_writer_add(writer, t->name, t->dtype, t->rank, t->shape, t->data);
            atl_text_printf(&index, "%s\"%s\": \"%s\"", i ? ", " : "", t->name, name);
        }
        char *path = strdup(in_folder(folder, "unet/"));
        assert_ok(atl_st_writer_write(writer, in_folder(path, name), &note), &note);
        free(path);
        atl_st_writer_close(&writer);
    }
    atl_text_puts(&index, tail);
    atl_safetensors_close(&file);
    small_remove(folder, UNET_FILE);
    put_file(folder, index_name, index.data);
    atl_text_done(&index);
}

static void shards_are_joined(void **state)
{
    (void)state;
    static const char *const names[] = {"unet/diffusion_pytorch_model.safetensors.index.json",
                                        "unet/diffusion_pytorch_model.safetensors.index.fp16.json"};
    for (size_t i = 0; i < 2; i++) {
        char *folder = small_model();
        atl_note note = {0};
        atl_weights *weights;
        make_shards(folder, names[i], "}}");
        assert_ok(atl_weights_open(folder, i ? "fp16" : "", &weights, &note), &note);
        small_tensors *t = small_list(atl_weights_config(weights));
        for (size_t k = 0; k < t->n; k++) {
            atl_weight weight;
            assert_true(atl_weights_find(weights, t->component[k], t->at[k].name, &weight));
        }
        small_free(t);
        atl_weights_close(&weights);
        folder_remove(folder);
    }
}
static void index_that_promises_too_much_is_refused(void **state)
{
    (void)state;
    const char *name = "unet/diffusion_pytorch_model.safetensors.index.json";
    char *folder = small_model();
    make_shards(folder, name, ", \"ghost\": \"part-0.safetensors\"}}");
    assert_refused(folder, "", ATL_NOT_FOUND, "but its shards hold");
    put_file(folder, name, "{\"weight_map\": {\"a\": \"../../etc/passwd\"}}");
    assert_refused(folder, "", ATL_BAD_INPUT, "is not the name of a file beside it");
    put_file(folder, name, "{\"weight_map\": {\"a\": \"gone.safetensors\"}}");
    assert_refused(folder, "", ATL_NOT_FOUND, "gone.safetensors");
    put_file(folder, name, "{}");
    assert_refused(folder, "", ATL_BAD_INPUT, "has no \"weight_map\"");
    folder_remove(folder);
}

/* Published SD 1.5: attention under its old names, and a table of positions that is no weight. */
static void old_names_are_found_under_new_ones(void **state)
{
    (void)state;
    char *folder = small_model();
    st_named vae[] = {{"decoder.mid_block.attentions.0.query.weight", 2, {8, 8}},
                      {"decoder.mid_block.attentions.0.key.bias", 1, {8}},
                      {"decoder.mid_block.attentions.0.value.weight", 4, {8, 8, 1, 1}},
                      {"decoder.mid_block.attentions.0.proj_attn.weight", 2, {8, 8}}};
    st_named text[] = {{"embeddings.position_ids", 2, {1, 77}}, {"final_layer_norm.weight", 1, {12}}};
    static const struct {
        atl_component component;
        const char *name, *stored;
    } cases[] = {
        {ATL_VAE, "decoder.mid_block.attentions.0.to_q.weight",
         "decoder.mid_block.attentions.0.query.weight"},
        {ATL_VAE, "decoder.mid_block.attentions.0.to_k.bias", "decoder.mid_block.attentions.0.key.bias"},
        {ATL_VAE, "decoder.mid_block.attentions.0.to_v.weight",
         "decoder.mid_block.attentions.0.value.weight"},
        {ATL_VAE, "decoder.mid_block.attentions.0.to_out.0.weight",
         "decoder.mid_block.attentions.0.proj_attn.weight"},
        {ATL_TEXT_ENCODER, "text_model.final_layer_norm.weight", "final_layer_norm.weight"},
        {ATL_TEXT_ENCODER, "text_model.embeddings.position_ids", "embeddings.position_ids"},
    };
    atl_note note = {0};
    atl_weights *weights;
    st_write(in_folder(folder, "vae/diffusion_pytorch_model.safetensors"), vae, 4);
    st_write(in_folder(folder, "text_encoder/model.safetensors"), text, 2);
    assert_ok(atl_weights_open(folder, "", &weights, &note), &note);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        atl_weight weight;
        if (!atl_weights_find(weights, cases[i].component, cases[i].name, &weight))
            fail_msg("%s", cases[i].name);
        assert_string_equal(weight.tensor->name, cases[i].stored);
    }
    atl_weights_close(&weights);
    folder_remove(folder);
}

static void old_and_new_name_at_once_are_refused(void **state)
{
    (void)state;
    char *folder = small_model();
    st_named vae[] = {{"decoder.mid_block.attentions.0.query.weight", 2, {8, 8}},
                      {"decoder.mid_block.attentions.0.to_q.weight", 2, {8, 8}}};
    st_write(in_folder(folder, "vae/diffusion_pytorch_model.safetensors"), vae, 2);
    assert_refused(folder, "", ATL_BAD_INPUT,
                   "two tensors are \"decoder.mid_block.attentions.0.to_q.weight\"");
    folder_remove(folder);
}

static void place_that_is_no_model_is_refused(void **state)
{
    (void)state;
    char *folder = folder_make();
    assert_refused(folder, "", ATL_NOT_FOUND, "has no model_index.json");
    assert_refused(in_folder(folder, "nothing"), "", ATL_NOT_FOUND, "nothing");
    folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_files_are_taken),
        cmocka_unit_test(variant_is_taken_where_it_is_asked_for),
        cmocka_unit_test(part_without_the_variant_is_read_plainly),
        cmocka_unit_test(only_variant_is_taken_where_no_plain_file_is),
        cmocka_unit_test(missing_weights_are_named),
        cmocka_unit_test(pickle_is_refused_with_the_way_out),
        cmocka_unit_test(shards_are_joined),
        cmocka_unit_test(index_that_promises_too_much_is_refused),
        cmocka_unit_test(old_names_are_found_under_new_ones),
        cmocka_unit_test(old_and_new_name_at_once_are_refused),
        cmocka_unit_test(place_that_is_no_model_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
