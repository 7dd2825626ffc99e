/* utf8.h - whether bytes are UTF-8, and one code point after the other.
 *
 * Strict, as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. Classes,
 * case and normal forms are not here (the engine asks utf8proc). */
#ifndef ATL_BASE_UTF8_H
#define ATL_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* How many bytes the code point at text[0..n) takes (1 to 4), and which it is; 0 where the bytes
 * there are not UTF-8 or n is 0. */
size_t atl_utf8_next(const char *text, size_t n, uint32_t *ret_code_point);

/* The offset of the first byte that is not UTF-8; n where all of it is. */
size_t atl_utf8_first_bad(const char *text, size_t n);

/* Writes a code point (not a surrogate, at most U+10FFFF) to out[4]; returns its bytes. */
size_t atl_utf8_put(uint32_t code_point, char *out);

#endif
