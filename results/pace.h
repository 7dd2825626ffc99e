/* pace.h - how many pictures a minute: the one definition, for all who tell it.
 *
 * Pictures over the time in which they were painted: for each session, from the first one's begin to the last
 * one's end; what passed before, between and after sessions does not count, a pause within one does. */
#ifndef ATL_RESULTS_PACE_H
#define ATL_RESULTS_PACE_H

#include "results/row.h"

/* Zero-initialise. Pictures come session by session, in any order within one. */
typedef struct atl_pace {
    uint64_t n; /* pictures whose times are known */
    uint32_t session;
    int64_t first_ns, last_ns; /* of that session */
    int64_t before_ns;         /* what the sessions before it took */
} atl_pace;

/* An adopted picture, whose times nobody knows, is passed over. */
void atl_pace_add(atl_pace *pace, const atl_row *row);
double atl_pace_span_s(const atl_pace *pace);
double atl_pace_per_min(const atl_pace *pace); /* NAN: not known */

#endif
