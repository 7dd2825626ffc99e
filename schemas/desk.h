/* desk.h - what lies before a worker's threads, kept where it outlives the worker.
 *
 * STARTED is sent, and a job that kills its worker at once takes it along: it still waits in the worker,
 * behind the picture before it, whose RESULT is lost too. By what was heard, that picture is at fault and the
 * killer is not. So the worker writes on a page of shared memory which leases its threads have before them,
 * and the coordinator reads the page when the process has ended. Written without a system call; right after
 * SIGKILL, too.
 *
 * A page is written by one process while it lives and read by the other afterwards: nothing is read while it
 * is written. Any thread may write a place of its own. */
#ifndef ATL_SCHEMAS_DESK_H
#define ATL_SCHEMAS_DESK_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum { ATL_DESK_LEASES = 16 };

/* The tokens of the leases that one thread has before it. */
typedef struct atl_desk_place {
    _Atomic uint32_t n;
    _Atomic uint64_t tokens[ATL_DESK_LEASES];
} atl_desk_place;

typedef struct atl_desk {
    atl_desk_place painting, encoding;
    _Atomic int32_t encoder;       /* the encoding thread, as gettid says; 0: not known */
    _Atomic uint32_t encoder_fell; /* 1: that thread crashed, whatever the others did */
} atl_desk;

/* An empty desk in a file of its own, to be passed on as ret_fd, which the caller closes. Errors: ATL_IO. */
atl_status atl_desk_open(atl_desk **ret, int *ret_fd, atl_note *note);
/* The other side's: the desk in an inherited file. Errors: ATL_IO. */
atl_status atl_desk_map(int fd, atl_desk **ret, atl_note *note);
void atl_desk_close(atl_desk **desk); /* NULL: nothing */

/* Puts n tokens there, at most ATL_DESK_LEASES, in place of what was there; 0: clears it. */
void atl_desk_put(atl_desk_place *place, const uint64_t *tokens, size_t n);
/* Which leases the end of the process is to be held against, and how many: what the thread that crashed had
 * before it; if none is known to have crashed, what was painted, or else what was encoded. 0: nobody had any.
 */
size_t atl_desk_suspects(const atl_desk *desk, uint64_t ret_tokens[ATL_DESK_LEASES]);

#endif
