/* report_charts_private.h - the charts of a study's report. Each is drawn for wide and for narrow screens;
 * those that have nothing to show say so by `false` from their `has_` function. */
#ifndef ATL_RESULTS_REPORT_CHARTS_PRIVATE_H
#define ATL_RESULTS_REPORT_CHARTS_PRIVATE_H

#include "report_private.h"

typedef void (*draw_fn)(const report *r, const void *what, bool narrow, atl_text *out);

/* All series in one; `what` is NULL. report_charts.c: against the worker count … */
void atl_report_draw_throughput(const report *r, const void *what, bool narrow, atl_text *out);
/* Whether the law goes on where nothing was measured, and from where to where. */
bool atl_report_beyond(const report *r, double *ret_from, double *ret_to);
void atl_report_draw_efficiency(const report *r, const void *what, bool narrow, atl_text *out);
/* … report_charts_memory.c … */
void atl_report_draw_memory(const report *r, const void *what, bool narrow, atl_text *out);
void atl_report_draw_probe_bandwidth(const report *r, const void *what, bool narrow, atl_text *out);
void atl_report_draw_probe_latency(const report *r, const void *what, bool narrow, atl_text *out);
void atl_report_draw_sensitivity(const report *r, const void *what, bool narrow, atl_text *out);
/* … report_charts_choices.c: against cores, and against quality. */
void atl_report_draw_factorings(const report *r, const void *what, bool narrow,
                                atl_text *out); /* at equal cores */
void atl_report_draw_quality(const report *r, const void *what, bool narrow, atl_text *out);
bool atl_report_has_memory(const report *r);
bool atl_report_has_probe(const report *r);
bool atl_report_has_sensitivity(const report *r);
bool atl_report_has_factorings(const report *r);
bool atl_report_has_quality(const report *r);

/* report_stages.c: one series each; `what` is its report_series. */
void atl_report_draw_latency(const report *r, const void *what, bool narrow, atl_text *out);
void atl_report_draw_stages(const report *r, const void *what, bool narrow, atl_text *out);
void atl_report_draw_heat_wall(const report *r, const void *what, bool narrow, atl_text *out);
void atl_report_draw_heat_cpu(const report *r, const void *what, bool narrow, atl_text *out);

/* report_placement.c: one series each. `has_`: false where the record does not say who sat where. */
bool atl_report_has_placement(const report *r, const report_series *s);
bool atl_report_placement_is_planned(const report *r, const report_series *s); /* not read from the workers */
void atl_report_draw_placement(const report *r, const void *what, bool narrow, atl_text *out);

/* report_timeline.c: the best series' last good window at the recommended count, and all windows. */
typedef struct report_jobs report_jobs;
/* Reads jobs.jsonl; NULL where there is none of use. */
report_jobs *atl_report_jobs_read(const report *r, int dir_fd);
void atl_report_jobs_free(report_jobs *jobs);
int atl_report_jobs_window(const report_jobs *jobs); /* its sequence */
void atl_report_draw_timeline(const report *r, const void *jobs, bool narrow, atl_text *out);
void atl_report_draw_strip(const report *r, const void *what, bool narrow, atl_text *out);

#endif
