/* report_private.h - the figures of a study's report, worked out once for every form of it. */
#ifndef ATL_RESULTS_REPORT_PRIVATE_H
#define ATL_RESULTS_REPORT_PRIVATE_H

#include "base/text.h"
#include "results/scaling.h"
#include "results/study.h"
#include "results/verdict.h"

enum {
    REPORT_MAX_SERIES = 64,
    REPORT_MAX_COUNTS = ATL_SCALING_MAX_COUNTS,
    REPORT_MAX_SHARES = 16,
    REPORT_RESAMPLINGS = 2000
};

/* What was measured at one worker count: medians over its valid windows. NAN: unavailable. */
typedef struct report_count {
    int workers, n_windows;
    double rate, rate_low, rate_high;    /* images an hour */
    double ratio, ratio_low, ratio_high; /* over the rate of the least count */
    double efficiency, efficiency_low, efficiency_high;
    double job_ms[3]; /* p50, p90, p99 */
    double wall_ms[ATL_N_STAGES], cpu_ms[ATL_N_STAGES];
    double slow_wall[ATL_N_STAGES],
        slow_cpu[ATL_N_STAGES]; /* over the least count's; NAN: too short to compare */
    double step_wall_ms, step_cpu_ms, slow_step_wall, slow_step_cpu;
    double cpu_share;
    double pss_mb; /* what that many workers take: of all processes, less what those that slept hold of their
                      own */
    double worker_pss_mb, probe_gbps, probe_ns;
} report_count;

/* One worker's rate beside streaming co-runners. */
typedef struct report_share {
    int corunners, n_windows;
    double rate, share;
} report_share;

/* All windows of one policy × threads × order. */
typedef struct report_series {
    char policy[16], order[12];
    int threads;
    char label[48];           /* only what differs between the series: "bf16", "fp32 ×2 compact" */
    atl_study_window *window; /* owned copies, in the order in which they were measured */
    size_t n_windows, n_flawed;
    int n_alive;       /* workers of its pool, where the record does not say: the largest count */
    bool probe;        /* whether the figures are of windows beside the probe */
    double probe_cost; /* rate with it over rate without, at the counts that have both; NAN */
    int n_without;     /* windows without it that this rests on */
    int n_counts;
    report_count count[REPORT_MAX_COUNTS];
    int n_shares;
    report_share share[REPORT_MAX_SHARES];
    bool scales; /* `scaling` holds; else `why_not` says why */
    char why_not[256];
    atl_scaling scaling;
    atl_verdict verdict;
    int at; /* which count is recommended; −1 */
} report_series;

typedef struct report {
    const atl_study *study;
    int n_series;
    report_series *series; /* owned */
    int best;              /* the series of the highest rate at its recommended count; −1 */
    double cores;          /* that may be used; NAN */
    int n_warnings;
    char *warning[ATL_STUDY_MAX_WARNINGS + 64]; /* owned: the study's, and what its windows show */
} report;

/* Errors: ATL_NO_MEMORY. */
atl_status atl_study_report_work_out(const atl_study *study, report *ret, atl_note *note);
void atl_study_report_done(report *r);

/* ---- between the files that work it out ---- */
/* Whether a window counts for the curve of its series. */
bool atl_report_counts(const report_series *s, const atl_study_window *w);
/* What the workers of a window take, MB: PSS of all processes, less what those that slept hold of their own.
 * `n_alive` counts where the record has none; where all paint, nothing is to be taken off. NAN: unavailable.
 */
double atl_report_pss_mb(const atl_study_window *w, int n_alive);
/* Whether the probe ran beside it: it wants a core that no worker has. */
bool atl_report_had_probe(const atl_study_window *w);
/* The largest count, where it left the probe no core though smaller ones have their figures beside it; 0. */
int atl_report_unprobed(const report_series *s);
/* Everything of a series that is a median of its windows. False: no memory. */
bool atl_report_measure(report_series *s);
void atl_report_collect_warnings(report *r);

/* ---- words and figures ---- */

/* A text in Markdown: what would be markup is escaped, an end of a line is a blank. */
void atl_report_put_escaped(atl_text *out, const char *text);
/* Three digits, thin spaces between thousands, "–" for what is not finite. */
void atl_put_figure(atl_text *out, double value);
void atl_put_figure_unit(atl_text *out, double value, const char *unit); /* "12.3 GB/s", "unavailable" */
/* The headline's sentences, without markup. */
void atl_report_put_headline(const report *r, atl_text *out);    /* "Run 6 workers × 1 thread." */
void atl_report_put_gain(const report_series *s, atl_text *out); /* "4.1 times what one worker paints …" */
void atl_report_put_certainty(const report_series *s, atl_text *out); /* "6; 5 to 7 in 93 % of …" */
/* "with the probe the workers paint 97.6 % of what they paint without (1 window without it)…"; nothing where
 * it is not known. */
void atl_report_put_probe_cost(const report_series *s, atl_text *out);
const char *atl_report_why_unsure(const report_series *s); /* where resampling says nothing */
bool atl_report_has_intervals(const report_series *s);     /* whether any of its rates has one */
/* "The gain bends at 32: from there on, with 89 % of the most, each further one brings under 8 % of …" */
void atl_report_put_knee(const report_series *s, atl_text *out);
void atl_report_put_series_name(const report_series *s,
                                atl_text *out);                 /* "bf16, 1 thread a worker, scatter" */
void atl_report_put_law(const atl_law_fit *fit, atl_text *out); /* its parameters */

/* Of a series with a recommendation (at ≥ 0): why that number, what its neighbours would cost, and what the
 * study leaves open. */
void atl_report_put_reason(const report_series *s, atl_text *out);
void atl_report_put_regret(const report_series *s, atl_text *out);
void atl_report_put_gaps(const report *r, const report_series *s, atl_text *out);
/* Of a report without a recommendation: why there is none, and what was measured all the same. */
void atl_report_put_refusal(const report *r, atl_text *out);
/* The one with that many workers, or the last. */
const report_count *atl_report_count_of(const report_series *s, int workers);

/* Why the policies' pictures are not held against fp32's; nothing where they are, or where there is fp32
 * alone. */
void atl_report_put_quality_gap(const report *r, atl_text *out);

/* ---- forms ---- */
void atl_report_put_json(const report *r, atl_text *out);
/* "Where this comes from", for reports of comparisons too; `windows` is what the record's lines are called.
 */
void atl_report_put_source_markdown(const atl_study *study, const char *windows, atl_text *out);
void atl_report_put_csv(const report *r, atl_text *out);
void atl_report_put_markdown(const report *r, atl_text *out);
/* evidence.csv: a row for each series, worker count and finding, with the reason of those that are not there.
 */
void atl_report_put_evidence_csv(const report *r, atl_text *out);
void atl_report_put_evidence_markdown(const report_series *s, atl_text *out);
void atl_report_put_text(const report *r, atl_text *out);
/* `dir_fd`: where jobs.jsonl may lie. */
void atl_report_put_html(const report *r, int dir_fd, atl_text *out);

#endif
