/* marks.c - see marks.h. */
#include "results/marks.h"

#include <stdlib.h>
#include <string.h>

void atl_marks_done(atl_marks *marks)
{
    free(marks->bits);
    *marks = (atl_marks){0};
}

atl_mark atl_marks_get(const atl_marks *marks, uint64_t index)
{
    const uint64_t at = index / 4;
    return at < marks->n_bytes ? (atl_mark)(marks->bits[at] >> 2 * (index % 4) & 3) : ATL_MARK_NONE;
}

static atl_status grow(atl_marks *marks, uint64_t index, atl_note *note)
{
    if (index > ATL_MARKS_MAX_INDEX)
        return atl_fail(note, ATL_BAD_INPUT, "job %llu: there are at most %llu", (unsigned long long)index,
                        (unsigned long long)ATL_MARKS_MAX_INDEX);
    uint64_t n = marks->n_bytes ? marks->n_bytes : 64;
    while (n <= index / 4)
        n *= 2;
    uint8_t *bits = realloc(marks->bits, n);
    if (!bits)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for the marks of %llu jobs",
                        (unsigned long long)index);
    memset(bits + marks->n_bytes, 0, n - marks->n_bytes);
    marks->bits = bits;
    marks->n_bytes = n;
    return ATL_OK;
}

atl_status atl_marks_set(atl_marks *marks, uint64_t index, atl_mark mark, atl_note *note)
{
    if (index / 4 >= marks->n_bytes) {
        const atl_status st = grow(marks, index, note);
        if (st != ATL_OK)
            return st;
    }
    const atl_mark before = atl_marks_get(marks, index);
    const unsigned shift = 2 * (unsigned)(index % 4);
    uint8_t *byte = &marks->bits[index / 4];
    *byte = (uint8_t)((*byte & ~(3u << shift)) | (unsigned)mark << shift);
    marks->n[before] -= before != ATL_MARK_NONE;
    marks->n[mark] += mark != ATL_MARK_NONE;
    return ATL_OK;
}
