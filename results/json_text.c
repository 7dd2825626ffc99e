/* json_text.c - see json_text.h. */
#include "results/json_text.h"

#include <string.h>

#include "base/utf8.h"

static void put_code_point(atl_text *out, const char *bytes, size_t n, uint32_t c)
{
    if (c == '"' || c == '\\')
        atl_text_printf(out, "\\%c", (int)c);
    else if (c == '\n')
        atl_text_puts(out, "\\n");
    else if (c < 0x20 || c == 0x7F || c == '<' || c == 0x2028 || c == 0x2029)
        atl_text_printf(out, "\\u%04x", (unsigned)c);
    else
        atl_text_append(out, bytes, n);
}

void atl_json_put_string(atl_text *out, const char *string)
{
    size_t left = strlen(string);
    atl_text_putc(out, '"');
    while (left > 0) {
        uint32_t c;
        const size_t n = atl_utf8_next(string, left, &c);
        if (n > 0)
            put_code_point(out, string, n, c);
        else
            atl_text_puts(out, "\\ufffd");
        string += n > 0 ? n : 1;
        left -= n > 0 ? n : 1;
    }
    atl_text_putc(out, '"');
}
