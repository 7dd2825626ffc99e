/* grammar.h - what weights and switches have in common; private to text/. */
#ifndef ATL_TEXT_GRAMMAR_H
#define ATL_TEXT_GRAMMAR_H

#include "text/prompt.h"

/* UTF-8 of at most ATL_MAX_PROMPT_BYTES: what every parser here begins with. Errors:
 * ATL_BAD_INPUT. */
atl_status atl_prompt_check_bytes(const char *prompt, size_t n_bytes, atl_note *note);

/* How many bytes of white space text[n] begins with, in the grammar's sense: that of the tokenizer, and
 * U+001C to U+001F. */
size_t atl_grammar_spaces(const char *text, size_t n);

#endif
