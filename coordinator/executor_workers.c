/* executor_workers.c - the pool's processes: started, watched, ended; and what is told of them.
 *
 * An end is told to dispatch when the process's last words were heard, because what it had sent may still be
 * on its way through ZeroMQ's own thread when the pidfd speaks: after its BYE or UNABLE, or a turn after its
 * connection was seen to be gone (at the latest last_word_ns after it); or, where it never said HELLO,
 * FIRST_WORD_NS later.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "executor_private.h"
#include "oom.h"

static const int64_t last_word_ns = 10000000000;
enum { FIRST_WORD_NS = 300000000, LOOK_EVERY_NS = 2000000, N_FIXED_ARGS = 35, NUMBER_BYTES = 24 };
enum { ABOVE_STANDARD_FDS = 10 };
enum { WORDS_A_PATIENCE = 10, LEAST_WORD_MS = 20, MOST_WORD_MS = 500 };

void atl_pool_set_phase(atl_executor *x, uint32_t w, atl_worker_phase phase, const char *text)
{
    x->workers[w].phase = phase;
    atl_pool_report(x, &(atl_pool_event){.type = ATL_POOL_WORKER, .worker = w, .phase = phase, .text = text});
}

static void set_pid(atl_executor *x, uint32_t w, pid_t pid)
{
    pthread_mutex_lock(&x->hall->mutex);
    x->hall->pids[w] = pid;
    pthread_mutex_unlock(&x->hall->mutex);
}

size_t atl_pool_n_alive(const atl_executor *x)
{
    size_t n = 0;
    for (int w = 0; w < x->plan.n_workers; w++)
        n += x->workers[w].process.pid > 0;
    return n;
}

/* ---- starting ---- */

/* The command line of a worker, with the numbers that it points to. */
typedef struct command_line {
    char worker[NUMBER_BYTES], parent[NUMBER_BYTES], threads[NUMBER_BYTES], batch[NUMBER_BYTES],
        word_every[NUMBER_BYTES], desk_fd[NUMBER_BYTES], tray_fd[NUMBER_BYTES], weights_fd[NUMBER_BYTES];
    atl_text pus;
    const char **argv;
    size_t n;
    int passed[3], n_passed; /* open files that it names by the numbers that they get */
} command_line;

static void add(command_line *line, const char *option, const char *value)
{
    if (!value)
        return;
    line->argv[line->n++] = option;
    line->argv[line->n++] = value;
}

static void add_number(command_line *line, const char *option, char text[NUMBER_BYTES], long long number)
{
    snprintf(text, NUMBER_BYTES, "%lld", number);
    add(line, option, text);
}

static void add_file(command_line *line, const char *option, char text[NUMBER_BYTES], int fd)
{
    if (fd < 0)
        return;
    add_number(line, option, text, ATL_PROCESS_FIRST_FD + line->n_passed);
    line->passed[line->n_passed++] = fd;
}

/* How often a worker is to be heard: several times within our patience, and not oftener than is of use, as
 * each word wakes us up. */
static long long word_every_ms(const atl_executor *x)
{
    const int64_t patience_ns =
        x->silence_patience_ns < x->compute_patience_ns ? x->silence_patience_ns : x->compute_patience_ns;
    const int64_t ms = patience_ns / 1000000 / WORDS_A_PATIENCE;
    return ms < LEAST_WORD_MS ? LEAST_WORD_MS : ms > MOST_WORD_MS ? MOST_WORD_MS : ms;
}

static bool make_command_line(const atl_executor *x, uint32_t w, int desk_fd, int tray_fd, command_line *line)
{
    size_t n_extra = 0;
    while (x->extra_args[n_extra])
        n_extra++;
    line->argv = calloc(N_FIXED_ARGS + n_extra + 2, sizeof *line->argv);
    if (!line->argv)
        return false;
    line->argv[line->n++] = x->program;
    line->argv[line->n++] = "worker";
    add(line, "--endpoint", atl_server_endpoint(x->server));
    add(line, "--run", x->run_hex);
    add_number(line, "--worker", line->worker, w);
    add_number(line, "--parent", line->parent, getpid());
    add_number(line, "--threads", line->threads, x->plan.n_threads);
    add_number(line, "--batch-size", line->batch, x->batch_size);
    add_number(line, "--word-every", line->word_every, word_every_ms(x));
    add_file(line, "--desk-fd", line->desk_fd, desk_fd);
    add_file(line, "--tray-fd", line->tray_fd, tray_fd);
    add_file(line, "--weights-fd", line->weights_fd, x->weights_fd);
    add(line, "--model", x->model);
    add(line, "--variant", x->variant);
    add(line, "--policy", x->policy);
    add(line, "--pack-cache", x->pack_cache);
    add(line, "--tokenizer", x->tokenizer_dir);
    add(line, "--lora-dir", x->lora_dir);
    add(line, "--networks", x->networks);
    if (x->bind) {
        for (int t = 0; t < x->plan.n_threads; t++)
            atl_text_printf(&line->pus, "%s%d", t ? "," : "", x->plan.slots[w].pus[t]);
        add(line, "--pus", line->pus.data);
    }
    for (size_t i = 0; i < n_extra; i++)
        line->argv[line->n++] = x->extra_args[i];
    return !line->pus.failed;
}

static int out_of_the_way(int low)
{
    const int fd = fcntl(low, F_DUPFD_CLOEXEC, ABOVE_STANDARD_FDS);
    close(low);
    return fd;
}

/* A desk for the process to come, out of the way of the child's own numbers. -1: there is no room for one,
 * and who was at fault will be judged by what is heard. */
static int lay_desk(atl_desk **ret_desk)
{
    int low;
    return atl_desk_open(ret_desk, &low, NULL) == ATL_OK ? out_of_the_way(low) : -1;
}

/* The same; -1: pictures come through the socket. */
static int lay_tray(atl_tray **ret_tray)
{
    int low;
    return atl_tray_open(ret_tray, &low, NULL) == ATL_OK ? out_of_the_way(low) : -1;
}

void atl_pool_clear_table(atl_pool_worker *worker)
{
    atl_desk_close(&worker->desk);
    atl_tray_leave(&worker->tray);
}

void atl_pool_spawn(atl_executor *x, uint32_t w)
{
    atl_pool_worker *worker = &x->workers[w];
    command_line line = {0};
    atl_note note = {0};
    atl_pool_clear_table(worker);
    *worker = (atl_pool_worker){
        .alive = true, .phase = ATL_WORKER_STARTING, .process = {.pid_fd = -1, .words_fd = -1}};
    worker->oom_kills = atl_oom_kills("");
    worker->heard_ns = atl_pool_now_ns(x);
    const int desk_fd = lay_desk(&worker->desk);
    const int tray_fd = lay_tray(&worker->tray);
    atl_status st = make_command_line(x, w, desk_fd, tray_fd, &line) ? ATL_OK : ATL_NO_MEMORY;
    if (st == ATL_OK)
        st = atl_process_start(x->program, (char *const *)(uintptr_t)line.argv, line.passed, line.n_passed,
                               &worker->process, &note);
    if (desk_fd >= 0)
        close(desk_fd);
    if (tray_fd >= 0)
        close(tray_fd);
    atl_text_done(&line.pus);
    free(line.argv);
    if (st == ATL_OK) {
        x->counts.spawned++;
        set_pid(x, w, worker->process.pid);
        atl_pool_set_phase(x, w, ATL_WORKER_STARTING, "");
        return;
    }
    snprintf(worker->why, sizeof worker->why, "%s", note.text[0] ? note.text : "no memory for a process");
    worker->ended = worker->left = true;
    worker->ended_ns = atl_clock_now_ns();
}

/* ---- ending ---- */

void atl_pool_kill_worker(atl_executor *x, uint32_t w, const char *why)
{
    atl_pool_worker *worker = &x->workers[w];
    if (worker->why[0] == '\0')
        snprintf(worker->why, sizeof worker->why, "%s", why);
    worker->ours = true;
    atl_process_kill(&worker->process);
}

void atl_pool_unreachable(atl_executor *x, uint32_t w, atl_status status, const char *why)
{
    atl_pool_worker *worker = &x->workers[w];
    if (status != ATL_NOT_FOUND)
        atl_pool_kill_worker(x, w, why);
    else if (worker->parts_by_ns == 0)
        worker->parts_by_ns = atl_clock_now_ns() + x->silence_patience_ns;
}

static bool killed_for_memory(const atl_pool_worker *worker)
{
    return WIFSIGNALED(worker->wait_status) && WTERMSIG(worker->wait_status) == SIGKILL &&
           atl_oom_kills("") > worker->oom_kills;
}

/* Whether the job that it painted can have had no part in its end. A computation can crash or exit; it cannot
 * stop the thread that says ALIVE, nor kill its process but by its memory. (A worker makes SIGKILL of a crash
 * signal that somebody sent to it.) */
static bool ended_from_outside(const atl_pool_worker *worker, bool of_memory)
{
    if (!WIFSIGNALED(worker->wait_status) || of_memory)
        return false;
    switch (WTERMSIG(worker->wait_status)) {
    case SIGSEGV:
    case SIGBUS:
    case SIGFPE:
    case SIGILL:
    case SIGABRT:
    case SIGTRAP:
    case SIGSYS:
        return false;
    default:
        return !worker->ours || worker->silent;
    }
}

static void note_end(atl_executor *x, uint32_t w)
{
    atl_pool_worker *worker = &x->workers[w];
    if (worker->process.pid <= 0 || !atl_process_reap(&worker->process, &worker->wait_status))
        return;
    worker->ended = true;
    worker->ended_ns = atl_clock_now_ns();
    set_pid(x, w, 0);
    const bool killed = WIFSIGNALED(worker->wait_status) && WTERMSIG(worker->wait_status) == SIGKILL;
    if (worker->why[0] == '\0' || !killed) /* it ended before we could do it */
        atl_process_describe_end(&worker->process, worker->wait_status, worker->why, sizeof worker->why);
}

static void tell_end(atl_executor *x, uint32_t w)
{
    atl_pool_worker *worker = &x->workers[w];
    const bool by_itself = worker->left && worker->wait_status == 0;
    const bool of_memory = killed_for_memory(worker);
    if (by_itself && worker->has_peer)
        snprintf(worker->why, sizeof worker->why, "it left, and gave back what it had not begun");
    worker->alive = worker->has_peer = false;
    if (of_memory)
        snprintf(worker->why, sizeof worker->why, "the system killed it because memory is out");
    if (worker->phase != ATL_WORKER_ASIDE)
        atl_pool_set_phase(x, w, by_itself ? ATL_WORKER_GONE : ATL_WORKER_LOST, by_itself ? "" : worker->why);
    uint64_t suspects[ATL_DESK_LEASES];
    const size_t n_suspects = worker->desk ? atl_desk_suspects(worker->desk, suspects) : 0;
    if (!x->finished && !x->broken)
        atl_pool_tell(x, (atl_event){.type = ATL_EV_WORKER_LOST,
                                     .worker = w,
                                     .suspects = suspects,
                                     .n_suspects = n_suspects,
                                     .out_of_memory = of_memory,
                                     .from_outside = ended_from_outside(worker, of_memory)});
}

/* Whether all that it said was heard. A connection that is gone brought its last messages before: the turn
 * after this one has taken them. */
static bool was_heard(atl_executor *x, atl_pool_worker *worker, int64_t now_ns)
{
    if (worker->left || worker->hung_up || now_ns - worker->ended_ns >= last_word_ns)
        return true;
    if (!worker->has_peer)
        return now_ns - worker->ended_ns >= FIRST_WORD_NS;
    worker->hung_up = atl_server_has_gone(x->server, &worker->peer);
    worker->looked_ns = now_ns;
    return false;
}

/* When to ask that again. */
static int64_t ask_again_ns(const atl_pool_worker *worker)
{
    if (worker->left || worker->hung_up)
        return worker->ended_ns;
    return worker->has_peer ? worker->looked_ns + LOOK_EVERY_NS : worker->ended_ns + FIRST_WORD_NS;
}

static int64_t parts_by_ns(const atl_pool_worker *worker)
{
    return worker->parts_by_ns && worker->alive && !worker->ended && !worker->ours ? worker->parts_by_ns
                                                                                   : INT64_MAX;
}

void atl_pool_watch(atl_executor *x, int64_t now_ns)
{
    for (uint32_t w = 0; w < (uint32_t)x->plan.n_workers; w++) {
        atl_pool_worker *worker = &x->workers[w];
        if (x->readable[3 + 2 * w])
            atl_process_read_words(&worker->process);
        if (x->readable[2 + 2 * w])
            note_end(x, w);
        if (worker->alive && worker->ended && was_heard(x, worker, now_ns))
            tell_end(x, w);
        else if (parts_by_ns(worker) <= now_ns)
            atl_pool_kill_worker(x, w, "it was not there any more, and did not end");
    }
}

int64_t atl_pool_watch_deadline_ns(const atl_executor *x)
{
    int64_t first = INT64_MAX;
    for (int w = 0; w < x->plan.n_workers; w++) {
        const atl_pool_worker *worker = &x->workers[w];
        const int64_t due_ns = worker->alive && worker->ended ? ask_again_ns(worker) : parts_by_ns(worker);
        first = due_ns < first ? due_ns : first;
    }
    return first;
}

/* ---- memory ---- */

int64_t atl_executor_worker_pid(atl_executor *executor, uint32_t w)
{
    atl_hall *hall = executor->hall;
    pthread_mutex_lock(&hall->mutex);
    const pid_t pid = w < hall->n_pids ? hall->pids[w] : 0;
    pthread_mutex_unlock(&hall->mutex);
    return pid;
}

static size_t read_pss_bytes(pid_t pid)
{
    char path[64], line[256];
    unsigned long long kib = 0;
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "Pss: %llu kB", &kib) == 1)
            break;
    fclose(file);
    return (size_t)kib * 1024;
}

size_t atl_executor_pss_bytes(atl_executor *executor, size_t *ret_each, size_t n_each)
{
    atl_hall *hall = executor->hall;
    size_t sum = 0;
    for (size_t w = 0; w < hall->n_pids; w++) {
        const pid_t pid = (pid_t)atl_executor_worker_pid(executor, (uint32_t)w);
        const size_t bytes = pid > 0 ? read_pss_bytes(pid) : 0;
        if (w < n_each)
            ret_each[w] = bytes;
        sum += bytes;
    }
    return sum;
}
