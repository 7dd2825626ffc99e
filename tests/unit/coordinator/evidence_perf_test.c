/* evidence_perf_test.c - the kernel's counters for real: a child that does what is counted, so often and no
 * more, while it is watched; and what is said where they are refused, with a filter that refuses them. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <math.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/sizes.h"
#include "evidence.h"

enum { N_PAGES = 20000, N_SLEEPS = 300, N_MOVES = 40, PAGE_BYTES = 4096 };

typedef struct findings {
    atl_evidence list[ATL_STUDY_MAX_EVIDENCE];
    size_t n;
} findings;

static const atl_evidence *find(const findings *f, const char *name)
{
    const atl_evidence *found = atl_evidence_find(f->list, f->n, name);
    if (!found)
        fail_msg("no finding is called %s", name);
    return found;
}

/* ---- what the child does when it is told to ---- */

static void touch_pages(void)
{
    const size_t bytes = (size_t)N_PAGES * PAGE_BYTES;
    char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        _exit(1);
    madvise(memory, bytes, MADV_NOHUGEPAGE);
    for (size_t i = 0; i < bytes; i += PAGE_BYTES)
        memory[i] = 1;
    munmap(memory, bytes);
}

static void sleep_often(void)
{
    for (int i = 0; i < N_SLEEPS; i++)
        nanosleep(&(struct timespec){.tv_nsec = 1000}, NULL);
}

/* Between the first two CPUs that it may use; where there is one alone, nowhere. */
static void move_often(void)
{
    cpu_set_t may, one;
    size_t cpus[2], n = 0;
    if (sched_getaffinity(0, sizeof may, &may) != 0)
        _exit(1);
    for (size_t cpu = 0; cpu < CPU_SETSIZE && n < 2; cpu++)
        if (CPU_ISSET(cpu, &may))
            cpus[n++] = cpu;
    for (size_t i = 0; i < N_MOVES; i++) {
        CPU_ZERO(&one);
        CPU_SET(cpus[i % n], &one);
        sched_setaffinity(0, sizeof one, &one);
    }
    sched_setaffinity(0, sizeof may, &may);
}

static void work_when_told(int told, int done)
{
    char byte;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (read(told, &byte, 1) == 1) {
        touch_pages();
        sleep_often();
        move_often();
        if (write(done, "x", 1) != 1)
            break;
    }
    _exit(0);
}

/* What is found about one round of the child's work, which lies wholly inside of the watch. */
static void watch_work(findings *f)
{
    int told[2], done[2];
    char byte;
    assert_int_equal(pipe(told), 0);
    assert_int_equal(pipe(done), 0);
    const pid_t pid = fork();
    if (pid == 0)
        work_when_told(told[0], done[1]);
    atl_evidence_watch *watch = NULL;
    const atl_evidence_scope scope = {.pids = &pid, .n_pids = 1};
    assert_int_equal(write(told[1], "x", 1), 1); /* a round that does not count: what is new to it is over */
    assert_int_equal(read(done[0], &byte, 1), 1);
    assert_int_equal(atl_evidence_begin(&scope, &watch, NULL), ATL_OK);
    assert_int_equal(write(told[1], "x", 1), 1);
    assert_int_equal(read(done[0], &byte, 1), 1);
    f->n = atl_evidence_end(&watch, 0, f->list, ATL_STUDY_MAX_EVIDENCE);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    const int all[] = {told[0], told[1], done[0], done[1]};
    for (size_t i = 0; i < ATL_COUNT(all); i++)
        close(all[i]);
}

/* Skips the test where this machine lets nobody count. */
static void want(const findings *f, const char *name)
{
    const atl_evidence *e = find(f, name);
    if (isfinite(e->value))
        return;
    assert_non_null(strstr(e->why, "perf_event_open: "));
    print_message("%s: %s\n", name, e->why);
    skip();
}

static void assert_share(double a, double b, double most)
{
    if (!(fabs(a / b - 1) <= most))
        fail_msg("%g against %g: wanted within %g of each other", a, b, most);
}

static void page_faults_are_those_that_proc_tells_of(void **state)
{
    findings f;
    (void)state;
    watch_work(&f);
    want(&f, "perf_faults");
    assert_share(find(&f, "perf_faults")->value,
                 find(&f, "faults_minor")->value + find(&f, "faults_major")->value, 0.02);
    const double seconds = N_PAGES / find(&f, "perf_faults")->value; /* all were the pages: so long it took */
    assert_true(seconds > 0.001 && seconds < 100);
}

static void switches_are_those_that_proc_tells_of(void **state)
{
    findings f;
    (void)state;
    watch_work(&f);
    want(&f, "perf_switches");
    const double wanted = find(&f, "switches_wanted")->value, forced = find(&f, "switches_forced")->value;
    assert_share(find(&f, "perf_switches")->value, wanted + forced, 0.05);
    /* pages and sleeps were of one window, so their counts are in proportion */
    const double sleeps = wanted / find(&f, "faults_minor")->value * N_PAGES;
    assert_true(sleeps >= N_SLEEPS * 0.98);
}

static void moves_between_cpus_are_counted(void **state)
{
    findings f;
    cpu_set_t may;
    (void)state;
    watch_work(&f);
    want(&f, "cpu_migrations");
    const double moves = find(&f, "cpu_migrations")->value / find(&f, "perf_faults")->value * N_PAGES;
    if (sched_getaffinity(0, sizeof may, &may) == 0 && CPU_COUNT(&may) > 1)
        assert_true(moves > N_MOVES / 2.0);
    else
        assert_true(moves < 1);
}

static void time_on_a_cpu_is_what_the_ticks_say(void **state)
{
    findings f;
    (void)state;
    watch_work(&f);
    want(&f, "perf_cpu_share");
    const double share = find(&f, "perf_cpu_share")->value, ticks = find(&f, "cpu_share")->value;
    assert_true(share > 0 && share <= 101);
    /* 10 ms a tick: as a share of the window, which the pages' rate tells */
    const double seconds = N_PAGES / find(&f, "perf_faults")->value;
    assert_true(fabs(share - ticks) <= 100 * 0.03 / seconds);
}

/* ---- where counters are refused ---- */

/* Lets perf_event_open fail with `error` in this process from now on. */
static bool refuse_counters(int error)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_perf_event_open, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {.len = ATL_COUNT(filter), .filter = filter};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/* In a child: 0 all findings of perf say those words, 1 one does not, 2 there are no filters here. */
static int look_when_refused(int error, const char *words)
{
    static const char *const names[] = {"ipc",           "cycles",         "llc_misses",    "perf_faults",
                                        "perf_switches", "cpu_migrations", "perf_cpu_share"};
    findings f;
    atl_evidence_watch *watch = NULL;
    const pid_t pid = getpid();
    const atl_evidence_scope scope = {.pids = &pid, .n_pids = 1};
    if (!refuse_counters(error))
        return 2;
    if (atl_evidence_begin(&scope, &watch, NULL) != ATL_OK)
        return 1;
    f.n = atl_evidence_end(&watch, 0, f.list, ATL_STUDY_MAX_EVIDENCE);
    for (size_t i = 0; i < ATL_COUNT(names); i++) {
        const atl_evidence *e = atl_evidence_find(f.list, f.n, names[i]);
        if (!e || !isnan(e->value) || !strstr(e->why, words)) {
            printf("%s: %s\n", names[i], e ? e->why : "is not there");
            fflush(stdout);
            return 1;
        }
    }
    return 0;
}

static void assert_said_when_refused(int error, const char *words)
{
    int status = -1;
    fflush(stdout);
    const pid_t pid = fork();
    if (pid == 0)
        _exit(look_when_refused(error, words));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 2)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void without_privilege_it_says_what_is_wanted(void **state)
{
    (void)state;
    assert_said_when_refused(EACCES, "(EACCES): wants CAP_PERFMON, or a lower kernel.perf_event_paranoid");
    assert_said_when_refused(EPERM, "(EPERM): wants CAP_PERFMON");
}

static void a_kernel_without_perf_events_is_named(void **state)
{
    (void)state;
    assert_said_when_refused(ENOSYS, "(ENOSYS): this kernel, or the sandbox around it, has no perf events");
    assert_said_when_refused(ENOENT, "(ENOENT): this processor or virtual machine does not count it");
}

static void too_many_threads_for_the_files_are_named(void **state)
{
    (void)state;
    assert_said_when_refused(EMFILE, "(EMFILE): more threads than this process may have files open");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(page_faults_are_those_that_proc_tells_of),
        cmocka_unit_test(switches_are_those_that_proc_tells_of),
        cmocka_unit_test(moves_between_cpus_are_counted),
        cmocka_unit_test(time_on_a_cpu_is_what_the_ticks_say),
        cmocka_unit_test(without_privilege_it_says_what_is_wanted),
        cmocka_unit_test(a_kernel_without_perf_events_is_named),
        cmocka_unit_test(too_many_threads_for_the_files_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
