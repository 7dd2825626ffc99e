/* pace.c - see pace.h. */
#include "results/pace.h"

#include <math.h>

#include "base/clock.h"

void atl_pace_add(atl_pace *pace, const atl_row *row)
{
    if (row->adopted)
        return;
    if (pace->n++ == 0 || row->session != pace->session) {
        pace->before_ns += pace->last_ns - pace->first_ns;
        pace->session = row->session;
        pace->first_ns = row->begun_ns;
        pace->last_ns = row->ended_ns;
    }
    pace->first_ns = row->begun_ns < pace->first_ns ? row->begun_ns : pace->first_ns;
    pace->last_ns = row->ended_ns > pace->last_ns ? row->ended_ns : pace->last_ns;
}

double atl_pace_span_s(const atl_pace *pace)
{
    return atl_ns_to_s(pace->before_ns + pace->last_ns - pace->first_ns);
}

double atl_pace_per_min(const atl_pace *pace)
{
    const double span_s = atl_pace_span_s(pace);
    return span_s > 0 ? 60 * (double)pace->n / span_s : (double)NAN;
}
