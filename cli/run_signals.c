/* run_signals.c - see run_signals.h. The variables of a run that signal handlers write. */
#include "run_signals.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"

static volatile sig_atomic_t first_stop, n_stops, paused;
static int told_fd;                    /* an eventfd; 0: none */
static int64_t grace_ns = -1, seen_ns; /* seen: when it was first asked for after a SIGTERM or SIGHUP */

static void tell(void)
{
    const int before = errno;
    const uint64_t one = 1;
    if (told_fd > 0 && write(told_fd, &one, sizeof one) >= 0)
        return;
    errno = before; /* the counter was full: it is readable */
}

/* Shell and kernel may both tell of a closed terminal: SIGHUP asks to stop, and never to stop at once. */
static void note_stop(int number)
{
    if (number == SIGHUP && n_stops > 0)
        return;
    if (n_stops == 0)
        first_stop = number;
    if (n_stops < 2)
        n_stops = n_stops + 1;
    tell();
}

static void note_pause(int number)
{
    paused = number == SIGUSR1;
    tell();
}

void run_signals_listen(void)
{
    struct sigaction stop = {.sa_handler = note_stop, .sa_flags = SA_RESTART};
    struct sigaction pause = {.sa_handler = note_pause, .sa_flags = SA_RESTART};
    struct sigaction before;
    const int fd = told_fd > 0 ? told_fd : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    told_fd = fd > 0 ? fd : 0;
    sigemptyset(&stop.sa_mask);
    sigemptyset(&pause.sa_mask);
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGTERM, &stop, NULL);
    if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN) /* under nohup it stays so */
        sigaction(SIGHUP, &stop, NULL);
    signal(SIGPIPE, SIG_IGN); /* who read our words may go with the terminal; the run does not */
    sigaction(SIGUSR1, &pause, NULL);
    sigaction(SIGUSR2, &pause, NULL);
}

void run_signals_grace(int64_t seconds)
{
    grace_ns = seconds * 1000000000;
}

int run_signals_fd(void)
{
    return told_fd;
}

int run_signals_stops(void *nobody)
{
    (void)nobody;
    if (n_stops != 1 || (first_stop != SIGTERM && first_stop != SIGHUP) || grace_ns < 0)
        return n_stops;
    const int64_t now_ns = atl_clock_now_ns();
    seen_ns = seen_ns ? seen_ns : now_ns;
    return now_ns - seen_ns >= grace_ns ? 2 : 1;
}

bool run_signals_paused(void *nobody)
{
    (void)nobody;
    return paused != 0;
}

int run_signals_exit_code(void)
{
    return 128 + (int)first_stop;
}
