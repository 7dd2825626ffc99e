/* text.c - see text.h. */
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DIGITS = 20 /* of 2^64 - 1 */ };

/* Makes room for `n` bytes and a NUL. */
static bool reserve(atl_text *text, size_t n)
{
    if (text->failed)
        return false;
    if (n >= (size_t)-1 / 4 - text->length) {
        text->failed = true;
        return false;
    }
    const size_t need = text->length + n + 1;
    if (need <= text->capacity)
        return true;
    const size_t capacity = need < 64 ? 64 : need + need / 2;
    char *data = realloc(text->data, capacity);
    if (!data) {
        text->failed = true;
        return false;
    }
    text->data = data;
    text->capacity = capacity;
    return true;
}

void atl_text_append(atl_text *text, const void *bytes, size_t n)
{
    if (!reserve(text, n))
        return;
    if (n > 0)
        memcpy(text->data + text->length, bytes, n);
    text->length += n;
    text->data[text->length] = '\0';
}

void atl_text_puts(atl_text *text, const char *string)
{
    atl_text_append(text, string, strlen(string));
}

void atl_text_putc(atl_text *text, char c)
{
    atl_text_append(text, &c, 1);
}

/* What fits the room that is there is written once; else the room is made first. */
void atl_text_printf(atl_text *text, const char *format, ...)
{
    va_list args, again;
    if (!reserve(text, 0))
        return;
    const size_t room = text->capacity - text->length;
    va_start(args, format);
    va_copy(again, args);
    const int n = vsnprintf(text->data + text->length, room, format, args);
    va_end(args);
    if (n >= 0 && (size_t)n < room)
        text->length += (size_t)n;
    else
        text->data[text->length] = '\0';
    if (n >= 0 && (size_t)n >= room && reserve(text, (size_t)n)) {
        vsnprintf(text->data + text->length, (size_t)n + 1, format, again);
        text->length += (size_t)n;
    }
    va_end(again);
}

void atl_text_put_count(atl_text *text, uint64_t count)
{
    char digits[MAX_DIGITS];
    size_t at = MAX_DIGITS;
    do
        digits[--at] = (char)('0' + count % 10);
    while ((count /= 10) > 0);
    atl_text_append(text, digits + at, MAX_DIGITS - at);
}

void atl_text_put_ms(atl_text *text, int64_t ns)
{
    const uint64_t size = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
    char part[7] = ".";
    size_t n = 6;
    for (uint64_t left = size % 1000000; n > 0; n--, left /= 10)
        part[n] = (char)('0' + left % 10);
    for (n = 7; n > 1 && part[n - 1] == '0'; n--)
        ;
    if (ns < 0)
        atl_text_putc(text, '-');
    atl_text_put_count(text, size / 1000000);
    if (n > 1)
        atl_text_append(text, part, n);
}

void atl_text_done(atl_text *text)
{
    free(text->data);
    *text = (atl_text){0};
}
