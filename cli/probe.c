/* probe.c - `atelier probe`: what runs beside workers in a study. Started by the study; a person never needs
 * to, so that it is not listed among the commands.
 *
 * `memory` wakes at an interval, streams through memory for half of its share of time and chases pointers for
 * the other half, and prints what it got. `stream` takes bandwidth from the others until its stdin closes. */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sizes.h"
#include "commands.h"
#include "console.h"
#include "engine/caches.h"
#include "engine/walks.h"

#define AT(field) offsetof(probe_args, field)

typedef struct probe_args {
    int64_t cpu, interval_ms, parent, megabytes;
    double duty, gbps;
} probe_args;

static const atl_option rows[] = {
    {"cpu", 0, ATL_OPTION_INT, AT(cpu), "N", NULL, -1, INT32_MAX, NULL, "-1",
     "hardware thread to run on; -1: any"},
    {"interval-ms", 0, ATL_OPTION_INT, AT(interval_ms), "N", NULL, 10, 60000, NULL, "200",
     "from one sample to the next"},
    {"duty", 0, ATL_OPTION_REAL, AT(duty), "SHARE", NULL, 0.001, 1, NULL, "0.05",
     "memory: the share of the time to run"},
    {"gbps", 0, ATL_OPTION_REAL, AT(gbps), "X", NULL, 0, 1e6, NULL, "0",
     "stream: at most so many GB/s; 0: as many as there are"},
    {"megabytes", 0, ATL_OPTION_INT, AT(megabytes), "N", NULL, 0, 65536, NULL, "0",
     "to walk over; 0: twice the last cache, within 64 to 512"},
    {"parent", 0, ATL_OPTION_INT, AT(parent), "PID", NULL, 0, INT32_MAX, NULL, "0",
     "the process without which this one ends"},
};

static const atl_command command = {
    .name = "atelier probe",
    .operands = "memory|stream",
    .summary = "What runs beside workers in a study: prints one JSON object a sample until its stdin closes.",
    .options = rows,
    .n_options = ATL_COUNT(rows),
    .least_operands = 1,
    .most_operands = 1,
};

enum { PIECE_BYTES = 256 << 10, PIECE_LOADS = 256, STREAM_PIECE_BYTES = 4 << 20 };
enum { LEAST_PIECES = 16, MOST_PIECES = 2048 };

static atl_status settle(const probe_args *args, atl_note *note)
{
    signal(SIGINT, SIG_IGN); /* meant for the study, which closes our stdin */
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (args->parent > 0 && (int64_t)getppid() != args->parent) /* it died before the line above */
        return atl_fail(note, ATL_CANCELLED, "whoever started this is gone");
    if (args->cpu < 0)
        return ATL_OK;
    const size_t n = (size_t)args->cpu + 1;
    cpu_set_t *set = CPU_ALLOC(n);
    if (!set)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a set of CPUs");
    CPU_ZERO_S(CPU_ALLOC_SIZE(n), set);
    CPU_SET_S((size_t)args->cpu, CPU_ALLOC_SIZE(n), set);
    const int rc = sched_setaffinity(0, CPU_ALLOC_SIZE(n), set);
    CPU_FREE(set);
    return rc == 0
               ? ATL_OK
               : atl_fail(note, ATL_IO, "cannot run on CPU %lld: %s", (long long)args->cpu, strerror(errno));
}

/* Larger than the last cache, so that what it brought is gone when it is asked for again. */
static size_t walk_bytes(const probe_args *args)
{
    const atl_caches caches = atl_caches_of("", args->cpu < 0 ? 0 : (int)args->cpu);
    const size_t mb = (size_t)1 << 20, wanted = 2 * atl_caches_last(&caches)->bytes;
    if (args->megabytes > 0)
        return (size_t)args->megabytes * mb;
    return wanted < 64 * mb ? 64 * mb : wanted > 512 * mb ? 512 * mb : wanted;
}

/* Waits until then; false as soon as stdin is at its end. What comes in is of no interest. */
static bool sleep_until(int64_t then_ns)
{
    for (;;) {
        const int64_t left_ns = then_ns - atl_clock_now_ns();
        struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
        const struct timespec timeout = {.tv_sec = left_ns > 0 ? left_ns / 1000000000 : 0,
                                         .tv_nsec = left_ns > 0 ? left_ns % 1000000000 : 0};
        const int n = ppoll(&in, 1, &timeout, NULL);
        char ignored[256];
        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0 && read(STDIN_FILENO, ignored, sizeof ignored) <= 0)
            return false;
        if (n == 0)
            return true;
    }
}

/* Prints a sample if it would not have to wait for a reader. */
static bool put_line(const char *line)
{
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    if (poll(&out, 1, 0) < 0 || (out.revents & (POLLERR | POLLHUP)))
        return false;
    if (!(out.revents & POLLOUT))
        return true;
    fputs(line, stdout);
    return fflush(stdout) == 0;
}

/* Walks in pieces for about so long, or a few pieces. Returns bytes (or loads) per ns; what others took of
 * the core is not the memory's doing (engine/walks.h). */
static double walk_for(atl_walk *walk, size_t piece_bytes, int64_t ns)
{
    int64_t took_ns[MOST_PIECES];
    const int64_t begin_ns = atl_clock_now_ns();
    int64_t from_ns = begin_ns;
    double done = 0;
    size_t n = 0;
    while (n < MOST_PIECES && (n < LEAST_PIECES || from_ns - begin_ns < ns)) {
        done += atl_walk_go(walk, piece_bytes);
        const int64_t now_ns = atl_clock_now_ns();
        took_ns[n++] = now_ns - from_ns;
        from_ns = now_ns;
    }
    return atl_walk_rate(done / (double)n, took_ns, n);
}

static atl_status probe_memory(const probe_args *args, atl_note *note)
{
    const int64_t interval_ns = args->interval_ms * 1000000;
    const int64_t half_ns = (int64_t)((double)interval_ns * args->duty / 2);
    atl_walk *stream = NULL, *chase = NULL;
    atl_status st = atl_walk_open(ATL_WALK_READ, walk_bytes(args), 1, &stream, note);
    if (st == ATL_OK)
        st = atl_walk_open(ATL_WALK_CHASE, walk_bytes(args), 2, &chase, note);
    int64_t begin_ns = atl_clock_now_ns(), cpu_ns = atl_clock_thread_cpu_ns(),
            next_ns = begin_ns + interval_ns;
    for (bool goes_on = st == ATL_OK; goes_on; next_ns += interval_ns) {
        goes_on = sleep_until(next_ns);
        const double gbps = walk_for(stream, PIECE_BYTES, half_ns);
        const double ns = 1 / walk_for(chase, PIECE_LOADS * 64, half_ns);
        const int64_t end_ns = atl_clock_now_ns(), cpu_end_ns = atl_clock_thread_cpu_ns();
        char line[256];
        snprintf(
            line, sizeof line, "{\"t_ns\":%lld,\"gbps\":%.3f,\"ns\":%.2f,\"cpu_ms\":%.3f,\"wall_ms\":%.3f}\n",
            (long long)end_ns, gbps, ns, atl_ns_to_ms(cpu_end_ns - cpu_ns), atl_ns_to_ms(end_ns - begin_ns));
        goes_on = goes_on && put_line(line);
        begin_ns = end_ns;
        cpu_ns = cpu_end_ns;
        if (next_ns < end_ns) /* it was held up: no burst of samples afterwards */
            next_ns = end_ns;
    }
    atl_walk_close(&stream);
    atl_walk_close(&chase);
    return st;
}

static atl_status stream_memory(const probe_args *args, atl_note *note)
{
    const int64_t interval_ns = args->interval_ms * 1000000;
    atl_walk *walk = NULL;
    const atl_status st = atl_walk_open(ATL_WALK_COPY_STREAMING, walk_bytes(args), 1, &walk, note);
    int64_t begin_ns = atl_clock_now_ns();
    double done = 0;
    for (bool goes_on = st == ATL_OK; goes_on;) {
        done += atl_walk_go(walk, STREAM_PIECE_BYTES);
        const int64_t due_ns = args->gbps > 0 ? begin_ns + (int64_t)(done / args->gbps) : 0;
        goes_on = sleep_until(due_ns);
        const int64_t now_ns = atl_clock_now_ns();
        if (now_ns - begin_ns < interval_ns)
            continue;
        char line[128];
        snprintf(line, sizeof line, "{\"t_ns\":%lld,\"gbps\":%.3f}\n", (long long)now_ns,
                 done / (double)(now_ns - begin_ns));
        goes_on = goes_on && put_line(line);
        begin_ns = now_ns;
        done = 0;
    }
    atl_walk_close(&walk);
    return st;
}

int command_probe(int argc, char **argv)
{
    probe_args args = {0};
    atl_note note = {0};
    char **operands;
    int n, code;
    if (!console_parse(&command, argc, argv, &args, &operands, &n, &code))
        return code;
    atl_status st = settle(&args, &note);
    if (st == ATL_OK && strcmp(operands[0], "memory") == 0)
        st = probe_memory(&args, &note);
    else if (st == ATL_OK && strcmp(operands[0], "stream") == 0)
        st = stream_memory(&args, &note);
    else if (st == ATL_OK)
        st = atl_fail(&note, ATL_USAGE, "unknown probe '%s': wanted memory or stream", operands[0]);
    return st == ATL_OK ? 0 : console_fail(st, &note);
}
