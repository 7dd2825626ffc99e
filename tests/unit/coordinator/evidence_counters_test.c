/* evidence_counters_test.c - processors' counters that this machine may not have: perf_event_open is answered
 * by a table (the linker wraps syscall), with what kernels on Intel's, AMD's and Arm's processors give. */
#include <errno.h>
#include <linux/perf_event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/sizes.h"
#include "evidence_tree.h"

#define LL(result)                                                                                           \
    (PERF_COUNT_HW_CACHE_LL | PERF_COUNT_HW_CACHE_OP_READ << 8 | PERF_COUNT_HW_CACHE_RESULT_##result << 16)

enum { MSR_TYPE = 13 };

/* What a kernel says of one event: a count with the times that it was enabled and running, or an error. */
typedef struct known_event {
    uint32_t type;
    uint64_t config, count, enabled_ns, running_ns;
} known_event;

static const known_event *known; /* of the kernel that is played */
static size_t n_known;
static bool user_space_alone; /* who counts the kernel, too, gets EACCES */
static bool asked_generic_misses;

long __wrap_syscall(long number, ...);

static long open_event(const struct perf_event_attr *attr, int cpu)
{
    const bool is_generic = attr->type == PERF_TYPE_HARDWARE;
    asked_generic_misses |= is_generic && attr->config == PERF_COUNT_HW_CACHE_MISSES;
    if (user_space_alone && !attr->exclude_kernel && cpu < 0) {
        errno = EACCES;
        return -1;
    }
    for (size_t i = 0; i < n_known; i++) {
        const known_event *e = &known[i];
        if (e->type != attr->type || e->config != attr->config)
            continue;
        const uint64_t told[] = {e->count, e->enabled_ns, e->running_ns};
        const int fd = memfd_create("counter", MFD_CLOEXEC);
        assert_int_equal(pwrite(fd, told, sizeof told, 0), sizeof told);
        return fd;
    }
    errno = ENOENT;
    return -1;
}

long __wrap_syscall(long number, ...)
{
    va_list args;
    va_start(args, number);
    assert_int_equal(number, SYS_perf_event_open);
    const struct perf_event_attr *attr = va_arg(args, const struct perf_event_attr *);
    (void)va_arg(args, int); /* the thread */
    const int cpu = va_arg(args, int);
    va_end(args);
    return open_event(attr, cpu);
}

static void play(const tree *t, const char *vendor, const known_event *events, size_t n)
{
    char text[128];
    known = events;
    n_known = n;
    user_space_alone = asked_generic_misses = false;
    snprintf(text, sizeof text, "processor\t: 0\nvendor_id\t: %s\n", vendor);
    put(t, "/proc/cpuinfo", text);
    put(t, THREAD("11/schedstat"), "1000 500 3\n");
}

/* Half of the time each event has a counter; the generic stall event is not there. */
static const known_event intel[] = {
    {PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES, 1500000000, 1000000000, 500000000},
    {PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS, 2250000000, 1000000000, 500000000},
    {PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_REFERENCES, 8000, 1000000000, 500000000},
    {PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_MISSES, 4000, 1000000000, 1000000000},
    {PERF_TYPE_RAW, 0x40004a3, 750000000, 1000000000, 500000000},
};

static void counts_are_scaled_by_the_time_that_they_had_a_counter(void **state)
{
    tree *t = *state;
    play(t, "GenuineIntel", intel, ATL_COUNT(intel));
    end(t, begin(t), 0);
    assert_near(find(t, "ipc")->value, 1.5, 1e-9);
    assert_near(find(t, "frequency")->value, 3.0, 1e-9); /* 3·10⁹ cycles in a second of running */
    assert_near(find(t, "stalled_cycles")->value, 50, 1e-9);
    assert_ratio(t, "llc_references", "llc_misses", 4);
    assert_non_null(strstr(find(t, "cycles")->why, "counted in 50 % of the time"));
    assert_non_null(strstr(find(t, "llc_misses")->why, "counted in 100 % of the time"));
    assert_missing(t, "dtlb_misses", "does not count it");
}

static void without_privilege_user_space_is_counted_and_said(void **state)
{
    tree *t = *state;
    play(t, "GenuineIntel", intel, ATL_COUNT(intel));
    user_space_alone = true;
    end(t, begin(t), 0);
    assert_near(find(t, "ipc")->value, 1.5, 1e-9);
    assert_non_null(strstr(find(t, "cycles")->why, "user space alone"));
}

/* On AMD's the generic event counts misses of the second cache: memory traffic it is not. */
static void misses_of_an_inner_cache_are_not_taken_for_the_last_ones(void **state)
{
    static const known_event amd[] = {
        {PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES, 3000000000, 1000000000, 1000000000},
        {PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS, 3000000000, 1000000000, 1000000000},
        {PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_MISSES, 99999999, 1000000000, 1000000000},
    };
    tree *t = *state;
    play(t, "AuthenticAMD", amd, ATL_COUNT(amd));
    end(t, begin(t), 0);
    assert_near(find(t, "ipc")->value, 1, 1e-9);
    assert_false(asked_generic_misses);
    assert_missing(t, "llc_misses", "does not count it");
    assert_missing(t, "stalled_cycles", "does not count it");
}

/* Arm's generic event is of the first cache; its processors have one of the last. */
static void arms_last_cache_is_asked_by_its_own_event(void **state)
{
    static const known_event arm[] = {
        {PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES, 2000000000, 1000000000, 1000000000},
        {PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_MISSES, 99999999, 1000000000, 1000000000},
        {PERF_TYPE_HARDWARE, PERF_COUNT_HW_STALLED_CYCLES_BACKEND, 500000000, 1000000000, 1000000000},
        {PERF_TYPE_HW_CACHE, LL(ACCESS), 6000, 1000000000, 1000000000},
        {PERF_TYPE_HW_CACHE, LL(MISS), 2000, 1000000000, 1000000000},
    };
    tree *t = *state;
    play(t, "ARM", arm, ATL_COUNT(arm));
    end(t, begin(t), 0);
    assert_false(asked_generic_misses);
    assert_ratio(t, "llc_references", "llc_misses", 3);
    assert_near(find(t, "stalled_cycles")->value, 25, 1e-9);
}

static void a_thread_that_never_got_a_counter_is_said(void **state)
{
    static const known_event held[] = {{PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES, 0, 1000000000, 0}};
    tree *t = *state;
    play(t, "GenuineIntel", held, ATL_COUNT(held));
    end(t, begin(t), 0);
    assert_missing(t, "frequency", "others hold them");
}

/* Two CPUs at twice the TSC's rate while they are busy. */
static void the_clock_is_aperf_over_mperf_times_the_tsc(void **state)
{
    static const known_event msr[] = {
        {PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES, 3000000000, 1000000000, 1000000000},
        {MSR_TYPE, 1, 2000000, 0, 0},
        {MSR_TYPE, 2, 1000000, 0, 0},
        {MSR_TYPE, 0, 1500000000, 0, 0},
    };
    tree *t = *state;
    play(t, "GenuineIntel", msr, ATL_COUNT(msr));
    put(t, "/sys/bus/event_source/devices/msr/type", "13\n");
    put(t, "/sys/bus/event_source/devices/msr/events/tsc", "event=0x00\n");
    put(t, "/sys/bus/event_source/devices/msr/events/aperf", "event=0x01\n");
    put(t, "/sys/bus/event_source/devices/msr/events/mperf", "event=0x02\n");
    end(t, begin(t), 0);
    assert_ratio(t, "cycles", "frequency_aperf", 1e9); /* 3·10⁹ cycles; 2 × 1.5·10⁹ of the TSC */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_TREE(counts_are_scaled_by_the_time_that_they_had_a_counter),
        IN_TREE(without_privilege_user_space_is_counted_and_said),
        IN_TREE(misses_of_an_inner_cache_are_not_taken_for_the_last_ones),
        IN_TREE(arms_last_cache_is_asked_by_its_own_event),
        IN_TREE(a_thread_that_never_got_a_counter_is_said),
        IN_TREE(the_clock_is_aperf_over_mperf_times_the_tsc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
