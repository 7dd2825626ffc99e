/* probe_test.c - co-runners: they measure, they end when they are told to and when their parent dies, and
 * what they said last is told. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "probe.h"

enum { PATIENCE_MS = 20000 };

static void sleep_ms(unsigned ms)
{
    usleep(ms * 1000);
}

/* Reads until there are at least `n` samples in one reading. */
static atl_memory_samples read_samples(atl_memory_probe *probe, size_t n)
{
    atl_memory_samples found = {0};
    atl_note note = {0};
    for (unsigned ms = 50; found.n < n; ms *= 2) {
        assert_true(ms < PATIENCE_MS);
        sleep_ms(ms);
        if (atl_memory_probe_read(probe, &found, &note) != ATL_OK)
            fail_msg("%s", note.text);
    }
    return found;
}

static void the_probe_tells_bandwidth_latency_and_its_own_cost(void **state)
{
    (void)state;
    const atl_memory_probe_options options = {
        .program = ATELIER_PROGRAM, .cpu = -1, .interval_ms = 50, .duty = 0.1};
    atl_memory_probe *probe = NULL;
    atl_note note = {0};
    if (atl_memory_probe_start(&options, &probe, &note) != ATL_OK)
        fail_msg("%s", note.text);
    const atl_memory_samples found = read_samples(probe, 4);
    printf("%zu samples: %.2f GB/s, %.1f ns, %.1f %% of a core\n", found.n, found.gbps, found.ns,
           100 * found.cpu_share);
    assert_true(found.gbps > 0.1 && found.gbps < 1000);
    assert_true(found.ns > 2 && found.ns < 20000);
    assert_true(found.cpu_share > 0.001 && found.cpu_share < 0.5);
    atl_memory_samples none;
    assert_int_equal(atl_memory_probe_read(probe, &none, &note), ATL_OK); /* at once: hardly any came */
    assert_true(none.n > 0 ? none.gbps > 0 : isnan(none.gbps));
    atl_memory_probe_stop(&probe);
    assert_null(probe);
}

static void streams_keep_to_their_rate(void **state)
{
    (void)state;
    const int cpus[] = {-1, -1};
    atl_streams *streams = NULL;
    atl_note note = {0};
    if (atl_streams_start(ATELIER_PROGRAM, cpus, 2, 0.25, &streams, &note) != ATL_OK)
        fail_msg("%s", note.text);
    double gbps = 0;
    for (unsigned ms = 250; gbps <= 0; ms *= 2) {
        assert_true(ms < PATIENCE_MS);
        sleep_ms(ms);
        gbps = atl_streams_gbps(streams);
    }
    printf("%.3f GB/s of two streams of 0.25\n", gbps);
    assert_true(gbps > 0.01 && gbps < 0.51);
    atl_streams_stop(&streams);
    assert_null(streams);
}

static void a_program_that_says_no_is_quoted(void **state)
{
    (void)state;
    const atl_memory_probe_options bad_cpu = {.program = ATELIER_PROGRAM, .cpu = 1000000};
    const atl_memory_probe_options no_program = {.program = "/nowhere/atelier", .cpu = 0};
    atl_memory_probe *probe = NULL;
    atl_note note = {0};
    assert_int_equal(atl_memory_probe_start(&bad_cpu, &probe, &note), ATL_IO);
    assert_non_null(strstr(note.text, "cannot run on CPU 1000000"));
    assert_int_equal(atl_memory_probe_start(&no_program, &probe, &note), ATL_NOT_FOUND);
    assert_non_null(strstr(note.text, "/nowhere/atelier"));
    assert_null(probe);
}

/* Starts streams in a child that is then killed; theirs is the pipe's last writing end. */
static void streams_die_with_whoever_started_them(void **state)
{
    (void)state;
    int alive[2];
    char byte;
    assert_int_equal(pipe(alive), 0);
    const pid_t pid = fork();
    if (pid == 0) {
        const int cpu = -1;
        atl_streams *streams = NULL;
        close(alive[0]);
        if (atl_streams_start(ATELIER_PROGRAM, &cpu, 1, 0.1, &streams, NULL) != ATL_OK)
            _exit(1);
        char name[64];
        snprintf(name, sizeof name, "/proc/self/task/%d/children", getpid());
        FILE *children = fopen(name, "r");
        int child = 0;
        if (!children || fscanf(children, "%d", &child) != 1 ||
            write(alive[1], &child, sizeof child) != sizeof child)
            _exit(1);
        pause();
        _exit(0);
    }
    close(alive[1]);
    int child = 0;
    assert_int_equal(read(alive[0], &child, sizeof child), sizeof child);
    assert_int_equal(kill(child, 0), 0);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    const int64_t begin_ns = atl_clock_now_ns();
    for (bool lives = true; lives; sleep_ms(10)) { /* until its new parent has taken it away, or it is dead */
        char path[64], status[4096] = "";
        snprintf(path, sizeof path, "/proc/%d/status", child);
        FILE *file = fopen(path, "r");
        const size_t n = file ? fread(status, 1, sizeof status - 1, file) : 0;
        if (file)
            fclose(file);
        lives = n > 0 && !strstr(status, "State:\tZ");
        assert_true(atl_clock_now_ns() - begin_ns < PATIENCE_MS * (int64_t)1000000);
    }
    assert_int_equal(read(alive[0], &byte, 1), 0);
    close(alive[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_probe_tells_bandwidth_latency_and_its_own_cost),
        cmocka_unit_test(streams_keep_to_their_rate),
        cmocka_unit_test(a_program_that_says_no_is_quoted),
        cmocka_unit_test(streams_die_with_whoever_started_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
