/* blocks.h - a small picture in characters, for any terminal that has colours.
 *
 * In UTF-8 each cell is an upper half block: its colour is one pixel, the ground behind it the pixel below.
 * Elsewhere two blanks on a coloured ground are one pixel, and half as many fit. */
#ifndef ATL_CLI_BLOCKS_H
#define ATL_CLI_BLOCKS_H

#include <stdbool.h>

#include "base/text.h"
#include "image/picture.h"

typedef struct blocks_terminal {
    bool utf8;
    bool true_colour; /* 24 bits a colour; otherwise the 256 of xterm */
    int columns;
} blocks_terminal;

/* What the environment says of it. */
blocks_terminal blocks_terminal_detect(int columns);

/* Appends `rows` lines or, where that is too wide, fewer. Errors: ATL_NO_MEMORY. */
atl_status blocks_draw(const blocks_terminal *terminal, const atl_picture *picture, int rows, atl_text *out,
                       atl_note *note);

#endif
