/* slots.h - the places that workers of T threads can have on a machine, the best first. Private to this
 * folder. */
#ifndef ATL_COORDINATOR_SLOTS_H
#define ATL_COORDINATOR_SLOTS_H

#include "machine.h"

/* No hardware thread is in two slots. */
typedef struct atl_slots {
    atl_slot *slots; /* [n_slots]; their own `pus` are NULL */
    int *pus;        /* [n_slots][n_pus] OS indices */
    int n_slots;
    int n_pus;   /* T; or, where T is more than there are, all that there are: then n_slots is 1 */
    int n_first; /* how many of the slots have cores of their own: 0 where T is more than there are cores */
} atl_slots;

/* At least `wanted` slots, or all that there are; and in any case all that have cores of their own. What
 * `wanted` is changes nothing but how many there are. The core `reserved` (-1: none; there must be another)
 * is as if it were not there. Errors: ATL_NO_MEMORY. */
atl_status atl_slots_find(const atl_machine *machine, int n_threads, atl_order order, int wanted,
                          int reserved, atl_slots *ret);
void atl_slots_done(atl_slots *slots);

#endif
