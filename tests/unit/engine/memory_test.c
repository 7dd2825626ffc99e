/* memory_test.c - what an engine is said to need, held against one that has painted. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/engine.h"

static char model[64];

static int make_model(void **state)
{
    (void)state;
    snprintf(model, sizeof model, "/tmp/atelier-memory-XXXXXX");
    return mkdtemp(model) && atl_engine_synth_model("tiny", model, "f32", 1, NULL, NULL, NULL) == ATL_OK ? 0
                                                                                                         : -1;
}

static int remove_model(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", model);
    return system(command);
}

static atl_memory_need need_for(int side, int batch_size, bool init_images)
{
    const atl_engine_options options = {.model = model, .n_threads = 1};
    const atl_memory_wish wish = {
        .width = side, .height = side, .batch_size = batch_size, .init_images = init_images};
    atl_memory_need need = {0};
    atl_note note = {0};
    if (atl_engine_memory(&options, &wish, &need, &note) != ATL_OK)
        fail_msg("%s", note.text);
    return need;
}

/* Paints `n` pictures of that size at once and returns what the engine says that it took. */
static atl_engine_facts facts_after(int side, size_t n)
{
    const atl_engine_options options = {.model = model, .n_threads = 1};
    atl_engine *engine = NULL;
    atl_note notes[2] = {0};
    atl_request requests[2];
    atl_painting paintings[2] = {0};
    atl_status statuses[2];
    atl_engine_facts facts;
    for (size_t i = 0; i < 2; i++)
        requests[i] = (atl_request){
            .prompt = "a house", .seed = i, .n_steps = 1, .guidance_scale = 5, .width = side, .height = side};
    assert_int_equal(atl_engine_open(&options, &engine, notes), ATL_OK);
    atl_engine_paint_batch(engine, requests, n, NULL, NULL, paintings, statuses, notes);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(statuses[i], ATL_OK);
        atl_painting_done(&paintings[i]);
    }
    assert_int_equal(atl_engine_facts_get(engine, &facts, notes), ATL_OK);
    atl_engine_close(&engine);
    return facts;
}

static void check(int side, int batch_size)
{
    const atl_memory_need need = need_for(side, batch_size, false);
    const atl_engine_facts facts = facts_after(side, (size_t)batch_size);
    if (need.scratch_bytes < facts.scratch_peak_bytes || need.scratch_bytes > 2 * facts.scratch_peak_bytes)
        fail_msg("%d px, %d together: %zu bytes of scratch were foretold, %zu taken", side, batch_size,
                 need.scratch_bytes, facts.scratch_peak_bytes);
    assert_true(need.shared_bytes >= facts.packed_bytes &&
                need.shared_bytes < facts.packed_bytes + (4u << 20));
    assert_true(need.each_bytes > need.scratch_bytes);
}

static void what_is_foretold_covers_what_is_taken_and_not_twice_that(void **state)
{
    (void)state;
    check(128, 1);
    check(256, 1);
    check(256, 2);
}

static void a_size_that_is_not_said_is_the_models_own(void **state)
{
    (void)state;
    assert_int_equal(need_for(0, 1, false).scratch_bytes, need_for(128, 1, false).scratch_bytes);
}

static void pictures_to_begin_from_never_take_less(void **state)
{
    (void)state;
    assert_true(need_for(256, 1, true).scratch_bytes >= need_for(256, 1, false).scratch_bytes);
}

/* The heap in the middle of a painting. */
static bool weigh_heap(void *user, int step, int n_steps)
{
    (void)n_steps;
    const struct mallinfo2 now = mallinfo2();
    if (step == 2)
        *(size_t *)user = now.uordblks + now.hblkhd;
    return true;
}

static size_t heap_while_painting(atl_engine *engine, int deep_cache)
{
    const atl_request request = {.prompt = "a house",
                                 .n_steps = 3,
                                 .guidance_scale = 5,
                                 .width = 512,
                                 .height = 512,
                                 .deep_cache = deep_cache};
    atl_painting painting = {0};
    atl_note note = {0};
    size_t bytes = 0;
    if (atl_engine_paint(engine, &request, weigh_heap, &bytes, &painting, &note) != ATL_OK)
        fail_msg("%s", note.text);
    atl_painting_done(&painting);
    return bytes;
}

static void what_deep_cache_keeps_is_foretold(void **state)
{
    (void)state;
    if (mallinfo2().uordblks == 0)
        skip(); /* a sanitizer's heap does not say what it holds */
    const atl_engine_options options = {.model = model, .n_threads = 1};
    atl_memory_wish wish = {.width = 512, .height = 512};
    atl_memory_need without, with;
    atl_engine *engine = NULL;
    assert_int_equal(atl_engine_memory(&options, &wish, &without, NULL), ATL_OK);
    wish.deep_cache = true;
    assert_int_equal(atl_engine_memory(&options, &wish, &with, NULL), ATL_OK);
    assert_int_equal(with.scratch_bytes, without.scratch_bytes);
    const size_t foretold = with.each_bytes - without.each_bytes;
    assert_true(foretold > 100000);
    assert_int_equal(atl_engine_open(&options, &engine, NULL), ATL_OK);
    heap_while_painting(engine, 2); /* what the first painting leaves behind is there in both that count */
    const size_t plain = heap_while_painting(engine, 1), kept = heap_while_painting(engine, 2) - plain;
    atl_engine_close(&engine);
    if (kept < foretold - foretold / 20 || kept > foretold + foretold / 20)
        fail_msg("%zu bytes were foretold, %zu kept", foretold, kept);
}

static void a_size_that_cannot_be_is_refused(void **state)
{
    (void)state;
    const atl_engine_options options = {.model = model, .n_threads = 1};
    atl_memory_need need;
    atl_note note = {0};
    assert_int_equal(atl_engine_memory(&options, &(atl_memory_wish){.width = 65, .height = 64}, &need, &note),
                     ATL_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_foretold_covers_what_is_taken_and_not_twice_that),
        cmocka_unit_test(a_size_that_is_not_said_is_the_models_own),
        cmocka_unit_test(pictures_to_begin_from_never_take_less),
        cmocka_unit_test(what_deep_cache_keeps_is_foretold),
        cmocka_unit_test(a_size_that_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, make_model, remove_model);
}
