/* compare.h - one core against many on a fixed batch: the record, and the one-page report of it.
 *
 * The record is a study's (study.h: study.json, windows.jsonl): a window is the whole batch painted once by
 * one W workers × T threads of one policy; its length is from the first picture's begin to the last one's
 * end, its images those of the batch. A round has every configuration once, in random order. Beside it stand
 * samples.jsonl (CPU, memory and disk over time) and, in the head's `quality`, each policy against fp32. */
#ifndef ATL_RESULTS_COMPARE_H
#define ATL_RESULTS_COMPARE_H

#include "results/study.h"

#define ATL_COMPARE_SAMPLES_NAME "samples.jsonl"

/* What the pool took at one moment; rates are over the time since the sample before. */
typedef struct atl_compare_sample {
    int window;                     /* its sequence */
    double at_s;                    /* since the window's first picture began */
    double cpus_busy;               /* CPU time of all processes of the pool / wall time */
    double memory_mb;               /* sum of PSS; NAN: unavailable */
    double read_mbps, written_mbps; /* of the coordinator and its workers, to storage; NAN: unavailable */
} atl_compare_sample;

/* Appends lines; not synced: the windows are the truth. Errors: ATL_IO, ATL_NO_MEMORY. */
atl_status atl_compare_append_samples(int dir_fd, const atl_compare_sample *samples, size_t n,
                                      atl_note *note);

/* Writes report.html, report.md, report.csv, report.json: speed-up and efficiency of each W × T against 1 × 1
 * with paired.h's test over rounds, the stages before and after, throughput, CPU and memory over time, disk,
 * energy, and the policies' quality. Errors: ATL_IO, ATL_NO_MEMORY, ATL_BAD_INPUT (samples.jsonl). */
atl_status atl_compare_report_write(int dir_fd, const atl_study *study, atl_note *note);
/* The same in a few plain lines, for a terminal. */
void atl_compare_put_text(const atl_study *study, atl_text *out);

#endif
