/* ints.c - see ints.h. */
#include "text/ints.h"

#include <stdlib.h>

static bool grow(atl_ints *ints)
{
    size_t capacity = ints->capacity < 64 ? 64 : ints->capacity + ints->capacity / 2;
    int32_t *at = ints->failed || capacity > SIZE_MAX / 2 / sizeof *at
                      ? NULL
                      : realloc(ints->at, capacity * sizeof *at);
    if (!at) {
        ints->failed = true;
        return false;
    }
    ints->at = at;
    ints->capacity = capacity;
    return true;
}

void atl_ints_push(atl_ints *ints, int32_t value)
{
    if (ints->n == ints->capacity && !grow(ints))
        return;
    ints->at[ints->n++] = value;
}

void atl_ints_done(atl_ints *ints)
{
    free(ints->at);
    *ints = (atl_ints){0};
}
