/* compare_charts_private.h - the charts of a comparison; each is drawn for wide and for narrow screens. */
#ifndef ATL_RESULTS_COMPARE_CHARTS_PRIVATE_H
#define ATL_RESULTS_COMPARE_CHARTS_PRIVATE_H

#include "compare_private.h"

typedef enum compare_sampled {
    COMPARE_CPUS,
    COMPARE_MEMORY,
    COMPARE_DISK,
    COMPARE_N_SAMPLED
} compare_sampled;

void atl_compare_draw_gains(const comparison *c, const compare_policy *p, bool narrow, atl_text *out);
/* Wants both 1 × 1 and another setup that is best. */
void atl_compare_draw_stages(const comparison *c, const compare_policy *p, bool narrow, atl_text *out);
bool atl_compare_has_samples(const comparison *c, const compare_policy *p, compare_sampled what);
void atl_compare_draw_over_time(const comparison *c, const compare_policy *p, compare_sampled what,
                                bool narrow, atl_text *out);

#endif
