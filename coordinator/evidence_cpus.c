/* evidence_cpus.c - who else used the workers' CPUs: the hypervisor (steal), and processes that are no
 * workers.
 *
 * /proc/stat counts ticks of 10 ms, and most kernels sample who runs at a tick: over a window of a second and
 * more, foreign load below about 1 % means nothing. Workers that are bound elsewhere than to `cpus` would
 * make it too small. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "evidence_private.h"

typedef struct cpu_ticks {
    uint64_t busy, steal, all;
} cpu_ticks;

typedef struct cpus {
    cpu_ticks begin;
    uint64_t workers_ns;
    int error; /* 0: read */
} cpus;

static bool is_watched(const atl_watched *watched, int cpu)
{
    for (size_t i = 0; i < watched->n_cpus; i++)
        if (watched->cpus[i] == cpu)
            return true;
    return false;
}

/* "cpu3 user nice system idle iowait irq softirq steal …": one line a CPU; the first, "cpu ", is their sum.
 */
static int read_ticks(const atl_watched *watched, cpu_ticks *ret)
{
    char path[4352];
    snprintf(path, sizeof path, "%s/proc/stat", watched->root);
    FILE *file = fopen(path, "re");
    if (!file)
        return errno;
    char *line = NULL;
    size_t capacity = 0;
    int n = 0;
    *ret = (cpu_ticks){0};
    while (getline(&line, &capacity, file) > 0 && strncmp(line, "cpu", 3) == 0) {
        unsigned long long t[8] = {0};
        int cpu;
        if (line[3] == ' ' ||
            sscanf(line, "cpu%d %llu %llu %llu %llu %llu %llu %llu %llu", &cpu, &t[0], &t[1], &t[2], &t[3],
                   &t[4], &t[5], &t[6], &t[7]) < 5 ||
            !is_watched(watched, cpu))
            continue;
        n++;
        const uint64_t busy = t[0] + t[1] + t[2] + t[5] + t[6];
        ret->busy += busy;
        ret->steal += t[7];
        ret->all += busy + t[3] + t[4] + t[7];
    }
    free(line);
    fclose(file);
    return n > 0 ? 0 : ENODATA;
}

static void *begin(const atl_watched *watched)
{
    cpus *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->error = read_ticks(watched, &c->begin);
    c->workers_ns = atl_evidence_cpu_ns(watched);
    return c;
}

static void end(void *state, const atl_watched *watched, atl_evidence_list *list)
{
    cpus *c = state;
    cpu_ticks now = {0};
    char why[128] = "";
    const int error = c->error != 0 ? c->error : read_ticks(watched, &now);
    const double all = atl_growth(c->begin.all, now.all);
    const double busy_s = atl_growth(c->begin.busy, now.busy) / (double)sysconf(_SC_CLK_TCK);
    const double workers_s = atl_growth(c->workers_ns, atl_evidence_cpu_ns(watched)) / 1e9;
    const double wall_s = watched->seconds * (double)watched->n_cpus;
    if (error != 0)
        atl_evidence_reason(why, sizeof why, "/proc/stat", error);
    else if (all <= 0)
        snprintf(why, sizeof why, "/proc/stat: no tick in the window");
    const bool ok = why[0] == '\0';
    atl_evidence_add(list, "steal", "%", ok ? 100 * atl_growth(c->begin.steal, now.steal) / all : NAN, why);
    atl_evidence_add(list, "foreign_load", "%", ok ? fmax(0, 100 * (busy_s - workers_s) / wall_s) : NAN, why);
    free(c);
}

const atl_evidence_source atl_evidence_cpus = {begin, end};
