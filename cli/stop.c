/* stop.c - see stop.h. The one variable of the program that a signal handler writes. */
#include "stop.h"

#include <signal.h>

static volatile sig_atomic_t received;

static void note_signal(int number)
{
    received = number;
}

void stop_listen(void)
{
    struct sigaction action = {.sa_handler = note_signal, .sa_flags = (int)(SA_RESETHAND | SA_RESTART)};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

int stop_signal(void)
{
    return received;
}
