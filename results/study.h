/* study.h - the record of a study: a plan and provenance (study.json), and one line for each window that was
 * measured (windows.jsonl), appended and synced as it comes, so that a study resumes.
 *
 * A study is many runs that differ in worker count (threads, order, policy); a window is one of them, watched
 * from the last worker's start to the first one's finish. What could not be had is NAN here, null in JSON,
 * and has a reason among the evidence. */
#ifndef ATL_RESULTS_STUDY_H
#define ATL_RESULTS_STUDY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "base/text.h"
#include "results/row.h"

#define ATL_STUDY_JSON_NAME    "study.json"
#define ATL_STUDY_WINDOWS_NAME "windows.jsonl"
#define ATL_STUDY_MACHINE_NAME "machine.xml" /* hwloc's, of the machine */
#define ATL_STUDY_JOBS_NAME    "jobs.jsonl"  /* row.h's lines with "window": the raw data */

/* What a window varies. */
typedef struct atl_study_config {
    char policy[16], order[12]; /* "bf16"; "scatter", "compact" */
    int workers, threads;
    int corunners; /* processes that stream through memory beside the workers; 0 */
    bool probe;    /* the memory probe runs beside them */
} atl_study_config;

/* One measured quantity of a window. */
typedef struct atl_evidence {
    char name[40]; /* "llc_misses", "psi_memory_some", "nr_throttled" */
    char unit[16]; /* "1/s", "J/image", "%" */
    double value;  /* NAN: unavailable */
    char why[128]; /* why it is: "perf_event_open: Permission denied (EACCES)" */
} atl_evidence;

enum {
    ATL_STUDY_MAX_EVIDENCE = 64,
    ATL_STUDY_MAX_WORKERS = 1024,
    ATL_STUDY_MAX_POLICIES = 8,
    ATL_STUDY_MAX_WARNINGS = 64,
    ATL_STUDY_MAX_WINDOWS = 65536,
    ATL_STUDY_MAX_SEATINGS = 64,
};

typedef struct atl_study_window {
    atl_study_config config;
    int sequence; /* from 0, over the whole study */
    int round;    /* from 0; −1: warm-up, counts for nothing */
    int attempt;  /* from 1: a flawed window is repeated */
    bool valid;
    char flaws[256];          /* "" or sentences: "CPU time is 93 % of wall time (97 % wanted)" */
    double begun_s, length_s; /* since the study's begin; of the steady window */
    int64_t begun_ns;         /* CLOCK_MONOTONIC, as the jobs have it; 0: not known */
    double images;            /* finished in it; parts of those that it cut count by time */
    double images_per_hour;
    int n_jobs;                   /* that lie at least half inside */
    atl_span stage[ATL_N_STAGES]; /* mean a job, ns */
    atl_span unet_step;           /* mean a step, ns */
    double job_ms_p50, job_ms_p90, job_ms_p99;
    double cpu_share;             /* CPU time / wall time of the workers' compute threads: 1 is all of it */
    double pss_mb, worker_pss_mb; /* of all processes together, weights once; the mean of a worker's without
                                     the shared weights */
    int n_alive; /* workers that those processes are, with those that slept meanwhile; 0: as many as the
                    largest count of the series has */
    double probe_gbps, probe_ns; /* what the memory probe got: its bandwidth and its latency, medians */
    bool same_pixels;            /* every picture's digest was what the job's first one was */
    int n_evidence;
    atl_evidence evidence[ATL_STUDY_MAX_EVIDENCE];
} atl_study_window;

/* The machine's ceilings, measured in the same study. NAN: not measured. */
typedef struct atl_study_ceilings {
    double triad_gbps_one, triad_gbps_all; /* of one core, of all usable ones together */
    double latency_ns_idle;
    double gflops_one, gflops_all; /* of a matrix product, fed from L1 … */
    char product[16];              /* … of this policy: "bf16"; "": not measured */
} atl_study_ceilings;

/* What a policy's pictures are worth against fp32's. NAN: not known. */
typedef struct atl_study_quality {
    char policy[16];
    int n_pictures;
    double psnr_db, ssim;      /* means over the pictures; psnr_db is NAN where all are equal */
    double entropy_bits;       /* of its grey levels, mean; fp32's is there to compare */
    double largest_difference; /* of a channel's value, 0 … 255 */
} atl_study_quality;

/* Where the workers of every count sit: the first N of a series with N workers. */
typedef struct atl_study_seating {
    char order[12];
    int threads;
    bool planned; /* worked out from the topology: the record does not hold what was bound */
    char *cpus;   /* owned; worker by worker, a blank between: "0 4 8", "0-1 4-5"; "-": not bound */
} atl_study_seating;

typedef struct atl_study_head {
    char *command, *version, *commit, *compiler, *flags; /* owned; "" where not known */
    char *machine, *cpu_model, *kernel, *isa;
    char *model_name, *model_hash;
    char *prompts_sha256;
    char *networks; /* owned; those beside the model that the prompts ask for, with their files' hashes: "fur:
                       0123456789ab, light: …"; NULL: records from before do not say */
    char *plan;     /* what was to be measured, in words: a study that is taken up again has the same */
    char *started;  /* ISO 8601, local wall clock: for people alone */
    int n_cores, n_numa_nodes;
    double quota_cpus, memory_gb;
    char *cores; /* owned; those that could be used: hardware threads joined by ",", a blank between cores, "
                    | " between clusters: "0,4 1,5 | 2,6 3,7"; "" not known */
    int n_seatings;
    atl_study_seating seating[ATL_STUDY_MAX_SEATINGS];
    int width, height;
    int n_steps, n_unet_calls; /* of a picture: what was asked for, and what the sampler made of it; 0: not
                                  known */
    double guidance_scale;
    uint64_t seed; /* of the random order */
    int rounds;
    double window_s; /* the least length of a window */
    atl_study_ceilings ceilings;
    int n_quality; /* of the policies, on pictures of the study's prompts; 0: not compared */
    atl_study_quality quality[ATL_STUDY_MAX_POLICIES];
    int n_warnings;
    char **warnings; /* owned: what a reader must know before the figures */
} atl_study_head;

typedef struct atl_study {
    atl_study_head head;
    atl_study_window *windows; /* owned, in the order in which they were measured */
    size_t n_windows;
} atl_study;

void atl_study_head_done(atl_study_head *head);
/* Keeps where workers sit, in the place of a shorter list of the same threads and order. Errors:
 * ATL_NO_MEMORY, ATL_USAGE (no room for more). */
atl_status atl_study_head_seat(atl_study_head *head, const atl_study_seating *seating, atl_note *note);
/* "512 × 512 px, 20 steps"; of a study that was broken off before a picture came back, that it is not known.
 */
void atl_study_put_work(const atl_study_head *head, atl_text *out);
/* "20 steps", "2 steps (3 calls of the UNet)", "3 calls of the UNet". */
void atl_study_put_steps(const atl_study_head *head, atl_text *out);
void atl_study_done(atl_study *study);
/* Whether any window but a warm-up counts: without one no honest figure can come of the study. */
bool atl_study_has_valid(const atl_study *study);
bool atl_study_config_equal(const atl_study_config *a, const atl_study_config *b);

/* Reads a study's directory; no windows.jsonl yet is no windows. A torn last line is left out; any other bad
 * line is an error with its number. Keys that are not known are passed over. Errors: ATL_NOT_FOUND (no
 * study.json), ATL_BAD_INPUT, ATL_IO, ATL_NO_MEMORY. */
atl_status atl_study_read(int dir_fd, atl_study *ret, atl_note *note);
/* Writes study.json anew (beside, synced, renamed). Errors: ATL_IO, ATL_NO_MEMORY. */
atl_status atl_study_write_head(int dir_fd, const atl_study_head *head, atl_note *note);
/* Appends one window and syncs; a torn last line is cut off before it, and on failure nothing of it stays.
 * Numbers that are not finite are written as null. Errors: ATL_IO, ATL_NO_MEMORY. */
atl_status atl_study_append(int dir_fd, const atl_study_window *window, atl_note *note);

/* ---- the report: report.html, report.md, report.csv, report.json, of one directory ---- */

/* What is said of one series (all windows of one policy × threads × order). Errors: as above. */
atl_status atl_study_report_write(int dir_fd, const atl_study *study, atl_note *note);
/* The recommendation in a few plain lines, for a terminal. */
void atl_study_put_text(const atl_study *study, atl_text *out);

#endif
