/* ints.h - a growing array of 32-bit integers: code points on the way in, token ids on the way out.
 *
 * Sticky like base/text.h: after a failed allocation every push is a no-op and `failed` stays set, so that a
 * writer checks once, at the end. */
#ifndef ATL_TEXT_INTS_H
#define ATL_TEXT_INTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct atl_ints {
    int32_t *at;
    size_t n, capacity;
    bool failed;
} atl_ints;

void atl_ints_push(atl_ints *ints, int32_t value);
void atl_ints_done(atl_ints *ints); /* frees, and leaves an empty array */

#endif
