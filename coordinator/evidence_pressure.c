/* evidence_pressure.c - how long work stood still for want of CPU, memory or I/O: the kernel's pressure stall
 * information, of the system and of the workers' control group (which is the coordinator's). */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup.h"
#include "evidence_private.h"

enum { N_RESOURCES = 3, N_SCOPES = 2 };

static const char *const resources[N_RESOURCES] = {"cpu", "memory", "io"};

typedef struct stall {
    uint64_t us[2]; /* some, full; since the system's start */
    int error;      /* 0: read */
} stall;

typedef struct pressure {
    atl_cgroup group;
    bool has_group;
    stall begin[N_SCOPES][N_RESOURCES]; /* system, group */
} pressure;

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=1880242", then the same for "full", which old kernels lack
 * for the CPU (then it is 0, as it is for the whole system by definition). */
static stall parse(const char *text)
{
    stall found = {0};
    static const char *const kinds[2] = {"some ", "full "};
    for (int i = 0; i < 2; i++) {
        const char *line = strstr(text, kinds[i]);
        const char *total = line ? strstr(line, "total=") : NULL;
        if (total)
            found.us[i] = strtoull(total + strlen("total="), NULL, 10);
        else if (i == 0)
            found.error = EINVAL;
    }
    return found;
}

static stall read_stall(const pressure *p, const char *root, int scope, int resource)
{
    char text[512];
    const char *name = resources[resource];
    if (scope == 1 && !p->has_group)
        return (stall){.error = ENOENT};
    const bool ok = scope == 0 ? atl_evidence_read(text, sizeof text, "%s/proc/pressure/%s", root, name)
                               : atl_evidence_read(text, sizeof text, "%s/%s.pressure", p->group.leaf, name);
    return ok ? parse(text) : (stall){.error = errno};
}

static void *begin(const atl_watched *watched)
{
    pressure *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->has_group = atl_cgroup_find(watched->root, NULL, &p->group);
    for (int scope = 0; scope < N_SCOPES; scope++)
        for (int i = 0; i < N_RESOURCES; i++)
            p->begin[scope][i] = read_stall(p, watched->root, scope, i);
    return p;
}

static void add_stall(const pressure *p, const atl_watched *watched, int scope, int resource,
                      atl_evidence_list *list)
{
    const stall begun = p->begin[scope][resource];
    const stall now = begun.error ? begun : read_stall(p, watched->root, scope, resource);
    char name[40], what[64], why[128] = "";
    snprintf(what, sizeof what, scope ? "the control group's %s.pressure" : "/proc/pressure/%s",
             resources[resource]);
    if (now.error != 0 && scope == 1 && !p->has_group)
        snprintf(why, sizeof why, "there is no cgroup v2 hierarchy");
    else if (now.error != 0)
        atl_evidence_reason(why, sizeof why, what, now.error);
    for (int i = 0; i < 2; i++) {
        snprintf(name, sizeof name, "%spsi_%s_%s", scope ? "group_" : "", resources[resource],
                 i ? "full" : "some");
        /* The kernel adds up every two seconds: a short window can get what was before it, too. */
        const double share = fmin(100, atl_growth(begun.us[i], now.us[i]) / 1e6 / watched->seconds * 100);
        atl_evidence_add(list, name, "%", now.error == 0 ? share : NAN, why);
    }
}

static void end(void *state, const atl_watched *watched, atl_evidence_list *list)
{
    pressure *p = state;
    for (int scope = 0; scope < N_SCOPES; scope++)
        for (int i = 0; i < N_RESOURCES; i++)
            add_stall(p, watched, scope, i, list);
    free(p);
}

const atl_evidence_source atl_evidence_pressure = {begin, end};
