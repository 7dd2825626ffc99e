/* evidence_throttling.c - whether a CPU quota stopped the workers: cpu.stat of their control group and of all
 * its ancestors, whose quotas bind as well.
 *
 * Version 2 counts nr_throttled and throttled_usec, version 1 nr_throttled and throttled_time in ns. Where
 * both are mounted, the CPU controller is in one of them, and the other's cpu.stat lacks the words. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "cgroup.h"
#include "evidence_private.h"

typedef struct throttling {
    uint64_t periods, ns;
    int n_groups; /* that count */
} throttling;

static void add_group(const char *directory, bool is_v2, throttling *sum)
{
    char text[ATL_EVIDENCE_TEXT];
    uint64_t periods, time;
    if (!atl_cgroup_read(directory, "cpu.stat", text, sizeof text) ||
        !atl_evidence_field(text, "nr_throttled", &periods) ||
        !atl_evidence_field(text, is_v2 ? "throttled_usec" : "throttled_time", &time))
        return;
    sum->periods += periods;
    sum->ns += is_v2 ? time * 1000 : time;
    sum->n_groups++;
}

static throttling read_all(const char *root)
{
    throttling sum = {0};
    atl_cgroup group;
    for (int is_v2 = 0; is_v2 < 2; is_v2++)
        if (atl_cgroup_find(root, is_v2 ? NULL : "cpu", &group))
            do
                add_group(group.leaf, is_v2, &sum);
            while (atl_cgroup_up(&group));
    return sum;
}

static void *begin(const atl_watched *watched)
{
    throttling *t = malloc(sizeof *t);
    if (t)
        *t = read_all(watched->root);
    return t;
}

static void end(void *state, const atl_watched *watched, atl_evidence_list *list)
{
    throttling *begun = state;
    const throttling now = read_all(watched->root);
    const bool ok = begun->n_groups > 0 && now.n_groups > 0;
    const char *why = ok ? "" : "no control group here has a CPU quota (no nr_throttled in cpu.stat)";
    const double ns = atl_growth(begun->ns, now.ns);
    atl_evidence_add(list, "group_throttled", "1", ok ? atl_growth(begun->periods, now.periods) : NAN, why);
    atl_evidence_add(list, "group_throttled_time", "%", ok ? ns / 1e9 / watched->seconds * 100 : NAN, why);
    free(begun);
}

const atl_evidence_source atl_evidence_throttling = {begin, end};
