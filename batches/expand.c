/* expand.c - see expand.h. */
#include "expand.h"

#include <stdlib.h>
#include <string.h>

#define NEGATIVE_SALT 0x6e65676174697665u /* "negative": its draws are not the prompt's */

atl_status atl_expansion_init(atl_wildcards *wildcards, const atl_job *job, bool literal, bool all,
                              uint64_t most, atl_expansion *ret, atl_note *note)
{
    atl_expansion made = {.n_variants = 1, .n_negative = 1, .all = all};
    atl_status st = ATL_OK;
    if (!literal && atl_template_is_needed(job->prompt))
        st = atl_template_parse(wildcards, job->prompt, &made.prompt, note);
    if (st == ATL_OK && !literal && atl_template_is_needed(job->negative_prompt)) {
        st = atl_template_parse(wildcards, job->negative_prompt, &made.negative, note);
        if (st != ATL_OK)
            atl_note_prefix(note, "negative_prompt");
    }
    if (st == ATL_OK && all) {
        const uint64_t n = made.prompt ? atl_template_count(made.prompt) : 1;
        made.n_negative = made.negative ? atl_template_count(made.negative) : 1;
        if (__builtin_mul_overflow(n, made.n_negative, &made.n_variants) || made.n_variants > most)
            st = atl_fail(note, ATL_BAD_INPUT,
                          "found a prompt of over %llu variants; wanted fewer, or no --combinatorial",
                          (unsigned long long)most);
    }
    if (st == ATL_OK)
        *ret = made;
    else
        atl_expansion_done(&made);
    return st;
}

void atl_expansion_done(atl_expansion *expansion)
{
    atl_template_close(&expansion->prompt);
    atl_template_close(&expansion->negative);
    *expansion = (atl_expansion){0};
}

static atl_status expand(atl_template *tree, bool all, uint64_t i, uint64_t seed, char **slot, atl_note *note)
{
    if (!tree)
        return ATL_OK;
    atl_text text = {0};
    atl_text_puts(&text, "");
    atl_status st = all ? atl_template_nth(tree, i, &text, note) : atl_template_draw(tree, seed, &text, note);
    if (st == ATL_OK && text.failed)
        st = atl_fail(note, ATL_NO_MEMORY, "no memory for a prompt");
    if (st != ATL_OK) {
        atl_text_done(&text);
        return st;
    }
    free(*slot);
    *slot = text.data;
    return ATL_OK;
}

atl_status atl_expansion_make(const atl_expansion *e, uint64_t i, atl_job *job, atl_note *note)
{
    const atl_status st = expand(e->prompt, e->all, i / e->n_negative, job->seed, &job->prompt, note);
    if (st != ATL_OK)
        return st;
    return expand(e->negative, e->all, i % e->n_negative, job->seed ^ NEGATIVE_SALT, &job->negative_prompt,
                  note);
}
