/* sixels.h - a small picture for terminals that draw sixels (DEC STD 070; xterm, foot, mlterm, Windows
 * Terminal …), and the question whether the terminal is one. */
#ifndef ATL_CLI_SIXELS_H
#define ATL_CLI_SIXELS_H

#include <stdbool.h>

#include "base/text.h"
#include "image/picture.h"

/* Asks the process's terminal what it is (DA1) and waits for at most half a second; true if it names sixels
 * among what it can. False, too, where nobody could answer: no terminal, or one that this process is in the
 * background of. Keys that are pressed meanwhile are lost. */
bool sixel_terminal(void);

/* Appends the picture, `height` pixels high or, where that is wider than `most_width`, lower, in at most 256
 * colours. Errors: ATL_NO_MEMORY, ATL_IO. */
atl_status sixel_draw(const atl_picture *picture, int height, int most_width, atl_text *out, atl_note *note);

#endif
