/* compare_private.h - the figures of a comparison, worked out once for every form of its report. */
#ifndef ATL_RESULTS_COMPARE_PRIVATE_H
#define ATL_RESULTS_COMPARE_PRIVATE_H

#include "base/text.h"
#include "results/compare.h"
#include "results/paired.h"

enum { COMPARE_MAX_SETUPS = 64, COMPARE_MAX_WARNINGS = ATL_STUDY_MAX_WARNINGS + 64 };

/* How much faster b is than a over the rounds that have both. NAN: no round has. */
typedef struct compare_gain {
    double ratio, low, high, p_value;
    int n;             /* rounds */
    double confidence; /* that low to high really has: under 95 % with fewer than six rounds */
} compare_gain;

/* One W workers × T threads: medians over its valid windows. */
typedef struct compare_setup {
    int workers, threads, n_windows, n_flawed;
    int last_window;                     /* the sequence of the last valid one, −1 */
    double rate, seconds;                /* images an hour; of the whole batch */
    compare_gain over_one, over_threads; /* over 1 × 1; over one worker with all threads */
    compare_gain best_over;              /* how much faster the fastest setup is */
    double efficiency;                   /* of over_one, by cores used */
    double wall_ms[ATL_N_STAGES], cpu_ms[ATL_N_STAGES];
    double job_ms[3]; /* p50, p90, p99 */
    double cpu_share, pss_mb, energy_j;
    double cpus_busy, memory_mb, read_mb,
        written_mb; /* of the samples: means, the largest, and sums a batch */
} compare_setup;

typedef struct compare_policy {
    char policy[16];
    int n_setups;
    compare_setup setup[COMPARE_MAX_SETUPS]; /* by cores, then by threads */
    int one, threads, best; /* 1 × 1; one worker with most threads; the fastest. −1: none */
} compare_policy;

typedef struct comparison {
    const atl_study *study;
    int n_policies;
    compare_policy policy[ATL_STUDY_MAX_POLICIES];
    int best;                    /* the policy of the fastest setup; −1 */
    atl_compare_sample *samples; /* owned */
    size_t n_samples;
    int n_warnings;
    char warning[COMPARE_MAX_WARNINGS][256];
} comparison;

/* `dir_fd` −1: without samples. The result is owned; Errors: ATL_NO_MEMORY, ATL_BAD_INPUT (samples.jsonl). */
atl_status atl_comparison_work_out(int dir_fd, const atl_study *study, comparison **ret, atl_note *note);
void atl_comparison_free(comparison *c);

/* ---- between the files that work it out ---- */
bool atl_compare_counts(const atl_study_window *w); /* whether a batch is used */
/* Whether it is one of that setup's. */
bool atl_compare_of_setup(const compare_policy *p, const compare_setup *s, const atl_study_window *w);
int atl_compare_rounds(const atl_study *study); /* that were begun */
void atl_compare_collect_warnings(comparison *c);

/* Errors: ATL_BAD_INPUT, ATL_IO, ATL_NO_MEMORY. No file is no samples. */
atl_status atl_compare_read_samples(int dir_fd, atl_compare_sample **ret, size_t *ret_n, atl_note *note);
void atl_compare_put_sample(const atl_compare_sample *sample, atl_text *out);

/* The first sample of the setup's last valid batch: earlier ones of that window are of attempts that were
 * flawed. n_samples: there is none. */
size_t atl_compare_first_sample(const comparison *c, const compare_setup *s);

/* Why no batch of a policy has a figure of energy, in the system's words. */
const char *atl_compare_why_no_energy(const comparison *c, const compare_policy *p);

/* "8 workers × 1 thread" */
void atl_compare_put_setup(const compare_setup *s, atl_text *out);
/* How many pictures the batch has; 0: no batch was painted, or not all had as many. */
int atl_compare_batch(const comparison *c);
/* In whole %: what its interval really has, 95 or less. */
int atl_compare_percent_sure(const compare_gain *gain);
/* The least of all intervals of a policy; 0: there is none. */
int atl_compare_least_sure(const compare_policy *p);
/* Time of a stage in b over that in a; NAN: too short to compare, or text_encode, whose mean mixes prompts
 * that were encoded with prompts that a worker had encoded before. */
double atl_compare_stage_times(const double a[ATL_N_STAGES], const double b[ATL_N_STAGES], int stage);
/* "6.42 times as fast (6.31 to 6.55, p = 0.031, 6 rounds)" */
void atl_compare_put_gain(const compare_gain *gain, atl_text *out);
/* What is to be said below the tables of setups (where there are intervals) and of stages. */
extern const char atl_compare_of_intervals[], atl_compare_of_stages[];
void atl_compare_put_headline(const comparison *c, atl_text *out);

void atl_compare_put_html(const comparison *c, atl_text *out);
void atl_compare_put_markdown(const comparison *c, atl_text *out);
void atl_compare_put_csv(const comparison *c, atl_text *out);
void atl_compare_put_json(const comparison *c, atl_text *out);

#endif
