/* oom.c - see oom.h. */
#include "oom.h"

#include <stdio.h>
#include <string.h>

#include "cgroup.h"

static uint64_t read_count(const char *dir, const char *name)
{
    char text[1024];
    unsigned long long count = 0;
    if (!atl_cgroup_read(dir, name, text, sizeof text))
        return 0;
    const char *at = text;
    while ((at = strstr(at, "oom_kill ")) != NULL) {
        if (at == text || at[-1] == '\n')
            break;
        at++;
    }
    return at && sscanf(at, "oom_kill %llu", &count) == 1 ? count : 0;
}

uint64_t atl_oom_kills(const char *root)
{
    atl_cgroup group;
    uint64_t count = 0;
    if (atl_cgroup_find(root, NULL, &group))
        count = read_count(group.leaf, "memory.events");
    if (count == 0 && atl_cgroup_find(root, "memory", &group))
        count = read_count(group.leaf, "memory.oom_control");
    return count;
}
