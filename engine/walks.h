/* walks.h - ways through memory whose speed is a property of the machine: streams, and chains of loads of
 * which each needs the one before.
 *
 * Each walk belongs to the thread that uses it; first touched by the thread that opens it. */
#ifndef ATL_WALKS_H
#define ATL_WALKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef enum atl_walk_kind {
    ATL_WALK_READ,           /* every byte is loaded */
    ATL_WALK_COPY,           /* a = b; ordinary stores read the line that they write first */
    ATL_WALK_COPY_STREAMING, /* with non-temporal stores, which do not (x86; elsewhere as ordinary) */
    ATL_WALK_TRIAD,          /* a = b + 3·c, STREAM's (McCalpin 1995) */
    ATL_WALK_TRIAD_STREAMING,
    ATL_WALK_CHASE, /* one random cycle through all lines: latency. Huge pages, so that it is the caches' */
} atl_walk_kind;

typedef struct atl_walk atl_walk;

/* A walk over `bytes` in all (its arrays together), at least 4 KiB. A chase is shuffled by `seed`: 0.05 s for
 * each million lines. Errors: ATL_NO_MEMORY. */
atl_status atl_walk_open(atl_walk_kind kind, size_t bytes, unsigned long long seed, atl_walk **ret,
                         atl_note *note);
void atl_walk_close(atl_walk **walk);

/* Goes on from where it stopped, round and round: about `bytes` of a stream (a multiple of some KiB), or
 * bytes / 64 loads of a chase. Returns what was done: bytes that the program named (a copy's are read +
 * written, as STREAM counts), or loads. */
double atl_walk_go(atl_walk *walk, size_t bytes);

/* What was done per ns, by pieces of `piece` each that took took_ns[n], which are sorted: over all but those
 * that took more than eight times their median, in which somebody else had the core (another program, or
 * another machine of the same host, which no clock of ours tells). NaN: n is 0. */
double atl_walk_rate(double piece, int64_t *took_ns, size_t n);

#endif
