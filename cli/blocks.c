/* blocks.c - see blocks.h. */
#include "blocks.h"

#include <stdlib.h>
#include <string.h>

#include "image/resize.h"

static bool says(const char *variable, const char *part)
{
    const char *value = getenv(variable);
    return value && strstr(value, part);
}

/* The first of LC_ALL, LC_CTYPE and LANG that is set counts. */
static bool is_utf8(void)
{
    static const char *const variables[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < 3; i++) {
        const char *value = getenv(variables[i]);
        if (value && *value)
            return strstr(value, "UTF-8") || strstr(value, "utf8") || strstr(value, "utf-8");
    }
    return false;
}

blocks_terminal blocks_terminal_detect(int columns)
{
    return (blocks_terminal){.utf8 = is_utf8(),
                             .true_colour = says("COLORTERM", "truecolor") || says("COLORTERM", "24bit") ||
                                            says("TERM", "direct"),
                             .columns = columns};
}

/* xterm's cube of 6 × 6 × 6 has the levels 0, 95, 135, 175, 215, 255. */
static int cube_level(uint8_t value)
{
    return value < 48 ? 0 : value < 115 ? 1 : (value - 35) / 40;
}

/* `where` is 38, the character's colour, or 48, the ground's. */
static void put_colour(const blocks_terminal *t, int where, const uint8_t *rgb, atl_text *out)
{
    if (t->true_colour)
        atl_text_printf(out, "\033[%d;2;%d;%d;%dm", where, rgb[0], rgb[1], rgb[2]);
    else
        atl_text_printf(out, "\033[%d;5;%dm", where,
                        16 + 36 * cube_level(rgb[0]) + 6 * cube_level(rgb[1]) + cube_level(rgb[2]));
}

static void put_cells(const blocks_terminal *t, const atl_picture *small, atl_text *out)
{
    const int pixels_a_row = t->utf8 ? 2 : 1;
    for (int y = 0; y < small->height; y += pixels_a_row) {
        for (int x = 0; x < small->width; x++) {
            const uint8_t *top = small->pixels + 3 * ((size_t)y * (size_t)small->width + (size_t)x);
            if (!t->utf8) {
                put_colour(t, 48, top, out);
                atl_text_puts(out, "  ");
                continue;
            }
            put_colour(t, 38, top, out);
            put_colour(t, 48, top + 3 * (size_t)small->width, out);
            atl_text_puts(out, "▀");
        }
        atl_text_puts(out, "\033[0m\n");
    }
}

atl_status blocks_draw(const blocks_terminal *terminal, const atl_picture *picture, int rows, atl_text *out,
                       atl_note *note)
{
    const int pixels_a_row = terminal->utf8 ? 2 : 1;
    const int most = terminal->utf8 ? terminal->columns - 1 : (terminal->columns - 1) / 2;
    int height = rows, width = height * pixels_a_row * picture->width / picture->height;
    if (width > most) {
        width = most;
        height = width * picture->height / picture->width / pixels_a_row;
    }
    width = width > 0 ? width : 1;
    height = height > 0 ? height : 1;
    atl_picture small = {0};
    const atl_status st = atl_resize(picture, width, height * pixels_a_row, &small, note);
    if (st != ATL_OK)
        return st;
    put_cells(terminal, &small, out);
    atl_picture_done(&small);
    return out->failed ? ATL_NO_MEMORY : ATL_OK;
}
