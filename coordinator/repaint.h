/* repaint.h - whether pictures come out again as they are: the sample that `verify` paints. */
#ifndef ATL_COORDINATOR_REPAINT_H
#define ATL_COORDINATOR_REPAINT_H

#include "coordinator/executor.h"

typedef struct atl_repaint_sample {
    char *path;      /* of the picture, which carries its own settings */
    char digest[65]; /* of its pixels */
} atl_repaint_sample;

typedef struct atl_repaint_counts {
    uint64_t n_same, n_different;
    uint64_t n_skipped; /* begun from another picture, whose path no picture carries */
    uint64_t n_failed;
} atl_repaint_counts;

/* Paints each again from what its `parameters` say, and compares. Both callbacks may be NULL; `stop` is asked
 * several times a second. Errors: what keeps workers from starting, ATL_CANCELLED. */
atl_status atl_repaint(const atl_repaint_sample *samples, size_t n, const atl_executor_options *options,
                       void (*fault)(void *user, const char *path, const char *what),
                       bool (*stop)(void *user), void *user, atl_repaint_counts *ret, atl_note *note);

#endif
