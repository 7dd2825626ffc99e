/* run_signals.c - see run_signals.h. The variables of a run that signal handlers write. */
#include "run_signals.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t first_stop, n_stops, paused;

static void note_stop(int number)
{
    if (n_stops == 0)
        first_stop = number;
    if (n_stops < 2)
        n_stops = n_stops + 1;
}

static void note_pause(int number)
{
    paused = number == SIGUSR1;
}

void run_signals_listen(void)
{
    struct sigaction stop = {.sa_handler = note_stop, .sa_flags = SA_RESTART};
    struct sigaction pause = {.sa_handler = note_pause, .sa_flags = SA_RESTART};
    sigemptyset(&stop.sa_mask);
    sigemptyset(&pause.sa_mask);
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGUSR1, &pause, NULL);
    sigaction(SIGUSR2, &pause, NULL);
}

int run_signals_stops(void *nobody)
{
    (void)nobody;
    return n_stops;
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
