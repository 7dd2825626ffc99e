/* marks.h - two bits a job: what became of each of ten million, in 2.5 MB. */
#ifndef ATL_RESULTS_MARKS_H
#define ATL_RESULTS_MARKS_H

#include <stdint.h>

#include "base/status.h"

typedef enum atl_mark {
    ATL_MARK_NONE,
    ATL_MARK_DONE,
    ATL_MARK_FAILED,
    ATL_MARK_REPLACE, /* to be painted, over a file that this run had put there */
} atl_mark;

/* Grows as indices come. Zero-initialise. */
typedef struct atl_marks {
    uint8_t *bits;
    uint64_t n_bytes;
    uint64_t n[4]; /* how many have each mark; n[ATL_MARK_NONE] is not counted */
} atl_marks;

#define ATL_MARKS_MAX_INDEX ((uint64_t)1 << 36)

void atl_marks_done(atl_marks *marks);
atl_mark atl_marks_get(const atl_marks *marks, uint64_t index);
/* Errors: ATL_NO_MEMORY, ATL_BAD_INPUT (beyond ATL_MARKS_MAX_INDEX). */
atl_status atl_marks_set(atl_marks *marks, uint64_t index, atl_mark mark, atl_note *note);

#endif
