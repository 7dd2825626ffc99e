/* verdict.h - what keeps one more worker from gaining: memory, cores, or nothing that was seen.
 *
 * "Memory" is said only where two pieces of evidence agree and none speaks against it:
 *
 * - the bandwidth: what all cores get, over what a worker alone uses, is the worker count where the gain
 * ends;
 * - the stages: those that read much memory take more CPU time beside others, the one that computes does not;
 * - the neighbours: one worker is slowed down by processes that only stream through memory;
 * - the latency: the probe's reads take longer the more workers there are.
 *
 * "Cores" is said where the machine's own ceilings show it: all cores together compute much less than as many
 * lone ones, out of their first caches. Otherwise it is said what was seen and what was not.
 * A piece of evidence speaks only where it is further from nothing than two standard errors, by the scatter
 * of windows that should be alike. Pure: figures in, sentences out. */
#ifndef ATL_RESULTS_VERDICT_H
#define ATL_RESULTS_VERDICT_H

#include "results/scaling.h"
#include "results/study.h"

typedef enum atl_limit {
    ATL_LIMIT_NOT_SEEN, /* each worker still brings what the first one brought */
    ATL_LIMIT_MEMORY,
    ATL_LIMIT_CORES,   /* all are used, or workers waited for one */
    ATL_LIMIT_UNPROVEN /* the gain ends; why is not shown */
} atl_limit;

const char *atl_limit_name(atl_limit limit); /* "not seen", "memory", "cores", "unproven" */

enum { ATL_VERDICT_MAX_REASONS = 10 };

typedef struct atl_verdict {
    atl_limit limit;
    char sentence[512];              /* for a reader who knows nothing */
    int n_for, n_against, n_unknown; /* of memory as the limit */
    char reason_for[ATL_VERDICT_MAX_REASONS][256];
    char reason_against[ATL_VERDICT_MAX_REASONS][256];
    char unknown[ATL_VERDICT_MAX_REASONS][256]; /* what would have told, and why it is not there */
} atl_verdict;

/* `windows` are of one series (policy × threads × order), those with and without co-runners and probe; the
 * flawed are passed over. `scaling` is of its rates, `cores` how many may be used (the quota counts; NAN: not
 * known). Cannot fail. */
void atl_verdict_reach(const atl_study_window *windows, size_t n_windows, const atl_scaling *scaling,
                       const atl_study_ceilings *ceilings, double cores, atl_verdict *ret);

/* The median of those that are finite; NAN where there are none. Sorts `values`. */
double atl_median(double *values, size_t n);

#endif
