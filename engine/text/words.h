/* words.h - normalises a text and cuts it into the words that BPE works on. */
#ifndef ATL_TEXT_WORDS_H
#define ATL_TEXT_WORDS_H

#include "text/ints.h"

/* bytes[n_bytes], valid UTF-8, as code points in NFC, with each run of white space as one space, in lower
 * case: replaces what `chars` holds. False when memory is out. */
bool atl_words_normalise(const char *bytes, size_t n_bytes, atl_ints *chars);

/* Goes through the words of a normalised text: `atl_words words = {.chars = &chars};`. */
typedef struct atl_words {
    const atl_ints *chars;
    size_t at;          /* what comes before was cut */
    size_t special_end; /* the end of a special token's name that was met, see words.c */
} atl_words;

/* Where the next word begins and ends. False when there is none. */
bool atl_words_next(atl_words *words, size_t *ret_begin, size_t *ret_end);

#endif
