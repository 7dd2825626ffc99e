/* sweep.h - "--sweep cfg_scale=3,5,7": every job of a batch once for each value, and the product of several.
 *
 * Values are listed (`3,5,7`; in quotes where they hold a comma), or a range: `10-30` by ones, `10-30(+5)`,
 * `30-10(-5)`, `1-2(+0.25)`, `1-10[4]` for four values from one end to the other. `prompt` is search and
 * replace: its first value is looked for in the prompt and the negative prompt, and the others stand in its
 * place. The words are AUTOMATIC1111's X/Y/Z plot's. */
#ifndef ATL_BATCHES_SWEEP_H
#define ATL_BATCHES_SWEEP_H

#include "draft.h"

#define ATL_SWEEP_MAX_VALUES 10000   /* of one sweep */
#define ATL_SWEEP_MAX_POINTS 1000000 /* of the product */

typedef struct atl_sweep {
    const atl_field *field;
    bool replaces; /* `prompt` */
    char **values;
    size_t n;
} atl_sweep;

typedef struct atl_sweeps {
    atl_sweep *each;
    size_t n;
    uint64_t n_points; /* the product; 1 without any */
} atl_sweeps;

/* Values are tried out: one that its field does not take is an error now. Errors: ATL_USAGE, ATL_NO_MEMORY.
 */
atl_status atl_sweeps_parse(const char *const *texts, size_t n, atl_sweeps *ret, atl_note *note);
void atl_sweeps_done(atl_sweeps *sweeps);

/* Sets what point `i` of the product says; the last sweep changes fastest. Errors: ATL_BAD_INPUT (a text to
 * replace that is not there), ATL_NO_MEMORY. */
atl_status atl_sweeps_apply(const atl_sweeps *sweeps, uint64_t i, atl_draft *draft, atl_note *note);

#endif
