/* start_test.c - pools that cannot start, and how they say why. */
#include "pool_fixture.h"

/* Submits until the pool refuses, and returns what it said. */
static atl_status refusal(pool *p, atl_note *note)
{
    atl_future *future = NULL;
    const atl_job job = {0};
    const atl_status st = atl_executor_submit(p->executor, &job, &future, note);
    if (st != ATL_OK)
        return st;
    const atl_result *r = ended(future, ATL_FUTURE_CANCELLED);
    *note = r->note;
    const atl_status why = r->status;
    atl_future_release(&future);
    return why;
}

static void a_bad_model_ends_the_pool_with_the_engines_own_words(void **state)
{
    (void)state;
    pool *p = new_pool("bad-model", FAKE_WORKER);
    open_pool(p);
    atl_note note = {0};
    assert_int_equal(refusal(p, &note), ATL_BAD_INPUT);
    assert_non_null(strstr(note.text, "bad-model: found a fake, wanted a model"));
    assert_int_equal(refusal(p, &note), ATL_BAD_INPUT);
    assert_true(atl_executor_counts(p->executor).spawned <= 2); /* nothing was tried again */
    close_pool(p, true);
}

static void workers_that_die_at_once_are_set_aside_and_their_last_words_told(void **state)
{
    (void)state;
    pool *p = new_pool("dying-model", FAKE_WORKER);
    open_pool(p);
    atl_note note = {0};
    assert_int_equal(refusal(p, &note), ATL_CANCELLED);
    assert_non_null(strstr(note.text, "exit code 3: the last word"));
    assert_true(atl_executor_counts(p->executor).spawned <= 12);
    close_pool(p, true);
}

static void a_model_that_memory_does_not_hold_is_told(void **state)
{
    (void)state;
    pool *p = new_pool("hungry-model", FAKE_WORKER);
    p->options.n_workers = 1;
    open_pool(p);
    atl_note note = {0};
    assert_int_equal(refusal(p, &note), ATL_CANCELLED);
    assert_non_null(strstr(note.text, "no memory for the weights"));
    close_pool(p, true);
}

static void a_worker_that_never_gets_ready_is_killed(void **state)
{
    (void)state;
    pool *p = new_pool("slow-model", FAKE_WORKER);
    p->options.n_workers = 1;
    p->options.start_patience_ns = MILLISECONDS(200);
    open_pool(p);
    const said lost = heard(p, ATL_POOL_WORKER, ATL_WORKER_LOST, 1);
    if (!strstr(lost.text, "it was not ready after 0.2 s"))
        fail_msg("found '%s'", lost.text);
    atl_note note = {0};
    assert_int_equal(refusal(p, &note), ATL_CANCELLED);
    close_pool(p, true);
}

static void workers_that_are_stopped_while_they_start_are_killed_for_their_silence(void **state)
{
    (void)state;
    pool *p = new_pool("stopping-model", FAKE_WORKER);
    p->options.silence_patience_ns = MILLISECONDS(500);
    open_pool(p);
    const said lost = heard(p, ATL_POOL_WORKER, ATL_WORKER_LOST, 2);
    if (!strstr(lost.text, "it was silent for"))
        fail_msg("found '%s'", lost.text);
    close_pool(p, true);
}

static void a_model_that_is_not_there_is_refused_at_once(void **state)
{
    (void)state;
    pool *p = new_pool("model", FAKE_WORKER);
    atl_note note = {0};
    p->options.model = "/nowhere/model";
    assert_int_equal(atl_executor_open(&p->options, &p->executor, &note), ATL_NOT_FOUND);
    assert_non_null(strstr(note.text, "/nowhere/model"));
    p->options.model = NULL;
    assert_int_equal(atl_executor_open(&p->options, &p->executor, &note), ATL_USAGE);
    close_pool(p, true);
}

static void a_program_that_is_not_there_is_told(void **state)
{
    (void)state;
    pool *p = new_pool("model", "/nowhere/atelier");
    open_pool(p);
    atl_note note = {0};
    assert_int_equal(refusal(p, &note), ATL_CANCELLED);
    assert_non_null(strstr(note.text, "cannot start /nowhere/atelier"));
    close_pool(p, true);
}

static void a_plan_that_cannot_be_is_refused(void **state)
{
    (void)state;
    pool *p = new_pool("model", FAKE_WORKER);
    atl_note note = {0};
    p->options.cpus = "99999";
    assert_int_equal(atl_executor_open(&p->options, &p->executor, &note), ATL_USAGE);
    close_pool(p, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bad_model_ends_the_pool_with_the_engines_own_words),
        cmocka_unit_test(workers_that_die_at_once_are_set_aside_and_their_last_words_told),
        cmocka_unit_test(a_model_that_memory_does_not_hold_is_told),
        cmocka_unit_test(a_worker_that_never_gets_ready_is_killed),
        cmocka_unit_test(workers_that_are_stopped_while_they_start_are_killed_for_their_silence),
        cmocka_unit_test(a_model_that_is_not_there_is_refused_at_once),
        cmocka_unit_test(a_program_that_is_not_there_is_told),
        cmocka_unit_test(a_plan_that_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
