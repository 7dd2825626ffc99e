/* oom_test.c - the count of processes that the system killed for memory, from constructed files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "oom.h"

static char root[64];

/* Makes the folders on the way to `path` below the root, and the file with that text. */
static void put(const char *path, const char *text)
{
    char name[256];
    snprintf(name, sizeof name, "%s%s", root, path);
    for (char *slash = strchr(name + strlen(root) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(name, 0700);
        *slash = '/';
    }
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int make_root(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/atelier-oom-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
    (void)state;
    char command[96];
    snprintf(command, sizeof command, "rm -r %s", root);
    return system(command);
}

static void the_second_version_says_it_in_memory_events(void **state)
{
    (void)state;
    put("/proc/self/cgroup", "0::/batch/run 1\n");
    put("/proc/self/mountinfo", "29 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n");
    put("/sys/fs/cgroup/batch/run 1/memory.events",
        "low 0\nhigh 0\nmax 311\noom 4\noom_kill 3\noom_group_kill 0\n");
    assert_int_equal(atl_oom_kills(root), 3);
}

static void the_first_version_says_it_in_oom_control(void **state)
{
    (void)state;
    put("/proc/self/cgroup", "9:name=systemd:/\n4:cpu,memory:/batch\n0::/\n");
    put("/proc/self/mountinfo", "29 23 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,cpu,memory\n"
                                "30 23 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
    put("/sys/fs/cgroup/memory/batch/memory.oom_control", "oom_kill_disable 0\nunder_oom 1\noom_kill 17\n");
    assert_int_equal(atl_oom_kills(root), 17);
}

static void where_nothing_says_it_there_are_none(void **state)
{
    (void)state;
    assert_int_equal(atl_oom_kills(root), 0);
    put("/proc/self/cgroup", "0::/\n");
    put("/proc/self/mountinfo", "29 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
    assert_int_equal(atl_oom_kills(root), 0);
    put("/sys/fs/cgroup/memory.events", "oom_group_kill 5\nnot_oom_kill 6\n");
    assert_int_equal(atl_oom_kills(root), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_second_version_says_it_in_memory_events, make_root, remove_root),
        cmocka_unit_test_setup_teardown(the_first_version_says_it_in_oom_control, make_root, remove_root),
        cmocka_unit_test_setup_teardown(where_nothing_says_it_there_are_none, make_root, remove_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
