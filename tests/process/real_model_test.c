/* real_model_test.c - a pool of the real program with the made-up tiny model: pictures, one copy of the
 * weights, and a worker that is killed in the middle. Two steps a picture: it is about the pool. */
#include <signal.h>

#include "engine/engine.h"
#include "pool_fixture.h"

enum { N_JOBS = 8, STEPS = 2 };

static char model[128];

static int make_model(void **state)
{
    (void)state;
    snprintf(model, sizeof model, "/tmp/atelier-process-model-XXXXXX");
    atl_note note = {0};
    if (!mkdtemp(model) || atl_engine_synth_model("tiny", model, "f32", 1, NULL, NULL, &note) != ATL_OK) {
        print_error("%s\n", note.text);
        return -1;
    }
    return 0;
}

static int remove_model(void **state)
{
    (void)state;
    char command[200];
    snprintf(command, sizeof command, "rm -r %s", model);
    return system(command);
}

static pool *a_real_pool(int n_workers)
{
    pool *p = new_pool("none", ATELIER_PROGRAM);
    p->options.model = model;
    p->options.n_workers = n_workers;
    p->options.bind = true;
    open_pool(p);
    return p;
}

static atl_future *submit_real(pool *p, uint64_t index)
{
    atl_future *future = NULL;
    atl_note note = {0};
    char prompt[64];
    snprintf(prompt, sizeof prompt, "a house with %d windows", (int)index);
    const atl_job job = {
        .index = index, .prompt = prompt, .seed = index, .n_steps = STEPS, .guidance_scale = 5};
    if (atl_executor_submit(p->executor, &job, &future, &note) != ATL_OK)
        fail_msg("%s", note.text);
    return future;
}

static void check_same(const atl_result *r, const uint8_t digests[N_JOBS][32])
{
    assert_memory_equal(r->pixel_digest, digests[r->index], 32);
}

/* Fills in what one worker paints. */
static void paint_alone(uint8_t digests[N_JOBS][32])
{
    pool *p = a_real_pool(1);
    for (uint64_t i = 0; i < N_JOBS; i++) {
        atl_future *future = submit_real(p, i);
        const atl_result *r = ended(future, ATL_FUTURE_DONE);
        memcpy(digests[i], r->pixel_digest, 32);
        assert_memory_equal(r->png, "\x89PNG", 4);
        assert_int_equal(r->timings.n_unet_steps, STEPS);
        assert_true(r->timings.unet_step[0].wall_ns > 0 && r->timings.vae_decode.wall_ns > 0);
        assert_true(r->timings.png_encode.wall_ns > 0 && (i > 0 || r->timings.minor_faults > 0));
        atl_future_release(&future);
    }
    close_pool(p, true);
}

static void two_workers_and_a_death_give_the_pictures_of_one(void **state)
{
    (void)state;
    uint8_t digests[N_JOBS][32];
    paint_alone(digests);
    pool *p = a_real_pool(2);
    atl_future *futures[N_JOBS];
    for (uint64_t i = 0; i < N_JOBS; i++)
        futures[i] = submit_real(p, i);
    const said begun = heard(p, ATL_POOL_STARTED, -1, 3);
    size_t each[2] = {0};
    assert_true(atl_executor_pss_bytes(p->executor, each, 2) > 0);
    const pid_t pid = (pid_t)atl_executor_worker_pid(p->executor, begun.worker);
    assert_true(pid > 0);
    kill(pid, SIGKILL);
    for (uint64_t i = 0; i < N_JOBS; i++) {
        check_same(ended(futures[i], ATL_FUTURE_DONE), (const uint8_t(*)[32])digests);
        atl_future_release(&futures[i]);
    }
    close_pool(p, true);
}

/* The inode of the sealed weights that worker 0 has mapped. */
static unsigned long mapped_weights(pool *p)
{
    char path[64], line[512], access[8];
    unsigned long inode = 0;
    snprintf(path, sizeof path, "/proc/%d/maps", (int)atl_executor_worker_pid(p->executor, 0));
    FILE *maps = fopen(path, "r");
    assert_non_null(maps);
    while (inode == 0 && fgets(line, sizeof line, maps))
        if (strstr(line, "/memfd:atelier-weights"))
            assert_int_equal(sscanf(line, "%*s %7s %*s %*s %lu", access, &inode), 2);
    fclose(maps);
    assert_true(inode != 0);
    assert_string_equal(access, "r--s");
    return inode;
}

static void pools_with_one_place_for_weights_pack_them_once(void **state)
{
    (void)state;
    atl_weights_file *weights = NULL;
    unsigned long inodes[3];
    uint8_t first[32];
    assert_int_equal(atl_weights_file_open(&weights, NULL), ATL_OK);
    for (int i = 0; i < 3; i++) {
        pool *p = new_pool("none", ATELIER_PROGRAM);
        p->options.model = model;
        p->options.n_workers = 1;
        p->options.n_threads = i == 1 ? 2 : 1;
        p->options.order = i == 1 ? ATL_COMPACT : ATL_SCATTER;
        p->options.weights = i < 2 ? weights : NULL;
        open_pool(p);
        atl_future *future = submit_real(p, 0);
        const atl_result *r = ended(future, ATL_FUTURE_DONE);
        if (i == 0)
            memcpy(first, r->pixel_digest, sizeof first);
        assert_memory_equal(r->pixel_digest, first, sizeof first);
        inodes[i] = mapped_weights(p);
        atl_future_release(&future);
        close_pool(p, true);
    }
    assert_int_equal(inodes[0], inodes[1]);
    assert_int_not_equal(inodes[0], inodes[2]); /* its own */
    atl_weights_file_close(&weights);
}

static void micro_batches_give_the_pictures_of_one_alone(void **state)
{
    (void)state;
    uint8_t digests[N_JOBS][32];
    int largest = 0;
    paint_alone(digests);
    pool *p = new_pool("none", ATELIER_PROGRAM);
    p->options.model = model;
    p->options.n_workers = 1;
    p->options.batch_size = 4;
    open_pool(p);
    atl_future *futures[N_JOBS];
    for (uint64_t i = 0; i < N_JOBS; i++)
        futures[i] = submit_real(p, i);
    for (uint64_t i = 0; i < N_JOBS; i++) {
        const atl_result *r = ended(futures[i], ATL_FUTURE_DONE);
        check_same(r, (const uint8_t(*)[32])digests);
        largest = r->timings.batch_size > largest ? r->timings.batch_size : largest;
        atl_future_release(&futures[i]);
    }
    assert_true(largest > 1 && largest <= 4);
    close_pool(p, true);
}

/* Two threads of one worker: each on a hardware thread of its own, where there are two; the same pictures. */
static void threads_are_bound_one_by_one_and_paint_the_same(void **state)
{
    (void)state;
    uint8_t digests[N_JOBS][32];
    paint_alone(digests);
    pool *p = new_pool("none", ATELIER_PROGRAM);
    p->options.model = model;
    p->options.n_workers = 1;
    p->options.n_threads = 2;
    p->options.bind = true;
    open_pool(p);
    const int *pus = atl_executor_plan(p->executor)->slots[0].pus;
    const said ready = heard(p, ATL_POOL_WORKER, ATL_WORKER_READY, 1);
    char list[2][48];
    snprintf(list[0], sizeof list[0], pus[0] + 1 == pus[1] ? "cores %d-%d, " : "cores %d,%d, ", pus[0],
             pus[1]);
    snprintf(list[1], sizeof list[1], "cores %d, ", pus[0]);
    const char *wanted = pus[0] == pus[1] ? list[1] : list[0];
    if (strncmp(ready.text, wanted, strlen(wanted)) != 0)
        fail_msg("found '%s', wanted '%s…'", ready.text, wanted);
    atl_future *future = submit_real(p, 1);
    check_same(ended(future, ATL_FUTURE_DONE), (const uint8_t(*)[32])digests);
    atl_future_release(&future);
    close_pool(p, true);
}

static void the_binding_that_was_got_is_told(void **state)
{
    (void)state;
    pool *p = a_real_pool(1);
    char wanted[64];
    snprintf(wanted, sizeof wanted, "cores %d, ", atl_executor_plan(p->executor)->slots[0].pus[0]);
    const said ready = heard(p, ATL_POOL_WORKER, ATL_WORKER_READY, 1);
    if (strncmp(ready.text, wanted, strlen(wanted)) != 0)
        fail_msg("found '%s', wanted '%s…'", ready.text, wanted);
    close_pool(p, true);
}

static void a_request_that_the_engine_refuses_fails_with_its_words(void **state)
{
    (void)state;
    pool *p = a_real_pool(1);
    const atl_job job = {.prompt = (char *)(uintptr_t) "x", .width = 65, .height = 64, .guidance_scale = 5};
    atl_future *future = NULL;
    assert_int_equal(atl_executor_submit(p->executor, &job, &future, NULL), ATL_OK);
    const atl_result *r = ended(future, ATL_FUTURE_FAILED);
    assert_int_equal(r->status, ATL_USAGE);
    assert_non_null(strstr(r->note.text, "65"));
    atl_future_release(&future);
    close_pool(p, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_workers_and_a_death_give_the_pictures_of_one),
        cmocka_unit_test(pools_with_one_place_for_weights_pack_them_once),
        cmocka_unit_test(micro_batches_give_the_pictures_of_one_alone),
        cmocka_unit_test(threads_are_bound_one_by_one_and_paint_the_same),
        cmocka_unit_test(the_binding_that_was_got_is_told),
        cmocka_unit_test(a_request_that_the_engine_refuses_fails_with_its_words),
    };
    return cmocka_run_group_tests(tests, make_model, remove_model);
}
