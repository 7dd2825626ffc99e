/* checkpoint_test.c - one checkpoint, every case: the engine gives what diffusers gave.
 *
 *     test_golden_checkpoint MODEL EXPECTED [VARIANT|- [TOKENIZER_DIR|- [LORA_DIR]]]
 *
 * Each case runs twice where it can: as a probe, with diffusers' random numbers given, and, for pictures,
 * from the seed alone, which must give the same numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/probe.h"
#include "golden/cases.h"
#include "golden/measure.h"

static atl_engine_options options = {.n_threads = 1};
static atl_engine *engine; /* opened once for all pictures */

static void probe_gives_what_diffusers_gave(void **state)
{
    const golden_case *c = *state;
    char out[] = "/tmp/atelier-golden-XXXXXX";
    atl_note note = {0};
    const int fd = mkstemp(out);
    assert_true(fd >= 0);
    close(fd);
    const bool paints = strcmp(c->part, "pipeline") == 0;
    if (atl_probe(&options, c->part, c->in, out, paints ? &c->request : NULL, &note) != ATL_OK)
        fail_msg("%s", note.text);
    golden_assert_close(c->out, out);
    unlink(out);
}

static void seed_alone_gives_the_same_picture(void **state)
{
    const golden_case *c = *state;
    atl_note note = {0};
    atl_painting painting = {0};
    if (atl_engine_paint(engine, &c->request, NULL, NULL, &painting, &note) != ATL_OK)
        fail_msg("%s", note.text);
    golden_assert_picture(c->out, painting.image.pixels, painting.image.width, painting.image.height);
    atl_painting_done(&painting);
}

static size_t list_tests(golden_set *set, struct CMUnitTest *tests, char (*names)[128])
{
    size_t n = 0;
    for (size_t i = 0; i < set->n; i++) {
        golden_case *c = &set->at[i];
        snprintf(names[n], sizeof names[n], "%s_gives_what_diffusers_gave", c->name);
        tests[n] = (struct CMUnitTest){
            .name = names[n], .test_func = probe_gives_what_diffusers_gave, .initial_state = c};
        n++;
        if (strcmp(c->part, "pipeline") != 0)
            continue;
        snprintf(names[n], sizeof names[n], "%s_from_its_seed_alone_gives_the_same", c->name);
        tests[n] = (struct CMUnitTest){
            .name = names[n], .test_func = seed_alone_gives_the_same_picture, .initial_state = c};
        n++;
    }
    return n;
}

static int open_engine(void **state)
{
    (void)state;
    atl_note note = {0};
    if (atl_engine_open(&options, &engine, &note) == ATL_OK)
        return 0;
    print_error("%s\n", note.text);
    return -1;
}

static int close_engine(void **state)
{
    (void)state;
    atl_engine_close(&engine);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    options.model = argv[1];
    options.variant = argc > 3 && strcmp(argv[3], "-") != 0 ? argv[3] : NULL;
    options.tokenizer_dir = argc > 4 && strcmp(argv[4], "-") != 0 ? argv[4] : NULL;
    options.lora_dir = argc > 5 ? argv[5] : NULL;
    golden_set set;
    golden_set_open(argv[2], &set);
    struct CMUnitTest *tests = calloc(2 * set.n, sizeof *tests);
    char(*names)[128] = calloc(2 * set.n, sizeof *names);
    if (!tests || !names)
        return 1;
    const size_t n = list_tests(&set, tests, names);
    const int n_failed = _cmocka_run_group_tests(argv[1], tests, n, open_engine, close_engine);
    free(tests);
    free(names);
    golden_set_close(&set);
    return n_failed != 0;
}
