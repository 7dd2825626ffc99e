/* worker_faults_test.c - workers that die, stop, hang and fail: faults 1 to 7 of docs/RELIABILITY.md, 11, 12
 * and 20. */
#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "pool_fixture.h"

static void end_and_release(atl_future **futures, size_t n, atl_future_state state)
{
    for (size_t i = 0; i < n; i++) {
        ended(futures[i], state);
        atl_future_release(&futures[i]);
    }
}

/* Eight jobs, of which one does `deed` at its first attempt: all are painted, one lease is lost that had
 * begun. The pool's patience is 0 for its own, else short of what a busy machine keeps a process from
 * running. */
static void survives(const char *deed, int silence_ms, int compute_ms, const char *said_of_it)
{
    pool *p = new_pool("model", FAKE_WORKER);
    p->options.silence_patience_ns = MILLISECONDS(silence_ms);
    p->options.compute_patience_ns = MILLISECONDS(compute_ms);
    open_pool(p);
    char prompt[256];
    snprintf(prompt, sizeof prompt, "once %s/mark %s", p->folder, deed);
    atl_future *futures[8];
    for (size_t i = 0; i < 8; i++)
        futures[i] = submit(p, i, i == 3 ? prompt : "sleep 5");
    ended(futures[3], ATL_FUTURE_DONE);
    assert_int_equal(atl_future_result(futures[3])->attempt, 2);
    assert_int_equal(atl_future_result(futures[3])->status, ATL_OK);
    end_and_release(futures, 8, ATL_FUTURE_DONE);
    const said lost = heard(p, ATL_POOL_WORKER, ATL_WORKER_LOST, 1);
    if (!strstr(lost.text, said_of_it))
        fail_msg("found '%s', wanted '%s' in it", lost.text, said_of_it);
    heard(p, ATL_POOL_WORKER, ATL_WORKER_READY, 3); /* it was started again */
    assert_int_equal(count_said(p, ATL_POOL_WORKER, ATL_WORKER_LOST), 1);
    close_pool(p, true);
}

static void a_killed_worker_costs_its_own_attempt(void **state)
{
    (void)state;
    survives("kill", 0, 0, "signal 9");
}

static void a_crashed_worker_costs_its_own_attempt(void **state)
{
    (void)state;
    survives("segv", 0, 0, "signal 11");
}

static void a_worker_that_leaves_is_started_again(void **state)
{
    (void)state;
    survives("exit 3", 0, 0, "exit code 3");
}

static void a_stopped_worker_is_killed_for_its_silence(void **state)
{
    (void)state;
    survives("stop", 2000, 0, "it was silent for 2.0 s");
}

static void a_compute_loop_that_never_ends_is_killed_for_its_missing_beats(void **state)
{
    (void)state;
    survives("hang", 0, 3000, "its computing came to a halt");
}

static void a_slow_job_that_beats_is_left_alone(void **state)
{
    (void)state;
    pool *p = new_pool("model", FAKE_WORKER);
    p->options.compute_patience_ns = p->options.silence_patience_ns = MILLISECONDS(1500);
    open_pool(p);
    atl_future *future = submit(p, 0, "sleep 4000");
    assert_int_equal(ended(future, ATL_FUTURE_DONE)->attempt, 1);
    atl_future_release(&future);
    close_pool(p, true);
}

static void only_what_was_begun_counts_as_an_attempt(void **state)
{
    (void)state;
    pool *p = new_pool("model", FAKE_WORKER);
    p->options.n_workers = 1;
    p->options.max_attempts = 1;
    open_pool(p);
    char prompt[256];
    snprintf(prompt, sizeof prompt, "sleep 50 segv");
    atl_future *killer = submit(p, 0, prompt), *behind = submit(p, 1, "a lake");
    ended(killer, ATL_FUTURE_FAILED);
    assert_true(atl_future_result(killer)->poison);
    ended(behind, ATL_FUTURE_DONE); /* it was in the same worker, waiting, and has all its attempts left */
    atl_future_release(&killer);
    atl_future_release(&behind);
    close_pool(p, true);
}

static void a_poison_prompt_fails_after_three_attempts_on_two_workers(void **state)
{
    (void)state;
    pool *p = a_pool();
    atl_future *futures[9];
    for (size_t i = 0; i < 8; i++)
        futures[i] = submit(p, i, "sleep 5");
    atl_future *poison = submit(p, 8, "sleep 50 segv");
    const atl_result *r = ended(poison, ATL_FUTURE_FAILED);
    assert_true(r->poison);
    assert_int_equal(r->attempt, 3);
    assert_non_null(strstr(r->note.text, "signal 11"));
    size_t n_lost[2] = {0};
    for (size_t i = 0; i < p->n_said; i++) /* no more is said of it: it has ended */
        if (p->said[i].type == ATL_POOL_LEASE_LOST && p->said[i].index == 8)
            n_lost[p->said[i].worker]++;
    assert_int_equal(n_lost[0] + n_lost[1], 3);
    assert_true(n_lost[0] > 0 && n_lost[1] > 0);
    end_and_release(futures, 8, ATL_FUTURE_DONE);
    futures[0] = submit(p, 9, "and the pool goes on");
    end_and_release(futures, 1, ATL_FUTURE_DONE);
    atl_future_release(&poison);
    close_pool(p, true);
}

/* Ends whichever worker paints, five times, as it begins; the sixth attempt is let be. */
static void forgives(int signal_number, const char *said_of_it)
{
    enum { N = 5 };
    pool *p = new_pool("model", FAKE_WORKER);
    if (signal_number == SIGSTOP)
        p->options.silence_patience_ns = MILLISECONDS(1500);
    open_pool(p);
    heard(p, ATL_POOL_WORKER, ATL_WORKER_READY, 2);
    atl_future *future = submit(p, 0, "sleep 2500");
    for (size_t i = 1; i <= N; i++) {
        const said begun = heard(p, ATL_POOL_STARTED, -1, i);
        const pid_t pid = (pid_t)atl_executor_worker_pid(p->executor, begun.worker);
        assert_true(pid > 0);
        assert_int_equal(kill(pid, signal_number), 0);
        const said lost = heard(p, ATL_POOL_LEASE_LOST, -1, i);
        if (!strstr(lost.text, said_of_it))
            fail_msg("found '%s', wanted '%s' in it", lost.text, said_of_it);
    }
    assert_int_equal(ended(future, ATL_FUTURE_DONE)->attempt, N + 1);
    atl_future_release(&future);
    close_pool(p, true);
}

static void being_killed_by_others_makes_no_poison(void **state)
{
    (void)state;
    forgives(SIGKILL, "signal 9 (Killed)");
}

static void crash_signals_of_others_make_no_poison(void **state)
{
    (void)state;
    char said_of_it[64];
    snprintf(said_of_it, sizeof said_of_it, "signal 11 was sent by process %d", (int)getpid());
    forgives(SIGSEGV, said_of_it);
}

static void being_stopped_by_others_makes_no_poison(void **state)
{
    (void)state;
    forgives(SIGSTOP, "it was silent for");
}

static void a_request_at_fault_fails_at_once(void **state)
{
    (void)state;
    pool *p = a_pool();
    atl_future *bad = submit(p, 0, "bad"), *good = submit(p, 1, "a lake");
    const atl_result *r = ended(bad, ATL_FUTURE_FAILED);
    assert_int_equal(r->status, ATL_USAGE);
    assert_int_equal(r->attempt, 1);
    assert_false(r->poison);
    assert_string_equal(r->note.text, "the prompt asked for it");
    ended(good, ATL_FUTURE_DONE);
    atl_future_release(&bad);
    atl_future_release(&good);
    close_pool(p, true);
}

static void a_trouble_of_one_worker_is_tried_again(void **state)
{
    (void)state;
    pool *p = a_pool();
    char prompt[256];
    snprintf(prompt, sizeof prompt, "once %s/mark fail", p->folder);
    atl_future *future = submit(p, 0, prompt);
    assert_int_equal(ended(future, ATL_FUTURE_DONE)->attempt, 2);
    atl_future_release(&future);
    close_pool(p, true);
}

static void workers_that_fail_everything_are_set_aside_and_the_pool_says_so(void **state)
{
    (void)state;
    pool *p = new_pool("model", FAKE_WORKER);
    p->options.max_attempts = 1000;
    open_pool(p);
    atl_future *futures[6];
    for (size_t i = 0; i < 6; i++)
        futures[i] = submit(p, i, "fail");
    end_and_release(futures, 6, ATL_FUTURE_CANCELLED); /* none was lost: each could be tried elsewhere */
    heard(p, ATL_POOL_WORKER, ATL_WORKER_ASIDE, 2);
    atl_note note = {0};
    assert_int_equal(atl_executor_submit(p->executor, &(atl_job){0}, NULL, &note), ATL_CANCELLED);
    assert_non_null(strstr(note.text, "every worker was set aside"));
    close_pool(p, true);
}

/* The folder of the pool's socket, as a worker was told it. */
static void find_socket(char path[256])
{
    DIR *dir = opendir("/proc/self/task");
    closedir(dir);
    FILE *children = NULL;
    char name[300], line[4096] = "";
    dir = opendir("/proc/self/task");
    for (struct dirent *e; (e = readdir(dir)) != NULL && line[0] == '\0';) {
        snprintf(name, sizeof name, "/proc/self/task/%s/children", e->d_name);
        children = fopen(name, "r");
        if (children && !fgets(line, sizeof line, children))
            line[0] = '\0';
        if (children)
            fclose(children);
    }
    closedir(dir);
    snprintf(name, sizeof name, "/proc/%ld/cmdline", strtol(line, NULL, 10));
    FILE *file = fopen(name, "r");
    assert_non_null(file);
    const size_t n = fread(line, 1, sizeof line - 1, file);
    fclose(file);
    for (size_t i = 0; i < n; i++)
        if (line[i] == '\0')
            line[i] = ' ';
    line[n] = '\0';
    assert_int_equal(sscanf(strstr(line, "ipc://"), "ipc://%255s", path), 1);
}

static void the_socket_lies_in_a_private_folder_that_goes_with_the_pool(void **state)
{
    (void)state;
    pool *p = a_pool();
    heard(p, ATL_POOL_WORKER, ATL_WORKER_READY, 2);
    char path[256];
    struct stat s;
    find_socket(path);
    assert_int_equal(stat(path, &s), 0);
    assert_true(S_ISSOCK(s.st_mode));
    *strrchr(path, '/') = '\0';
    assert_int_equal(stat(path, &s), 0);
    assert_int_equal(s.st_mode & 0777, 0700);
    close_pool(p, true);
    assert_int_equal(stat(path, &s), -1);
}

static void a_low_limit_of_open_files_is_raised(void **state)
{
    (void)state;
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){32, before.rlim_max}), 0);
    pool *p = a_pool();
    struct rlimit now;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &now), 0);
    assert_true(now.rlim_cur > 64);
    atl_future *future = submit(p, 0, "a lake");
    ended(future, ATL_FUTURE_DONE);
    atl_future_release(&future);
    close_pool(p, true);
    setrlimit(RLIMIT_NOFILE, &before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_killed_worker_costs_its_own_attempt),
        cmocka_unit_test(a_crashed_worker_costs_its_own_attempt),
        cmocka_unit_test(a_worker_that_leaves_is_started_again),
        cmocka_unit_test(a_stopped_worker_is_killed_for_its_silence),
        cmocka_unit_test(a_compute_loop_that_never_ends_is_killed_for_its_missing_beats),
        cmocka_unit_test(a_slow_job_that_beats_is_left_alone),
        cmocka_unit_test(only_what_was_begun_counts_as_an_attempt),
        cmocka_unit_test(a_poison_prompt_fails_after_three_attempts_on_two_workers),
        cmocka_unit_test(being_killed_by_others_makes_no_poison),
        cmocka_unit_test(crash_signals_of_others_make_no_poison),
        cmocka_unit_test(being_stopped_by_others_makes_no_poison),
        cmocka_unit_test(a_request_at_fault_fails_at_once),
        cmocka_unit_test(a_trouble_of_one_worker_is_tried_again),
        cmocka_unit_test(workers_that_fail_everything_are_set_aside_and_the_pool_says_so),
        cmocka_unit_test(the_socket_lies_in_a_private_folder_that_goes_with_the_pool),
        cmocka_unit_test(a_low_limit_of_open_files_is_raised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
