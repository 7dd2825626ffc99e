/* verify.h - whether the pictures of a run still are what its ledger says. */
#ifndef ATL_RESULTS_VERIFY_H
#define ATL_RESULTS_VERIFY_H

#include <stdint.h>

#include "base/status.h"

typedef struct atl_verify_counts {
    uint64_t n_done, n_failed; /* as the ledger has it */
    uint64_t n_whole, n_missing, n_damaged;
} atl_verify_counts;

typedef struct atl_verify_watch {
    void (*whole)(void *user, const char *name, const char *digest); /* may be NULL, as the next */
    void (*fault)(void *user, const char *name, const char *what);
    bool (*stop)(void *user); /* asked often */
    void *user;
} atl_verify_watch;

/* Reads every picture that the ledger has as DONE, whole: its job's id, its size, and the digest of its
 * pixels; several at once, in threads of its own. Calls back from the calling thread, in the ledger's order.
 * Damage is counted, and no error. Errors: as atl_ledger_read; ATL_CANCELLED. */
atl_status atl_verify(int dir_fd, const atl_verify_watch *watch, atl_verify_counts *ret, atl_note *note);

#endif
