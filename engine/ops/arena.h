/* arena.h - scratch memory for activations: one block, taken and released like a stack; and at its far end,
 * one piece that grows towards the stack.
 *
 * Nothing inside a denoising step calls malloc. How large the block has to be is found by running
 * the network once with a *measuring* arena, whose pointers are addresses that nobody may touch:
 * every op returns before it reads or writes when `arena->measuring`. Not thread-safe:
 * only the thread that drives the network takes and releases. */
#ifndef ATL_OPS_ARENA_H
#define ATL_OPS_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define ATL_ARENA_ALIGN 64 /* bytes; every pointer taken is aligned to it */

typedef struct atl_arena {
    uint8_t *base;
    size_t used_bytes; /* of the stack */
    size_t far_bytes;  /* of the piece at the far end */
    size_t peak_bytes; /* the most that was ever in use, both together */
    size_t capacity_bytes;
    bool measuring;
} atl_arena;

/* An arena that only counts. Nothing to release; read `peak_bytes` after the dry run. */
atl_arena atl_arena_measure(void);

/* A real arena (mmap, untouched pages cost nothing, large pages asked for). Errors: ATL_NO_MEMORY. */
atl_status atl_arena_open(size_t capacity_bytes, atl_arena *ret_arena, atl_note *note);
void atl_arena_close(atl_arena *arena);

/* Takes uninitialised bytes. A real arena that was measured rightly cannot run out; running out is a
 * bug of ours and aborts with a message. */
void *atl_arena_take(atl_arena *arena, size_t bytes);

/* mark … take, take … release gives back all that was taken since the mark. */
size_t atl_arena_mark(const atl_arena *arena);
void atl_arena_release(atl_arena *arena, size_t mark);

/* Makes the piece at the far end that large, and returns where it begins: its end stays where it is, and with
 * it what stands there. 0 gives it back. It may run out as the stack may. */
void *atl_arena_far(atl_arena *arena, size_t bytes);

#endif
