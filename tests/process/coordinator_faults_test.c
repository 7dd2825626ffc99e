/* coordinator_faults_test.c - the coordinator's own process is killed, or stopped for a while: faults 2, 9
 * and 11 of docs/RELIABILITY.md as far as they are the pool's. Each pool lives in a child of its own. */
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>

#include "pool_fixture.h"

enum { AWAY_MS = 3500, PATIENCE_MS = 1500 };

typedef struct child {
    pid_t pid;
    int told; /* what it writes */
} child;

/* Runs `act` in a process of its own, which gets the pipe's end to write to. */
static child start(void (*act)(int tell))
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(ends[0]);
        act(ends[1]);
        _exit(0);
    }
    close(ends[1]);
    return (child){pid, ends[0]};
}

static void say(int tell, const char *word)
{
    if (write(tell, word, strlen(word)) < 0)
        _exit(1);
}

static void await(const child *c)
{
    char word[16];
    assert_true(read(c->told, word, sizeof word) > 0);
}

/* The processes that any thread of `parent` started. */
static size_t children_of(pid_t parent, pid_t *ret, size_t most)
{
    char path[300];
    size_t n = 0;
    snprintf(path, sizeof path, "/proc/%d/task", (int)parent);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        snprintf(path, sizeof path, "/proc/%d/task/%.20s/children", (int)parent, e->d_name);
        FILE *file = fopen(path, "r");
        int pid;
        while (file && n < most && fscanf(file, "%d", &pid) == 1)
            ret[n++] = pid;
        if (file)
            fclose(file);
    }
    closedir(dir);
    return n;
}

static void hang(int tell)
{
    pool *p = a_pool();
    heard(p, ATL_POOL_WORKER, ATL_WORKER_READY, 2); /* one of them could get both, otherwise */
    submit(p, 0, "hang");
    submit(p, 1, "hang");
    heard(p, ATL_POOL_STARTED, -1, 2);
    say(tell, p->folder);
    pause();
}

static void workers_die_with_their_coordinator(void **state)
{
    (void)state;
    child c = start(hang);
    char folder[128] = "";
    assert_true(read(c.told, folder, sizeof folder - 1) > 0);
    pid_t workers[4];
    struct pollfd ends[4];
    const size_t n = children_of(c.pid, workers, 4);
    assert_int_equal(n, 2);
    for (size_t i = 0; i < n; i++) {
        ends[i] = (struct pollfd){.fd = pidfd_open(workers[i], 0), .events = POLLIN};
        assert_true(ends[i].fd >= 0);
    }
    kill(c.pid, SIGKILL);
    assert_int_equal(waitpid(c.pid, NULL, 0), c.pid);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(poll(&ends[i], 1, DEADLINE_MS), 1);
        close(ends[i].fd);
    }
    close(c.told);
    char left[200]; /* nobody was left to clear it away */
    snprintf(left, sizeof left, "%s/model", folder);
    unlink(left);
    rmdir(folder);
}

static void paint_in_spite_of_a_pause(int tell)
{
    pool *p = new_pool("model", FAKE_WORKER);
    p->options.silence_patience_ns = MILLISECONDS(PATIENCE_MS);
    p->options.compute_patience_ns = MILLISECONDS(PATIENCE_MS);
    open_pool(p);
    atl_future *future = submit(p, 0, "sleep 1000");
    heard(p, ATL_POOL_STARTED, -1, 1);
    say(tell, "go");
    const int attempt = atl_future_wait(future, DEADLINE_MS) ? (int)atl_future_result(future)->attempt : 0;
    atl_future_release(&future);
    close_pool(p, true);
    _exit(attempt);
}

/* The one wait that is not for an event: for time to pass. */
static void a_coordinator_that_was_stopped_blames_nobody_for_silence(void **state)
{
    (void)state;
    child c = start(paint_in_spite_of_a_pause);
    await(&c);
    pid_t workers[4];
    const size_t n = children_of(c.pid, workers, 4);
    kill(c.pid, SIGSTOP);
    for (size_t i = 0; i < n; i++)
        kill(workers[i], SIGSTOP); /* as Ctrl-Z does */
    nanosleep(&(struct timespec){.tv_sec = AWAY_MS / 1000, .tv_nsec = AWAY_MS % 1000 * 1000000}, NULL);
    for (size_t i = 0; i < n; i++)
        kill(workers[i], SIGCONT);
    kill(c.pid, SIGCONT);
    int status;
    assert_int_equal(waitpid(c.pid, &status, 0), c.pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1); /* the first attempt */
    close(c.told);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(workers_die_with_their_coordinator),
        cmocka_unit_test(a_coordinator_that_was_stopped_blames_nobody_for_silence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
