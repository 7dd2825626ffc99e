/* probe.c - see probe.h: children with a pipe to their stdin, which they end at the close of, and one from
 * their stdout, which is read without waiting. */
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "executor_private.h"
#include "process.h"

enum { FIRST_SAMPLE_MS = 30000, LINE_BYTES = 512, READ_BYTES = 16384, MAX_SAMPLES = 65536 };

typedef struct child {
    pid_t pid;             /* 0: none */
    int in, out;           /* our ends; −1: closed */
    char line[LINE_BYTES]; /* the beginning of the next one */
    size_t n_line;
    char last[LINE_BYTES]; /* the last line that was no sample */
} child;

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static int spawn(const char *program, char *const *argv, int in, int out, pid_t *ret_pid)
{
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    int rc = posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(&files, out, STDERR_FILENO);
    if (rc == 0)
        rc = posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
    if (rc == 0)
        rc = atl_process_spawn(program, argv, &files, ret_pid);
    posix_spawn_file_actions_destroy(&files);
    return rc;
}

static atl_status child_start(const char *program, char *const *argv, child *ret, atl_note *note)
{
    int in[2] = {-1, -1}, out[2] = {-1, -1};
    char path[4096];
    *ret = (child){.in = -1, .out = -1};
    if (!program)
        program = atl_pool_find_program(path);
    int rc = pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0 ? errno : 0;
    if (rc == 0)
        rc = spawn(program, argv, in[0], out[1], &ret->pid);
    close_fd(&in[0]);
    close_fd(&out[1]);
    if (rc != 0) {
        ret->pid = 0;
        close_fd(&in[1]);
        close_fd(&out[0]);
        return atl_fail(note, rc == ENOENT ? ATL_NOT_FOUND : ATL_IO, "cannot start %s: %s", program,
                        strerror(rc));
    }
    fcntl(out[0], F_SETFL, O_NONBLOCK);
    ret->in = in[1];
    ret->out = out[0];
    return ATL_OK;
}

static void child_stop(child *c)
{
    close_fd(&c->in);
    if (c->pid > 0) {
        kill(c->pid, SIGKILL); /* nothing that it does is worth waiting for */
        while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    c->pid = 0;
    close_fd(&c->out);
}

/* What reads one sample. */
typedef void take_line(void *user, const char *line);

static void take_text(child *c, const char *text, size_t n, take_line *take, void *user)
{
    for (size_t i = 0; i < n; i++) {
        if (text[i] != '\n') {
            if (c->n_line + 1 < sizeof c->line)
                c->line[c->n_line++] = text[i];
            continue;
        }
        c->line[c->n_line] = '\0';
        c->n_line = 0;
        if (c->line[0] == '{')
            take(user, c->line);
        else
            memcpy(c->last, c->line, sizeof c->last);
    }
}

/* All that is there now. False: the child has closed its end. */
static bool child_read(child *c, take_line *take, void *user)
{
    char text[READ_BYTES];
    while (c->out >= 0) {
        const ssize_t n = read(c->out, text, sizeof text);
        if (n > 0)
            take_text(c, text, (size_t)n, take, user);
        else if (n < 0 && errno == EAGAIN)
            return true;
        else if (n == 0 || errno != EINTR)
            close_fd(&c->out);
    }
    return false;
}

static void take_nothing(void *user, const char *line)
{
    (void)line;
    *(bool *)user = true;
}

static atl_status has_ended(const child *c, atl_note *note)
{
    return atl_fail(note, ATL_IO, "the probe has ended%s%s", c->last[0] ? ": " : "", c->last);
}

/* Waits for the first line, which is not kept. */
static atl_status await_first(child *c, atl_note *note)
{
    bool came = false;
    const int64_t begin_ns = atl_clock_now_ns();
    while (!came) {
        struct pollfd poll_fd = {.fd = c->out, .events = POLLIN};
        const int64_t waited_ms = (atl_clock_now_ns() - begin_ns) / 1000000;
        if (waited_ms > FIRST_SAMPLE_MS)
            return atl_fail(note, ATL_IO, "the probe gave no sample within %d s", FIRST_SAMPLE_MS / 1000);
        if (poll(&poll_fd, 1, (int)(FIRST_SAMPLE_MS - waited_ms)) < 0 && errno != EINTR)
            return atl_fail(note, ATL_IO, "cannot wait for the probe: %s", strerror(errno));
        if (!child_read(c, take_nothing, &came))
            return has_ended(c, note);
    }
    return ATL_OK;
}

/* The number behind "key": in a line of our own making. */
static double value_of(const char *line, const char *key)
{
    char quoted[32];
    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    const char *at = strstr(line, quoted);
    return at ? strtod(at + strlen(quoted), NULL) : NAN;
}

/* ---- the memory probe ---- */

struct atl_memory_probe {
    child child;
    double *gbps, *ns; /* [MAX_SAMPLES] since the last reading; what comes beyond is dropped */
    size_t n;
    double cpu_ms, wall_ms; /* sums of the same */
};

static void take_sample(void *user, const char *line)
{
    atl_memory_probe *probe = user;
    const double gbps = value_of(line, "gbps"), ns = value_of(line, "ns");
    if (probe->n == MAX_SAMPLES || !(gbps > 0) || !(ns > 0))
        return;
    probe->gbps[probe->n] = gbps;
    probe->ns[probe->n++] = ns;
    probe->cpu_ms += value_of(line, "cpu_ms");
    probe->wall_ms += value_of(line, "wall_ms");
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t n)
{
    if (n == 0)
        return NAN;
    qsort(values, n, sizeof *values, ascending);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

atl_status atl_memory_probe_start(const atl_memory_probe_options *options, atl_memory_probe **ret,
                                  atl_note *note)
{
    char cpu[16], interval[16], duty[32], parent[16];
    snprintf(cpu, sizeof cpu, "%d", options->cpu);
    snprintf(interval, sizeof interval, "%d", options->interval_ms > 0 ? options->interval_ms : 200);
    snprintf(duty, sizeof duty, "%.6f", options->duty > 0 ? options->duty : 0.05);
    snprintf(parent, sizeof parent, "%d", getpid());
    char *const argv[] = {"atelier", "probe",  "memory", "--cpu",    cpu,    "--interval-ms",
                          interval,  "--duty", duty,     "--parent", parent, NULL};
    atl_memory_probe *probe = calloc(1, sizeof *probe);
    if (!probe)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a probe");
    probe->child = (child){.in = -1, .out = -1};
    probe->gbps = malloc(MAX_SAMPLES * sizeof *probe->gbps);
    probe->ns = malloc(MAX_SAMPLES * sizeof *probe->ns);
    atl_status st = ATL_OK;
    if (!probe->gbps || !probe->ns)
        st = atl_fail(note, ATL_NO_MEMORY, "no memory for a probe");
    if (st == ATL_OK)
        st = child_start(options->program, argv, &probe->child, note);
    if (st == ATL_OK)
        st = await_first(&probe->child, note);
    if (st == ATL_OK)
        *ret = probe;
    else
        atl_memory_probe_stop(&probe);
    return st;
}

atl_status atl_memory_probe_read(atl_memory_probe *probe, atl_memory_samples *ret, atl_note *note)
{
    const bool lives = child_read(&probe->child, take_sample, probe);
    *ret = (atl_memory_samples){.n = probe->n,
                                .gbps = median(probe->gbps, probe->n),
                                .ns = median(probe->ns, probe->n),
                                .cpu_share = probe->n > 0 ? probe->cpu_ms / probe->wall_ms : NAN};
    probe->n = 0;
    probe->cpu_ms = probe->wall_ms = 0;
    return lives ? ATL_OK : has_ended(&probe->child, note);
}

void atl_memory_probe_stop(atl_memory_probe **probe)
{
    if (!*probe)
        return;
    child_stop(&(*probe)->child);
    free((*probe)->gbps);
    free((*probe)->ns);
    free(*probe);
    *probe = NULL;
}

/* ---- streams ---- */

typedef struct flow {
    child child;
    double gbps; /* sum over its n samples since the last reading */
    size_t n;
} flow;

struct atl_streams {
    flow *flows;
    size_t n;
};

static void take_flow(void *user, const char *line)
{
    flow *f = user;
    const double gbps = value_of(line, "gbps");
    if (!(gbps > 0))
        return;
    f->gbps += gbps;
    f->n++;
}

static atl_status start_flow(const char *program, int on_cpu, double gbps, flow *f, atl_note *note)
{
    char cpu[16], rate[32], parent[16];
    snprintf(cpu, sizeof cpu, "%d", on_cpu);
    snprintf(rate, sizeof rate, "%.6f", gbps > 0 ? gbps : 0.0);
    snprintf(parent, sizeof parent, "%d", getpid());
    char *const argv[] = {"atelier", "probe", "stream",   "--cpu", cpu,
                          "--gbps",  rate,    "--parent", parent,  NULL};
    return child_start(program, argv, &f->child, note);
}

atl_status atl_streams_start(const char *program, const int *cpus, size_t n, double gbps, atl_streams **ret,
                             atl_note *note)
{
    atl_streams *streams = calloc(1, sizeof *streams);
    if (!streams || !(streams->flows = calloc(n + 1, sizeof *streams->flows))) {
        free(streams);
        return atl_fail(note, ATL_NO_MEMORY, "no memory for %zu streams", n);
    }
    atl_status st = ATL_OK;
    for (; st == ATL_OK && streams->n < n; streams->n++)
        st = start_flow(program, cpus[streams->n], gbps, &streams->flows[streams->n], note);
    for (size_t i = 0; st == ATL_OK && i < n; i++)
        st = await_first(&streams->flows[i].child, note);
    if (st == ATL_OK)
        *ret = streams;
    else
        atl_streams_stop(&streams);
    return st;
}

double atl_streams_gbps(atl_streams *streams)
{
    double sum = 0;
    for (size_t i = 0; i < streams->n; i++) {
        flow *f = &streams->flows[i];
        const bool lives = child_read(&f->child, take_flow, f);
        sum += lives ? f->n > 0 ? f->gbps / (double)f->n : 0 : NAN;
        f->gbps = 0;
        f->n = 0;
    }
    return sum;
}

void atl_streams_stop(atl_streams **streams)
{
    if (!*streams)
        return;
    for (size_t i = 0; i < (*streams)->n; i++)
        child_stop(&(*streams)->flows[i].child);
    free((*streams)->flows);
    free(*streams);
    *streams = NULL;
}
