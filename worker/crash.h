/* crash.h - tells a crash of the computation from a signal that somebody sent. Private to the room. */
#ifndef ATL_WORKER_CRASH_H
#define ATL_WORKER_CRASH_H

#include "schemas/desk.h"

/* From here on a SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP or SIGSYS that another process sent ends
 * this one by SIGKILL, with a line on stderr that names the sender: the job that is being painted had no part
 * in it, and the coordinator is not to hold it against the job. One that the process raised itself does what
 * it did before, once the desk says whether it was the encoding thread. Call once, before there are threads.
 */
void atl_crash_listen(atl_desk *desk);
void atl_crash_forget_desk(void); /* it goes; crashes are told apart as before */

#endif
