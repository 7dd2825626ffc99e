/* own_core.h - a thread on the core that is kept for the coordinator. Private to the room.
 *
 * What a thread starts later, threads and processes, inherits it: workers bind themselves to their own slots
 * as the first thing that they do. */
#ifndef ATL_COORDINATOR_OWN_CORE_H
#define ATL_COORDINATOR_OWN_CORE_H

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

typedef struct atl_own_core {
    bool taken;
    pthread_t thread;
    cpu_set_t *before; /* what it might run on */
    size_t n_bytes;
} atl_own_core;

/* Binds the calling thread to that CPU. Errors: ATL_IO (the system refuses), ATL_NO_MEMORY. */
atl_status atl_own_core_take(atl_own_core *own, int cpu, atl_note *note);
/* The thread, if it is the calling one, may run again where it might before. Nothing if nothing was taken. */
void atl_own_core_leave(atl_own_core *own);

#endif
