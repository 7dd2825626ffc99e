/* mistakes.h - what is wrong with the lines of a batch: the first few are told as they are found, all are
 * counted, in memory that does not grow with them. Whoever has one mistake gets one sentence, so the first
 * is held back until there is a second. */
#ifndef ATL_BATCHES_MISTAKES_H
#define ATL_BATCHES_MISTAKES_H

#include <stdint.h>

#include "batches/batch.h"

typedef struct atl_mistakes {
    atl_batch_warning tell; /* NULL: nobody wants more than the first */
    void *user;
    uint64_t n;
    atl_status status; /* of the first */
    atl_note first;
} atl_mistakes;

void atl_mistakes_begin(atl_mistakes *mistakes);
void atl_mistakes_add(atl_mistakes *mistakes, atl_status status, const atl_note *note);
/* What the check ends with: what ended it, if that is more than the lines' mistakes; else the only mistake,
 * or how many there are in `name`. ATL_OK if there is none. */
atl_status atl_mistakes_conclude(atl_mistakes *mistakes, atl_status ended, const char *name, atl_note *note);

#endif
