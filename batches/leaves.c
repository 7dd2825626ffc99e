/* leaves.c - see leaves.h. */
#include "leaves.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "base/sizes.h"

#define BLOCK_BYTES ((size_t)1 << 10) /* of the first block; later ones double, up to … */
#define MOST_BYTES  ((size_t)1 << 18)

struct atl_leaf {
    atl_leaf *next;
    size_t capacity;
    alignas(max_align_t) char bytes[];
};

static bool add_block(atl_leaves *arena, size_t least)
{
    size_t capacity = arena->blocks ? 2 * arena->blocks->capacity : BLOCK_BYTES;
    if (capacity > MOST_BYTES)
        capacity = MOST_BYTES;
    if (capacity < least)
        capacity = least;
    atl_leaf *block = capacity < (size_t)-1 / 2 ? calloc(1, sizeof *block + capacity) : NULL;
    if (!block)
        return false;
    block->capacity = capacity;
    block->next = arena->blocks;
    arena->blocks = block;
    arena->used = 0;
    return true;
}

void *atl_leaves_take(atl_leaves *arena, size_t n_bytes)
{
    const size_t n = atl_round_up(n_bytes ? n_bytes : 1, alignof(max_align_t));
    if ((!arena->blocks || arena->blocks->capacity - arena->used < n) && !add_block(arena, n))
        return NULL;
    void *taken = arena->blocks->bytes + arena->used;
    arena->used += n;
    return taken;
}

char *atl_leaves_copy(atl_leaves *arena, const char *bytes, size_t n_bytes)
{
    char *copy = atl_leaves_take(arena, n_bytes + 1);
    if (copy && n_bytes > 0)
        memcpy(copy, bytes, n_bytes);
    return copy;
}

void atl_leaves_done(atl_leaves *arena)
{
    for (atl_leaf *block = arena->blocks; block;) {
        atl_leaf *next = block->next;
        free(block);
        block = next;
    }
    *arena = (atl_leaves){0};
}
