/* batch.h - a batch before it runs: prompt files, the variants that they expand to, sweeps, repeats.
 *
 * A reader streams: ten million lines cost no more memory than ten. Checking reads everything once and starts
 * nothing; running reads it again (what cannot be read twice, a pipe, is spooled to an unlinked temporary
 * file). Every error names file, line and column, what was found and what was wanted. Formats:
 * docs/FORMATS.md. Each batch is used from one thread. */
#ifndef ATL_BATCHES_BATCH_H
#define ATL_BATCHES_BATCH_H

#include "base/status.h"
#include "base/text.h"
#include "schemas/job.h"

#define ATL_BATCH_MAX_LINE_BYTES   ((size_t)4 << 20) /* of a line, or of a record of a .csv */
#define ATL_BATCH_MAX_NAME_BYTES   200               /* of an id or a picture's name */
#define ATL_BATCH_MAX_VARIANTS     100000            /* of a line under `combinatorial`, unless said */
#define ATL_BATCH_MAX_REPEATS      1000000           /* n_iter × batch_size × repeat */
#define ATL_BATCH_MAX_MISTAKES     20                /* that are told; all are counted */
#define ATL_BATCH_DEFAULT_TEMPLATE "[index]-[seed]"

typedef enum atl_batch_format {
    ATL_BATCH_AUTO,
    ATL_BATCH_TXT,
    ATL_BATCH_JSONL,
    ATL_BATCH_CSV,
    ATL_BATCH_INFOTEXT
} atl_batch_format;

typedef void (*atl_batch_warning)(void *user, const char *sentence);
/* What only the caller knows about a job (is there such a sampler? does the model do such a size?). Anything
 * but ATL_OK becomes the batch's error, with the line before the note. */
typedef atl_status (*atl_batch_judge)(void *user, const atl_job *job, atl_note *note);

typedef struct atl_batch_options {
    const char *path; /* "-": standard input; the extension decides the format under AUTO */
    atl_batch_format format;
    bool lenient;              /* as AUTOMATIC1111 reads */
    const char *wildcards_dir; /* NULL: none; an unknown wildcard is an error */
    bool combinatorial;        /* all variants, instead of one drawn by the job's seed */
    uint64_t max_variants;     /* bound of the combinatorial expansion of a line: 0 means 100,000 */
    const char *const
        *sweeps; /* "steps=10-30(+5)", "cfg_scale=3,5,7", "prompt=red,blue" (search and replace) */
    size_t n_sweeps;
    uint32_t repeat;           /* each job that often, with seeds seed, seed+1, …; 0 means 1 */
    atl_job defaults;          /* borrowed: what a line does not say; strings may be NULL */
    uint64_t seed;             /* for lines that say none: the job's seed is this + its index (but all points
                                  of a sweep have the seeds of its first) */
    const char *name_template; /* NULL: "[index]-[seed]" */
    const char *model_name, *model_hash, *date; /* what those tokens say; NULL: "" */
    const char *spool_dir;                      /* for temporary files; NULL: $TMPDIR, or /tmp */
    atl_batch_warning warn;                     /* may be NULL; called in the first pass only */
    atl_batch_warning mistake;                  /* may be NULL: then the check ends at the first */
    atl_batch_judge judge;                      /* may be NULL */
    void *user;                                 /* of the three */
} atl_batch_options;

typedef struct atl_batch atl_batch;

/* Copies the options. Errors: ATL_USAGE (a sweep, template or format that cannot be), ATL_NOT_FOUND, ATL_IO,
 * ATL_NO_MEMORY. */
atl_status atl_batch_open(const atl_batch_options *options, atl_batch **ret_batch, atl_note *note);
void atl_batch_close(atl_batch **batch);

/* The next job in *ret (atl_job_done it), or *ret_end = true. The first call checks the whole batch if
 * atl_batch_check was not called before. After an error the batch stays at it: the same error again, until
 * it is rewound. */
atl_status atl_batch_next(atl_batch *batch, atl_job *ret_job, bool *ret_end, atl_note *note);
atl_status atl_batch_rewind(atl_batch *batch, atl_note *note);

/* Goes through all: how many jobs there are, and the SHA-256 over their ids (what a resumed run compares).
 * Where several lines have mistakes, `mistake` is told the first ATL_BATCH_MAX_MISTAKES of them, and the note
 * says how many there are; a single one is the note. Rewinds. Errors: ATL_BAD_INPUT, ATL_UNSUPPORTED,
 * ATL_NOT_FOUND, ATL_IO, ATL_NO_MEMORY. */
atl_status atl_batch_check(atl_batch *batch, uint64_t *ret_n_jobs, uint8_t ret_digest[32], atl_note *note);

/* Appends the job as one line of a .jsonl prompt file, with its newline: read back with the same defaults, it
 * gives the same id and name. Running out of memory shows in `out->failed`. */
void atl_batch_write_line(const atl_job *job, atl_text *out);

#endif
