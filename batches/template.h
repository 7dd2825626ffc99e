/* template.h - variants and wildcards in a prompt, in Dynamic Prompts' words.
 *
 *     {a|b}  {0.5::a|b}  {2$$a|b|c}  {2$$ and $$a|b}  {1-2$$a|b|c}  __name__  __dir/x*__
 *
 * Only braces and __name__ are looked at: the prompt grammar's own [a|b] stays as it is, also inside braces.
 * \{ \} and \__ stand for themselves, inside braces \| and \$ too; any other backslash is the prompt's. Used
 * from one thread. */
#ifndef ATL_BATCHES_TEMPLATE_H
#define ATL_BATCHES_TEMPLATE_H

#include "base/text.h"
#include "schemas/job.h"

#define ATL_TEMPLATE_MAX_DEPTH      32      /* of braces in braces, and of wildcards in wildcards */
#define ATL_TEMPLATE_MAX_VISITS     1000000 /* pieces that one expansion may be made of */
#define ATL_WILDCARD_MAX_FILE_BYTES ((size_t)16 << 20)
#define ATL_WILDCARD_MAX_FILES      10000 /* in the folder */

/* A folder of wildcard files: `colours.txt` is __colours__; one option a line, # begins a comment line. */
typedef struct atl_wildcards atl_wildcards;
typedef struct atl_template atl_template;

/* `dir` NULL: there are none, and to name one is an error. Errors: ATL_NOT_FOUND, ATL_IO, ATL_NO_MEMORY. */
atl_status atl_wildcards_open(const char *dir, atl_wildcards **ret, atl_note *note);
void atl_wildcards_close(atl_wildcards **wildcards);

/* Whether a text holds anything to expand or to unescape. */
bool atl_template_is_needed(const char *text);

/* Notes name the character of the text, or the wildcard's file and line. The template borrows from
 * `wildcards`. Errors: ATL_BAD_INPUT, ATL_NOT_FOUND (an unknown wildcard), ATL_IO, ATL_NO_MEMORY. */
atl_status atl_template_parse(atl_wildcards *wildcards, const char *text, atl_template **ret, atl_note *note);
void atl_template_close(atl_template **tree);

/* How many expansions there are (texts that come about twice count twice); UINT64_MAX where that overflows.
 */
uint64_t atl_template_count(atl_template *tree);
/* Appends expansion `i` of them, in an order that is always the same. Errors: ATL_BAD_INPUT (too long, too
 * many pieces), ATL_NO_MEMORY. */
atl_status atl_template_nth(atl_template *tree, uint64_t i, atl_text *out, atl_note *note);
/* Appends one drawn by SplitMix64 from `seed`. Errors: the same. */
atl_status atl_template_draw(atl_template *tree, uint64_t seed, atl_text *out, atl_note *note);

#endif
