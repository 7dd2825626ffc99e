/* evidence_perf.c - the processor's counters and the kernel's, on every thread of the workers
 * (perf_event_open(2)).
 *
 * A counter opened on a process counts its first thread alone, so each thread that is there gets its own, and
 * passes it on to the threads that it starts (inherit, which excludes reading in groups). There are more
 * events than counters: the kernel lets them take turns, and a count is scaled by enabled / running time. A
 * thread's enabled time runs only while the thread does, so that cycles / enabled time is a frequency. The
 * kernel's own events (faults, switches, moves, time on a CPU) need no such counter: they are there in
 * virtual machines, too, and check what /proc says of the same. */
#include <errno.h>
#include <linux/perf_event.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sizes.h"
#include "evidence_private.h"

enum { PATH_BYTES = 4352, SPARE_FILES = 256 };

enum {
    CYCLES,
    INSTRUCTIONS,
    LLC_REFERENCES,
    LLC_MISSES,
    DTLB_MISSES,
    STALLED,
    TASK_CLOCK,
    FAULTS,
    SWITCHES,
    MIGRATIONS,
    N_EVENTS
};

#define DTLB_READ_MISSES                                                                                     \
    (PERF_COUNT_HW_CACHE_DTLB | PERF_COUNT_HW_CACHE_OP_READ << 8 | PERF_COUNT_HW_CACHE_RESULT_MISS << 16)
/* Of the last cache, for processors on which the generic events are not: there the kernel maps those to the
 * second cache (AMD: its Zen events in arch/x86/events/amd/core.c) or to the first (Arm: PMUv3's L1D_CACHE).
 */
#define LAST_CACHE(result)                                                                                   \
    (PERF_COUNT_HW_CACHE_LL | PERF_COUNT_HW_CACHE_OP_READ << 8 | PERF_COUNT_HW_CACHE_RESULT_##result << 16)
/* Intel's CYCLE_ACTIVITY.STALLS_TOTAL (event A3h, umask 04h, cmask 4; SDM vol. 3B), for processors of which
 * the kernel maps no generic event of that meaning. */
#define INTEL_STALLS_TOTAL (0xa3u | 0x04u << 8 | 0x04u << 24)

static const struct {
    const char *rate; /* the finding that is its count a second; NULL: it goes into another */
    uint32_t type;
    uint64_t config;
    bool in_kernel; /* happens there alone: counted in user space it would be 0, whatever happened */
} events[N_EVENTS] = {
    [CYCLES] = {"cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES, false},
    [INSTRUCTIONS] = {"instructions", PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS, false},
    [LLC_REFERENCES] = {"llc_references", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_REFERENCES, false},
    [LLC_MISSES] = {"llc_misses", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_MISSES, false},
    [DTLB_MISSES] = {"dtlb_misses", PERF_TYPE_HW_CACHE, DTLB_READ_MISSES, false},
    [STALLED] = {NULL, PERF_TYPE_HARDWARE, PERF_COUNT_HW_STALLED_CYCLES_BACKEND, false},
    [TASK_CLOCK] = {NULL, PERF_TYPE_SOFTWARE, PERF_COUNT_SW_TASK_CLOCK, false},
    [FAULTS] = {"perf_faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS, false},
    [SWITCHES] = {"perf_switches", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CONTEXT_SWITCHES, true},
    [MIGRATIONS] = {"cpu_migrations", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_MIGRATIONS, true},
};

typedef struct counters {
    int *fds; /* [capacity], of which n are open */
    size_t n, capacity;
    int error; /* of the first one that could not be opened; 0: none */
    bool user_alone;
} counters;

typedef struct perf {
    counters of[N_EVENTS];
    bool is_intel;
} perf;

static int open_event(uint32_t type, uint64_t config, pid_t thread, bool user_alone)
{
    struct perf_event_attr attr = {.type = type,
                                   .size = sizeof attr,
                                   .config = config,
                                   .inherit = 1,
                                   .exclude_kernel = user_alone,
                                   .exclude_hv = user_alone,
                                   .read_format =
                                       PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING};
    return (int)syscall(SYS_perf_event_open, &attr, thread, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

/* An event that the kernel may map to nothing, or may count in user space alone for those without privilege.
 */
static int open_counter(perf *p, int event, pid_t thread)
{
    counters *c = &p->of[event];
    uint32_t type = events[event].type;
    uint64_t config = events[event].config;
    if (!p->is_intel && (event == LLC_REFERENCES || event == LLC_MISSES)) {
        type = PERF_TYPE_HW_CACHE;
        config = event == LLC_MISSES ? LAST_CACHE(MISS) : LAST_CACHE(ACCESS);
    }
    int fd = open_event(type, config, thread, c->user_alone);
    if (fd < 0 && event == STALLED && p->is_intel && (errno == ENOENT || errno == EINVAL)) {
        type = PERF_TYPE_RAW;
        config = INTEL_STALLS_TOTAL;
        fd = open_event(type, config, thread, c->user_alone);
    }
    if (fd < 0 && (errno == EACCES || errno == EPERM) && !c->user_alone && !events[event].in_kernel) {
        fd = open_event(type, config, thread, true);
        c->user_alone = fd >= 0;
    }
    return fd;
}

static bool add_counter(perf *p, int event, pid_t thread)
{
    counters *c = &p->of[event];
    if (c->error != 0)
        return true;
    if (c->n == c->capacity) {
        int *more = realloc(c->fds, (c->capacity * 2 + 32) * sizeof *more);
        if (!more)
            return false;
        c->fds = more;
        c->capacity = c->capacity * 2 + 32;
    }
    const int fd = open_counter(p, event, thread);
    if (fd >= 0)
        c->fds[c->n++] = fd;
    else if (errno != ESRCH) /* the thread has ended */
        c->error = errno;
    return true;
}

/* Lets this process have `more` files open beyond those that it may have open already. */
static void make_room(size_t more)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    const rlim_t wanted = more + SPARE_FILES;
    if (limit.rlim_cur < wanted && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static bool open_process(perf *p, const char *root, pid_t pid)
{
    char path[PATH_BYTES];
    int *threads = NULL;
    size_t n = 0;
    snprintf(path, sizeof path, "%s/proc/%d/task", root, pid);
    if (!atl_evidence_numbered(path, "", &threads, &n))
        return errno != ENOMEM;
    size_t open_now = n * N_EVENTS;
    for (int event = 0; event < N_EVENTS; event++)
        open_now += p->of[event].n;
    make_room(open_now);
    bool ok = true;
    for (int event = 0; event < N_EVENTS;
         event++) /* one event on all threads at a time: they begin together */
        for (size_t i = 0; ok && i < n; i++)
            ok = add_counter(p, event, threads[i]);
    free(threads);
    return ok;
}

static void close_all(perf *p)
{
    for (int event = 0; event < N_EVENTS; event++) {
        for (size_t i = 0; i < p->of[event].n; i++)
            close(p->of[event].fds[i]);
        free(p->of[event].fds);
    }
    free(p);
}

static void *begin(const atl_watched *watched)
{
    perf *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    char text[1024] = "";
    atl_evidence_read(text, sizeof text, "%s/proc/cpuinfo", watched->root);
    p->is_intel = strstr(text, "GenuineIntel");
    bool ok = true;
    for (size_t i = 0; ok && i < watched->n_pids; i++)
        ok = open_process(p, watched->root, watched->pids[i]);
    if (ok)
        return p;
    close_all(p);
    return NULL;
}

/* What it means that no counter could be opened; "": the error's name says all. */
static const char *meaning(int error)
{
    switch (error) {
    case ENOENT:
    case EOPNOTSUPP:
        return "this processor or virtual machine does not count it";
    case EACCES:
    case EPERM:
        return "wants CAP_PERFMON, or a lower kernel.perf_event_paranoid";
    case ENOSYS:
        return "this kernel, or the sandbox around it, has no perf events";
    case EMFILE:
        return "more threads than this process may have files open";
    default:
        return "";
    }
}

/* The sum over all threads, scaled; NAN where it is not to be had. */
static double sum_of(const counters *c, double *ret_enabled_ns, char *why, size_t why_size)
{
    double sum = 0, enabled = 0, running = 0;
    snprintf(why, why_size, "no thread of a worker was there");
    if (c->error != 0)
        atl_evidence_explain(why, why_size, "perf_event_open", c->error, meaning(c->error));
    if (c->error != 0 || c->n == 0)
        return NAN;
    for (size_t i = 0; i < c->n; i++) {
        uint64_t found[3] = {0}; /* count, time enabled, time running */
        if (read(c->fds[i], found, sizeof found) != sizeof found || found[2] == 0)
            continue; /* never ran */
        sum += (double)found[0] * (double)found[1] / (double)found[2];
        enabled += (double)found[1];
        running += (double)found[2];
    }
    snprintf(why, why_size, "no thread ran meanwhile, or none got a counter: others hold them");
    if (running <= 0)
        return NAN;
    snprintf(why, why_size, "%scounted in %.0f %% of the time",
             c->user_alone ? "user space alone (perf_event_paranoid); " : "", 100 * running / enabled);
    *ret_enabled_ns = enabled;
    return sum;
}

static void end(void *state, const atl_watched *watched, atl_evidence_list *list)
{
    perf *p = state;
    char why[N_EVENTS][128];
    double sums[N_EVENTS], enabled_ns[N_EVENTS] = {0};
    for (int i = 0; i < N_EVENTS; i++)
        sums[i] = sum_of(&p->of[i], &enabled_ns[i], why[i], sizeof why[i]);
    const char *no_cycles = isnan(sums[CYCLES]) ? why[CYCLES] : why[INSTRUCTIONS];
    atl_evidence_add(list, "ipc", "", sums[INSTRUCTIONS] / sums[CYCLES], no_cycles);
    for (int i = 0; i < N_EVENTS; i++)
        if (events[i].rate)
            atl_evidence_add(list, events[i].rate, "1/s", sums[i] / watched->seconds, why[i]);
    atl_evidence_add(list, "stalled_cycles", "%", 100 * sums[STALLED] / sums[CYCLES], why[STALLED]);
    atl_evidence_add(list, "frequency", "GHz", sums[CYCLES] / enabled_ns[CYCLES], why[CYCLES]);
    const double cpu_s = sums[TASK_CLOCK] / 1e9;
    atl_evidence_add(list, "perf_cpu_share", "%", 100 * cpu_s / watched->seconds / (double)watched->n_cpus,
                     why[TASK_CLOCK]);
    close_all(p);
}

const atl_evidence_source atl_evidence_perf = {begin, end};
