/* claims.h - who has the same id, or the same name, as somebody before, in little memory.
 *
 * Every job claims a key once. Afterwards jobs that came second, third, … to a key are told, in the order of
 * their indices, so that a pass over the same jobs can ask as it goes. Keys are 64 bits of a SHA-256: of ten
 * million jobs, two different ones fall together with a chance of 3 in a million, and then one of them counts
 * as a repeat, which does no harm. */
#ifndef ATL_BATCHES_CLAIMS_H
#define ATL_BATCHES_CLAIMS_H

#include "sorter.h"

typedef struct atl_claims {
    atl_sorter by_key;   /* key, index */
    atl_sorter by_index; /* index, rank: of those that came later */
    uint64_t n_later;
    atl_pair next; /* of by_index */
    bool at_end;
} atl_claims;

void atl_claims_init(const char *spool_dir, atl_claims *ret); /* `spool_dir` is borrowed */
void atl_claims_done(atl_claims *claims);

/* Errors of all: ATL_IO, ATL_NO_MEMORY. */
atl_status atl_claims_add(atl_claims *claims, uint64_t key, uint64_t index, atl_note *note);
/* Ends the adding. */
atl_status atl_claims_settle(atl_claims *claims, atl_note *note);
/* To the first index. */
atl_status atl_claims_rewind(atl_claims *claims, atl_note *note);
/* How many jobs before this one have its key. Indices must not fall from call to call. */
atl_status atl_claims_rank(atl_claims *claims, uint64_t index, uint64_t *ret_rank, atl_note *note);

#endif
