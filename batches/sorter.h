/* sorter.h - pairs of numbers, sorted in little memory: what does not fit goes to an unlinked temporary file
 * in sorted runs, which are merged when they are read. */
#ifndef ATL_BATCHES_SORTER_H
#define ATL_BATCHES_SORTER_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef struct atl_pair {
    uint64_t key, value;
} atl_pair;

typedef struct atl_sorter_run {
    uint64_t next, end; /* places in the file, in pairs */
    atl_pair *buffer;
    size_t at, n; /* in the buffer */
} atl_sorter_run;

typedef struct atl_sorter {
    const char *spool_dir; /* borrowed */
    size_t most_in_memory; /* pairs; 0 before the first means the default */
    atl_pair *pairs;
    size_t n, capacity, at; /* at: of reading, where nothing was spooled */
    int fd;                 /* 0: none */
    uint64_t n_spooled;
    atl_sorter_run *runs;
    size_t n_runs;
    size_t *heap; /* of runs that have a pair, least first */
    size_t n_heap;
} atl_sorter;

/* Errors of all: ATL_IO, ATL_NO_MEMORY. A zeroed sorter (with its spool_dir) is an empty one. */
atl_status atl_sorter_add(atl_sorter *sorter, uint64_t key, uint64_t value, atl_note *note);
/* Before reading, and again to read once more; nothing can be added after it. */
atl_status atl_sorter_begin(atl_sorter *sorter, atl_note *note);
/* The next pair by key, then value; false at the end. */
atl_status atl_sorter_next(atl_sorter *sorter, atl_pair *ret, bool *ret_end, atl_note *note);
void atl_sorter_done(atl_sorter *sorter);

#endif
