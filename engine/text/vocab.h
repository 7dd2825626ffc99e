/* vocab.h - which id each token has, and which tokens merge, as the files say it; needed only while a
 * tokenizer is opened.
 *
 * Two layouts hold the same: vocab.json with merges.txt, and transformers 5's tokenizer.json, which is all
 * that it writes. Of the latter only "model" is read: the rest is what CLIPTokenizer is by definition. */
#ifndef ATL_TEXT_VOCAB_H
#define ATL_TEXT_VOCAB_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef struct atl_vocab atl_vocab;

#define ATL_MAX_VOCAB_BYTES ((size_t)32 << 20) /* CLIP's vocab.json has 1.0 MB, its merges.txt 0.5 */

/* vocab.json: one object, token to id; every id in [0, 2^24), no id and no token twice. `name` is for
 * messages. Errors: ATL_BAD_INPUT (name, and line or token), ATL_NO_MEMORY. */
atl_status atl_vocab_open(const char *name, const char *data, size_t size, atl_vocab **ret, atl_note *note);
/* tokenizer.json: "model" has "vocab", as above, and "merges", pairs as "left right" or ["left", "right"].
 * Errors: the same. */
atl_status atl_vocab_open_joint(const char *name, const char *data, size_t size, atl_vocab **ret,
                                atl_note *note);
void atl_vocab_close(atl_vocab **vocab);

int32_t atl_vocab_id(const atl_vocab *vocab, const char *token); /* -1: there is none */
int atl_vocab_size(const atl_vocab *vocab);                      /* highest id + 1 */

/* The merges of a tokenizer.json; none for a vocab.json. Pair i is *ret_left (n_left bytes, no NUL after
 * them) and the string *ret_right; false if it is not two tokens. */
size_t atl_vocab_n_merges(const atl_vocab *vocab);
bool atl_vocab_merge(const atl_vocab *vocab, size_t i, const char **ret_left, size_t *ret_n_left,
                     const char **ret_right);

#endif
