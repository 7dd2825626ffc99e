/* study_seats.h - which CPUs the workers of a pool got, in their own words when they were ready. Private to
 * the room.
 *
 * Threads: `put` is the pool's on_event and comes from its thread; the rest from the studier's. */
#ifndef ATL_COORDINATOR_STUDY_SEATS_H
#define ATL_COORDINATOR_STUDY_SEATS_H

#include "coordinator/executor.h"
#include "machine.h"
#include "results/study.h"

typedef struct atl_study_seats atl_study_seats;

/* Errors: ATL_NO_MEMORY. */
atl_status atl_study_seats_open(int n_workers, atl_study_seats **ret, atl_note *note);
void atl_study_seats_close(atl_study_seats **seats); /* the pool that knows it is shut down by now */
void atl_study_seats_put(void *seats, const atl_pool_event *event);
/* Into the head. A worker that said nothing, or that may be on more CPUs than it has threads, is "-". Errors:
 * as atl_study_head_seat. */
atl_status atl_study_seats_record(atl_study_seats *seats, atl_order order, int n_threads,
                                  atl_study_head *head, atl_note *note);

/* The machine's cores as the head has them. */
void atl_study_put_cores(const atl_machine *machine, atl_text *out);

/* "cores 0-3, avx2, fp32" → "0-3"; "" where the words are others. */
void atl_cores_of_words(const char *words, char *ret, size_t size);

#endif
