/* savings_test.c - jobs that save work: alone and in company they give the same pictures, and each saving
 * does what its definition says, seen at the calls of the UNet.
 *
 *     test_golden_savings MODELS EXPECTED */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

#include "golden/cases.h"

#define MOST 8

static const char *models, *expected;

typedef struct trial {
    golden_set set;
    atl_engine *engine;
    atl_request request;
} trial;

static void trial_open(trial *t, int n_threads)
{
    char folder[512], model[512];
    atl_note note = {0};
    snprintf(folder, sizeof folder, "%s/sd1", expected);
    snprintf(model, sizeof model, "%s/sd1", models);
    golden_set_open(folder, &t->set);
    t->request = golden_set_find(&t->set, "own_4")->request;
    t->request.n_steps = 6;
    t->request.guidance_scale = 5;
    const atl_engine_options options = {.model = model, .n_threads = n_threads};
    if (atl_engine_open(&options, &t->engine, &note) != ATL_OK)
        fail_msg("%s", note.text);
}

static void trial_close(trial *t)
{
    atl_engine_close(&t->engine);
    golden_set_close(&t->set);
}

static atl_painting paint(trial *t, const atl_request *request)
{
    atl_painting painting = {0};
    atl_note note = {0};
    if (atl_engine_paint(t->engine, request, NULL, NULL, &painting, &note) != ATL_OK)
        fail_msg("%s", note.text);
    return painting;
}

static bool same(const atl_painting *a, const atl_painting *b)
{
    assert_int_equal(a->image.width, b->image.width);
    assert_int_equal(a->image.height, b->image.height);
    return memcmp(a->image.pixels, b->image.pixels, 3 * (size_t)a->image.width * (size_t)a->image.height) ==
           0;
}

/* Kinds of jobs: none saves what another does. */
static atl_request saving(const trial *t, int kind)
{
    atl_request r = t->request;
    r.guidance_from = kind == 1 ? 0.34 : 0;
    r.guidance_until = kind == 2 ? 0.5 : kind == 5 ? 0.7 : 0;
    r.merge_tokens = kind == 6 ? 0.5 : kind == 7 ? 0.25 : 0;
    r.deep_cache = kind == 7 ? 2 : kind == 3 ? 2 : kind == 4 || kind == 5 ? 3 : 0;
    return r;
}

static void each_saving_gives_a_picture_of_its_own(void **state)
{
    (void)state;
    trial t;
    atl_painting pictures[MOST];
    trial_open(&t, 2);
    for (int i = 0; i < MOST; i++) {
        const atl_request r = saving(&t, i);
        pictures[i] = paint(&t, &r);
        for (int k = 0; k < i; k++)
            assert_false(same(&pictures[i], &pictures[k]));
    }
    for (int i = 0; i < MOST; i++)
        atl_painting_done(&pictures[i]);
    trial_close(&t);
}

/* Of each kind two with seeds of their own, so that some share calls and none may share with another kind. */
static void company_and_threads_change_no_byte_of_a_saving_job(void **state)
{
    (void)state;
    atl_request requests[2 * MOST];
    atl_painting together[2 * MOST] = {0};
    atl_status statuses[2 * MOST];
    atl_note notes[2 * MOST];
    memset(notes, 0, sizeof notes);
    trial one, many;
    trial_open(&one, 1);
    trial_open(&many, 3);
    for (int i = 0; i < 2 * MOST; i++) {
        requests[i] = saving(&many, i % MOST);
        requests[i].seed = 100 + (uint64_t)i;
        requests[i].guidance_scale = 4 + i / MOST;
    }
    atl_engine_paint_batch(many.engine, requests, 2 * MOST, NULL, NULL, together, statuses, notes);
    for (int i = 0; i < 2 * MOST; i++) {
        if (statuses[i] != ATL_OK)
            fail_msg("job %d: %s", i, notes[i].text);
        atl_painting alone = paint(&one, &requests[i]);
        if (!same(&alone, &together[i]))
            fail_msg("job %d is another picture in company", i);
        atl_painting_done(&alone);
        atl_painting_done(&together[i]);
    }
    trial_close(&one);
    trial_close(&many);
}

static void what_saves_nothing_changes_no_byte(void **state)
{
    (void)state;
    trial t;
    trial_open(&t, 1);
    atl_request idle = t.request, never = t.request, unguided = t.request;
    idle.guidance_until = 1;
    idle.deep_cache = 1;
    never.guidance_from = 1; /* no step lies there */
    unguided.guidance_scale = 1;
    atl_painting a = paint(&t, &t.request), b = paint(&t, &idle);
    assert_true(same(&a, &b));
    atl_painting c = paint(&t, &never), d = paint(&t, &unguided);
    assert_true(same(&c, &d));
    assert_false(same(&a, &c));
    atl_painting_done(&a);
    atl_painting_done(&b);
    atl_painting_done(&c);
    atl_painting_done(&d);
    trial_close(&t);
}

static void assert_refused(const trial *t, const atl_request *request, const char *words)
{
    atl_painting painting = {0};
    atl_note note = {0};
    assert_int_equal(atl_engine_paint(t->engine, request, NULL, NULL, &painting, &note), ATL_USAGE);
    assert_non_null(strstr(note.text, words));
}

static void parts_of_the_steps_that_are_none_are_refused(void **state)
{
    static const double parts[][2] = {{-0.1, 0}, {0.5, 0.4}, {0, 1.1}, {1.5, 0}};
    (void)state;
    trial t;
    trial_open(&t, 1);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        atl_request r = t.request;
        r.guidance_from = parts[i][0];
        r.guidance_until = parts[i][1];
        assert_refused(&t, &r, "guidance from");
    }
    trial_close(&t);
}

static void more_tokens_than_can_be_merged_are_refused(void **state)
{
    static const double parts[] = {-0.1, 0.76, NAN};
    (void)state;
    trial t;
    trial_open(&t, 1);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        atl_request r = t.request;
        r.merge_tokens = parts[i];
        assert_refused(&t, &r, "merge tokens");
    }
    trial_close(&t);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_saving_gives_a_picture_of_its_own),
        cmocka_unit_test(company_and_threads_change_no_byte_of_a_saving_job),
        cmocka_unit_test(what_saves_nothing_changes_no_byte),
        cmocka_unit_test(parts_of_the_steps_that_are_none_are_refused),
        cmocka_unit_test(more_tokens_than_can_be_merged_are_refused),
    };
    if (argc < 3)
        return 2;
    models = argv[1];
    expected = argv[2];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
