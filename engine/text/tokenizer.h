/* tokenizer.h - CLIP's byte-level BPE (Sennrich et al. 2016; Radford et al. 2021), equal to transformers'
 * CLIPTokenizer (version 5: NFC, runs of white space to one space, lower case, and nothing else) on any
 * UTF-8. */
#ifndef ATL_TEXT_TOKENIZER_H
#define ATL_TEXT_TOKENIZER_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "model/config.h"

typedef struct atl_tokenizer atl_tokenizer;

/* Reads <dir>/vocab.json and <dir>/merges.txt, or, where there is no vocab.json, <dir>/tokenizer.json, which
 * holds both. Read-only afterwards: any thread may use it. Errors: ATL_NOT_FOUND, ATL_IO, ATL_BAD_INPUT (the
 * file and the line), ATL_NO_MEMORY. */
atl_status atl_tokenizer_open(const char *dir, const atl_tokenizer_config *config, atl_tokenizer **ret,
                              atl_note *note);
/* The same from bytes that stay the caller's; `merges` NULL: `vocab` is a tokenizer.json. Names are for
 * messages. Errors: ATL_BAD_INPUT, ATL_NO_MEMORY. */
typedef struct atl_tokenizer_files {
    const char *vocab_name, *vocab;
    size_t n_vocab_bytes;
    const char *merges_name, *merges;
    size_t n_merges_bytes;
} atl_tokenizer_files;
atl_status atl_tokenizer_open_bytes(const atl_tokenizer_files *files, const atl_tokenizer_config *config,
                                    atl_tokenizer **ret, atl_note *note);
void atl_tokenizer_close(atl_tokenizer **tokenizer);

/* The ids of `text` without start, end and padding, in a new array (free() it; NULL when there are none).
 * Special tokens that stand in the text in their exact spelling ("<|endoftext|>", and the pad token "!" of
 * SD 2.x) become their one id, as in transformers. Errors: ATL_BAD_INPUT (not UTF-8: at which byte; over 1
 * MiB), ATL_NO_MEMORY. */
atl_status atl_tokenizer_encode(const atl_tokenizer *tokenizer, const char *text, size_t n_bytes,
                                int32_t **ret_ids, size_t *ret_n, atl_note *note);

/* As CLIPTokenizer(text, padding="max_length", truncation=True): start, ids cut to fit, end, padding;
 * ids[max_length]. */
atl_status atl_tokenizer_encode_padded(const atl_tokenizer *tokenizer, const char *text, size_t n_bytes,
                                       int32_t *ids, int max_length, atl_note *note);

int32_t atl_tokenizer_bos(const atl_tokenizer *tokenizer);
int32_t atl_tokenizer_eos(const atl_tokenizer *tokenizer);
int32_t atl_tokenizer_pad(const atl_tokenizer *tokenizer);
int atl_tokenizer_vocab_size(const atl_tokenizer *tokenizer); /* highest id + 1 */

#endif
