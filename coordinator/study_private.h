/* study_private.h - what the parts of a study share: study.c (the order of things), study_rounds.c (what is
 * measured when), study_turns.c (what comparisons share with it), study_pool.c (one pool of workers that is
 * always fed), study_window.c (one window on it).
 */
#ifndef ATL_COORDINATOR_STUDY_PRIVATE_H
#define ATL_COORDINATOR_STUDY_PRIVATE_H

#include "coordinator/study.h"
#include "machine.h"
#include "study_measure.h"
#include "study_plan.h"
#include "study_seats.h"

/* What was painted of a prompt under a policy: every later picture must be the same. */
typedef struct atl_study_pixels {
    uint8_t digest[32];
    bool known;
} atl_study_pixels;

enum { ATL_STUDY_BUILD = 3 };
enum { ATL_STUDY_MAX_ATTEMPTS = 3 }; /* at a window that is flawed again and again */

/* Workers of one series, kept painting. */
typedef struct atl_study_pool {
    atl_executor *executor; /* NULL: closed */
    const atl_study_series *series;
    int n_workers; /* processes */
    int limit;     /* that get jobs */
    atl_study_seats *seats;
    uint64_t next_index;
    atl_future **flight;    /* [2 · n_workers] of which in_flight are in use */
    size_t in_flight, left; /* left: how many more may be submitted */
    int64_t switch_ns;      /* when the limit was set */
    uint64_t lost;          /* leases, when the limit was set */
    atl_study_sample *samples;
    char **rows; /* [n_samples] the same pictures as JSON, for the raw record */
    size_t n_samples, capacity;
} atl_study_pool;

typedef struct atl_studier {
    const atl_study_options *options;
    atl_machine *machine;
    int dir_fd;
    atl_study study; /* what the directory holds, and what is added */
    atl_study_series series[ATL_STUDY_MAX_SERIES];
    int n_series;
    atl_study_pixels *pixels[ATL_STUDY_MAX_POLICIES];  /* [n_jobs] each */
    atl_weights_file *weights[ATL_STUDY_MAX_POLICIES]; /* one copy for all pools of a policy */
    atl_study_pool pool;
    char *build[ATL_STUDY_BUILD]; /* owned; this program's commit, compiler and flags, until it adds to a
                                     record that was there */
    const atl_study_series *told; /* the last series with which the head was written; NULL: none */
    int64_t begun_ns, rehearsed_ns;
    int n_timed;                        /* windows of this session */
    double job_s[ATL_STUDY_MAX_SERIES]; /* of a picture by one worker, from the rehearsal */
    atl_study_view view;
} atl_studier;

/* ---- study_pool.c ---- */
/* Opens the pool of that series, unless it is open, and paints until every worker's steps have settled.
 * Errors: what keeps workers from starting, ATL_CANCELLED, ATL_BAD_INPUT (other pixels). */
atl_status atl_study_pool_use(atl_studier *s, const atl_study_series *series, atl_note *note);
void atl_study_pool_close(atl_studier *s);
/* From now on workers 0 … n − 1 paint. Forgets the samples of before. */
void atl_study_pool_limit(atl_studier *s, int n);
/* Lets what is in flight end, and submits nothing more until `left` is set. Errors: as above. */
atl_status atl_study_pool_quieten(atl_studier *s, atl_note *note);
/* Keeps the pool fed and takes in what ended, for up to `timeout_ms`. Errors: as above. */
atl_status atl_study_pool_turn(atl_studier *s, int timeout_ms, atl_note *note);

/* ---- study_record.c ---- */
/* Opens the directory, locked; reads the record there, or begins one. Errors: ATL_USAGE (another study, or
 * one at work), ATL_IO, ATL_BAD_INPUT. */
atl_status atl_study_record_open(atl_studier *s, atl_note *note);
atl_status atl_study_record_window(atl_studier *s, const atl_study_window *window, atl_note *note);
/* Appends the pictures about the window that was measured last to the raw record. Errors: ATL_IO,
 * ATL_NO_MEMORY. */
atl_status atl_study_record_raw(const atl_studier *s, int sequence, atl_note *note);
/* How often that window was measured; true if it need not be again. */
bool atl_study_record_has(const atl_studier *s, int sequence, int *ret_attempts);
/* The study as it stands, borrowed. */
atl_study atl_study_record_view(const atl_studier *s);

/* ---- study_turns.c ---- */
/* Runs each series once, in an order that the seed and the round say; the first that fails ends it. */
typedef atl_status (*atl_study_series_fn)(atl_studier *s, int series, int round, void *user, atl_note *note);
atl_status atl_study_each_series(atl_studier *s, int round, atl_study_series_fn run, void *user,
                                 atl_note *note);

/* Measures once, on the pool of the turn's series; `ret` need not hold round, sequence and attempt. */
typedef atl_status (*atl_study_measure_fn)(atl_studier *s, const atl_study_config *config, int sequence,
                                           atl_study_window *ret, atl_note *note);
typedef struct atl_study_turn {
    const char *word; /* "window", "batch" */
    atl_study_measure_fn run;
    const atl_study_series *series;
    atl_study_config config;
    int round, sequence;
} atl_study_turn;
/* Measures and records it, unless the record has it; what is flawed is measured again at once, a few times.
 * view.config points into `turn` afterwards. Errors: those of `run`, of the pool and of the record. */
atl_status atl_study_take_turn(atl_studier *s, const atl_study_turn *turn, atl_note *note);

/* ---- study_rounds.c ---- */
/* Rehearses, says how long it will take, and measures all windows that the record lacks. Errors: as above. */
atl_status atl_study_run_rounds(atl_studier *s, atl_note *note);

/* ---- study.c, for studies of other kinds ---- */
/* A studier with machine, head, weights and record; series are the caller's. NULL-safe to close. */
atl_status atl_studier_open(const atl_study_options *options, atl_studier **ret, atl_note *note);
atl_status atl_studier_begin(atl_studier *s, atl_note *note); /* opens the record, once there are series */
void atl_studier_close(atl_studier **s);
/* Puts a warning into the head, once, and says it. */
atl_status atl_study_warn(atl_studier *s, atl_note *note, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- study_window.c ---- */
/* Measures one window on the open pool (an atl_study_measure_fn). Errors: as above. */
atl_status atl_study_window_run(atl_studier *s, const atl_study_config *config, int sequence,
                                atl_study_window *ret, atl_note *note);

/* Which of the options' policies a window or a series has. */
size_t atl_study_policy_index(const atl_studier *s, const char *policy);
/* Memory of all processes, and of a worker that paints without the shared weights, into `ret`. */
void atl_study_weigh(const atl_studier *s, atl_study_window *ret);
/* Begins to watch the workers that paint. Errors: ATL_NO_MEMORY. */
struct atl_evidence_watch;
atl_status atl_study_watch_evidence(const atl_studier *s, struct atl_evidence_watch **ret, atl_note *note);
/* What disturbed the window goes into its flaws: its figures, and workers that were lost. */
void atl_study_judge_window(const atl_studier *s, atl_study_window *window);

bool atl_study_stopped(const atl_studier *s);
void atl_study_watch(atl_studier *s, atl_study_phase phase);
void atl_study_say(const atl_studier *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
