/* executor_test.c - the pool as its callers see it, while all goes well. */
#include <sys/eventfd.h>

#include "pool_fixture.h"
#include "schemas/tray.h"

static void a_job_comes_back_as_a_picture_with_its_timings(void **state)
{
    (void)state;
    pool *p = a_pool();
    atl_future *future = submit(p, 5, "sleep 30");
    const atl_result *r = ended(future, ATL_FUTURE_DONE);
    assert_int_equal(r->index, 5);
    assert_int_equal(r->attempt, 1);
    assert_int_equal(r->width, 8);
    assert_int_equal(r->png_bytes, 8 * 8 * 3);
    assert_true(r->timings.n_unet_steps == 1 && r->timings.unet_step[0].wall_ns >= MILLISECONDS(30));
    assert_true(r->timings.ended_ns - r->timings.begun_ns >= MILLISECONDS(30));
    assert_true(r->timings.peak_rss_bytes > 0 && r->timings.batch_size == 1);
    assert_true(r->queued_ns >= 0 && r->transfer_ns >= 0 && r->timings.waited_ns >= 0);
    assert_non_null(strstr(r->settings, "Seed: 5, Size: 8x8, Model hash: 0123456789, Model: model"));
    atl_future_release(&future);
    close_pool(p, true);
}

static void the_same_job_gives_the_same_bytes_whoever_paints(void **state)
{
    (void)state;
    pool *p = a_pool();
    atl_future *futures[16];
    for (size_t i = 0; i < 16; i++)
        futures[i] = submit(p, 1, "a house");
    const atl_result *first = ended(futures[0], ATL_FUTURE_DONE);
    for (size_t i = 1; i < 16; i++) {
        const atl_result *r = ended(futures[i], ATL_FUTURE_DONE);
        assert_memory_equal(r->png, first->png, first->png_bytes);
        assert_memory_equal(r->pixel_digest, first->pixel_digest, 32);
    }
    for (size_t i = 0; i < 16; i++)
        atl_future_release(&futures[i]);
    close_pool(p, true);
}

static void every_future_is_given_out_once_as_it_ends(void **state)
{
    (void)state;
    enum { N = 300 };
    pool *p = new_pool("model", FAKE_WORKER);
    p->options.queue_limit = N;
    open_pool(p);
    int seen[N] = {0};
    const atl_job job = {.prompt = (char *)(uintptr_t) "a tree"};
    for (uint64_t i = 0; i < N; i++) {
        atl_job next = job;
        next.index = i;
        assert_int_equal(atl_executor_submit(p->executor, &next, NULL, NULL), ATL_OK);
    }
    atl_future *future;
    while ((future = atl_executor_next_completed(p->executor, DEADLINE_MS)) != NULL) {
        seen[ended(future, ATL_FUTURE_DONE)->index]++;
        atl_future_release(&future);
    }
    for (size_t i = 0; i < N; i++)
        assert_int_equal(seen[i], 1);
    const atl_pool_counts counts = atl_executor_counts(p->executor);
    assert_int_equal(counts.done, N);
    if (counts.lost || counts.dropped || counts.foreign || counts.failed) {
        for (size_t i = 0; i < p->n_said; i++)
            if (p->said[i].type == ATL_POOL_WORKER || p->said[i].type == ATL_POOL_LEASE_LOST)
                print_message("worker %u, phase %d: %s\n", p->said[i].worker, (int)p->said[i].phase,
                              p->said[i].text);
        fail_msg("lost %d, dropped %d, foreign %d, failed %d", (int)counts.lost, (int)counts.dropped,
                 (int)counts.foreign, (int)counts.failed);
    }
    close_pool(p, true);
}

static void map_submits_all_and_wait_waits_for_all_or_one(void **state)
{
    (void)state;
    pool *p = a_pool();
    atl_job jobs[8];
    atl_future *futures[8];
    for (size_t i = 0; i < 8; i++)
        jobs[i] = (atl_job){.index = i, .prompt = (char *)(uintptr_t)(i == 7 ? "sleep 100" : "a lake")};
    assert_int_equal(atl_executor_map(p->executor, jobs, 8, futures, NULL), ATL_OK);
    assert_true(atl_executor_wait(p->executor, futures, 8, false, DEADLINE_MS) >= 1);
    assert_int_equal(atl_executor_wait(p->executor, futures, 8, true, DEADLINE_MS), 8);
    assert_int_equal(atl_executor_wait(p->executor, futures, 0, true, 0), 0);
    for (size_t i = 0; i < 8; i++)
        atl_future_release(&futures[i]);
    close_pool(p, true);
}

static void waiting_ends_with_its_time(void **state)
{
    (void)state;
    pool *p = a_pool();
    atl_future *future = submit(p, 0, "hang");
    heard(p, ATL_POOL_STARTED, -1, 1);
    assert_false(atl_future_wait(future, 10));
    assert_null(atl_future_result(future));
    assert_int_equal(atl_executor_wait(p->executor, &future, 1, true, 10), 0);
    assert_null(atl_executor_next_completed(p->executor, 10));
    atl_future_release(&future);
    close_pool(p, false);
}

static void results_are_gathered_until_enough_are_there_or_no_more_can_come(void **state)
{
    (void)state;
    pool *p = new_pool("model", FAKE_WORKER);
    p->options.n_workers = 1;
    open_pool(p);
    char gate[128], prompt[300];
    snprintf(prompt, sizeof prompt, "await %s", path_in(p, "gate", gate));
    atl_future *first = submit(p, 0, ""), *second = submit(p, 1, ""), *third = submit(p, 2, prompt);
    assert_int_equal(atl_executor_gather(p->executor, 2, DEADLINE_MS), 2);
    assert_int_equal(atl_executor_gather(p->executor, 3, 10), 2); /* its time is over */
    atl_future_release(&first);
    assert_int_equal(atl_executor_gather(p->executor, 1, DEADLINE_MS), 1);
    open_gate(gate);
    assert_int_equal(atl_executor_gather(p->executor, 99, DEADLINE_MS), 2); /* none is in flight */
    assert_ptr_equal(atl_executor_next_completed(p->executor, 0), second);
    assert_ptr_equal(atl_executor_next_completed(p->executor, 0), third);
    assert_int_equal(atl_executor_gather(p->executor, 1, DEADLINE_MS), 0);
    atl_future_release(&second);
    atl_future_release(&third);
    close_pool(p, true);
}

static void a_nudge_ends_the_wait_for_results(void **state)
{
    (void)state;
    pool *p = new_pool("model", FAKE_WORKER);
    const int nudge_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    const uint64_t one = 1;
    uint64_t left;
    p->n_fds++;
    p->options.nudge_fd = nudge_fd;
    p->options.n_workers = 1;
    open_pool(p);
    atl_future *future = submit(p, 0, "hang");
    heard(p, ATL_POOL_STARTED, -1, 1);
    assert_int_equal(atl_executor_gather(p->executor, 1, 0),
                     0); /* what the worker's phases nudged for is past */
    assert_int_equal(write(nudge_fd, &one, sizeof one), sizeof one);
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    assert_int_equal(atl_executor_gather(p->executor, 1, DEADLINE_MS), 0);
    clock_gettime(CLOCK_MONOTONIC, &after);
    assert_true(after.tv_sec - before.tv_sec < DEADLINE_MS / 2000);
    assert_int_equal(read(nudge_fd, &left, sizeof left), -1); /* it was read */
    atl_future_release(&future);
    close_pool(p, false);
    close(nudge_fd);
}

static void steps_are_told_while_a_picture_is_painted(void **state)
{
    (void)state;
    pool *p = new_pool("model", FAKE_WORKER);
    p->options.step_every_ms = 20;
    open_pool(p);
    char gate[128], prompt[300];
    snprintf(prompt, sizeof prompt, "await %s", path_in(p, "gate", gate));
    atl_future *future = submit(p, 7, prompt);
    assert_int_equal(heard(p, ATL_POOL_STEP, -1, 3).index, 7);
    open_gate(gate);
    ended(future, ATL_FUTURE_DONE);
    atl_future_release(&future);
    close_pool(p, true);
}

static void steps_are_not_told_where_nobody_asks(void **state)
{
    (void)state;
    pool *p = new_pool("model", FAKE_WORKER);
    p->options.step_every_ms = -1;
    open_pool(p);
    atl_future *future = submit(p, 0, "sleep 700");
    ended(future, ATL_FUTURE_DONE);
    assert_int_equal(count_said(p, ATL_POOL_STEP, -1), 0);
    atl_future_release(&future);
    close_pool(p, true);
}

static void what_waits_in_the_queue_can_be_cancelled_and_what_is_painted_cannot(void **state)
{
    (void)state;
    pool *p = new_pool("model", FAKE_WORKER);
    p->options.n_workers = 1;
    p->options.credit = 1;
    open_pool(p);
    char gate[128], prompt[300];
    snprintf(prompt, sizeof prompt, "await %s", path_in(p, "gate", gate));
    atl_future *painted = submit(p, 0, prompt);
    heard(p, ATL_POOL_STARTED, -1, 1);
    atl_future *queued = submit(p, 1, "never");
    assert_int_equal(atl_future_peek(painted), ATL_FUTURE_RUNNING);
    assert_int_equal(atl_future_peek(queued), ATL_FUTURE_PENDING);
    assert_true(atl_future_cancel(queued));
    assert_true(atl_future_cancel(queued)); /* it stays so */
    assert_int_equal(ended(queued, ATL_FUTURE_CANCELLED)->status, ATL_CANCELLED);
    assert_false(atl_future_cancel(painted));
    open_gate(gate);
    ended(painted, ATL_FUTURE_DONE);
    atl_future_release(&painted);
    atl_future_release(&queued);
    close_pool(p, true);
}

static void a_full_queue_makes_submit_wait(void **state)
{
    (void)state;
    pool *p = new_pool("model", FAKE_WORKER);
    p->options.n_workers = 1;
    p->options.credit = 1;
    p->options.queue_limit = 1;
    open_pool(p);
    for (uint64_t i = 0; i < 6; i++) {
        atl_future *future = submit(p, i, "sleep 10");
        atl_future_release(&future); /* nobody wants it: it is painted all the same */
    }
    assert_true(count_said(p, ATL_POOL_STARTED, -1) >= 4); /* one may wait, one may be held */
    assert_null(atl_executor_next_completed(p->executor, DEADLINE_MS));
    assert_int_equal(atl_executor_counts(p->executor).done, 6);
    close_pool(p, true);
}

static void a_paused_pool_hands_nothing_out(void **state)
{
    (void)state;
    pool *p = a_pool();
    heard(p, ATL_POOL_WORKER, ATL_WORKER_READY, 2);
    atl_executor_pause(p->executor, true);
    atl_future *future = submit(p, 0, "a boat");
    assert_false(atl_future_wait(future, 100));
    atl_executor_pause(p->executor, false);
    ended(future, ATL_FUTURE_DONE);
    atl_future_release(&future);
    close_pool(p, true);
}

/* Which workers painted jobs first … first + n - 1: a bit each. Before any of them ends, `at_once` are
 * painted. */
static unsigned painters_of(pool *p, uint64_t first, size_t n, size_t at_once)
{
    unsigned seen = 0;
    atl_future *futures[16];
    char name[32], gate[128], prompt[300];
    const size_t n_begun = count_said(p, ATL_POOL_STARTED, -1);
    snprintf(name, sizeof name, "gate-%d", (int)first);
    snprintf(prompt, sizeof prompt, "await %s", path_in(p, name, gate));
    for (size_t i = 0; i < n; i++)
        futures[i] = submit(p, first + i, prompt);
    heard(p, ATL_POOL_STARTED, -1, n_begun + at_once);
    open_gate(gate);
    for (size_t i = 0; i < n; i++) {
        seen |= 1u << ended(futures[i], ATL_FUTURE_DONE)->worker;
        atl_future_release(&futures[i]);
    }
    return seen;
}

static void a_limit_keeps_jobs_from_the_later_workers_until_it_is_raised(void **state)
{
    (void)state;
    pool *p = new_pool("model", FAKE_WORKER);
    p->options.n_workers = 3;
    open_pool(p);
    heard(p, ATL_POOL_WORKER, ATL_WORKER_READY, 3);
    atl_executor_limit(p->executor, 0); /* brought to 1 */
    assert_int_equal(painters_of(p, 0, 12, 1), 1);
    atl_executor_limit(p->executor, 2);
    assert_int_equal(painters_of(p, 12, 12, 2), 1 | 2);
    atl_executor_limit(p->executor, 99); /* brought to 3 */
    assert_int_equal(painters_of(p, 24, 12, 3), 1 | 2 | 4);
    assert_int_equal(atl_executor_counts(p->executor).n_ready, 3);
    close_pool(p, true);
}

/* Of the two jobs that were begun: the one that `worker` has. */
static size_t begun_by(pool *p, uint32_t worker)
{
    size_t index = 2;
    pthread_mutex_lock(&p->mutex);
    for (size_t i = 0; i < p->n_said; i++)
        if (p->said[i].type == ATL_POOL_STARTED && p->said[i].worker == worker)
            index = p->said[i].index;
    pthread_mutex_unlock(&p->mutex);
    assert_in_range(index, 0, 1);
    return index;
}

static void what_a_worker_beyond_the_limit_began_is_finished_there_and_the_rest_elsewhere(void **state)
{
    (void)state;
    pool *p = a_pool();
    atl_future *futures[4];
    char gates[2][128], prompt[300];
    heard(p, ATL_POOL_WORKER, ATL_WORKER_READY, 2);
    for (size_t i = 0; i < 4; i++) { /* two each, a short one behind one that waits for its gate */
        if (i < 2)
            snprintf(prompt, sizeof prompt, "await %s", path_in(p, i ? "gate-b" : "gate-a", gates[i]));
        futures[i] = submit(p, i, i < 2 ? prompt : "sleep 5");
    }
    heard(p, ATL_POOL_STARTED, -1, 2);
    const size_t ours = begun_by(p, 0), theirs = begun_by(p, 1);
    atl_executor_limit(p->executor, 1);
    open_gate(gates[ours]);
    for (size_t i = 2; i < 4; i++)
        assert_int_equal(ended(futures[i], ATL_FUTURE_DONE)->worker, 0);
    assert_int_equal(painters_of(p, 4, 6, 1), 1);
    assert_int_equal(atl_future_peek(futures[theirs]), ATL_FUTURE_RUNNING);
    open_gate(gates[theirs]);
    for (size_t i = 0; i < 4; i++) {
        const atl_result *r = ended(futures[i], ATL_FUTURE_DONE);
        assert_int_equal(r->worker, i == theirs ? 1 : 0);
        assert_int_equal(r->attempt, 1);
        atl_future_release(&futures[i]);
    }
    assert_int_equal(atl_executor_counts(p->executor).n_beyond, 0);
    close_pool(p, true);
}

static void shared_weights_are_of_one_model(void **state)
{
    (void)state;
    pool *p = new_pool("model", FAKE_WORKER);
    atl_weights_file *weights = NULL;
    atl_executor *other = NULL;
    atl_note note = {0};
    assert_int_equal(atl_weights_file_open(&weights, &note), ATL_OK);
    p->options.weights = weights;
    open_pool(p);
    atl_executor_options options = p->options;
    options.policy = "bf16";
    assert_int_equal(atl_executor_open(&options, &other, &note), ATL_USAGE);
    assert_non_null(strstr(note.text, "policy default; wanted"));
    assert_null(other);
    atl_weights_file_close(&weights); /* the pool has a number of its own */
    assert_int_equal(painters_of(p, 0, 4, 1) & ~3u, 0);
    close_pool(p, true);
}

/* One worker holds a long job and, behind it, a short one, when the other has nothing left to do. */
static void a_job_that_only_waits_goes_to_a_worker_that_idles(void **state)
{
    (void)state;
    pool *p = a_pool();
    char gate[128], prompt[300];
    heard(p, ATL_POOL_WORKER, ATL_WORKER_READY, 2);
    snprintf(prompt, sizeof prompt, "await %s", path_in(p, "gate", gate));
    atl_future *futures[4];
    for (uint64_t i = 0; i < 4; i++) /* two each; worker 0 has the long one */
        futures[i] = submit(p, i, i == 0 ? prompt : "sleep 20");
    const uint32_t other = 1 - ended(futures[1], ATL_FUTURE_DONE)->worker; /* holds the long one */
    for (size_t i = 1; i < 4; i++) {
        const atl_result *r = ended(futures[i], ATL_FUTURE_DONE);
        assert_int_not_equal(r->worker, other);
        assert_int_equal(r->attempt, 1);
    }
    open_gate(gate); /* the long one is still at it */
    ended(futures[0], ATL_FUTURE_DONE);
    for (size_t i = 0; i < 4; i++)
        atl_future_release(&futures[i]);
    close_pool(p, true);
}

static void shutdown_paints_what_was_submitted(void **state)
{
    (void)state;
    pool *p = a_pool();
    atl_future *futures[12];
    for (size_t i = 0; i < 12; i++)
        futures[i] = submit(p, i, "sleep 5");
    atl_executor_shutdown(&p->executor, true, false);
    for (size_t i = 0; i < 12; i++) {
        assert_int_equal(atl_future_peek(futures[i]), ATL_FUTURE_DONE);
        atl_future_release(&futures[i]);
    }
    close_pool(p, true);
}

static void drain_finishes_what_is_painted_and_cancels_the_rest(void **state)
{
    (void)state;
    pool *p = a_pool();
    atl_future *futures[12];
    heard(p, ATL_POOL_WORKER, ATL_WORKER_READY, 2); /* so that each gets two */
    for (size_t i = 0; i < 12; i++)
        futures[i] = submit(p, i, "sleep 1500"); /* it hears of the drain meanwhile */
    heard(p, ATL_POOL_STARTED, -1, 2);
    atl_executor_drain(p->executor);
    assert_int_equal(atl_executor_submit(p->executor, &(atl_job){0}, NULL, NULL), ATL_CANCELLED);
    assert_int_equal(atl_executor_wait(p->executor, futures, 12, true, DEADLINE_MS), 12);
    size_t n_done = 0;
    for (size_t i = 0; i < 12; i++) {
        const atl_future_state now = atl_future_peek(futures[i]);
        assert_true(now == ATL_FUTURE_DONE || now == ATL_FUTURE_CANCELLED);
        n_done += now == ATL_FUTURE_DONE;
        atl_future_release(&futures[i]);
    }
    assert_int_equal(n_done, 2);
    assert_int_equal(atl_executor_counts(p->executor).put_back, 2); /* held, and not begun */
    assert_int_equal(atl_executor_counts(p->executor).lost, 0);
    close_pool(p, true);
}

static void shutdown_without_waiting_kills(void **state)
{
    (void)state;
    pool *p = a_pool();
    atl_future *hanging = submit(p, 0, "hang"), *queued[8];
    heard(p, ATL_POOL_STARTED, -1, 1);
    for (size_t i = 0; i < 8; i++)
        queued[i] = submit(p, 1 + i, "hang");
    atl_executor_shutdown(&p->executor, false, false);
    assert_int_equal(atl_future_peek(hanging), ATL_FUTURE_CANCELLED);
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(atl_future_peek(queued[i]), ATL_FUTURE_CANCELLED);
        atl_future_release(&queued[i]);
    }
    atl_future_release(&hanging);
    close_pool(p, false);
}

static void a_pool_that_was_never_used_ends_at_once(void **state)
{
    (void)state;
    close_pool(a_pool(), true);
    pool *slow = new_pool("slow-model", FAKE_WORKER);
    open_pool(slow);
    close_pool(slow, true); /* workers that are still starting are not waited for */
}

static void equal_sizes_are_painted_together(void **state)
{
    (void)state;
    pool *p = new_pool("model", FAKE_WORKER);
    p->options.n_workers = 1;
    p->options.batch_size = 4;
    open_pool(p);
    atl_future *futures[9];
    for (size_t i = 0; i < 9; i++)
        futures[i] = submit(p, i, i == 0 ? "sleep 500" : "a hill");
    int largest = 0;
    for (size_t i = 0; i < 9; i++) {
        const atl_result *r = ended(futures[i], ATL_FUTURE_DONE);
        largest = r->timings.batch_size > largest ? r->timings.batch_size : largest;
    }
    assert_int_equal(largest, 4);
    for (size_t i = 0; i < 9; i++)
        atl_future_release(&futures[i]);
    close_pool(p, true);
}

static void large_pictures_come_whole(void **state)
{
    (void)state;
    pool *p = a_pool();
    atl_future *future = submit(p, 0, "bytes 5000000");
    const atl_result *r = ended(future, ATL_FUTURE_DONE);
    assert_int_equal(r->png_bytes, 5001216); /* in whole blocks */
    assert_int_equal(r->png[4999999], 0);
    assert_true(atl_executor_pss_bytes(p->executor, NULL, 0) > 0);
    atl_future_release(&future);
    close_pool(p, true);
}

enum { N_LAID = 24, LAID_BYTES = 303104 /* of 300,000, in whole blocks */ };

/* One after the other, so that a slot is free for each; where its bytes lie tells. */
static uint8_t *paint_on_trays(pool *p)
{
    uint8_t *all = malloc((size_t)N_LAID * LAID_BYTES);
    assert_non_null(all);
    for (size_t i = 0; i < N_LAID; i++) {
        atl_future *future = submit(p, i, "bytes 300000");
        const atl_result *r = ended(future, ATL_FUTURE_DONE);
        assert_int_equal(r->png_bytes, LAID_BYTES);
        assert_int_equal((uintptr_t)r->png % 4096, 0);
        memcpy(all + i * LAID_BYTES, r->png, LAID_BYTES);
        atl_future_release(&future);
    }
    return all;
}

/* At once, and more of them are kept than lie on two trays: the others come by the socket. */
static void pictures_are_the_same_on_a_tray_and_by_the_socket(void **state)
{
    (void)state;
    pool *p = a_pool();
    atl_future *futures[N_LAID];
    uint8_t *wanted = paint_on_trays(p);
    size_t n_laid = 0;
    for (size_t i = 0; i < N_LAID; i++)
        futures[i] = submit(p, i, "bytes 300000");
    assert_int_equal(atl_executor_wait(p->executor, futures, N_LAID, true, DEADLINE_MS), N_LAID);
    for (size_t i = 0; i < N_LAID; i++) {
        const atl_result *r = atl_future_result(futures[i]);
        assert_int_equal(r->png_bytes, LAID_BYTES);
        assert_memory_equal(r->png, wanted + i * LAID_BYTES, LAID_BYTES);
        n_laid += (uintptr_t)r->png % 4096 == 0;
    }
    assert_in_range(n_laid, ATL_TRAY_SLOTS, 2 * ATL_TRAY_SLOTS); /* one worker painted twelve at least */
    for (size_t i = 1; i < N_LAID; i++)
        atl_future_release(&futures[i]);
    close_pool(p, true);
    assert_memory_equal(atl_future_result(futures[0])->png, wanted, LAID_BYTES); /* its tray stays with it */
    atl_future_release(&futures[0]);
    free(wanted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_comes_back_as_a_picture_with_its_timings),
        cmocka_unit_test(the_same_job_gives_the_same_bytes_whoever_paints),
        cmocka_unit_test(every_future_is_given_out_once_as_it_ends),
        cmocka_unit_test(map_submits_all_and_wait_waits_for_all_or_one),
        cmocka_unit_test(waiting_ends_with_its_time),
        cmocka_unit_test(results_are_gathered_until_enough_are_there_or_no_more_can_come),
        cmocka_unit_test(a_nudge_ends_the_wait_for_results),
        cmocka_unit_test(steps_are_told_while_a_picture_is_painted),
        cmocka_unit_test(steps_are_not_told_where_nobody_asks),
        cmocka_unit_test(what_waits_in_the_queue_can_be_cancelled_and_what_is_painted_cannot),
        cmocka_unit_test(a_full_queue_makes_submit_wait),
        cmocka_unit_test(a_paused_pool_hands_nothing_out),
        cmocka_unit_test(a_limit_keeps_jobs_from_the_later_workers_until_it_is_raised),
        cmocka_unit_test(what_a_worker_beyond_the_limit_began_is_finished_there_and_the_rest_elsewhere),
        cmocka_unit_test(shared_weights_are_of_one_model),
        cmocka_unit_test(a_job_that_only_waits_goes_to_a_worker_that_idles),
        cmocka_unit_test(shutdown_paints_what_was_submitted),
        cmocka_unit_test(drain_finishes_what_is_painted_and_cancels_the_rest),
        cmocka_unit_test(shutdown_without_waiting_kills),
        cmocka_unit_test(a_pool_that_was_never_used_ends_at_once),
        cmocka_unit_test(equal_sizes_are_painted_together),
        cmocka_unit_test(large_pictures_come_whole),
        cmocka_unit_test(pictures_are_the_same_on_a_tray_and_by_the_socket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
