/* process.c - see process.h. */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ABOVE_STANDARD_FDS = 10 };

extern char **environ;

/* A pipe whose ends are out of the way of the child's own numbers. */
static bool open_pipe(int ends[2])
{
    int low[2];
    if (pipe2(low, O_CLOEXEC | O_NONBLOCK) != 0)
        return false;
    for (int i = 0; i < 2; i++) {
        ends[i] = fcntl(low[i], F_DUPFD_CLOEXEC, ABOVE_STANDARD_FDS);
        close(low[i]);
    }
    if (ends[0] >= 0 && ends[1] >= 0 && fcntl(ends[1], F_SETFL, 0) == 0) /* the child's end may block */
        return true;
    for (int i = 0; i < 2; i++)
        if (ends[i] >= 0)
            close(ends[i]);
    return false;
}

int atl_process_spawn(const char *program, char *const *argv, const posix_spawn_file_actions_t *files,
                      pid_t *ret_pid)
{
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_init(&attributes);
    int rc = posix_spawnattr_setsigmask(&attributes, &none);
    if (rc == 0)
        rc = posix_spawnattr_setsigdefault(&attributes, &all);
    if (rc == 0)
        rc = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    if (rc == 0)
        rc = posix_spawnp(ret_pid, program, files, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    return rc;
}

static int spawn(const char *program, char *const *argv, int words, const int *passed, int n_passed,
                 pid_t *ret_pid)
{
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    int rc = posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(&files, words, STDOUT_FILENO);
    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(&files, words, STDERR_FILENO);
    for (int i = 0; rc == 0 && i < n_passed; i++)
        rc = posix_spawn_file_actions_adddup2(&files, passed[i], ATL_PROCESS_FIRST_FD + i);
    if (rc == 0)
        rc = posix_spawn_file_actions_addclosefrom_np(&files, ATL_PROCESS_FIRST_FD + n_passed);
    if (rc == 0)
        rc = atl_process_spawn(program, argv, &files, ret_pid);
    posix_spawn_file_actions_destroy(&files);
    return rc;
}

atl_status atl_process_start(const char *program, char *const *argv, const int *passed, int n_passed,
                             atl_process *ret, atl_note *note)
{
    int ends[2];
    pid_t pid = 0;
    if (!open_pipe(ends))
        return atl_fail(note, ATL_IO, "cannot open a pipe for a worker: %s", strerror(errno));
    const int rc = spawn(program, argv, ends[1], passed, n_passed, &pid);
    close(ends[1]);
    if (rc != 0) {
        close(ends[0]);
        return atl_fail(note, rc == ENOENT ? ATL_NOT_FOUND : ATL_IO, "cannot start %s: %s", program,
                        strerror(rc));
    }
    const int pid_fd = pidfd_open(pid, 0);
    if (pid_fd < 0) {
        const int error = errno;
        kill(pid, SIGKILL); /* it is our child and nobody else takes it away: the number is still its own */
        waitpid(pid, NULL, 0);
        close(ends[0]);
        return atl_fail(note, ATL_IO, "cannot watch the process of a worker: %s", strerror(error));
    }
    *ret = (atl_process){.pid = pid, .pid_fd = pid_fd, .words_fd = ends[0]};
    return ATL_OK;
}

/* Keeps the end of what was said. */
static void keep_words(atl_process *process, const char *more, size_t n)
{
    const size_t room = sizeof process->words - process->n_words;
    if (n > room) {
        const size_t drop = n - room;
        memmove(process->words, process->words + drop, process->n_words - drop);
        process->n_words -= drop;
    }
    memcpy(process->words + process->n_words, more, n);
    process->n_words += n;
}

void atl_process_read_words(atl_process *process)
{
    char more[ATL_PROCESS_WORDS / 2];
    if (process->words_fd < 0)
        return;
    for (int i = 0; i < 64; i++) { /* a process that talks for ever must not hold everything up */
        const ssize_t n = read(process->words_fd, more, sizeof more);
        if (n > 0) {
            keep_words(process, more, (size_t)n);
        } else if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            return;
        } else {
            close(process->words_fd);
            process->words_fd = -1;
            return;
        }
    }
}

void atl_process_kill(const atl_process *process)
{
    if (process->pid > 0)
        pidfd_send_signal(process->pid_fd, SIGKILL, NULL, 0);
}

bool atl_process_reap(atl_process *process, int *ret_wait_status)
{
    int status = 0;
    pid_t pid;
    do
        pid = waitpid(process->pid, &status, WNOHANG);
    while (pid < 0 && errno == EINTR);
    if (pid == 0)
        return false;
    *ret_wait_status = pid > 0 ? status : 0; /* a program that ignores SIGCHLD: the system took it away */
    atl_process_read_words(process);
    if (process->words_fd >= 0)
        close(process->words_fd);
    close(process->pid_fd);
    process->words_fd = process->pid_fd = -1;
    process->pid = 0;
    return true;
}

/* Its last line, without "atelier: " and control characters; "" if it said nothing. */
static void last_line(const atl_process *process, char *text, size_t size)
{
    static const char prefix[] = "atelier: ";
    size_t end = process->n_words;
    while (end > 0 && process->words[end - 1] == '\n')
        end--;
    size_t begin = end;
    while (begin > 0 && process->words[begin - 1] != '\n')
        begin--;
    if (end - begin > strlen(prefix) && memcmp(process->words + begin, prefix, strlen(prefix)) == 0)
        begin += strlen(prefix);
    size_t n = 0;
    for (size_t i = begin; i < end && n + 1 < size; i++)
        text[n++] =
            (unsigned char)process->words[i] < 0x20 || process->words[i] == 0x7f ? ' ' : process->words[i];
    if (size > 0)
        text[n] = '\0';
}

static const char *signal_words(int wait_status)
{
    const char *words = sigdescr_np(WTERMSIG(wait_status));
    return words ? words : "unknown";
}

void atl_process_describe_end(const atl_process *process, int wait_status, char *text, size_t size)
{
    char line[512];
    last_line(process, line, sizeof line);
    const char *between = line[0] ? ": " : "";
    if (WIFSIGNALED(wait_status))
        snprintf(text, size, "signal %d (%s)%s%s", WTERMSIG(wait_status), signal_words(wait_status), between,
                 line);
    else
        snprintf(text, size, "exit code %d%s%s", WEXITSTATUS(wait_status), between, line);
}
