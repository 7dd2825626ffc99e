/* evidence_groups_test.c - what control groups tell of a window, in every way in which they are mounted:
 * version 2 alone, version 1 alone, both at once with the CPU controller in either, nested, with and without
 * quotas, with controllers that are not there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "evidence_tree.h"
#include "quota.h"

static void use_v2(const tree *t)
{
    put(t, "/proc/self/cgroup", "0::/a/b\n");
    put(t, "/proc/self/mountinfo", "30 23 0:27 / /cg rw - cgroup2 cgroup2 rw\n");
}

static void pressure_is_of_the_system_and_of_the_group(void **state)
{
    tree *t = *state;
    use_v2(t);
    put_pressure(t, "/proc/pressure/memory", 1000, 500);
    put_pressure(t, "/cg/a/b/memory.pressure", 10, 5);
    put(t, "/proc/pressure/cpu", "some avg10=0 avg60=0 avg300=0 total=7\n");
    put(t, "/proc/pressure/io", "garbage\n");
    atl_evidence_watch *watch = begin(t);
    put_pressure(t, "/proc/pressure/memory", 9000, 2500);
    put_pressure(t, "/cg/a/b/memory.pressure", 1010, 505);
    put(t, "/proc/pressure/cpu", "some avg10=0 avg60=0 avg300=0 total=1007\n");
    end(t, watch, 0);
    assert_ratio(t, "psi_memory_some", "psi_memory_full", 4);
    assert_ratio(t, "psi_memory_some", "group_psi_memory_some", 8);
    assert_ratio(t, "psi_memory_some", "psi_cpu_some", 8);
    assert_near(find(t, "psi_cpu_full")->value, 0, 0);
    assert_missing(t, "psi_io_some", "Invalid argument (EINVAL)");
    assert_missing(t, "group_psi_io_some", "No such file or directory (ENOENT)");
}

static void v2_throttling_counts_all_ancestors(void **state)
{
    tree *t = *state;
    use_v2(t);
    put(t, "/cg/a/b/cpu.stat", "usage_usec 5\nnr_periods 3\nnr_throttled 1\nthrottled_usec 100\n");
    put(t, "/cg/a/cpu.stat", "nr_throttled 10\nthrottled_usec 1000\n");
    put(t, "/cg/cpu.stat", "usage_usec 9\n"); /* the top has no quota */
    atl_evidence_watch *watch = begin(t);
    put(t, "/cg/a/b/cpu.stat", "usage_usec 5\nnr_periods 3\nnr_throttled 3\nthrottled_usec 4100\n");
    put(t, "/cg/a/cpu.stat", "nr_throttled 15\nthrottled_usec 7000\n");
    end(t, watch, 0);
    assert_near(find(t, "group_throttled")->value, 7, 0);
    const double share = find(t, "group_throttled_time")->value; /* 10 ms of at least 20 ms */
    assert_true(share > 0 && share <= 50);
}

static void v1_throttling_is_in_nanoseconds_also_beside_v2(void **state)
{
    tree *t = *state;
    put(t, "/proc/self/cgroup", "2:cpu,cpuacct:/x\n0::/y\n");
    put(t, "/proc/self/mountinfo",
        "31 30 0:28 / /v1 rw - cgroup cgroup rw,cpu,cpuacct\n33 30 0:30 / /v2 rw - cgroup2 cgroup2 rw\n");
    put(t, "/v2/y/cpu.stat", "usage_usec 1\nuser_usec 1\nsystem_usec 0\n");
    put(t, "/v1/x/cpu.stat", "nr_periods 4\nnr_throttled 1\nthrottled_time 1000000\n");
    put_pressure(t, "/proc/pressure/cpu", 0, 0);
    atl_evidence_watch *watch = begin(t);
    put(t, "/v1/x/cpu.stat", "nr_periods 9\nnr_throttled 5\nthrottled_time 3000000\n");
    put_pressure(t, "/proc/pressure/cpu", 2000, 1000); /* as long, in µs: a yardstick */
    end(t, watch, 0);
    assert_near(find(t, "group_throttled")->value, 4, 0);
    assert_ratio(t, "group_throttled_time", "psi_cpu_some", 1);
}

static void a_group_without_quota_says_so(void **state)
{
    tree *t = *state;
    use_v2(t);
    put(t, "/cg/a/b/cpu.stat", "usage_usec 1\n");
    end(t, begin(t), 0);
    assert_missing(t, "group_throttled", "no control group here has a CPU quota");
}

/* ---- version 1 alone: no line "0::", no cgroup2 among the mounts ---- */

static void use_v1(const tree *t)
{
    put(t, "/proc/self/cgroup", "5:memory:/job\n4:cpu,cpuacct:/slice/job\n1:name=systemd:/slice\n");
    put(t, "/proc/self/mountinfo",
        "31 30 0:28 / /v1/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
        "32 30 0:29 / /v1/memory rw - cgroup cgroup rw,memory\n"
        "33 30 0:31 / /v1/systemd rw - cgroup cgroup rw,name=systemd\n");
}

static void put_quota(const tree *t, const char *dir, const char *quota, const char *period)
{
    char path[128];
    snprintf(path, sizeof path, "%s/cpu.cfs_quota_us", dir);
    put(t, path, quota);
    snprintf(path, sizeof path, "%s/cpu.cfs_period_us", dir);
    put(t, path, period);
}

static void v1_alone_throttles_at_every_level(void **state)
{
    tree *t = *state;
    use_v1(t);
    put(t, "/v1/cpu/slice/job/cpu.stat", "nr_periods 9\nnr_throttled 2\nthrottled_time 1000000\n");
    put(t, "/v1/cpu/slice/cpu.stat", "nr_periods 9\nnr_throttled 0\nthrottled_time 0\n");
    put(t, "/v1/cpu/cpu.stat", "nr_periods 0\nnr_throttled 0\nthrottled_time 0\n");
    put(t, "/v1/cpu/other/cpu.stat", "nr_periods 9\nnr_throttled 0\nthrottled_time 0\n");
    put_pressure(t, "/proc/pressure/cpu", 0, 0);
    atl_evidence_watch *watch = begin(t);
    put(t, "/v1/cpu/slice/job/cpu.stat", "nr_periods 19\nnr_throttled 5\nthrottled_time 3000000\n");
    put(t, "/v1/cpu/slice/cpu.stat", "nr_periods 19\nnr_throttled 4\nthrottled_time 4000000\n");
    put(t, "/v1/cpu/other/cpu.stat", "nr_periods 19\nnr_throttled 90\nthrottled_time 90000000\n");
    put_pressure(t, "/proc/pressure/cpu", 3000, 0); /* half as long, in µs: a yardstick */
    end(t, watch, 0);
    assert_near(find(t, "group_throttled")->value, 7, 0);
    assert_ratio(t, "group_throttled_time", "psi_cpu_some", 2);
}

static void v1_alone_has_no_pressure_of_the_group(void **state)
{
    tree *t = *state;
    static const char *const names[] = {"group_psi_cpu_some",    "group_psi_cpu_full",
                                        "group_psi_memory_some", "group_psi_memory_full",
                                        "group_psi_io_some",     "group_psi_io_full"};
    use_v1(t);
    put(t, "/v1/cpu/slice/job/cpu.pressure", "some avg10=0 avg60=0 avg300=0 total=7\n"); /* no kernel's */
    put_pressure(t, "/proc/pressure/io", 0, 0);
    atl_evidence_watch *watch = begin(t);
    put_pressure(t, "/proc/pressure/io", 1000, 500);
    end(t, watch, 0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_missing(t, names[i], "there is no cgroup v2 hierarchy");
    assert_ratio(t, "psi_io_some", "psi_io_full", 2); /* the system's is there all the same */
}

static void v1_alone_without_a_quota_was_never_throttled(void **state)
{
    tree *t = *state;
    use_v1(t);
    put_quota(t, "/v1/cpu/slice/job", "-1\n", "100000\n");
    put(t, "/v1/cpu/slice/job/cpu.stat", "nr_periods 0\nnr_throttled 0\nthrottled_time 0\n");
    assert_near(atl_quota_cpus(t->root), 0, 0);
    end(t, begin(t), 0);
    assert_near(find(t, "group_throttled")->value, 0, 0);
    assert_near(find(t, "group_throttled_time")->value, 0, 0);
}

static void v1_quotas_of_ancestors_bind_where_the_leafs_is_open(void **state)
{
    tree *t = *state;
    use_v1(t);
    put_quota(t, "/v1/cpu/slice/job", "-1\n", "100000\n");
    put_quota(t, "/v1/cpu/slice", "350000\n", "100000\n");
    put_quota(t, "/v1/cpu", "-1\n", "100000\n");
    assert_near(atl_quota_cpus(t->root), 3.5, 1e-12);
    put_quota(t, "/v1/cpu", "400000\n", "200000\n");
    assert_near(atl_quota_cpus(t->root), 2, 1e-12);
    put_quota(t, "/v1/cpu/slice/job", "50000\n", "100000\n");
    assert_near(atl_quota_cpus(t->root), 0.5, 1e-12);
}

static void v1_without_the_cpu_controller_says_so(void **state)
{
    tree *t = *state;
    put(t, "/proc/self/cgroup", "5:memory:/job\n3:cpuset:/job\n");
    put(t, "/proc/self/mountinfo",
        "32 30 0:29 / /v1/memory rw - cgroup cgroup rw,memory\n"
        "34 30 0:32 / /v1/cpuset rw - cgroup cgroup rw,cpuset\n");
    put(t, "/v1/cpuset/job/cpu.stat", "nr_throttled 5\nthrottled_time 5\n"); /* not of this controller */
    end(t, begin(t), 0);
    assert_missing(t, "group_throttled", "no control group here has a CPU quota");
    assert_near(atl_quota_cpus(t->root), 0, 0);
}

/* ---- both at once: systemd's hybrid, where version 2 has no controllers, and one where it has the CPU's
 * ---- */

static void hybrid_reads_quota_from_v1_and_pressure_from_v2(void **state)
{
    tree *t = *state;
    put(t, "/proc/self/cgroup", "4:memory:/job\n2:cpu,cpuacct:/job\n0::/job\n");
    put(t, "/proc/self/mountinfo",
        "31 30 0:28 / /v1 rw - cgroup cgroup rw,cpu,cpuacct\n"
        "33 30 0:30 / /unified rw - cgroup2 cgroup2 rw,nsdelegate\n");
    put_quota(t, "/v1/job", "250000\n", "100000\n");
    put(t, "/v1/job/cpu.stat", "nr_throttled 1\nthrottled_time 1\n");
    put(t, "/unified/job/cpu.stat", "usage_usec 1\nuser_usec 1\n");
    put_pressure(t, "/unified/job/cpu.pressure", 0, 0);
    atl_evidence_watch *watch = begin(t);
    put(t, "/v1/job/cpu.stat", "nr_throttled 4\nthrottled_time 8000001\n");
    put_pressure(t, "/unified/job/cpu.pressure", 4000, 1000);
    end(t, watch, 0);
    assert_near(atl_quota_cpus(t->root), 2.5, 1e-12);
    assert_near(find(t, "group_throttled")->value, 3, 0);
    assert_ratio(t, "group_psi_cpu_some", "group_psi_cpu_full", 4);
    assert_ratio(t, "group_throttled_time", "group_psi_cpu_some", 2);
}

static void hybrid_with_the_cpu_in_v2_reads_it_there(void **state)
{
    tree *t = *state;
    put(t, "/proc/self/cgroup", "4:memory:/job\n0::/a/job\n");
    put(t, "/proc/self/mountinfo",
        "32 30 0:29 / /v1/memory rw - cgroup cgroup rw,memory\n"
        "33 30 0:30 / /unified rw - cgroup2 cgroup2 rw\n");
    put(t, "/unified/a/job/cpu.max", "max 100000\n");
    put(t, "/unified/a/cpu.max", "120000 100000\n");
    put(t, "/unified/a/cpu.stat", "usage_usec 5\nnr_throttled 1\nthrottled_usec 0\n");
    atl_evidence_watch *watch = begin(t);
    put(t, "/unified/a/cpu.stat", "usage_usec 9\nnr_throttled 3\nthrottled_usec 10\n");
    end(t, watch, 0);
    assert_near(atl_quota_cpus(t->root), 1.2, 1e-12);
    assert_near(find(t, "group_throttled")->value, 2, 0);
}

static void a_group_that_goes_meanwhile_says_so(void **state)
{
    tree *t = *state;
    char path[128];
    use_v1(t);
    put(t, "/v1/cpu/slice/job/cpu.stat", "nr_throttled 2\nthrottled_time 1\n");
    atl_evidence_watch *watch = begin(t);
    snprintf(path, sizeof path, "%s/v1/cpu/slice/job/cpu.stat", t->root);
    assert_int_equal(unlink(path), 0);
    end(t, watch, 0);
    assert_missing(t, "group_throttled", "no control group here has a CPU quota");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_TREE(pressure_is_of_the_system_and_of_the_group),
        IN_TREE(v2_throttling_counts_all_ancestors),
        IN_TREE(v1_throttling_is_in_nanoseconds_also_beside_v2),
        IN_TREE(a_group_without_quota_says_so),
        IN_TREE(v1_alone_throttles_at_every_level),
        IN_TREE(v1_alone_has_no_pressure_of_the_group),
        IN_TREE(v1_alone_without_a_quota_was_never_throttled),
        IN_TREE(v1_quotas_of_ancestors_bind_where_the_leafs_is_open),
        IN_TREE(v1_without_the_cpu_controller_says_so),
        IN_TREE(hybrid_reads_quota_from_v1_and_pressure_from_v2),
        IN_TREE(hybrid_with_the_cpu_in_v2_reads_it_there),
        IN_TREE(a_group_that_goes_meanwhile_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
