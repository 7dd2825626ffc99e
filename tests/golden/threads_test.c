/* threads_test.c - a picture does not depend on how many threads computed it, bit for bit.
 *
 *     test_golden_threads MODELS EXPECTED
 *
 * Latents are compared as well as pixels: rounding to bytes would hide a last digit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "engine/probe.h"
#include "golden/cases.h"

typedef struct threads_case {
    const char *checkpoint, *variant, *name;
    const char *beside; /* whose networks are painted with, and whose checkpoint it is; or NULL */
} threads_case;

static const char *models, *expected;

static void probe_to(const char *model, const threads_case *t, const golden_case *c, int n_threads,
                     const char *out)
{
    char loras[512];
    snprintf(loras, sizeof loras, "%s/loras/%s", models, t->beside ? t->beside : "");
    const atl_engine_options options = {
        .model = model, .variant = t->variant, .n_threads = n_threads, .lora_dir = loras};
    atl_note note = {0};
    const bool paints = strcmp(c->part, "pipeline") == 0;
    if (atl_probe(&options, c->part, c->in, out, paints ? &c->request : NULL, &note) != ATL_OK)
        fail_msg("%s", note.text);
}

static void assert_same_bytes(const char *a_path, const char *b_path, int n_threads)
{
    char *a = NULL, *b = NULL;
    size_t n_a = 0, n_b = 0;
    atl_note note = {0};
    if (atl_file_read(a_path, (size_t)1 << 26, &a, &n_a, &note) != ATL_OK ||
        atl_file_read(b_path, (size_t)1 << 26, &b, &n_b, &note) != ATL_OK)
        fail_msg("%s", note.text);
    const bool same = n_a == n_b && memcmp(a, b, n_a) == 0;
    free(a);
    free(b);
    if (!same)
        fail_msg("%d threads give other bytes than one", n_threads);
}

static void every_thread_count_gives_the_same_bytes(void **state)
{
    const threads_case *t = *state;
    char folder[512], model[512];
    char dir[] = "/tmp/atelier-threads-XXXXXX", one[64], many[64];
    golden_set set;
    assert_non_null(mkdtemp(dir));
    snprintf(folder, sizeof folder, "%s/%s", expected, t->checkpoint);
    snprintf(model, sizeof model, "%s/%s", models, t->beside ? t->beside : t->checkpoint);
    snprintf(one, sizeof one, "%s/one", dir);
    snprintf(many, sizeof many, "%s/many", dir);
    golden_set_open(folder, &set);
    const golden_case *c = golden_set_find(&set, t->name);
    probe_to(model, t, c, 1, one);
    for (int n_threads = 2; n_threads <= 5; n_threads += n_threads == 3 ? 2 : 1) {
        probe_to(model, t, c, n_threads, many);
        assert_same_bytes(one, many, n_threads);
    }
    golden_set_close(&set);
    unlink(one);
    unlink(many);
    rmdir(dir);
}

int main(int argc, char **argv)
{
    static threads_case cases[] = {
        {"sd1", NULL, "own_4", NULL},        {"sd1", NULL, "text_encoder", NULL},
        {"sd1", NULL, "vae_encode_2", NULL}, {"sd2", NULL, "unet_2x12x16", NULL},
        {"sdxs", NULL, "own_1", NULL},       {"sdxl", NULL, "own_4", NULL},
        {"sd1_lora", NULL, "two", "sd1"},    {"sdxlturbo", "fp16", "img2img", NULL},
    };
    enum { N_CASES = sizeof cases / sizeof cases[0] };
    struct CMUnitTest tests[N_CASES];
    char names[N_CASES][96];
    if (argc < 3)
        return 2;
    models = argv[1];
    expected = argv[2];
    for (size_t i = 0; i < N_CASES; i++) {
        snprintf(names[i], sizeof names[i], "%s_%s_is_the_same_on_1_2_3_and_5_threads", cases[i].checkpoint,
                 cases[i].name);
        tests[i] = (struct CMUnitTest){.name = names[i],
                                       .test_func = every_thread_count_gives_the_same_bytes,
                                       .initial_state = &cases[i]};
    }
    return _cmocka_run_group_tests("threads", tests, N_CASES, NULL, NULL) != 0;
}
