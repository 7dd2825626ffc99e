/* Single files with LDM keys: names as diffusers' own conversion gives them (ldm/<family>.txt, written by
 * tests/reference/ldm_names.py), and configs from nothing but shapes. */
#include "unit/engine/model/small_model_fixture.h"

#include "model/fetch.h"

#define MAX_LINES 600

typedef struct line {
    char ldm[200], to[200], how[16];
    int rank;
    size_t shape[4];
} line;

typedef struct family_file {
    line lines[MAX_LINES];
    size_t n_lines;
    char *folder;
    const char *path;
} family_file;

static void parse_shape(const char *text, line *l)
{
    for (const char *at = text; at; at = strchr(at, 'x') ? strchr(at, 'x') + 1 : NULL)
        l->shape[l->rank++] = strtoul(at, NULL, 10);
}

/* Reads the list, and writes a file of its tensors; `skip` is left out ("" for none). */
static family_file *family_open(const char *name, const char *skip)
{
    static st_named tensors[MAX_LINES];
    char path[512], shape[64];
    size_t n = 0;
    family_file *f = calloc(1, sizeof *f);
    snprintf(path, sizeof path, "%s/unit/engine/model/ldm/%s.txt", ATELIER_TEST_DATA, name);
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    for (line *l = f->lines; fscanf(in, "%199s %63s %199s %15s", l->ldm, shape, l->to, l->how) == 4; l++) {
        assert_true(++f->n_lines < MAX_LINES);
        parse_shape(shape, l);
        bool known = strcmp(l->ldm, skip) == 0; /* fused tensors stand on several lines */
        for (size_t i = 0; i < n; i++)
            known |= strcmp(tensors[i].name, l->ldm) == 0;
        if (known)
            continue;
        tensors[n] = (st_named){.name = l->ldm, .rank = l->rank};
        memcpy(tensors[n++].shape, l->shape, sizeof l->shape);
    }
    fclose(in);
    f->folder = folder_make();
    f->path = strdup(in_folder(f->folder, "model.safetensors"));
    st_write(f->path, tensors, n);
    return f;
}

static void family_close(family_file *f)
{
    folder_remove(f->folder);
    free((char *)(uintptr_t)f->path);
    free(f);
}

/* "unet/conv_in.weight" → component and name. */
static atl_component split(const char *to, const char **ret_name)
{
    *ret_name = strchr(to, '/') + 1;
    for (int c = 0; c < ATL_N_COMPONENTS; c++)
        if (strncmp(to, atl_component_name((atl_component)c), (size_t)(*ret_name - to - 1)) == 0 &&
            strlen(atl_component_name((atl_component)c)) == (size_t)(*ret_name - to - 1))
            return (atl_component)c;
    fail_msg("%s", to);
    return ATL_UNET;
}

static void assert_line(const atl_weights *weights, const line *l)
{
    const char *name;
    const atl_component component = split(l->to, &name);
    atl_weight weight;
    if (!atl_weights_find(weights, component, name, &weight))
        fail_msg("%s has no %s", atl_component_name(component), name);
    assert_string_equal(weight.tensor->name, l->ldm);
    const bool third = l->how[0] >= '0' && l->how[0] <= '2';
    const size_t rows = third ? l->shape[0] / 3 : l->shape[0];
    assert_int_equal(weight.n_rows, rows);
    assert_int_equal(weight.first_row, third ? (size_t)(l->how[0] - '0') * rows : 0);
    assert_int_equal(weight.transposed, strcmp(l->how, "turned") == 0);
}

/* Every tensor that the deduced networks want is there, in the shape that they want. */
static void assert_complete(const atl_weights *weights)
{
    small_tensors *t = small_list(atl_weights_config(weights));
    for (size_t i = 0; i < t->n; i++) {
        atl_param param = {.component = t->component[i], .name = t->at[i].name, .rank = t->at[i].rank};
        memcpy(param.shape, t->at[i].shape, sizeof param.shape);
        atl_note note = {0};
        atl_weight weight;
        assert_ok(atl_fetch_find(weights, &param, true, &weight, &note), &note);
    }
    small_free(t);
}

static atl_weights *check_family(const char *name)
{
    family_file *f = family_open(name, "");
    atl_note note = {0};
    atl_weights *weights;
    assert_ok(atl_weights_open(f->path, "", &weights, &note), &note);
    for (size_t i = 0; i < f->n_lines; i++)
        if (strcmp(f->lines[i].to, "-") != 0)
            assert_line(weights, &f->lines[i]);
    assert_complete(weights);
    assert_ok(atl_model_config_check(atl_weights_config(weights), &note), &note);
    assert_true(atl_weights_config(weights)->single_file);
    assert_null(atl_weights_tokenizer_dir(weights, 0));
    family_close(f);
    return weights;
}

static void sd1_file_is_read(void **state)
{
    (void)state;
    atl_weights *weights = check_family("sd1");
    const atl_model_config *c = atl_weights_config(weights);
    assert_int_equal(c->n_text_encoders, 1);
    assert_int_equal(c->text[0].act, ATL_ACT_QUICK_GELU);
    assert_int_equal(c->text[0].n_layers, 2);
    assert_int_equal(c->unet.n_heads[1], 8);
    assert_false(c->unet.use_linear_projection);
    assert_int_equal(c->unet.down[0], ATL_BLOCK_CROSS_ATTN);
    assert_int_equal(c->unet.down[1], ATL_BLOCK_PLAIN);
    assert_int_equal(c->unet.up[0], ATL_BLOCK_PLAIN);
    assert_string_equal(c->scheduler.class_name, "PNDMScheduler");
    assert_int_equal(c->scheduler.steps_offset, 1);
    assert_int_equal(c->scheduler.prediction_type, -1);
    assert_true(c->vae.scaling_factor == 0.18215f);
    assert_string_equal(c->tokenizer[0].pad, "<|endoftext|>");
    atl_weights_close(&weights);
}

static void sd2_file_is_read_without_its_last_text_layer(void **state)
{
    (void)state;
    atl_weights *weights = check_family("sd2");
    const atl_model_config *c = atl_weights_config(weights);
    atl_weight weight;
    assert_int_equal(c->text[0].n_layers, 2);
    assert_int_equal(c->text[0].act, ATL_ACT_GELU);
    assert_false(atl_weights_find(weights, ATL_TEXT_ENCODER, "text_model.encoder.layers.2.layer_norm1.weight",
                                  &weight));
    assert_true(c->unet.use_linear_projection);
    assert_int_equal(c->unet.n_heads[0], 1);
    assert_string_equal(c->tokenizer[0].pad, "!");
    assert_string_equal(c->scheduler.class_name, "DDIMScheduler");
    assert_int_equal(c->scheduler.prediction_type, ATL_PREDICT_V);
    atl_weights_close(&weights);
}

static void sdxl_file_is_read_with_both_encoders(void **state)
{
    (void)state;
    atl_weights *weights = check_family("sdxl");
    const atl_model_config *c = atl_weights_config(weights);
    assert_int_equal(c->n_text_encoders, 2);
    assert_true(c->two_encoder_pipeline && c->force_zeros_for_empty_prompt && c->text[1].with_projection);
    assert_int_equal(c->text[1].projection_dim, 48);
    assert_true(c->unet.addition_text_time);
    assert_int_equal(c->unet.addition_time_embed_dim, 8);
    assert_int_equal(c->unet.transformer_layers[1], 2);
    assert_int_equal(c->unet.down[0], ATL_BLOCK_PLAIN);
    assert_int_equal(c->unet.up_transformer_layers[0], 2);
    assert_true(c->vae.scaling_factor == 0.13025f);
    assert_int_equal(c->scheduler.timestep_spacing, ATL_SPACING_LEADING);
    atl_weights_close(&weights);
}

/* text_projection is stored transposed: column r is row r. */
static void turned_and_fused_rows_are_fetched(void **state)
{
    (void)state;
    family_file *f = family_open("sdxl", "");
    atl_note note = {0};
    atl_weights *weights;
    atl_weight weight;
    float row[64];
    assert_ok(atl_weights_open(f->path, "", &weights, &note), &note);
    assert_true(atl_weights_find(weights, ATL_TEXT_ENCODER_2, "text_projection.weight", &weight));
    assert_ok(atl_fetch_rows(&weight, 64, 3, 1, row, &note), &note);
    for (size_t i = 0; i < 64; i++)
        assert_true(row[i] == st_value("conditioner.embedders.1.model.text_projection", i * 48 + 3));
    assert_true(atl_weights_find(weights, ATL_TEXT_ENCODER_2,
                                 "text_model.encoder.layers.1.self_attn.v_proj.weight", &weight));
    assert_ok(atl_fetch_rows(&weight, 64, 5, 1, row, &note), &note);
    for (size_t i = 0; i < 64; i++)
        assert_true(row[i] == st_value(weight.tensor->name, (2 * 64 + 5) * 64 + i));
    atl_weights_close(&weights);
    family_close(f);
}

static void assert_refused_without(const char *family, const char *tensor, atl_status status,
                                   const char *phrase)
{
    family_file *f = family_open(family, tensor);
    atl_note note = {0};
    atl_weights *weights;
    assert_int_equal(atl_weights_open(f->path, "", &weights, &note), status);
    assert_note(&note, f->path);
    assert_note(&note, phrase);
    family_close(f);
}

static void missing_parts_are_named(void **state)
{
    (void)state;
    assert_refused_without("sd1", "model.diffusion_model.input_blocks.0.0.weight", ATL_UNSUPPORTED,
                           "with LDM keys");
    assert_refused_without("sd1", "model.diffusion_model.out.2.weight", ATL_NOT_FOUND,
                           "has no tensor \"model.diffusion_model.out.2.weight\"");
    assert_refused_without("sd1", "first_stage_model.decoder.conv_in.weight", ATL_NOT_FOUND,
                           "first_stage_model.decoder.conv_in.weight");
    assert_refused_without("sd1", "cond_stage_model.transformer.text_model.embeddings.token_embedding.weight",
                           ATL_NOT_FOUND, "token_embedding.weight");
}

/* diffusers' rule for SD 2.0-base. */
static void training_step_of_the_base_model_means_epsilon(void **state)
{
    (void)state;
    family_file *f = family_open("sd2", "");
    atl_note note = {0};
    atl_safetensors *file;
    atl_st_writer *writer;
    atl_weights *weights;
    const int64_t step = 875000;
    assert_ok(atl_safetensors_open(f->path, &file, &note), &note);
    assert_ok(atl_st_writer_open(&writer, &note), &note);
    for (size_t i = 0; i < atl_safetensors_count(file); i++) {
        const atl_st_tensor *t = atl_safetensors_at(file, i);
        atl_st_writer_add(writer, t->name, t->dtype, t->rank, t->shape, t->data);
    }
    atl_st_writer_add(writer, "global_step", ATL_ST_I64, 0, NULL, &step);
    const char *path = in_folder(f->folder, "base.safetensors");
    assert_ok(atl_st_writer_write(writer, path, &note), &note);
    atl_st_writer_close(&writer);
    atl_safetensors_close(&file);
    assert_ok(atl_weights_open(path, "", &weights, &note), &note);
    assert_int_equal(atl_weights_config(weights)->scheduler.prediction_type, ATL_PREDICT_EPSILON);
    atl_weights_close(&weights);
    family_close(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sd1_file_is_read),
        cmocka_unit_test(sd2_file_is_read_without_its_last_text_layer),
        cmocka_unit_test(sdxl_file_is_read_with_both_encoders),
        cmocka_unit_test(turned_and_fused_rows_are_fetched),
        cmocka_unit_test(missing_parts_are_named),
        cmocka_unit_test(training_step_of_the_base_model_means_epsilon),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
