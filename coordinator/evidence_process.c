/* evidence_process.c - what the workers' processes used: CPU time, page faults, disk.
 *
 * /proc/…/stat counts for all threads of a process, also those that have ended. Its CPU time comes in ticks
 * of 10 ms, and their sum is exact on kernels since 3.10. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "evidence_private.h"

enum { CPU_TICKS, MINOR, MAJOR, READ_BYTES, WRITE_BYTES, N_COUNTS };

typedef struct process_counts {
    uint64_t counts[N_COUNTS];
    int stat_error, io_error; /* 0: read */
} process_counts;

/* The fields of stat that follow the name, which is in brackets and may hold anything, brackets too. */
static int parse_stat(const char *text, process_counts *ret)
{
    const char *after = strrchr(text, ')');
    unsigned long long minor, major, user, system;
    if (!after || sscanf(after + 1, " %*c %*d %*d %*d %*d %*d %*u %llu %*u %llu %*u %llu %llu", &minor,
                         &major, &user, &system) != 4)
        return EINVAL;
    ret->counts[CPU_TICKS] = user + system;
    ret->counts[MINOR] = minor;
    ret->counts[MAJOR] = major;
    return 0;
}

static process_counts read_process(const char *root, pid_t pid)
{
    char text[1024];
    process_counts found = {0};
    found.stat_error =
        atl_evidence_read(text, sizeof text, "%s/proc/%d/stat", root, pid) ? parse_stat(text, &found) : errno;
    if (!atl_evidence_read(text, sizeof text, "%s/proc/%d/io", root, pid))
        found.io_error = errno;
    else if (!atl_evidence_field(text, "read_bytes", &found.counts[READ_BYTES]) ||
             !atl_evidence_field(text, "write_bytes", &found.counts[WRITE_BYTES]))
        found.io_error = EINVAL;
    return found;
}

uint64_t atl_evidence_cpu_ns(const atl_watched *watched)
{
    uint64_t ticks = 0;
    for (size_t i = 0; i < watched->n_pids; i++)
        ticks += read_process(watched->root, watched->pids[i]).counts[CPU_TICKS];
    return ticks * (uint64_t)(1000000000 / sysconf(_SC_CLK_TCK));
}

static void *begin(const atl_watched *watched)
{
    process_counts *all = calloc(watched->n_pids + 1, sizeof *all);
    for (size_t i = 0; all && i < watched->n_pids; i++)
        all[i] = read_process(watched->root, watched->pids[i]);
    return all;
}

static void end(void *state, const atl_watched *watched, atl_evidence_list *list)
{
    process_counts *begun = state;
    double sums[N_COUNTS] = {0};
    int stat_error = ESRCH, io_error = ESRCH;
    for (size_t i = 0; i < watched->n_pids; i++) {
        const process_counts now = read_process(watched->root, watched->pids[i]);
        for (int c = 0; c < N_COUNTS; c++)
            sums[c] += atl_growth(begun[i].counts[c], now.counts[c]);
        stat_error = stat_error == 0 ? 0 : now.stat_error; /* one that tells is enough */
        io_error = io_error == 0 ? 0 : now.io_error;
    }
    char why[128] = "", io_why[128] = "";
    if (stat_error != 0)
        atl_evidence_reason(why, sizeof why, "stat of the workers' processes", stat_error);
    if (io_error != 0)
        atl_evidence_reason(io_why, sizeof io_why, "io of the workers' processes", io_error);
    char ticks[128];
    snprintf(ticks, sizeof ticks, "in ticks of %.3g ms", 1e3 / (double)sysconf(_SC_CLK_TCK));
    const double s = watched->seconds, cpu_s = sums[CPU_TICKS] / (double)sysconf(_SC_CLK_TCK);
    atl_evidence_add(list, "cpu_share", "%", why[0] ? NAN : 100 * cpu_s / s / (double)watched->n_cpus,
                     why[0] ? why : ticks);
    atl_evidence_add(list, "faults_minor", "1/s", why[0] ? NAN : sums[MINOR] / s, why);
    atl_evidence_add(list, "faults_major", "1/s", why[0] ? NAN : sums[MAJOR] / s, why);
    atl_evidence_add(list, "disk_read", "MB/s", io_why[0] ? NAN : sums[READ_BYTES] / 1e6 / s, io_why);
    atl_evidence_add(list, "disk_write", "MB/s", io_why[0] ? NAN : sums[WRITE_BYTES] / 1e6 / s, io_why);
    free(begun);
}

const atl_evidence_source atl_evidence_process = {begin, end};
