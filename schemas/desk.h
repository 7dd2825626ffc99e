/* desk.h - what lies before a worker's threads, kept where it outlives the worker.
 *
 * STARTED is sent, and a job that kills its worker at once takes it along: it still waits in the worker,
 * behind the picture before it, whose RESULT is lost too. By what was heard, that picture is at fault and the
 * killer is not. So the worker writes on a page of shared memory which leases its threads have before them,
 * and the coordinator reads the page when the process has ended. Written without a system call; right after
 * SIGKILL, too.
 *
 * A page is written by one process and read by the other. Who is to blame is read when the writer has ended;
 * while it lives its leases are read for what is shown of steps alone, and may be half of one list and half
 * of the next. Any thread may write a place of its own.
 *
 * Signs of life lie there, too: when the thread that talks to the coordinator last woke, and how far the
 * painter is. Said, each would wake the coordinator; written, they cost it nothing, and it looks at them when
 * it would otherwise begin to doubt. These are read while they are written, one by one. */
#ifndef ATL_SCHEMAS_DESK_H
#define ATL_SCHEMAS_DESK_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum { ATL_DESK_LEASES = 16, ATL_DESK_STEPS = 8 };

/* The tokens of the leases that one thread has before it. */
typedef struct atl_desk_place {
    _Atomic uint32_t n;
    _Atomic uint64_t tokens[ATL_DESK_LEASES];
} atl_desk_place;

/* Written by one thread each: alive_ns by the one that talks, the rest by the painter. Times are
 * CLOCK_MONOTONIC's, one clock for all processes of a machine. */
typedef struct atl_desk_signs {
    _Atomic int64_t alive_ns; /* when it last woke; 0: it never did */
    _Atomic int64_t step_ns;  /* when a painting began, or its last step ended; 0: none did */
    _Atomic int32_t step, n_steps;
    _Atomic uint32_t n_took;                 /* steps that ended, of all paintings */
    _Atomic int64_t took_ns[ATL_DESK_STEPS]; /* what the latest of them took */
} atl_desk_signs;

typedef struct atl_desk {
    atl_desk_place painting, encoding;
    atl_desk_signs signs;
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

void atl_desk_live(atl_desk *desk, int64_t now_ns);
/* The painter's: step 0 begins a painting, later ones have ended. */
void atl_desk_step(atl_desk *desk, int64_t now_ns, int step, int n_steps);

/* What the signs say; a reader trusts none of it further than that. */
typedef struct atl_desk_life {
    int64_t alive_ns, step_ns;
    int step, n_steps;
    int64_t took_ns[ATL_DESK_STEPS]; /* [n_took] steps that were not seen before; of many, some */
    size_t n_took;
} atl_desk_life;
/* *seen: how many steps were seen before; brought up to date. Any thread of the reader's. */
atl_desk_life atl_desk_look(const atl_desk *desk, uint32_t *seen);

#endif
