/* precision_test.c - pictures in fp16, bf16 and int8: those of fp32 or near them, and the same however they
 * are computed.
 *
 *     test_golden_precision MODELS EXPECTED
 *
 * On tiny models of random weights, which forgive less than trained ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>
#include <math.h>

#include "golden/cases.h"

#define LEAST_FP16_PSNR_DB 50.0 /* most of these weights fit into halves: then it is infinite */
#define LEAST_PSNR_DB      39.0 /* 35 are promised; measured are 39.6 and more */
#define LEAST_INT8_PSNR_DB 33.0 /* 25 are promised; measured are 34.2 and more */

typedef struct precision_case {
    const char *checkpoint, *variant, *name;
    const char *beside; /* whose networks are painted with, and whose checkpoint it is; or NULL */
} precision_case;

static const char *models, *expected;

typedef struct how {
    const char *policy;
    int n_threads, shared_fd;
    const char *pack_cache;
    const char *pack_trouble; /* what is to be told of the cache; NULL: nothing */
} how;

static void paint(const precision_case *t, how with, atl_painting *ret)
{
    char folder[512], model[512], loras[512];
    atl_note note = {0};
    golden_set set;
    atl_engine *engine = NULL;
    snprintf(folder, sizeof folder, "%s/%s", expected, t->checkpoint);
    snprintf(model, sizeof model, "%s/%s", models, t->beside ? t->beside : t->checkpoint);
    snprintf(loras, sizeof loras, "%s/loras/%s", models, t->beside ? t->beside : "");
    const atl_engine_options options = {.model = model,
                                        .variant = t->variant,
                                        .policy = with.policy,
                                        .n_threads = with.n_threads,
                                        .shared_weights_fd = with.shared_fd,
                                        .pack_cache = with.pack_cache,
                                        .lora_dir = loras};
    atl_engine_facts facts;
    golden_set_open(folder, &set);
    const golden_case *c = golden_set_find(&set, t->name);
    if (atl_engine_open(&options, &engine, &note) != ATL_OK ||
        atl_engine_paint(engine, &c->request, NULL, NULL, ret, &note) != ATL_OK)
        fail_msg("%s", note.text);
    assert_int_equal(atl_engine_facts_get(engine, &facts, &note), ATL_OK);
    assert_string_equal(facts.policy, with.policy);
    if (with.pack_trouble)
        assert_non_null(strstr(facts.pack_note, with.pack_trouble));
    else
        assert_string_equal(facts.pack_note, "");
    atl_engine_close(&engine);
    golden_set_close(&set);
}

static size_t n_bytes(const atl_painting *p)
{
    return (size_t)p->image.width * (size_t)p->image.height * 3;
}

static double psnr_db(const atl_painting *a, const atl_painting *b)
{
    double sum = 0.0;
    for (size_t i = 0; i < n_bytes(a); i++) {
        const double d = (double)a->image.pixels[i] - (double)b->image.pixels[i];
        sum += d * d;
    }
    return sum > 0.0 ? 10.0 * log10(255.0 * 255.0 * (double)n_bytes(a) / sum) : INFINITY;
}

static void is_near_fp32(const precision_case *t, const char *policy, double least_db)
{
    atl_painting exact = {0}, rounded = {0};
    paint(t, (how){.policy = "fp32", .n_threads = 1}, &exact);
    paint(t, (how){.policy = policy, .n_threads = 1}, &rounded);
    assert_int_equal(n_bytes(&exact), n_bytes(&rounded));
    const double db = psnr_db(&exact, &rounded);
    print_message("    %s %s in %s: %.1f dB\n", t->checkpoint, t->name, policy, db);
    assert_true(db >= least_db);
    assert_true(db < INFINITY || least_db == LEAST_FP16_PSNR_DB); /* it was really used */
    atl_painting_done(&exact);
    atl_painting_done(&rounded);
}

static void fp16_is_near_fp32(void **state)
{
    is_near_fp32(*state, "fp16", LEAST_FP16_PSNR_DB);
}

static void bf16_is_near_fp32(void **state)
{
    is_near_fp32(*state, "bf16", LEAST_PSNR_DB);
}

static void int8_is_near_fp32(void **state)
{
    is_near_fp32(*state, "int8", LEAST_INT8_PSNR_DB);
}

static void assert_same_picture(const atl_painting *a, const atl_painting *b)
{
    assert_int_equal(n_bytes(a), n_bytes(b));
    assert_memory_equal(a->image.pixels, b->image.pixels, n_bytes(a));
}

static void does_not_depend_on_threads_or_on_who_packed(const precision_case *t, const char *policy)
{
    const int fd = memfd_create("weights", MFD_ALLOW_SEALING);
    assert_true(fd > 0);
    atl_painting alone = {0}, other = {0};
    paint(t, (how){.policy = policy, .n_threads = 1}, &alone);
    for (int n_threads = 2; n_threads <= 3; n_threads++) { /* the second finds the weights packed */
        paint(t, (how){.policy = policy, .n_threads = n_threads, .shared_fd = fd}, &other);
        assert_same_picture(&alone, &other);
        atl_painting_done(&other);
    }
    atl_painting_done(&alone);
    close(fd);
}

static void fp16_does_not_depend_on_threads_or_on_who_packed(void **state)
{
    does_not_depend_on_threads_or_on_who_packed(*state, "fp16");
}

static void bf16_does_not_depend_on_threads_or_on_who_packed(void **state)
{
    does_not_depend_on_threads_or_on_who_packed(*state, "bf16");
}

static void int8_does_not_depend_on_threads_or_on_who_packed(void **state)
{
    does_not_depend_on_threads_or_on_who_packed(*state, "int8");
}

/* Through a directory that is made for it: packed, kept, and mapped by the next; a file that is not what it
 * should be is told of and made again. */
static void weights_kept_on_disk_paint_the_same(void **state)
{
    const precision_case *t = *state;
    char dir[] = "/tmp/atl-packs-XXXXXX", command[64];
    assert_non_null(mkdtemp(dir));
    atl_painting alone = {0}, other = {0};
    paint(t, (how){.policy = "bf16", .n_threads = 1}, &alone);
    for (int round = 0; round < 4; round++) {
        how with = {.policy = "bf16", .n_threads = 1 + round % 2, .pack_cache = dir};
        if (round == 2) {
            snprintf(command, sizeof command, "truncate -s -1 %s/*.atlpack", dir);
            assert_int_equal(system(command), 0);
            with.pack_trouble = "it was cut short";
        }
        paint(t, with, &other);
        assert_same_picture(&alone, &other);
        atl_painting_done(&other);
    }
    atl_painting_done(&alone);
    snprintf(command, sizeof command, "rm -r %s", dir);
    assert_int_equal(system(command), 0);
}

int main(int argc, char **argv)
{
    static precision_case cases[] = {
        {"sd1", NULL, "own_20", NULL},      {"sd2", NULL, "own_20", NULL},
        {"sdxl", NULL, "own_4", NULL},      {"sdxs", NULL, "own_1", NULL},
        {"lcm", NULL, "own_4", NULL},       {"odd_layers", NULL, "own_4", NULL},
        {"sd1", NULL, "img2img_own", NULL}, {"sd1_lora", NULL, "kohya", "sd1"},
        {"sd1_lora", NULL, "two", "sd1"},   {"sd1_lora", NULL, "locon", "sd1"},
    };
    static const struct {
        const char *says;
        CMUnitTestFunction test;
    } claims[] = {
        {"in_fp16_is_near_fp32", fp16_is_near_fp32},
        {"in_bf16_is_near_fp32", bf16_is_near_fp32},
        {"in_int8_is_near_fp32", int8_is_near_fp32},
        {"in_fp16_does_not_depend_on_threads_or_on_who_packed",
         fp16_does_not_depend_on_threads_or_on_who_packed},
        {"in_bf16_does_not_depend_on_threads_or_on_who_packed",
         bf16_does_not_depend_on_threads_or_on_who_packed},
        {"in_int8_does_not_depend_on_threads_or_on_who_packed",
         int8_does_not_depend_on_threads_or_on_who_packed},
    };
    enum { N_CASES = sizeof cases / sizeof cases[0], N_CLAIMS = sizeof claims / sizeof claims[0] };
    struct CMUnitTest tests[N_CLAIMS * N_CASES + 1];
    char names[N_CLAIMS * N_CASES][96];
    if (argc < 3)
        return 2;
    models = argv[1];
    expected = argv[2];
    for (size_t i = 0; i < N_CLAIMS * N_CASES; i++) {
        precision_case *t = &cases[i / N_CLAIMS];
        snprintf(names[i], sizeof names[i], "%s_%s_%s", t->checkpoint, t->name, claims[i % N_CLAIMS].says);
        tests[i] =
            (struct CMUnitTest){.name = names[i], .test_func = claims[i % N_CLAIMS].test, .initial_state = t};
    }
    tests[N_CLAIMS * N_CASES] = (struct CMUnitTest){.name = "sd1_own_20_weights_kept_on_disk_paint_the_same",
                                                    .test_func = weights_kept_on_disk_paint_the_same,
                                                    .initial_state = &cases[0]};
    return _cmocka_run_group_tests("precision", tests, N_CLAIMS * N_CASES + 1, NULL, NULL) != 0;
}
