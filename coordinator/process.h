/* process.h - a worker's process: started, watched, ended. Private to the room.
 *
 * Exec, never fork with threads' state; watched by a pidfd, so that no SIGCHLD handler of the program that
 * uses this library is needed or disturbed. What it writes to stdout and stderr is read, and the last of it
 * is kept: it tells why a process ended. */
#ifndef ATL_COORDINATOR_PROCESS_H
#define ATL_COORDINATOR_PROCESS_H

#include <spawn.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/status.h"

enum { ATL_PROCESS_WORDS = 2048, ATL_PROCESS_FIRST_FD = 3 };

typedef struct atl_process {
    pid_t pid;    /* 0: there is none */
    int pid_fd;   /* readable when it has ended */
    int words_fd; /* its stdout and stderr; -1: closed */
    char words[ATL_PROCESS_WORDS];
    size_t n_words;
} atl_process;

/* Starts `program` (searched in $PATH if it holds no slash) with no other files open than stdin (/dev/null),
 * stdout and stderr, and passed[n_passed], which are not among the first few numbers, as ATL_PROCESS_FIRST_FD
 * and on. No signal is blocked in it. The calling thread must outlive it where it asked to die with its
 * parent. Errors: ATL_IO, ATL_NOT_FOUND. */
atl_status atl_process_start(const char *program, char *const *argv, const int *passed, int n_passed,
                             atl_process *ret, atl_note *note);
/* The bare start: no signal is blocked or handled in it, `files` are its files. Returns 0 or what went wrong
 * as posix_spawnp does. */
int atl_process_spawn(const char *program, char *const *argv, const posix_spawn_file_actions_t *files,
                      pid_t *ret_pid);
void atl_process_read_words(atl_process *process); /* what is there now, without waiting */
void atl_process_kill(const atl_process *process); /* SIGKILL; nothing if there is none */
/* Takes the ended process away and closes what belongs to it, but keeps the words. False: it has not ended.
 */
bool atl_process_reap(atl_process *process, int *ret_wait_status);
/* "signal 9 (Killed)", "exit code 3"; then its last line, without "atelier: ", if it said something: ": …".
 */
void atl_process_describe_end(const atl_process *process, int wait_status, char *text, size_t size);

#endif
