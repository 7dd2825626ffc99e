/* quota_test.c - CPU time and memory that control groups grant: trees of files as kernels and containers show
 * them, version 1, version 2 and both. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cgroup.h"
#include "file_tree.h"
#include "quota.h"

typedef struct tree {
    char root[64];
} tree;

static int make_tree(void **state)
{
    tree *t = calloc(1, sizeof *t);
    assert_non_null(t);
    make_root(t->root);
    *state = t;
    return 0;
}

static int remove_tree(void **state)
{
    tree *t = *state;
    const int code = remove_root(t->root);
    free(t);
    return code;
}

static void put(const tree *t, const char *path, const char *text)
{
    put_file(t->root, path, text);
}

#define MOUNT_V2  "30 23 0:27 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n"
#define MOUNT_CPU "31 30 0:28 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
#define MOUNT_MEM "32 30 0:29 / /sys/fs/cgroup/memory rw shared:10 - cgroup cgroup rw,memory\n"

static void use_v2(const tree *t, const char *path)
{
    char line[256];
    snprintf(line, sizeof line, "0::%s\n", path);
    put(t, "/proc/self/cgroup", line);
    put(t, "/proc/self/mountinfo", "23 1 8:1 / / rw - ext4 /dev/sda1 rw\n" MOUNT_V2);
}

static void assert_cpus(const tree *t, double wanted)
{
    assert_float_equal(atl_quota_cpus(t->root), wanted, 1e-9);
}

static void v2_quota_is_time_in_period(void **state)
{
    use_v2(*state, "/user.slice/job");
    put(*state, "/sys/fs/cgroup/user.slice/job/cpu.max", "150000 100000\n");
    assert_cpus(*state, 1.5);
}

static void v2_max_is_no_quota(void **state)
{
    use_v2(*state, "/job");
    put(*state, "/sys/fs/cgroup/job/cpu.max", "max 100000\n");
    assert_cpus(*state, 0);
}

static void the_least_of_all_ancestors_counts(void **state)
{
    use_v2(*state, "/a/b/c");
    put(*state, "/sys/fs/cgroup/a/b/c/cpu.max", "800000 100000\n");
    put(*state, "/sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
    put(*state, "/sys/fs/cgroup/a/cpu.max", "250000 100000\n");
    assert_cpus(*state, 2.5);
    put(*state, "/sys/fs/cgroup/cpu.max", "50000 100000\n"); /* a container's top */
    assert_cpus(*state, 0.5);
    put(*state, "/sys/fs/cgroup/other/cpu.max", "10000 100000\n"); /* not an ancestor */
    assert_cpus(*state, 0.5);
}

static void v1_quota_is_in_two_files(void **state)
{
    put(*state, "/proc/self/cgroup", "4:memory:/m\n3:cpu,cpuacct:/docker/x\n1:name=systemd:/\n");
    put(*state, "/proc/self/mountinfo", MOUNT_CPU MOUNT_MEM);
    put(*state, "/sys/fs/cgroup/cpu,cpuacct/docker/x/cpu.cfs_quota_us", "-1\n");
    put(*state, "/sys/fs/cgroup/cpu,cpuacct/docker/x/cpu.cfs_period_us", "100000\n");
    assert_cpus(*state, 0);
    put(*state, "/sys/fs/cgroup/cpu,cpuacct/docker/cpu.cfs_quota_us", "300000\n");
    put(*state, "/sys/fs/cgroup/cpu,cpuacct/docker/cpu.cfs_period_us", "50000\n");
    assert_cpus(*state, 6);
}

static void v1_of_another_controller_with_a_like_name_is_not_cpu(void **state)
{
    put(*state, "/proc/self/cgroup", "3:cpuacct:/x\n2:cpuset:/x\n");
    put(*state, "/proc/self/mountinfo", "31 30 0:28 / /c rw - cgroup cgroup rw,cpuacct\n");
    put(*state, "/c/x/cpu.cfs_quota_us", "100000\n");
    put(*state, "/c/x/cpu.cfs_period_us", "100000\n");
    assert_cpus(*state, 0);
}

static void both_versions_at_once_give_the_lesser(void **state)
{
    put(*state, "/proc/self/cgroup", "2:cpu,cpuacct:/x\n0::/y\n");
    put(*state, "/proc/self/mountinfo",
        MOUNT_CPU "33 30 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate\n");
    put(*state, "/sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_quota_us", "400000\n");
    put(*state, "/sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_period_us", "100000\n");
    assert_cpus(*state, 4);
    put(*state, "/sys/fs/cgroup/unified/y/cpu.max", "300000 100000\n");
    assert_cpus(*state, 3);
}

static void a_mount_of_a_part_stands_at_that_part(void **state)
{
    put(*state, "/proc/self/cgroup", "0::/docker/x/inner\n");
    put(*state, "/proc/self/mountinfo", "30 23 0:27 /docker/x /my\\040mount rw - cgroup2 cgroup2 rw\n");
    put(*state, "/my mount/inner/cpu.max", "400000 100000\n");
    assert_cpus(*state, 4);
    put(*state, "/my mount/cpu.max", "200000 100000\n");
    assert_cpus(*state, 2);
}

static void a_group_outside_of_the_mount_is_seen_at_its_top(void **state)
{
    put(*state, "/proc/self/cgroup", "0::/../elsewhere\n");
    put(*state, "/proc/self/mountinfo", MOUNT_V2);
    put(*state, "/sys/fs/cgroup/cpu.max", "200000 100000\n");
    put(*state, "/sys/fs/elsewhere/cpu.max", "100000 100000\n");
    assert_cpus(*state, 2);
    put(*state, "/proc/self/cgroup", "0::/docker/y\n");
    put(*state, "/proc/self/mountinfo", "30 23 0:27 /docker/x /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
    assert_cpus(*state, 2);
}

static void nothing_to_read_is_no_limit(void **state)
{
    const tree *t = *state;
    assert_cpus(t, 0);
    assert_int_equal(atl_quota_memory_bytes(t->root), 0);
    put(t, "/proc/self/cgroup", "garbage\n::\n0:\n0::");
    put(t, "/proc/self/mountinfo", "- - -\n1 2 3 - cgroup2\n - cgroup2 x y\n\n");
    assert_cpus(t, 0);
    use_v2(t, "/");
    const char *const words[] = {"", "max", "12", "x y", "100000 0", "-5 100000", "0 100000"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        put(t, "/sys/fs/cgroup/cpu.max", words[i]);
        assert_true(atl_quota_cpus(t->root) >= 0);
    }
}

static void put_meminfo(const tree *t, const char *available)
{
    char text[256];
    snprintf(text, sizeof text,
             "MemTotal:  16000000 kB\nMemFree: 1 kB\nMemAvailable:   %s kB\nBuffers: 3 kB\n", available);
    put(t, "/proc/meminfo", text);
}

static void memory_is_what_the_system_has_available(void **state)
{
    put_meminfo(*state, "2048");
    assert_int_equal(atl_quota_memory_bytes(((tree *)*state)->root), 2048 * 1024);
}

static void v2_memory_is_limit_less_use_without_idle_cache(void **state)
{
    const tree *t = *state;
    put_meminfo(t, "8000000");
    use_v2(t, "/a/b");
    put(t, "/sys/fs/cgroup/a/b/memory.max", "max\n");
    put(t, "/sys/fs/cgroup/a/b/memory.current", "900000\n");
    assert_int_equal(atl_quota_memory_bytes(t->root), 8000000ull * 1024);
    put(t, "/sys/fs/cgroup/a/memory.max", "1000000\n");
    put(t, "/sys/fs/cgroup/a/memory.current", "900000\n");
    assert_int_equal(atl_quota_memory_bytes(t->root), 100000);
    put(t, "/sys/fs/cgroup/a/memory.stat", "anon 1\nactive_file 5000\ninactive_file 300000\nslab 4\n");
    assert_int_equal(atl_quota_memory_bytes(t->root), 400000);
    put(t, "/sys/fs/cgroup/a/memory.high", "700000\n");
    assert_int_equal(atl_quota_memory_bytes(t->root), 100000);
    put(t, "/sys/fs/cgroup/a/memory.current", "2000000\n"); /* nothing left is not "not known" */
    assert_int_equal(atl_quota_memory_bytes(t->root), 1);
}

static void v1_memory_without_a_limit_is_the_systems(void **state)
{
    const tree *t = *state;
    put_meminfo(t, "4096");
    put(t, "/proc/self/cgroup", "4:memory:/m\n");
    put(t, "/proc/self/mountinfo", MOUNT_CPU MOUNT_MEM);
    put(t, "/sys/fs/cgroup/memory/m/memory.limit_in_bytes", "9223372036854771712\n");
    put(t, "/sys/fs/cgroup/memory/m/memory.usage_in_bytes", "1000\n");
    assert_int_equal(atl_quota_memory_bytes(t->root), 4096 * 1024);
    put(t, "/sys/fs/cgroup/memory/m/memory.limit_in_bytes", "3000\n");
    put(t, "/sys/fs/cgroup/memory/m/memory.stat", "inactive_file 1\ntotal_inactive_file 400\n");
    assert_int_equal(atl_quota_memory_bytes(t->root), 2400);
}

static void the_way_up_ends_at_the_mount(void **state)
{
    const tree *t = *state;
    use_v2(t, "/a/b");
    atl_cgroup group;
    assert_true(atl_cgroup_find(t->root, NULL, &group));
    assert_true(atl_cgroup_up(&group));
    assert_true(atl_cgroup_up(&group));
    assert_string_equal(group.leaf, group.top);
    assert_false(atl_cgroup_up(&group));
    assert_false(atl_cgroup_find(t->root, "cpu", &group));
}

#define IN_TREE(test) cmocka_unit_test_setup_teardown(test, make_tree, remove_tree)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_TREE(v2_quota_is_time_in_period),
        IN_TREE(v2_max_is_no_quota),
        IN_TREE(the_least_of_all_ancestors_counts),
        IN_TREE(v1_quota_is_in_two_files),
        IN_TREE(v1_of_another_controller_with_a_like_name_is_not_cpu),
        IN_TREE(both_versions_at_once_give_the_lesser),
        IN_TREE(a_mount_of_a_part_stands_at_that_part),
        IN_TREE(a_group_outside_of_the_mount_is_seen_at_its_top),
        IN_TREE(nothing_to_read_is_no_limit),
        IN_TREE(memory_is_what_the_system_has_available),
        IN_TREE(v2_memory_is_limit_less_use_without_idle_cache),
        IN_TREE(v1_memory_without_a_limit_is_the_systems),
        IN_TREE(the_way_up_ends_at_the_mount),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
