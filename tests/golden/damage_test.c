/* damage_test.c - a checkpoint that is damaged, or asks for what the engine does not do, is refused.
 *
 *     test_golden_damage ATELIER MODEL
 *
 * Each test copies the checkpoint, does one thing to it, and lets the program paint with it: exit code 1 (2
 * for a request that cannot be meant), one sentence that names the place, and no file where the picture would
 * be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "model/safetensors.h"

#define UNET_WEIGHTS "unet/diffusion_pytorch_model.safetensors"

typedef struct damage {
    const char *name;
    const char *file;                                /* within the checkpoint */
    void (*harm)(const char *path, const void *how); /* NULL: the file is removed */
    const char *from, *to;                           /* of a replacement: the first of `from` becomes `to` */
    const char *words[2];                            /* that the sentence holds */
    const char *options;                             /* of atelier paint, else the usual ones */
    int exit_code;                                   /* 0: 1 is wanted */
} damage;

static const char *program, *model;

/* ---- the file, read and written back ---- */

static char *read_whole(const char *path, size_t *ret_size)
{
    char *data = NULL;
    atl_note note = {0};
    if (atl_file_read(path, (size_t)1 << 26, &data, ret_size, &note) != ATL_OK)
        fail_msg("%s", note.text);
    return data;
}

static void write_whole(const char *path, const char *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* ---- kinds of harm ---- */

static void halve(const char *path, const void *how)
{
    (void)how;
    size_t size;
    char *data = read_whole(path, &size);
    write_whole(path, data, size / 2);
    free(data);
}

static void lose_last_byte(const char *path, const void *how)
{
    (void)how;
    size_t size;
    char *data = read_whole(path, &size);
    write_whole(path, data, size - 1);
    free(data);
}

static void claim_a_vast_header(const char *path, const void *how)
{
    (void)how;
    size_t size;
    char *data = read_whole(path, &size);
    memset(data, 0x7f, 8);
    write_whole(path, data, size);
    free(data);
}

/* One element of conv_in.weight, as f16 bits. */
static void put_half(const char *path, unsigned bits)
{
    atl_note note = {0};
    atl_safetensors *file = NULL;
    if (atl_safetensors_open(path, &file, &note) != ATL_OK)
        fail_msg("%s", note.text);
    const atl_st_tensor *tensor = atl_safetensors_find(file, "conv_in.weight");
    assert_non_null(tensor);
    assert_int_equal(tensor->dtype, ATL_ST_F16);
    size_t size;
    char *data = read_whole(path, &size);
    for (size_t at = 0; at + tensor->n_bytes <= size; at++)
        if (memcmp(data + at, tensor->data, tensor->n_bytes) == 0) {
            data[at + 14] = (char)(bits & 0xff);
            data[at + 15] = (char)(bits >> 8);
            break;
        }
    atl_safetensors_close(&file);
    write_whole(path, data, size);
    free(data);
}

static void put_nan(const char *path, const void *how)
{
    (void)how;
    put_half(path, 0x7e00);
}

static void put_infinity(const char *path, const void *how)
{
    (void)how;
    put_half(path, 0xfc00);
}

static void replace(const char *path, const void *how)
{
    const damage *d = how;
    size_t size;
    char *data = read_whole(path, &size);
    const size_t n_from = strlen(d->from), n_to = strlen(d->to);
    size_t at = 0;
    while (at + n_from <= size && memcmp(data + at, d->from, n_from) != 0)
        at++;
    if (at + n_from > size)
        fail_msg("%s: no \"%s\" in it", path, d->from);
    char *changed = malloc(size - n_from + n_to);
    assert_non_null(changed);
    memcpy(changed, data, at);
    memcpy(changed + at, d->to, n_to);
    memcpy(changed + at + n_to, data + at + n_from, size - at - n_from);
    write_whole(path, changed, size - n_from + n_to);
    free(changed);
    free(data);
}

static void do_nothing(const char *path, const void *how)
{
    (void)path;
    (void)how;
}

/* ---- the table ---- */

static const damage damages[] = {
    {"weights_cut_in_half_are_refused", UNET_WEIGHTS, halve, 0, 0, {UNET_WEIGHTS}, 0, 0},
    {"weights_short_of_one_byte_are_refused", UNET_WEIGHTS, lose_last_byte, 0, 0, {UNET_WEIGHTS}, 0, 0},
    {"a_vast_header_is_refused", UNET_WEIGHTS, claim_a_vast_header, 0, 0, {UNET_WEIGHTS, "header"}, 0, 0},
    {"a_NaN_weight_is_refused", UNET_WEIGHTS, put_nan, 0, 0, {"conv_in.weight", "NaN"}, 0, 0},
    {"an_infinite_weight_is_refused", UNET_WEIGHTS, put_infinity, 0, 0, {"conv_in.weight", "nf"}, 0, 0},
    {"a_wrong_shape_is_refused", UNET_WEIGHTS, replace, "[16,4,3,3]", "[16,4,9,1]", {"conv_in.weight"}, 0, 0},
    {"a_missing_tensor_is_refused",
     UNET_WEIGHTS,
     replace,
     "\"conv_in.weight\"",
     "\"conv_xx.weight\"",
     {"unet", "conv_in.weight"},
     0,
     0},
    {"missing_unet_weights_are_refused", UNET_WEIGHTS, NULL, 0, 0, {"unet"}, 0, 0},
    {"missing_vae_weights_are_refused", "vae/diffusion_pytorch_model.safetensors", NULL, 0, 0, {"vae"}, 0, 0},
    {"missing_text_weights_are_refused",
     "text_encoder/model.safetensors",
     NULL,
     0,
     0,
     {"text_encoder"},
     0,
     0},
    {"a_missing_config_is_refused", "unet/config.json", NULL, 0, 0, {"unet/config.json"}, 0, 0},
    {"a_missing_index_is_refused", "model_index.json", NULL, 0, 0, {"model_index.json"}, 0, 0},
    {"missing_merges_are_refused", "tokenizer/merges.txt", NULL, 0, 0, {"merges.txt"}, 0, 0},
    {"a_missing_scheduler_is_refused",
     "scheduler/scheduler_config.json",
     NULL,
     0,
     0,
     {"scheduler_config.json"},
     0,
     0},
    {"half_a_config_is_refused", "vae/config.json", halve, 0, 0, {"vae/config.json"}, 0, 0},
    {"half_a_vocabulary_is_refused", "tokenizer/vocab.json", halve, 0, 0, {"vocab.json"}, 0, 0},
    {"a_key_twice_is_refused",
     "unet/config.json",
     replace,
     "\"act_fn\"",
     "\"in_channels\": 4, \"act_fn\"",
     {"unet/config.json"},
     0,
     0},
    {"an_unknown_block_is_refused",
     "unet/config.json",
     replace,
     "CrossAttnDownBlock2D",
     "AttnDownBlock2D",
     {"unet/config.json", "AttnDownBlock2D"},
     0,
     0},
    {"an_unknown_activation_is_refused",
     "unet/config.json",
     replace,
     "\"silu\"",
     "\"snake\"",
     {"unet/config.json", "act_fn"},
     0,
     0},
    {"class_embeddings_are_refused",
     "unet/config.json",
     replace,
     "\"act_fn\"",
     "\"class_embed_type\": \"timestep\", \"act_fn\"",
     {"class_embed_type"},
     0,
     0},
    {"gated_attention_is_refused",
     "unet/config.json",
     replace,
     "\"act_fn\"",
     "\"attention_type\": \"gated\", \"act_fn\"",
     {"attention_type"},
     0,
     0},
    {"two_attentions_a_block_are_refused",
     "unet/config.json",
     replace,
     "\"act_fn\"",
     "\"dual_cross_attention\": true, \"act_fn\"",
     {"dual_cross_attention"},
     0,
     0},
    {"image_embeddings_are_refused",
     "unet/config.json",
     replace,
     "\"act_fn\"",
     "\"addition_embed_type\": \"image\", \"act_fn\"",
     {"addition_embed_type"},
     0,
     0},
    {"an_unknown_vae_is_refused",
     "model_index.json",
     replace,
     "AutoencoderKL",
     "AutoencoderDC",
     {"AutoencoderDC"},
     0,
     0},
    {"an_unknown_vae_block_is_refused",
     "vae/config.json",
     replace,
     "DownEncoderBlock2D",
     "AttnDownEncoderBlock2D",
     {"vae/config.json", "AttnDownEncoderBlock2D"},
     0,
     0},
    {"an_unknown_encoder_activation_is_refused",
     "text_encoder/config.json",
     replace,
     "quick_gelu",
     "quicker_gelu",
     {"text_encoder/config.json", "hidden_act"},
     0,
     0},
    {"an_unknown_scheduler_is_refused",
     "model_index.json",
     replace,
     "PNDMScheduler",
     "SomeScheduler",
     {"SomeScheduler"},
     0,
     0},
    {"an_unknown_beta_schedule_is_refused",
     "scheduler/scheduler_config.json",
     replace,
     "scaled_linear",
     "sigmoid",
     {"beta_schedule"},
     0,
     0},
    {"an_unknown_prediction_is_refused",
     "scheduler/scheduler_config.json",
     replace,
     "\"set_alpha",
     "\"prediction_type\": \"flow\", \"set_alpha",
     {"prediction_type"},
     0,
     0},
    {"heads_that_do_not_divide_are_refused",
     "unet/config.json",
     replace,
     "\"attention_head_dim\": 8",
     "\"attention_head_dim\": 7",
     {"unet/config.json", "attention_head_dim"},
     0,
     0},
    {"groups_that_do_not_divide_are_refused",
     "unet/config.json",
     replace,
     "\"norm_num_groups\": 8",
     "\"norm_num_groups\": 7",
     {"unet/config.json", "norm_num_groups"},
     0,
     0},
    {"another_width_is_refused",
     "unet/config.json",
     replace,
     "\"cross_attention_dim\": 32",
     "\"cross_attention_dim\": 48",
     {"width 48", "give 32"},
     0,
     0},
    {"a_size_that_is_no_multiple_is_refused",
     "model_index.json",
     do_nothing,
     0,
     0,
     {"20", "8"},
     "-p fox -W 20 -H 16",
     2},
    {"an_unknown_sampler_is_refused",
     "model_index.json",
     do_nothing,
     0,
     0,
     {"magic", "euler"},
     "-p fox --sampler magic",
     2},
    {"a_prompt_that_is_not_utf8_is_refused",
     "model_index.json",
     do_nothing,
     0,
     0,
     {"UTF-8"},
     "-p \"$(printf 'a\\377b')\" -W 16 -H 16",
     0},
    {"an_init_image_that_is_no_png_is_refused",
     "model_index.json",
     do_nothing,
     0,
     0,
     {"model_index.json"},
     "-p fox -i $MODEL/model_index.json -W 16 -H 16",
     0},
    {"an_init_image_that_is_missing_is_refused",
     "model_index.json",
     do_nothing,
     0,
     0,
     {"nothing.png"},
     "-p fox -i $MODEL/nothing.png -W 16 -H 16",
     0},
};

/* ---- the run ---- */

static void run(const char *command, char *ret_words, size_t size, int *ret_code)
{
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    const size_t n = fread(ret_words, 1, size - 1, pipe);
    ret_words[n] = '\0';
    const int status = pclose(pipe);
    assert_true(WIFEXITED(status));
    *ret_code = WEXITSTATUS(status);
}

static void is_refused(void **state)
{
    const damage *d = *state;
    char dir[] = "/tmp/atelier-damage-XXXXXX", path[512], command[2048], words[4096];
    int code;
    assert_non_null(mkdtemp(dir));
    snprintf(command, sizeof command, "cp -r '%s' %s/model && mkdir %s/out && chmod -R u+w %s", model, dir,
             dir, dir);
    run(command, words, sizeof words, &code);
    assert_int_equal(code, 0);
    snprintf(path, sizeof path, "%s/model/%s", dir, d->file);
    if (d->harm)
        d->harm(path, d);
    else
        assert_int_equal(unlink(path), 0);
    snprintf(command, sizeof command,
             "MODEL=%s/model; '%s' paint -m $MODEL -o %s/out/picture.png --steps 1 -t 1 %s 2>&1 >/dev/null",
             dir, program, dir, d->options ? d->options : "-p fox -W 16 -H 16");
    run(command, words, sizeof words, &code);
    snprintf(path, sizeof path, "%s/out", dir);
    const bool nothing_left = rmdir(path) == 0;
    snprintf(command, sizeof command, "rm -rf %s", dir);
    assert_int_equal(system(command), 0);
    if (code != (d->exit_code ? d->exit_code : 1))
        fail_msg("found exit code %d: %s", code, words);
    for (size_t i = 0; i < 2 && d->words[i]; i++)
        if (!strstr(words, d->words[i]))
            fail_msg("no \"%s\" in: %s", d->words[i], words);
    if (!nothing_left)
        fail_msg("something was left where the picture would be");
}

/* The same copy and options without harm: else the tests above could pass for another reason. */
static void whole_checkpoint_paints(void **state)
{
    (void)state;
    char dir[] = "/tmp/atelier-damage-XXXXXX", command[2048], words[4096];
    int code;
    assert_non_null(mkdtemp(dir));
    snprintf(command, sizeof command,
             "'%s' paint -q -m '%s' -o %s/picture.png --steps 1 -t 1 -p fox -W 16 -H 16 2>&1 >/dev/null && "
             "rm %s/picture.png",
             program, model, dir, dir);
    run(command, words, sizeof words, &code);
    assert_string_equal(words, "");
    assert_int_equal(code, 0);
    assert_int_equal(rmdir(dir), 0);
}

int main(int argc, char **argv)
{
    enum { N_DAMAGES = sizeof damages / sizeof damages[0] };
    struct CMUnitTest tests[N_DAMAGES + 1];
    if (argc < 3)
        return 2;
    program = argv[1];
    model = argv[2];
    tests[0] = (struct CMUnitTest)cmocka_unit_test(whole_checkpoint_paints);
    for (size_t i = 0; i < N_DAMAGES; i++)
        tests[i + 1] = (struct CMUnitTest){
            .name = damages[i].name, .test_func = is_refused, .initial_state = (void *)(size_t)&damages[i]};
    return _cmocka_run_group_tests("damage", tests, N_DAMAGES + 1, NULL, NULL) != 0;
}
