/* template_tree.h - what a text with variants is parsed into; private to template*.c and wildcards.c.
 *
 * A sequence is parts one after another; a part is plain text, or a choice of `least` to `most` of some
 * branches, each of which is a sequence again. The branches of a wildcard are shared by all who name it. */
#ifndef ATL_BATCHES_TEMPLATE_TREE_H
#define ATL_BATCHES_TEMPLATE_TREE_H

#include "leaves.h"
#include "template.h"

typedef struct atl_branches atl_branches;
typedef struct atl_part atl_part;

typedef struct atl_sequence {
    atl_part *first;
    uint64_t count; /* of expansions; 0: not counted yet */
} atl_sequence;

typedef struct atl_branch {
    atl_sequence *sequence;
    double weight;
} atl_branch;

struct atl_branches {
    atl_branch *each;
    size_t n;
    bool is_even; /* all weights are 1 */
};

struct atl_part {
    const char *text; /* where there is no choice */
    size_t n_bytes;
    const atl_branches *branches; /* NULL: plain text */
    size_t least, most;           /* how many are taken; most ≤ branches->n */
    const char *joiner;
    bool is_wildcard; /* __name__ by itself */
    atl_part *next;
};

struct atl_template {
    atl_leaves arena;
    atl_sequence *root;
};

/* Into the arena, which outlives the tree. *ret_at: the byte that an error is about. */
atl_status atl_sequence_parse(atl_wildcards *wildcards, atl_leaves *arena, const char *text, size_t n_bytes,
                              atl_sequence **ret, size_t *ret_at, atl_note *note);

/* The branches of all files that the pattern fits. Errors: ATL_NOT_FOUND, ATL_BAD_INPUT (one that comes back
 * to itself; what the file holds), ATL_IO, ATL_NO_MEMORY. */
atl_status atl_wildcards_find(atl_wildcards *wildcards, const char *pattern, size_t n_bytes,
                              const atl_branches **ret, atl_note *note);

#endif
