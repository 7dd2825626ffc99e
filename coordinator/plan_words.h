/* plan_words.h - what a person must know about a plan. Private to this folder. */
#ifndef ATL_COORDINATOR_PLAN_WORDS_H
#define ATL_COORDINATOR_PLAN_WORDS_H

#include "machine.h"

/* Writes plan->warning. n_slots: workers on hardware threads of their own; n_first: on cores of their own;
 * by_memory: auto chose fewer workers than n_max for lack of it. */
void atl_plan_warn(const atl_machine *machine, atl_plan *plan, int n_first, int n_slots,
                   const atl_plan_wish *wish, bool by_memory);

#endif
