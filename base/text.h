/* text.h - a growing string of bytes that remembers whether it ran out of memory.
 *
 * Sticky: after a failed allocation every append is a no-op and `failed` stays set, so that
 * a writer checks once, at the end. `data` always ends with a NUL that `length` does not
 * count; it is NULL only while nothing was ever appended. */
#ifndef ATL_BASE_TEXT_H
#define ATL_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct atl_text {
    char *data;
    size_t length;
    size_t capacity;
    bool failed;
} atl_text;

void atl_text_append(atl_text *text, const void *bytes, size_t n);
void atl_text_puts(atl_text *text, const char *string);
void atl_text_putc(atl_text *text, char c);
void atl_text_printf(atl_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void atl_text_put_count(atl_text *text, uint64_t count); /* as %llu, at a fifth of the time */
void atl_text_put_ms(atl_text *text, int64_t ns);        /* in ms, exactly: 1.5, 0.000001, -2 */
void atl_text_done(atl_text *text);                      /* frees, and leaves an empty text */

#endif
