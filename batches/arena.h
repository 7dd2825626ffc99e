/* arena.h - many small things that are given up together. */
#ifndef ATL_BATCHES_ARENA_H
#define ATL_BATCHES_ARENA_H

#include <stddef.h>

typedef struct atl_arena_block atl_arena_block;

typedef struct atl_arena {
    atl_arena_block *blocks;
    size_t used; /* of the first block */
} atl_arena;

/* Zeroed and aligned for anything; NULL when memory is out. */
void *atl_arena_take(atl_arena *arena, size_t n_bytes);
/* A copy with a NUL after it. */
char *atl_arena_copy(atl_arena *arena, const char *bytes, size_t n_bytes);
void atl_arena_done(atl_arena *arena);

#endif
