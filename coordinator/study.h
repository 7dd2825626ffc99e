/* study.h - many runs that differ in worker count: how many workers should this machine run, and why.
 *
 * A study is rounds of windows. In a window N pinned workers paint one picture after another, all of equal
 * cost; it opens when the last of them has begun and closes while all still paint, so that what is counted
 * was painted beside exactly N − 1 neighbours. Windows follow each other in random order, with the smallest N
 * at the beginning and the end of each round; those that something else disturbed are marked and repeated.
 * Each is recorded as it ends (results/study.h): the same call goes on where a study was broken off. */
#ifndef ATL_COORDINATOR_STUDY_H
#define ATL_COORDINATOR_STUDY_H

#include "coordinator/executor.h"
#include "results/study.h"

enum { ATL_STUDY_MAX_THREAD_COUNTS = 16, ATL_STUDY_MAX_WORKER_COUNTS = 128 };

typedef enum atl_study_phase {
    ATL_STUDY_STARTING,  /* workers load */
    ATL_STUDY_WARMING,   /* their first pictures */
    ATL_STUDY_SETTLING,  /* until all workers of the window have begun, and no others paint */
    ATL_STUDY_MEASURING, /* the window is open */
} atl_study_phase;

/* How far a study is; borrowed for the call. */
typedef struct atl_study_view {
    atl_study_phase phase;
    int n_windows, n_measured; /* planned, repetitions left out; measured in all sessions */
    const char *word;          /* what `config` is measured in: "window", of a comparison "batch" */
    const atl_study_config *config;
    double elapsed_s, eta_s;     /* NAN: not known yet */
    double last_images_per_hour; /* of the window before; NAN */
} atl_study_view;

typedef struct atl_study_options {
    const char *dir;               /* made if it is not there */
    atl_executor_options executor; /* model, variant, tokenizer_dir, cpus, bind, worker_program count */
    const atl_job *jobs;           /* settled, of one size and number of steps; painted round and round */
    size_t n_jobs;
    const char *policies[ATL_STUDY_MAX_POLICIES];
    size_t n_policies;
    int threads[ATL_STUDY_MAX_THREAD_COUNTS];
    size_t n_threads;
    atl_order orders[2];
    size_t n_orders;
    int workers[ATL_STUDY_MAX_WORKER_COUNTS]; /* ascending; with several thread counts, those that have no
                                                 cores of their own for that many threads are left out */
    size_t n_workers;                         /* 0: a grid up to what the machine has cores for */
    int rounds;
    double window_s;    /* the least length of a window */
    int least_pictures; /* that each worker finishes in it; 0: 2 */
    double minutes;     /* as many rounds as fit; 0: as many as `rounds` says */
    uint64_t seed;      /* of the order */
    bool probe, corunners;
    atl_study_head *head; /* what is known of program, machine, model; sizes, rounds and warnings are added */
    /* Each may be NULL. */
    /* Called once for a new study, when its plan was found good: adds to the head what takes time to measure.
     * A study that is taken up again has it from its record. */
    atl_status (*prepare)(void *user, atl_note *note);
    /* Called when all was measured, before the report is written: adds to the head what the pictures say. */
    atl_status (*conclude)(void *user, atl_note *note);
    int (*stops)(void *user); /* > 0: end after what is being painted; the study can be taken up again */
    void (*say)(void *user, const char *sentence);
    void (*watch)(void *user, const atl_study_view *view); /* several times a second */
    /* Each picture that was painted, of jobs[job]. */
    void (*picture)(void *user, const char *policy, size_t job, const uint8_t *png, size_t n_bytes);
    void *user;
} atl_study_options;

/* Measures, records, and writes the report. Called from one thread, which gets every callback. Errors:
 * ATL_USAGE (a plan of which no honest figure can come; the directory holds another study), ATL_CANCELLED
 * (stopped), ATL_BAD_INPUT (pixels that depend on the worker count: the note says which), ATL_IO,
 * ATL_NO_MEMORY, what kept workers from starting. */
atl_status atl_study_run(const atl_study_options *options, atl_note *note);

/* For a record from before where workers sat was kept: fills in the head's cores and seatings by planning
 * anew on the machine's topology, `planned`. A record that has them, or of a machine that was narrowed down,
 * stays as it is. Errors: as atl_machine_load and atl_plan_for. */
atl_status atl_study_plan_seats(const char *machine_xml, atl_study *study, atl_note *note);

#endif
