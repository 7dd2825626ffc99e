/* stop.h - Ctrl-C: the first asks to stop at the next step, the second ends the program at once. */
#ifndef ATL_CLI_STOP_H
#define ATL_CLI_STOP_H

/* From now on SIGINT and SIGTERM are noted (once each; then they have their usual effect again). */
void stop_listen(void);

/* The signal that came, or 0. */
int stop_signal(void);

#endif
