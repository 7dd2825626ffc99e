/* Synthetic checkpoints: whole, repeatable, of sane numbers. */
#include <jansson.h>
#include <math.h>

#include "unit/engine/model/small_model_fixture.h"

#include "model/fetch.h"
#include "model/inspect.h"
#include "model/synth.h"

static void progress_ends_at_the_total(void *user, size_t done, size_t total)
{
    size_t *last = user;
    assert_true(done > last[0] && done <= total);
    last[0] = done;
    last[1] = total;
}

static void synth_tiny(const char *folder, atl_dtype dtype)
{
    size_t last[2] = {0};
    atl_note note = {0};
    assert_ok(atl_model_synth("tiny", folder, dtype, 7, progress_ends_at_the_total, last, &note), &note);
    assert_true(last[0] == last[1] && last[0] > 0);
}

static void synthetic_model_has_no_fault(void **state)
{
    (void)state;
    static const atl_dtype dtypes[] = {ATL_F32, ATL_F16, ATL_BF16};
    static const char *const words[] = {"F32", "F16", "BF16"};
    for (size_t i = 0; i < 3; i++) {
        char *folder = folder_make();
        atl_note note = {0};
        atl_text report = {0};
        size_t n_faults;
        synth_tiny(folder, dtypes[i]);
        assert_ok(atl_model_inspect(folder, "", false, &report, &n_faults, &note), &note);
        if (n_faults != 0 || !strstr(report.data, words[i]))
            fail_msg("%s", report.data);
        assert_null(strstr(report.data, "not used"));
        atl_text_done(&report);
        folder_remove(folder);
    }
}

/* The reader of halves and the writer of halves are two pieces of code: they have to agree to half an ulp. */
static void types_hold_the_same_numbers(void **state)
{
    (void)state;
    enum { N = 4096 };
    static float full[N], half[N];
    static uint16_t raw[N];
    const atl_param param = {
        .component = ATL_UNET, .name = "x.weight", .kind = ATL_PARAM_WEIGHT, .rank = 2, .shape = {64, 64}};
    atl_note note = {0};
    const atl_synth_tensor plan = atl_synth_plan(&param, 3, ATL_F32);
    atl_synth_fill(&plan, 0, N, full);
    static const struct {
        atl_dtype to;
        atl_st_dtype from;
        float ulp;
    } types[] = {{ATL_F16, ATL_ST_F16, 0x1p-11f}, {ATL_BF16, ATL_ST_BF16, 0x1p-8f}};
    for (size_t t = 0; t < 2; t++) {
        atl_synth_tensor plan16 = plan;
        plan16.dtype = types[t].to;
        atl_synth_fill(&plan16, 0, N, raw);
        const atl_st_tensor tensor = {.name = "x",
                                      .dtype = types[t].from,
                                      .rank = 1,
                                      .shape = {N},
                                      .data = (uint8_t *)raw,
                                      .n_bytes = sizeof raw};
        assert_ok(atl_st_to_f32(&tensor, 0, N, half, &note), &note);
        for (size_t i = 0; i < N; i++)
            if (fabsf(full[i] - half[i]) > types[t].ulp * fabsf(full[i]) + 0x1p-25f)
                fail_msg("%g became %g", (double)full[i], (double)half[i]);
    }
}

static void weights_have_the_deviation_that_keeps_activations_in_range(void **state)
{
    (void)state;
    enum { N = 65536 };
    static float values[N];
    const atl_param param = {.component = ATL_UNET,
                             .name = "x.conv1.weight",
                             .kind = ATL_PARAM_WEIGHT,
                             .rank = 4,
                             .shape = {256, 256, 3, 3}};
    const atl_synth_tensor plan = atl_synth_plan(&param, 3, ATL_F32);
    double sum = 0, squares = 0;
    atl_synth_fill(&plan, 12345, N, values);
    for (size_t i = 0; i < N; i++) {
        sum += (double)values[i];
        squares += (double)values[i] * (double)values[i];
    }
    const double deviation = sqrt(squares / N), wanted = 1 / sqrt(256 * 9);
    assert_true(fabs(deviation / wanted - 1) < 0.02);
    assert_true(fabs(sum / N) < wanted * 0.02);
}

static void pieces_do_not_depend_on_where_they_begin(void **state)
{
    (void)state;
    const atl_param param = {
        .component = ATL_VAE, .name = "n.weight", .kind = ATL_PARAM_NORM_GAMMA, .rank = 1, .shape = {100}};
    const atl_synth_tensor plan = atl_synth_plan(&param, 9, ATL_F32);
    float all[100], part[10];
    atl_synth_fill(&plan, 0, 100, all);
    atl_synth_fill(&plan, 37, 10, part);
    assert_memory_equal(part, all + 37, sizeof part);
    assert_true(fabsf(all[0] - 1) < 0.3f);
    const atl_synth_tensor other = atl_synth_plan(&param, 10, ATL_F32);
    atl_synth_fill(&other, 37, 10, part);
    assert_memory_not_equal(part, all + 37, sizeof part);
}

static json_t *read_json(const char *path)
{
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(root);
    return root;
}

/* Every merge joins two tokens that are there already into one that is there, too, and the ids have no gaps.
 */
static void tokenizer_is_a_valid_clip_tokenizer(void **state)
{
    (void)state;
    char *folder = folder_make(), left[64], right[64], both[128], line[256];
    atl_note note = {0};
    assert_ok(atl_dir_make(in_folder(folder, "tokenizer_2"), &note), &note);
    assert_ok(atl_synth_tokenizer(folder, 1, 49408, "!", &note), &note);
    json_t *vocab = read_json(in_folder(folder, "tokenizer_2/vocab.json"));
    assert_int_equal(json_object_size(vocab), 49408);
    assert_int_equal(json_integer_value(json_object_get(vocab, "!")), 0);
    assert_int_equal(json_integer_value(json_object_get(vocab, "a")), 64); /* as in CLIP's own */
    assert_int_equal(json_integer_value(json_object_get(vocab, "a</w>")), 320);
    assert_int_equal(json_integer_value(json_object_get(vocab, "<|startoftext|>")), 49406);
    assert_int_equal(json_integer_value(json_object_get(vocab, "<|endoftext|>")), 49407);
    FILE *merges = fopen(in_folder(folder, "tokenizer_2/merges.txt"), "r");
    assert_non_null(merges);
    assert_non_null(fgets(line, sizeof line, merges));
    assert_true(strncmp(line, "#version", 8) == 0);
    json_int_t id = 512;
    while (fscanf(merges, "%63s %63s", left, right) == 2) {
        snprintf(both, sizeof both, "%s%s", left, right);
        assert_true(json_integer_value(json_object_get(vocab, left)) < id && json_object_get(vocab, left));
        assert_true(json_integer_value(json_object_get(vocab, right)) < id && json_object_get(vocab, right));
        assert_int_equal(json_integer_value(json_object_get(vocab, both)), id);
        id++;
    }
    assert_int_equal(id, 49406);
    fclose(merges);
    json_t *map = read_json(in_folder(folder, "tokenizer_2/special_tokens_map.json"));
    assert_string_equal(json_string_value(json_object_get(map, "pad_token")), "!");
    json_decref(map);
    json_decref(vocab);
    folder_remove(folder);
}

/* Configs alone: the weights of the large ones are not for a unit test. */
static void every_family_has_networks_that_can_be_built(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        double million; /* parameters, as the published models have them */
    } sizes[] = {{"sd15", 1066.2},    {"sd21", 1289.9}, {"sdxl", 3468.8},      {"sdxs", 441.4},
                 {"sdturbo", 1289.9}, {"lcm", 1066.3},  {"sdxlturbo", 3468.8}, {"tiny", 18.2}};
    assert_int_equal(atl_n_families, sizeof sizes / sizeof *sizes);
    for (size_t i = 0; i < atl_n_families; i++) {
        char *folder = folder_make();
        atl_note note = {0};
        atl_model_config config;
        assert_non_null(strstr(atl_model_synth_names(), atl_families[i].name));
        assert_ok(atl_synth_configs(&atl_families[i], folder, &note), &note);
        assert_ok(atl_model_config_read(folder, &config, &note), &note);
        assert_ok(atl_model_config_check(&config, &note), &note);
        assert_null(config.unread_keys.data);
        size_t bytes = 0;
        assert_ok(atl_model_list(&config, atl_policy_find("fp32"), NULL, NULL, &bytes, &note), &note);
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++)
            if (strcmp(sizes[k].name, atl_families[i].name) == 0 &&
                fabs((double)bytes / 4e6 / sizes[k].million - 1) > 0.02)
                fail_msg("%s packs %g million numbers", sizes[k].name, (double)bytes / 4e6);
        atl_model_config_done(&config);
        folder_remove(folder);
    }
}

static void unknown_family_is_a_usage_error_that_lists_the_known(void **state)
{
    (void)state;
    atl_note note = {0};
    assert_int_equal(atl_model_synth("sd3", "/tmp/atl-none", ATL_F32, 0, NULL, NULL, &note), ATL_USAGE);
    assert_note(&note, "\"sd3\"");
    assert_note(&note, "sd15, sd21, sdxl, sdxs, tiny");
    assert_false(atl_is_dir("/tmp/atl-none"));
}

static void folder_with_something_in_it_is_left_alone(void **state)
{
    (void)state;
    char *folder = folder_make();
    atl_note note = {0};
    put_file(folder, "mine", "x");
    assert_int_equal(atl_model_synth("tiny", folder, ATL_F32, 0, NULL, NULL, &note), ATL_USAGE);
    assert_note(&note, "is not an empty directory");
    assert_true(atl_is_file(in_folder(folder, "mine")));
    folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(synthetic_model_has_no_fault),
        cmocka_unit_test(types_hold_the_same_numbers),
        cmocka_unit_test(weights_have_the_deviation_that_keeps_activations_in_range),
        cmocka_unit_test(pieces_do_not_depend_on_where_they_begin),
        cmocka_unit_test(tokenizer_is_a_valid_clip_tokenizer),
        cmocka_unit_test(every_family_has_networks_that_can_be_built),
        cmocka_unit_test(unknown_family_is_a_usage_error_that_lists_the_known),
        cmocka_unit_test(folder_with_something_in_it_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
