/* naming.h - the name of a picture from a template such as "[index]-[seed]".
 *
 * Names are settled before a run starts. What goes into one is made harmless: separators and control
 * characters become "_", and 200 bytes are the most. */
#ifndef ATL_BATCHES_NAMING_H
#define ATL_BATCHES_NAMING_H

#include "base/text.h"
#include "draft.h"

#define ATL_INDEX_DIGITS 6 /* so that names sort; more where an index has more */

typedef struct atl_naming {
    const char *name_template; /* the rest is what its tokens say; none is NULL */
    const char *model_name, *model_hash, *date;
} atl_naming;

/* Errors: ATL_USAGE (an unknown token, a separator, a control character). */
atl_status atl_naming_check(const char *name_template, atl_note *note);
/* Whether the template alone gives every index a name of its own: it begins with [index], and what follows
 * cannot be read as another digit. */
bool atl_naming_is_unique(const char *name_template);

/* The name of a settled job (index and id filled in), in a new string; `draft` may have an id or name of its
 * own, and `nth` counts the pictures of that line from 0. With `add_index` the index is added in any case.
 * NULL: no memory. */
char *atl_naming_make(const atl_naming *naming, const atl_job *job, const atl_draft *draft, uint64_t nth,
                      bool add_index);

#endif
