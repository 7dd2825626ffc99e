/* protocol_test.c - peers that do not keep to the protocol: faults 7, 18, 19 and 21 of docs/RELIABILITY.md.
 */
#include "pool_fixture.h"

static pool *a_rogue_pool(const char *mode)
{
    pool *p = new_pool(mode, ROGUE_WORKER);
    p->options.n_workers = 1;
    p->options.silence_patience_ns = MILLISECONDS(60000);
    open_pool(p);
    return p;
}

static void check_is(const atl_result *r, const char *png)
{
    assert_int_equal(r->png_bytes, strlen(png));
    assert_memory_equal(r->png, png, strlen(png));
}

static void the_first_result_of_a_lease_counts_and_the_others_are_dropped(void **state)
{
    (void)state;
    pool *p = a_rogue_pool("double-model");
    for (uint64_t i = 0; i < 20; i++) {
        atl_future *future = submit(p, i, "a house");
        check_is(ended(future, ATL_FUTURE_DONE), "png");
        atl_future_release(&future);
    }
    heard(p, ATL_POOL_DROPPED, -1, 38); /* two for each; the last two may still be on their way */
    close_pool(p, false);
}

static void what_is_of_another_run_or_no_message_is_counted_and_dropped(void **state)
{
    (void)state;
    pool *p = a_rogue_pool("foreign-model");
    atl_future *future = submit(p, 0, "a house");
    check_is(ended(future, ATL_FUTURE_DONE), "png");
    assert_int_equal(atl_executor_counts(p->executor).foreign, 5);
    atl_future_release(&future);
    close_pool(p, true);
}

static void a_stranger_cannot_answer_for_a_worker(void **state)
{
    (void)state;
    pool *p = a_rogue_pool("stranger-model");
    atl_future *future = submit(p, 0, "a house");
    check_is(ended(future, ATL_FUTURE_DONE), "png");
    for (int i = 0; atl_executor_counts(p->executor).foreign == 0 && i < DEADLINE_MS / 10; i++)
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL); /* its word may be the later one */
    assert_true(atl_executor_counts(p->executor).foreign >= 1);
    atl_future_release(&future);
    close_pool(p, true);
}

static void a_result_without_its_picture_costs_the_worker_its_life(void **state)
{
    (void)state;
    pool *p = a_rogue_pool("blind-model");
    atl_future *future = submit(p, 0, "a house");
    assert_non_null(strstr(heard(p, ATL_POOL_WORKER, ATL_WORKER_LOST, 1).text, "without its picture"));
    atl_future_release(&future);
    close_pool(p, false);
}

static void a_worker_that_does_not_listen_cannot_hold_the_pool_up(void **state)
{
    (void)state;
    pool *p = a_rogue_pool("deaf-model");
    atl_future *future = submit(p, 0, "a house");
    heard(p, ATL_POOL_WORKER, ATL_WORKER_READY, 1);
    assert_false(atl_future_wait(future, 50));
    atl_future_release(&future);
    close_pool(p, false);
}

/* Two jobs for a worker that is gone after the first: what it is said to have died of, once it has. */
static void check_parting(const char *mode, int silence_ms, const char *wanted)
{
    pool *p = new_pool(mode, ROGUE_WORKER);
    p->options.n_workers = 1;
    p->options.silence_patience_ns = MILLISECONDS(silence_ms);
    open_pool(p);
    char parted[160];
    snprintf(parted, sizeof parted, "%s.parted", p->model);
    atl_future *first = submit(p, 0, "a house");
    for (int i = 0; access(parted, F_OK) != 0 && i < DEADLINE_MS / 10; i++)
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    atl_future *second = submit(p, 1, "a lake");
    const said lost = heard(p, ATL_POOL_WORKER, ATL_WORKER_LOST, 1);
    if (!strstr(lost.text, wanted))
        fail_msg("found '%s', wanted '%s' in it", lost.text, wanted);
    check_is(ended(first, ATL_FUTURE_DONE), "png");
    check_is(ended(second, ATL_FUTURE_DONE), "png");
    atl_future_release(&first);
    atl_future_release(&second);
    close_pool(p, true);
}

static void a_worker_that_is_ending_tells_itself_why(void **state)
{
    (void)state;
    check_parting("parting-model", 60000, "exit code 3");
}

static void a_worker_that_is_gone_and_does_not_end_is_killed(void **state)
{
    (void)state;
    check_parting("lingering-model", 1000, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_result_of_a_lease_counts_and_the_others_are_dropped),
        cmocka_unit_test(what_is_of_another_run_or_no_message_is_counted_and_dropped),
        cmocka_unit_test(a_stranger_cannot_answer_for_a_worker),
        cmocka_unit_test(a_result_without_its_picture_costs_the_worker_its_life),
        cmocka_unit_test(a_worker_that_does_not_listen_cannot_hold_the_pool_up),
        cmocka_unit_test(a_worker_that_is_ending_tells_itself_why),
        cmocka_unit_test(a_worker_that_is_gone_and_does_not_end_is_killed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
