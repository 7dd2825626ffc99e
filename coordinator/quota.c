/* quota.c - see quota.h. */
#include "quota.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup.h"

enum { FILE_BYTES = 16384 }; /* memory.stat has about 60 lines */

/* The number that the file begins with; false if it begins with another word ("max"). */
static bool read_number(const char *dir, const char *name, uint64_t *ret)
{
    char text[64], *end;
    if (!atl_cgroup_read(dir, name, text, sizeof text) || text[0] < '0' || text[0] > '9')
        return false;
    *ret = strtoull(text, &end, 10); /* too large is UINT64_MAX: no limit */
    return end != text;
}

/* The value behind `key` at the beginning of a line: "MemAvailable: 123 kB", "inactive_file 123". 0: none. */
static uint64_t number_after(const char *text, const char *key)
{
    const size_t n = strlen(key);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, n) == 0 && (line[n] == ' ' || line[n] == ':'))
            return strtoull(line + n + 1, NULL, 10);
    }
    return 0;
}

static void lower(double *least, double value)
{
    if (value > 0 && (*least <= 0 || value < *least))
        *least = value;
}

/* "150000 100000": microseconds of time in microseconds of period; "max 100000": no quota. */
static double cpus_of_v2(const char *dir)
{
    char text[64];
    unsigned long long quota, period;
    if (!atl_cgroup_read(dir, "cpu.max", text, sizeof text) ||
        sscanf(text, "%llu %llu", &quota, &period) != 2)
        return 0;
    return period > 0 ? (double)quota / (double)period : 0;
}

static double cpus_of_v1(const char *dir)
{
    uint64_t quota, period; /* a quota of -1 is none */
    if (!read_number(dir, "cpu.cfs_quota_us", &quota) || !read_number(dir, "cpu.cfs_period_us", &period))
        return 0;
    return period > 0 ? (double)quota / (double)period : 0;
}

double atl_quota_cpus(const char *root)
{
    double least = 0;
    atl_cgroup group;
    if (atl_cgroup_find(root, NULL, &group))
        do
            lower(&least, cpus_of_v2(group.leaf));
        while (atl_cgroup_up(&group));
    if (atl_cgroup_find(root, "cpu", &group))
        do
            lower(&least, cpus_of_v1(group.leaf));
        while (atl_cgroup_up(&group));
    return least;
}

/* The names of one version's files. */
typedef struct memory_files {
    const char *limit, *soft_limit, *usage, *cache;
} memory_files;

static const memory_files memory_v1 = {"memory.limit_in_bytes", NULL, "memory.usage_in_bytes",
                                       "total_inactive_file"};
/* Beyond memory.high a group is not killed but slowed to a crawl: no worker is to be started into that. */
static const memory_files memory_v2 = {"memory.max", "memory.high", "memory.current", "inactive_file"};

/* Bytes that the group has left; UINT64_MAX: it sets no limit. */
static uint64_t group_bytes(const char *dir, const memory_files *files)
{
    uint64_t limit, soft, usage, cache = 0;
    const bool has_limit = read_number(dir, files->limit, &limit);
    if (!has_limit)
        limit = UINT64_MAX;
    if (files->soft_limit && read_number(dir, files->soft_limit, &soft) && soft < limit)
        limit = soft;
    if (limit == UINT64_MAX || !read_number(dir, files->usage, &usage))
        return limit;
    char stat[FILE_BYTES];
    if (atl_cgroup_read(dir, "memory.stat", stat, sizeof stat))
        cache = number_after(stat, files->cache);
    const uint64_t kept = usage > cache ? usage - cache : 0;
    return limit > kept ? limit - kept : 1; /* nothing left is not "not known" */
}

static uint64_t hierarchy_bytes(const char *root, const char *controller, const memory_files *files)
{
    uint64_t least = UINT64_MAX;
    atl_cgroup group;
    if (atl_cgroup_find(root, controller, &group))
        do {
            const uint64_t bytes = group_bytes(group.leaf, files);
            least = bytes < least ? bytes : least;
        } while (atl_cgroup_up(&group));
    return least;
}

size_t atl_quota_memory_bytes(const char *root)
{
    char path[ATL_CGROUP_PATH], text[FILE_BYTES];
    uint64_t least = UINT64_MAX;
    if ((size_t)snprintf(path, sizeof path, "%s/proc", root) < sizeof path &&
        atl_cgroup_read(path, "meminfo", text, sizeof text)) {
        const uint64_t kib = number_after(text, "MemAvailable");
        least = kib > 0 && kib < UINT64_MAX / 1024 ? kib * 1024 : UINT64_MAX;
    }
    const uint64_t v2 = hierarchy_bytes(root, NULL, &memory_v2);
    const uint64_t v1 = hierarchy_bytes(root, "memory", &memory_v1);
    least = v2 < least ? v2 : least;
    least = v1 < least ? v1 : least;
    return least >= SIZE_MAX / 2 ? 0 : (size_t)least; /* v1 writes "no limit" as a number near 2^63 */
}
