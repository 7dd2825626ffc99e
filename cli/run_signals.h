/* run_signals.h - what signals say to a run: SIGINT, SIGTERM and SIGHUP stop it, SIGUSR1 pauses, SIGUSR2 goes
 * on. */
#ifndef ATL_CLI_RUN_SIGNALS_H
#define ATL_CLI_RUN_SIGNALS_H

#include <stdbool.h>
#include <stdint.h>

/* SIGHUP (a closed terminal) stays ignored where it is, as nohup(1) has it. From now on a closed pipe is an
 * error of write(2), not a signal. */
void run_signals_listen(void);
/* SIGTERM and SIGHUP come from systems that end what is still there a while later: from so many seconds after
 * them on, as if SIGTERM had come twice. Without this call it does not. */
void run_signals_grace(int64_t seconds);
/* Readable, without waiting, when a signal came that one of the two below tells of; 0: there is none. */
int run_signals_fd(void);
int run_signals_stops(void *nobody);   /* how many stops came; an atl_run_options.stops */
bool run_signals_paused(void *nobody); /* an atl_run_options.paused */
int run_signals_exit_code(void);       /* 128 + the first stop's number */

#endif
