/* expand.h - the prompts that one line's prompts stand for: variants and wildcards (template.h), drawn by the
 * job's seed, or all of them. */
#ifndef ATL_BATCHES_EXPAND_H
#define ATL_BATCHES_EXPAND_H

#include "template.h"

typedef struct atl_expansion {
    atl_template *prompt, *negative; /* NULL: the text stands as it is */
    uint64_t n_variants;             /* 1 unless all are wanted */
    uint64_t n_negative;             /* of them, variants of the negative prompt for each of the prompt */
    bool all;
} atl_expansion;

/* `job` is borrowed for the call. Errors: ATL_BAD_INPUT (a text that breaks the grammar; more variants than
 * `most`), ATL_NOT_FOUND (a wildcard), ATL_NO_MEMORY. */
atl_status atl_expansion_init(atl_wildcards *wildcards, const atl_job *job, bool literal, bool all,
                              uint64_t most, atl_expansion *ret, atl_note *note);
void atl_expansion_done(atl_expansion *expansion);

/* Puts variant `i` of the texts (or, unless all are wanted, the one that the job's seed draws) in their
 * place. Errors: as atl_template_nth's. */
atl_status atl_expansion_make(const atl_expansion *expansion, uint64_t i, atl_job *job, atl_note *note);

#endif
