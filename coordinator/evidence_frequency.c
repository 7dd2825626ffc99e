/* evidence_frequency.c - how fast the workers' CPUs were clocked, and whether heat slowed them.
 *
 * APERF counts at the clock that a core has, MPERF at the TSC's rate, both only while it is not idle. The
 * kernel's "msr" event source reads them without access to the registers, on a whole CPU, which needs
 * perf_event_paranoid ≤ 0 or CAP_PERFMON. cpufreq's figure is the governor's of the moment. */
#include <errno.h>
#include <linux/perf_event.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "evidence_private.h"

enum { APERF, MPERF, TSC, N_EVENTS };

typedef struct one_cpu {
    int fds[N_EVENTS]; /* -1: not open */
    uint64_t core_throttles, package_throttles;
    bool has_throttles;
} one_cpu;

typedef struct frequencies {
    one_cpu *cpus; /* [watched->n_cpus] */
    double mhz_sum;
    size_t n_mhz;
    int event_error, cpufreq_error, throttle_error;
} frequencies;

/* "event=0x03" */
static bool event_config(const char *root, const char *name, uint64_t *ret)
{
    char text[64];
    if (!atl_evidence_read(text, sizeof text, "%s/sys/bus/event_source/devices/msr/events/%s", root, name))
        return false;
    const char *hex = strstr(text, "event=0x");
    errno = EINVAL;
    if (!hex)
        return false;
    *ret = strtoull(hex + strlen("event=0x"), NULL, 16);
    return true;
}

static int open_events(const char *root, int cpu, int fds[N_EVENTS])
{
    static const char *const names[N_EVENTS] = {"aperf", "mperf", "tsc"};
    uint64_t type, config;
    if (!atl_evidence_read_number(&type, "%s/sys/bus/event_source/devices/msr/type", root))
        return errno;
    for (int i = 0; i < N_EVENTS; i++) {
        if (!event_config(root, names[i], &config))
            return errno;
        struct perf_event_attr attr = {.type = (uint32_t)type, .size = sizeof attr, .config = config};
        fds[i] = (int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
        if (fds[i] < 0)
            return errno;
    }
    return 0;
}

static void add_mhz(frequencies *f, const atl_watched *watched)
{
    for (size_t i = 0; i < watched->n_cpus; i++) {
        uint64_t khz;
        if (atl_evidence_read_number(&khz, "%s/sys/devices/system/cpu/cpu%d/cpufreq/scaling_cur_freq",
                                     watched->root, watched->cpus[i])) {
            f->mhz_sum += (double)khz / 1000;
            f->n_mhz++;
        } else {
            f->cpufreq_error = errno;
        }
    }
}

static bool read_throttles(const char *root, int cpu, uint64_t *ret_core, uint64_t *ret_package)
{
    static const char format[] = "%s/sys/devices/system/cpu/cpu%d/thermal_throttle/%s_throttle_count";
    char path[2][256];
    for (int i = 0; i < 2; i++)
        if ((size_t)snprintf(path[i], sizeof path[i], format, root, cpu, i ? "package" : "core") >=
            sizeof path[i]) {
            errno = ENAMETOOLONG;
            return false;
        }
    *ret_package = 0; /* not everywhere */
    return atl_evidence_read_number(ret_core, "%s", path[0]) &&
           (atl_evidence_read_number(ret_package, "%s", path[1]) || errno == ENOENT);
}

static void *begin(const atl_watched *watched)
{
    frequencies *f = calloc(1, sizeof *f);
    one_cpu *cpus = calloc(watched->n_cpus, sizeof *cpus);
    if (!f || !cpus) {
        free(f);
        free(cpus);
        return NULL;
    }
    f->cpus = cpus;
    for (size_t i = 0; i < watched->n_cpus; i++) {
        for (int event = 0; event < N_EVENTS; event++)
            cpus[i].fds[event] = -1;
        if (f->event_error == 0)
            f->event_error = open_events(watched->root, watched->cpus[i], cpus[i].fds);
        cpus[i].has_throttles = read_throttles(watched->root, watched->cpus[i], &cpus[i].core_throttles,
                                               &cpus[i].package_throttles);
        if (!cpus[i].has_throttles)
            f->throttle_error = errno;
    }
    add_mhz(f, watched);
    return f;
}

/* Δaperf / Δmperf over all CPUs, times the TSC's rate: NAN if there was nothing to count. */
static double ghz_by_aperf(const frequencies *f, const atl_watched *watched)
{
    double sums[N_EVENTS] = {0};
    for (size_t i = 0; i < watched->n_cpus; i++)
        for (int event = 0; event < N_EVENTS; event++) {
            uint64_t count;
            if (read(f->cpus[i].fds[event], &count, sizeof count) != sizeof count)
                return NAN;
            sums[event] += (double)count;
        }
    if (sums[MPERF] <= 0)
        return NAN;
    return sums[APERF] / sums[MPERF] * sums[TSC] / (double)watched->n_cpus / watched->seconds / 1e9;
}

static void end_aperf(const frequencies *f, const atl_watched *watched, atl_evidence_list *list)
{
    char why[128] = "reading the counters failed";
    double ghz = NAN;
    if (f->event_error != 0)
        atl_evidence_no_file(why, sizeof why, "aperf, mperf by the event source msr", f->event_error,
                             "the processor shows no such counters");
    else if (isfinite(ghz = ghz_by_aperf(f, watched)))
        why[0] = '\0';
    atl_evidence_add(list, "frequency_aperf", "GHz", ghz, why);
    for (size_t i = 0; i < watched->n_cpus; i++)
        for (int event = 0; event < N_EVENTS; event++)
            if (f->cpus[i].fds[event] >= 0)
                close(f->cpus[i].fds[event]);
}

/* A package counts for each of its cores: the most of one core is what it went through. */
static void end_throttles(const frequencies *f, const atl_watched *watched, atl_evidence_list *list)
{
    char why[128] = "";
    double core = 0, package = 0;
    bool has = false;
    for (size_t i = 0; i < watched->n_cpus; i++) {
        const one_cpu *cpu = &f->cpus[i];
        uint64_t core_now, package_now;
        if (!cpu->has_throttles || !read_throttles(watched->root, watched->cpus[i], &core_now, &package_now))
            continue;
        has = true;
        core += atl_growth(cpu->core_throttles, core_now);
        package = fmax(package, atl_growth(cpu->package_throttles, package_now));
    }
    if (!has)
        atl_evidence_no_file(why, sizeof why, "cpu*/thermal_throttle", f->throttle_error,
                             "this machine counts none");
    else
        snprintf(why, sizeof why, "cores: %.0f, package: %.0f", core, package);
    atl_evidence_add(list, "thermal_throttles", "1", has ? core + package : NAN, why);
}

static void end(void *state, const atl_watched *watched, atl_evidence_list *list)
{
    frequencies *f = state;
    char why[128] = "";
    end_aperf(f, watched, list);
    add_mhz(f, watched);
    if (f->n_mhz == 0)
        atl_evidence_no_file(why, sizeof why, "cpufreq/scaling_cur_freq", f->cpufreq_error,
                             "no governor here, as in virtual machines");
    atl_evidence_add(list, "frequency_cpufreq", "GHz",
                     f->n_mhz > 0 ? f->mhz_sum / (double)f->n_mhz / 1000 : NAN, why);
    end_throttles(f, watched, list);
    free(f->cpus);
    free(f);
}

const atl_evidence_source atl_evidence_frequency = {begin, end};
