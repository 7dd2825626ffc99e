/* batch_private.h - a batch as its three files share it: batch.c opens it and answers, batch_jobs.c turns
 * lines into jobs, batch_check.c goes through all of them. Private to the room. */
#ifndef ATL_BATCHES_BATCH_PRIVATE_H
#define ATL_BATCHES_BATCH_PRIVATE_H

#include "batches/batch.h"
#include "claims.h"
#include "expand.h"
#include "init_image.h"
#include "mistakes.h"
#include "naming.h"
#include "reader.h"
#include "sweep.h"

typedef enum atl_stage {
    ATL_STAGE_FRESH,  /* nothing was read yet */
    ATL_STAGE_RAW,    /* the first pass: `repeat` and names as the lines have them */
    ATL_STAGE_SETTLED /* claims are known */
} atl_stage;

struct atl_batch {
    char *path, *wildcards_dir, *spool_dir, *texts[4]; /* the naming's */
    atl_job defaults;
    bool combinatorial;
    uint64_t max_variants, seed;
    uint32_t repeat;
    atl_batch_judge judge;
    void *user;

    atl_reader reader;
    atl_sweeps sweeps;
    atl_wildcards *wildcards;
    atl_naming naming;
    bool names_are_unique; /* by the template; a line's own id or name is seen to besides */
    atl_init_images images;

    atl_stage stage;
    uint64_t index; /* of the next job */
    bool has_line;
    atl_draft draft, point;    /* the line, and the line at a point of the sweeps */
    atl_expansion expansion;   /* of the point's prompts */
    uint64_t first_index, nth; /* of the line's first job; jobs of the line so far */
    uint64_t at_point, at_variant, at_repeat, n_repeats;

    atl_claims ids, names;
    atl_mistakes mistakes; /* of the check */
    uint64_t n_jobs;
    uint8_t digest[32];
    atl_status status; /* sticky */
    atl_note note;
};

/* The job at which this pass stands, settled as far as the stage allows; *ret_end = true after the last.
 * Errors of all: as atl_batch_next's. */
atl_status atl_batch_job(atl_batch *batch, atl_job *ret, bool *ret_end, atl_note *note);
/* To the job after it. */
atl_status atl_batch_advance(atl_batch *batch, atl_note *note);
void atl_batch_end_line(atl_batch *batch); /* gives up the line; accepts that there is none */
bool atl_batch_has_own_name(const atl_batch *batch);
/* 64 bits of the SHA-256. */
uint64_t atl_batch_key(const void *bytes, size_t n);

/* To the first job again, in the stage that it has. */
atl_status atl_batch_rewind_pass(atl_batch *batch, atl_note *note);
/* Reads everything; afterwards the batch is settled and stands at its first job. */
atl_status atl_batch_check_all(atl_batch *batch, atl_note *note);

#endif
