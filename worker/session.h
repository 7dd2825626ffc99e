/* session.h - the worker's socket. Private to the room. */
#ifndef ATL_WORKER_SESSION_H
#define ATL_WORKER_SESSION_H

#include "task.h"
#include "worker/worker.h"

/* Connects, says HELLO, and carries messages in and out of the shop until the worker may leave: told to stop,
 * drained, unable to start, or the coordinator is gone. Errors: ATL_USAGE (run_hex), ATL_IO. */
atl_status atl_session_run(atl_shop *shop, const atl_worker_options *options, atl_note *note);

#endif
