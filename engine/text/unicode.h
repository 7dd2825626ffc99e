/* unicode.h - what CLIP's tokenizer asks of a character: its class, its lower case, its NFC.
 *
 * The reference (transformers 5.23 with tokenizers 0.23.3) asks three libraries of three ages: classes are
 * those of Unicode 16, lower case that of Unicode 17, composition that of Unicode 9. utf8proc gives one age
 * for all (15 in Debian 12), so the differences stand as small tables in unicode.c and nfc.c. */
#ifndef ATL_TEXT_UNICODE_H
#define ATL_TEXT_UNICODE_H

#include "base/status.h"
#include "base/utf8.h"
#include "text/ints.h"

#define ATL_UTF8_MAX_BYTES 4 /* of one character */

/* ATL_OK, or ATL_BAD_INPUT with the byte at which `text` stops being UTF-8. */
atl_status atl_utf8_check(const char *text, size_t n_bytes, atl_note *note);

/* Each character is of exactly one of these: \s, \p{L}, \p{N}, or none of them. */
typedef enum atl_char_class {
    ATL_CHAR_SPACE,
    ATL_CHAR_LETTER,
    ATL_CHAR_NUMBER,
    ATL_CHAR_OTHER
} atl_char_class;
atl_char_class atl_char_class_of(int32_t c);

/* The lower case of one character, without regard to its neighbours: 1 code point, or 2 for U+0130. */
int atl_char_lower(int32_t c, int32_t out[2]);

/* Normalization Form C of a text, in place (UAX #15). Linear in its length, whatever marks are stacked up.
 * False when memory is out. */
bool atl_nfc(atl_ints *text);

#endif
