/* evidence_test.c - what is found out about a window: trees of files as kernels show them, changed between
 * begin and end; then this machine, with a child that does what is counted. */
#include <fcntl.h>
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
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "evidence_tree.h"

static void a_bare_system_has_every_name_with_a_reason(void **state)
{
    tree *t = *state;
    end(t, begin(t), 3);
    assert_in_range(t->n, 40, ATL_STUDY_MAX_EVIDENCE);
    for (size_t i = 0; i < t->n; i++) {
        assert_true(isnan(t->found[i].value));
        if (!t->found[i].why[0])
            fail_msg("%s says not why", t->found[i].name);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(t->found[i].name, t->found[j].name);
    }
    assert_missing(t, "memory_bandwidth", "No such file or directory (ENOENT)");
    assert_missing(t, "ipc", "no thread of a worker was there");
}

static void fewer_findings_than_there_are_fit(void **state)
{
    tree *t = *state;
    atl_evidence_watch *watch = begin(t);
    assert_int_equal(atl_evidence_end(&watch, 0, t->found, 2), 2);
    assert_string_equal(t->found[0].name, "ipc");
    watch = begin(t);
    atl_evidence_drop(&watch);
    assert_null(watch);
    atl_evidence_drop(&watch);
}

static void put_zone(const tree *t, const char *zone, const char *name, const char *uj)
{
    char path[128];
    snprintf(path, sizeof path, "/sys/class/powercap/%s/name", zone);
    put(t, path, name);
    snprintf(path, sizeof path, "/sys/class/powercap/%s/energy_uj", zone);
    put(t, path, uj);
    snprintf(path, sizeof path, "/sys/class/powercap/%s/max_energy_range_uj", zone);
    put(t, path, "10000000\n");
}

static void energy_wraps_and_counts_no_part_twice(void **state)
{
    tree *t = *state;
    put_zone(t, "intel-rapl:0", "package-0\n", "9000000\n");
    put_zone(t, "intel-rapl:0:0", "core\n", "0\n");
    put_zone(t, "intel-rapl:0:1", "dram\n", "2000000\n");
    put_zone(t, "intel-rapl:1", "package-1\n", "100\n");
    put_zone(t, "intel-rapl:2", "psys\n", "100\n");
    atl_evidence_watch *watch = begin(t);
    put_zone(t, "intel-rapl:0", "package-0\n", "4000000\n"); /* 5 J, over the end of the range */
    put_zone(t, "intel-rapl:0:0", "core\n", "5000000\n");
    put_zone(t, "intel-rapl:0:1", "dram\n", "4000000\n");    /* 2 J */
    put_zone(t, "intel-rapl:1", "package-1\n", "3000100\n"); /* 3 J */
    put_zone(t, "intel-rapl:2", "psys\n", "9000000\n");
    end(t, watch, 4);
    assert_near(find(t, "energy_image")->value, 2.5, 1e-9);
    assert_string_equal(find(t, "energy_image")->why, "with the memory");
    assert_ratio(t, "power_package", "power_dram", 4);
}

static void energy_without_images_is_power_alone(void **state)
{
    tree *t = *state;
    put_zone(t, "intel-rapl:0", "package-0\n", "0\n");
    end(t, begin(t), 0);
    assert_near(find(t, "power_package")->value, 0, 0);
    assert_missing(t, "power_dram", "no zone of the memory");
    assert_missing(t, "energy_image", "how many images");
}

static void threads_run_wait_and_switch(void **state)
{
    tree *t = *state;
    put(t, THREAD("11/schedstat"), "1000 500 3\n");
    put(t, THREAD("11/status"), "Name:\tx\nvoluntary_ctxt_switches:\t5\nnonvoluntary_ctxt_switches:\t7\n");
    put(t, THREAD("12/schedstat"), "77 77 77\n"); /* ends within the window */
    atl_evidence_watch *watch = begin(t);
    put(t, THREAD("11/schedstat"), "7000 1500 9\n");
    put(t, THREAD("11/status"), "Name:\tx\nvoluntary_ctxt_switches:\t15\nnonvoluntary_ctxt_switches:\t27\n");
    put(t, THREAD("13/schedstat"), "1000 0 1\n"); /* starts within it */
    put(t, THREAD("13/status"), "voluntary_ctxt_switches:\t10\nnonvoluntary_ctxt_switches:\t0\n");
    end(t, watch, 0);
    assert_near(find(t, "run_delay")->value, 12.5, 1e-9); /* 1000 of 7000 + 1000 */
    assert_ratio(t, "switches_forced", "switches_wanted", 1);
}

static void a_kernel_that_counts_no_schedstat_says_so(void **state)
{
    tree *t = *state;
    put(t, THREAD("11/schedstat"), "0 0 0\n");
    end(t, begin(t), 0);
    assert_missing(t, "run_delay", "counts nothing");
    assert_missing(t, "switches_wanted", "No such file or directory");
}

static void the_workers_cpus_alone_count(void **state)
{
    tree *t = *state;
    put(t, "/proc/stat",
        "cpu  1 1 1 1 1 1 1 1 0 0\ncpu0 0 0 0 0 0 0 0 0 0 0\ncpu2 10 0 0 80 0 0 0 0 0 0\n"
        "cpu3 0 0 0 0 0 0 0 0 0 0\nintr 1 2 3\n");
    put(t, PROCESS "/stat", "1 (a) b) R 1 1 1 0 -1 0 20 0 4 0 100 50 0 0 20 0 1 0 1 1 1\n");
    put(t, PROCESS "/io", "rchar: 1\nread_bytes: 1000\nwrite_bytes: 500\ncancelled_write_bytes: 0\n");
    atl_evidence_watch *watch = begin(t);
    put(t, "/proc/stat",
        "cpu  1 1 1 1 1 1 1 1 0 0\ncpu0 999 0 0 0 0 0 0 999 0 0\n"
        "cpu2 20 5 10 140 0 2 3 10 0 0\ncpu3 0 0 0 90 10 0 0 0 0 0\nintr 1 2 3\n");
    put(t, PROCESS "/stat", "1 (a) b) R 1 1 1 0 -1 0 50 0 10 0 105 55 0 0 20 0 1 0 1 1 1\n");
    put(t, PROCESS "/io", "read_bytes: 5000\nwrite_bytes: 1500\n");
    end(t, watch, 0);
    assert_near(find(t, "steal")->value, 5, 1e-9); /* 10 of 200 ticks */
    /* 30 ticks were busy, of which the worker had 10 */
    assert_ratio(t, "foreign_load", "cpu_share", 2);
    assert_ratio(t, "faults_minor", "faults_major", 5);
    assert_ratio(t, "disk_read", "disk_write", 4);
}

/* Of three workers with two threads each on the same two CPUs. */
static void a_shared_cpu_counts_once(void **state)
{
    tree *t = *state;
    static const pid_t pid = PID;
    static const int cpus[] = {2, 3, 3, 2, 2, 3};
    const atl_evidence_scope scope = {.root = t->root, .pids = &pid, .n_pids = 1, .cpus = cpus, .n_cpus = 6};
    atl_evidence_watch *watch = NULL;
    put(t, "/proc/stat", "cpu2 0 0 0 0 0 0 0 0 0 0\ncpu3 0 0 0 0 0 0 0 0 0 0\n");
    put(t, PROCESS "/stat", "1 (a) b) R 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 1 1 1\n");
    put(t, "/sys/devices/system/cpu/cpu2/thermal_throttle/core_throttle_count", "5\n");
    assert_int_equal(atl_evidence_begin(&scope, &watch, NULL), ATL_OK);
    const int64_t begun_ns = atl_clock_now_ns();
    usleep(20000);
    put(t, "/proc/stat", "cpu2 3 0 0 0 0 0 0 1 0 0\ncpu3 4 0 0 0 0 0 0 0 0 0\n");
    put(t, PROCESS "/stat", "1 (a) b) R 1 1 1 0 -1 0 0 0 0 0 5 0 0 0 20 0 1 0 1 1 1\n");
    put(t, "/sys/devices/system/cpu/cpu2/thermal_throttle/core_throttle_count", "8\n");
    end(t, watch, 0);
    const double wall_s = atl_ns_to_s(atl_clock_now_ns() - begun_ns);
    /* 5 ticks are 0.05 s of two CPUs; the watch was no longer than the test */
    assert_true(find(t, "cpu_share")->value >= 100 * 0.05 / wall_s / 2 * 0.99);
    assert_ratio(t, "foreign_load", "cpu_share", 0.4); /* 7 ticks were busy, of which the worker had 5 */
    assert_near(find(t, "steal")->value, 12.5, 1e-9);
    assert_near(find(t, "thermal_throttles")->value, 3, 1e-9);
}

static void memory_counts_shared_huge_pages_once(void **state)
{
    tree *t = *state;
    put(t, PROCESS "/smaps_rollup",
        "5500-7fff ---p 00000000 00:00 0 [rollup]\nRss: 9000 kB\nPss: 1000 kB\nPss_Anon: 400 kB\n"
        "AnonHugePages: 100 kB\nShmemPmdMapped: 200 kB\nFilePmdMapped: 0 kB\nShared_Hugetlb: 3000 kB\n"
        "Private_Hugetlb: 2000 kB\n");
    static const pid_t twice[] = {PID, PID};
    const atl_evidence_scope scope = {.root = t->root, .pids = twice, .n_pids = 2};
    atl_evidence_watch *watch = NULL;
    assert_int_equal(atl_evidence_begin(&scope, &watch, NULL), ATL_OK);
    end(t, watch, 0);
    assert_near(find(t, "pss")->value, (2 * 3000 + 3000) * 1.024e-3, 1e-9);
    assert_near(find(t, "worker_own")->value, 2400 * 1.024e-3, 1e-9);
    assert_near(find(t, "huge_pages")->value, (2 * 2100 + 3200) * 1.024e-3, 1e-9);
}

static void bandwidth_of_the_last_cache_is_summed_over_domains(void **state)
{
    tree *t = *state;
    put(t, "/sys/fs/resctrl/mon_data/mon_L3_00/mbm_total_bytes", "1000\n");
    put(t, "/sys/fs/resctrl/mon_data/mon_L3_01/mbm_total_bytes", "2000\n");
    put(t, "/sys/fs/resctrl/mon_data/mon_L3_00/mbm_local_bytes", "1000\n");
    put(t, "/sys/fs/resctrl/mon_data/mon_L3_01/mbm_local_bytes", "Unavailable\n");
    put(t, "/sys/fs/resctrl/mon_data/mon_L3_00/llc_occupancy", "1000000\n");
    put(t, "/sys/fs/resctrl/mon_data/mon_L3_01/llc_occupancy", "3000000\n");
    put_pressure(t, "/proc/pressure/cpu", 0, 0);
    atl_evidence_watch *watch = begin(t);
    put(t, "/sys/fs/resctrl/mon_data/mon_L3_00/mbm_total_bytes", "4001000\n");
    put(t, "/sys/fs/resctrl/mon_data/mon_L3_01/mbm_total_bytes", "2002000\n");
    put_pressure(t, "/proc/pressure/cpu", 6000, 0); /* 6 MB in 6 ms would be 1 GB/s: the yardstick */
    end(t, watch, 0);
    assert_ratio(t, "memory_bandwidth", "psi_cpu_some", 0.01);
    assert_string_equal(find(t, "memory_bandwidth")->why, "the whole system's");
    assert_missing(t, "memory_bandwidth_local", "Invalid argument");
    assert_near(find(t, "llc_occupancy")->value, 4, 1e-9);
}

static void put_cpu(const tree *t, int cpu, const char *file, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/%s", cpu, file);
    put(t, path, text);
}

static void frequency_is_the_mean_and_heat_counts_a_package_once(void **state)
{
    tree *t = *state;
    for (int cpu = 2; cpu < 4; cpu++) {
        put_cpu(t, cpu, "cpufreq/scaling_cur_freq", "2000000\n");
        put_cpu(t, cpu, "thermal_throttle/core_throttle_count", "1\n");
        put_cpu(t, cpu, "thermal_throttle/package_throttle_count", "10\n");
    }
    put_cpu(t, 0, "thermal_throttle/core_throttle_count", "1\n"); /* no worker's */
    atl_evidence_watch *watch = begin(t);
    for (int cpu = 2; cpu < 4; cpu++) {
        put_cpu(t, cpu, "cpufreq/scaling_cur_freq", "3000000\n");
        put_cpu(t, cpu, "thermal_throttle/core_throttle_count", "3\n");
        put_cpu(t, cpu, "thermal_throttle/package_throttle_count", "15\n");
    }
    put_cpu(t, 0, "thermal_throttle/core_throttle_count", "99\n");
    end(t, watch, 0);
    assert_near(find(t, "frequency_cpufreq")->value, 2.5, 1e-9);
    assert_near(find(t, "thermal_throttles")->value, 9, 0); /* 2 + 2 of cores, 5 of the package */
}

/* ---- this machine ---- */

enum { TOUCHED_BYTES = 64 << 20, N_ROUNDS = 40 };

/* Computes, touches fresh pages and yields, over and over; says so each time. */
static void busy_child(int ready)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
        char *memory = mmap(NULL, TOUCHED_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
            _exit(1);
        madvise(memory, TOUCHED_BYTES, MADV_NOHUGEPAGE);
        for (size_t i = 0; i < TOUCHED_BYTES; i += 4096)
            memory[i] = (char)i;
        if (write(ready, "x", 1) != 1)
            _exit(1);
        usleep(1000);
        munmap(memory, TOUCHED_BYTES);
    }
}

static void a_busy_child_moves_what_it_does(void **state)
{
    tree *t = *state;
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    const pid_t pid = fork();
    if (pid == 0)
        busy_child(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    atl_evidence_watch *watch = NULL;
    const atl_evidence_scope scope = {.pids = &pid, .n_pids = 1};
    assert_int_equal(atl_evidence_begin(&scope, &watch, NULL), ATL_OK);
    for (int i = 0; i < N_ROUNDS; i++) /* however long they take */
        assert_int_equal(read(ready[0], &byte, 1), 1);
    end(t, watch, 0);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(ready[0]);
    close(ready[1]);
    for (size_t i = 0; i < t->n; i++) {
        const atl_evidence *found = &t->found[i];
        printf("%-24s %14.6g %-7s %s\n", found->name, found->value, found->unit, found->why);
        assert_true(isfinite(found->value) ? found->value >= 0 : found->why[0] != '\0');
    }
    const double cpu = find(t, "cpu_share")->value;
    const double faults = find(t, "faults_minor")->value, switches = find(t, "switches_wanted")->value;
    assert_true(cpu > 0 && cpu < 101);
    assert_true(faults > 0 && switches > 0);
    assert_true(faults / switches > 1000 &&
                faults / switches < 40000); /* 16,384 a round, in which it sleeps once */
    assert_true(find(t, "worker_own")->value <= find(t, "pss")->value * 1.001 + 0.1);
    assert_true(find(t, "steal")->value <= 100 && find(t, "foreign_load")->value <= 110);
    const atl_evidence *ipc = find(t, "ipc");
    assert_true(isnan(ipc->value) || (ipc->value > 0.01 && ipc->value < 10));
    const atl_evidence *frequency = find(t, "frequency");
    assert_true(isnan(frequency->value) || (frequency->value > 0.2 && frequency->value < 8));
}

static void a_process_that_is_gone_counts_nothing(void **state)
{
    tree *t = *state;
    const pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    waitpid(pid, NULL, 0);
    atl_evidence_watch *watch = NULL;
    const atl_evidence_scope scope = {.pids = &pid, .n_pids = 1};
    assert_int_equal(atl_evidence_begin(&scope, &watch, NULL), ATL_OK);
    end(t, watch, 0);
    assert_missing(t, "faults_minor", "stat of the workers' processes");
    assert_missing(t, "pss", "smaps_rollup of the workers");
    assert_true(isfinite(find(t, "steal")->value) || find(t, "steal")->why[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_TREE(a_bare_system_has_every_name_with_a_reason),
        IN_TREE(fewer_findings_than_there_are_fit),
        IN_TREE(energy_wraps_and_counts_no_part_twice),
        IN_TREE(energy_without_images_is_power_alone),
        IN_TREE(threads_run_wait_and_switch),
        IN_TREE(a_kernel_that_counts_no_schedstat_says_so),
        IN_TREE(the_workers_cpus_alone_count),
        IN_TREE(a_shared_cpu_counts_once),
        IN_TREE(memory_counts_shared_huge_pages_once),
        IN_TREE(bandwidth_of_the_last_cache_is_summed_over_domains),
        IN_TREE(frequency_is_the_mean_and_heat_counts_a_package_once),
        IN_TREE(a_busy_child_moves_what_it_does),
        IN_TREE(a_process_that_is_gone_counts_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
