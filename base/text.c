/* text.c - see text.h. */
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

void atl_text_printf(atl_text *text, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    const int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n >= 0 && reserve(text, (size_t)n)) {
        vsnprintf(text->data + text->length, (size_t)n + 1, format, again);
        text->length += (size_t)n;
    }
    va_end(again);
}

void atl_text_done(atl_text *text)
{
    free(text->data);
    *text = (atl_text){0};
}
