/* grow.h - arrays that grow by doubling.
 *
 * Inline, so that a test that makes the first allocation at each place fail (tests/run/shim.c) finds the
 * places of those who grow and not one place for all. */
#ifndef ATL_BASE_GROW_H
#define ATL_BASE_GROW_H

#include <stdlib.h>

#include "base/sizes.h"

/* The array with room for one more behind its n items of `size` bytes: `items` itself while n < *capacity;
 * else moved to where there is room for twice as many (`first`, if it has none yet), which *capacity then
 * says. NULL: no memory; then `items` and *capacity are as they were. */
static inline __attribute__((always_inline)) void *atl_grown(void *items, size_t n, size_t *capacity,
                                                             size_t first, size_t size)
{
    if (n < *capacity)
        return items;
    const size_t more = *capacity > 0 ? 2 * *capacity : first;
    size_t bytes;
    void *grown = atl_size_mul(more, size, &bytes) ? realloc(items, bytes) : NULL;
    if (grown)
        *capacity = more;
    return grown;
}

#endif
