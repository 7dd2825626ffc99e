/* vocab.h - vocab.json: which id each token has; needed only while a tokenizer is opened. */
#ifndef ATL_TEXT_VOCAB_H
#define ATL_TEXT_VOCAB_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef struct atl_vocab atl_vocab;

/* One object, token to id; every id in [0, 2^24), no id and no token twice. Errors: ATL_NOT_FOUND, ATL_IO,
 * ATL_BAD_INPUT (file, and line or token), ATL_NO_MEMORY. */
atl_status atl_vocab_open(const char *path, atl_vocab **ret, atl_note *note);
void atl_vocab_close(atl_vocab **vocab);

int32_t atl_vocab_id(const atl_vocab *vocab, const char *token); /* -1: there is none */
int atl_vocab_size(const atl_vocab *vocab);                      /* highest id + 1 */

#endif
