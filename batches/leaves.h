/* leaves.h - many small things that are given up together. */
#ifndef ATL_BATCHES_LEAVES_H
#define ATL_BATCHES_LEAVES_H

#include <stddef.h>

typedef struct atl_leaf atl_leaf;

typedef struct atl_leaves {
    atl_leaf *blocks;
    size_t used; /* of the first block */
} atl_leaves;

/* Zeroed and aligned for anything; NULL when memory is out. */
void *atl_leaves_take(atl_leaves *arena, size_t n_bytes);
/* A copy with a NUL after it. */
char *atl_leaves_copy(atl_leaves *arena, const char *bytes, size_t n_bytes);
void atl_leaves_done(atl_leaves *arena);

#endif
