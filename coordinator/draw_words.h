/* draw_words.h - sentences that the drawings share. Private to this folder. */
#ifndef ATL_COORDINATOR_DRAW_WORDS_H
#define ATL_COORDINATOR_DRAW_WORDS_H

#include "machine.h"

/* "16 cores, 24 hardware threads · 1 package · 1 NUMA node · 2 clusters". */
void atl_words_of_machine(const atl_machine *machine, atl_text *out);
/* "of its CPUs 0-15, usable: 0-7 · CPU quota 3.5 · 12 GiB of memory available"; nothing if nothing limits. */
void atl_words_of_limits(const atl_machine *machine, atl_text *out);
/* "6 workers × 1 thread, scatter · at most 14 on cores of their own". */
void atl_words_of_plan(const atl_plan *plan, atl_text *out);
/* "package 0 · NUMA node 1": what a cluster lies in. */
void atl_words_of_place(const atl_machine *machine, const atl_cluster *cluster, atl_text *out);
/* "cluster 1 · 8 IntelAtom cores · L3 24 MiB, shared with cluster 0". */
void atl_words_of_cluster(const atl_machine *machine, int cluster, atl_text *out);

const char *atl_order_name(atl_order order);

#endif
