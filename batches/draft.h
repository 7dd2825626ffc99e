/* draft.h - what one line says, before variants, sweeps and repeats: a job with the defaults filled in.
 *
 * One table of fields serves flags, JSON keys, CSV columns and sweeps, so that a value is checked in the same
 * way wherever it was written. Notes name the field, not the place: the reader puts file, line and column
 * before them. */
#ifndef ATL_BATCHES_DRAFT_H
#define ATL_BATCHES_DRAFT_H

#include "batches/batch.h"

typedef enum atl_field_kind {
    ATL_FIELD_TEXT,
    ATL_FIELD_WHOLE,
    ATL_FIELD_REAL,
    ATL_FIELD_SEED,
    ATL_FIELD_BOOL, /* "true" or "false" */
    ATL_FIELD_RNG,
    ATL_FIELD_REFUSED, /* AUTOMATIC1111's that cannot be honoured, unless the value changes nothing */
} atl_field_kind;

typedef struct atl_field {
    const char *name; /* "cfg_scale" */
    atl_field_kind kind;
    size_t offset;       /* of the value in atl_draft */
    double least, most;  /* of a number */
    const char *neutral; /* REFUSED: values that ask for nothing, "0|-1" */
} atl_field;

typedef struct atl_draft {
    atl_job job;     /* index, id, name unused */
    char *id, *name; /* or NULL */
    bool has_prompt; /* by the line or the defaults */
    bool has_seed;
    bool literal;           /* braces and __ stand for themselves */
    bool own_init_image;    /* said by the line, not by the defaults: relative to the file */
    int n_iter, batch_size; /* both repeat */
    uint64_t line;
    size_t column; /* where the prompt begins, or the line */
} atl_draft;

/* One with the defaults of the batch; and a deep copy. Errors: ATL_NO_MEMORY. */
atl_status atl_draft_init(const atl_job *defaults, atl_draft *ret, atl_note *note);
void atl_draft_done(atl_draft *draft);
atl_status atl_draft_copy(const atl_draft *from, atl_draft *ret, atl_note *note);

/* NULL if there is no field of that name. */
const atl_field *atl_field_find(const char *name);
/* The nearest name that there is, or NULL. */
const char *atl_field_nearest(const char *name);

/* Errors: ATL_BAD_INPUT (what was found, what was wanted), ATL_UNSUPPORTED (a refused one), ATL_NO_MEMORY. */
atl_status atl_draft_set(atl_draft *draft, const atl_field *field, const char *value, atl_note *note);
/* "The model's default", whatever the options say: JSON's null. Errors: ATL_BAD_INPUT (a field without one),
 * ATL_NO_MEMORY. */
atl_status atl_draft_unset(atl_draft *draft, const atl_field *field, atl_note *note);

/* An id or a name of a picture: no separators, no "..", no control characters, not empty, 200 bytes at most.
 * Errors: ATL_BAD_INPUT. */
atl_status atl_name_check(const char *name, atl_note *note);

#endif
