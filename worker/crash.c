/* crash.c - see crash.h.
 *
 * A handler is the only place that learns who sent a signal. What it puts back is what stood there before, so
 * that sanitizers still get theirs: a fault happens again on return, a raised signal is raised again. */
#include "crash.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

#include "base/sizes.h"

static const int numbers[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
static struct sigaction before[ATL_COUNT(numbers)]; /* written once, before any of them can come. */
static _Atomic(atl_desk *) desk_of_process;

static char *put_number(char *at, long long number)
{
    char digits[24];
    size_t n = 0;
    do
        digits[n++] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    while (n > 0)
        *at++ = digits[--n];
    return at;
}

static char *put_words(char *at, const char *words)
{
    while (*words)
        *at++ = *words++;
    return at;
}

/* Without stdio, which a signal may have come in the middle of. */
static void name_sender(int number, pid_t sender)
{
    char line[96], *at = put_words(line, "atelier: signal ");
    at = put_number(at, number);
    at = put_words(at, " was sent by process ");
    at = put_number(at, sender);
    *at++ = '\n';
    if (write(STDERR_FILENO, line, (size_t)(at - line)) < 0)
        return; /* it ends all the same */
}

static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)context;
    const bool was_sent = info->si_code <= 0; /* SI_USER, SI_QUEUE, SI_TKILL; a fault has a code of its own */
    if (was_sent && info->si_pid != getpid()) {
        name_sender(number, info->si_pid);
        kill(getpid(), SIGKILL);
        return;
    }
    atl_desk *desk = atomic_load(&desk_of_process);
    if (desk && atomic_load(&desk->encoder) == gettid())
        atomic_store(&desk->encoder_fell, 1);
    for (size_t i = 0; i < ATL_COUNT(numbers); i++)
        if (numbers[i] == number)
            sigaction(number, &before[i], NULL);
    if (was_sent)
        raise(number);
}

void atl_crash_listen(atl_desk *desk)
{
    atomic_store(&desk_of_process, desk);
    struct sigaction listen = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&listen.sa_mask);
    for (size_t i = 0; i < ATL_COUNT(numbers); i++)
        sigaction(numbers[i], &listen, &before[i]);
}

void atl_crash_forget_desk(void)
{
    atomic_store(&desk_of_process, NULL);
}
