/* run_show.c - see run_show.h. Two ways send the PNG itself, in base64, and let the terminal scale it.
 *
 * Kitty's graphics protocol (sw.kovidgoyal.net/kitty/graphics-protocol; also Ghostty and WezTerm): chunks of
 * at most 4096 bytes. iTerm2's inline images (iterm2.com/documentation-images.html; also VS Code and mintty).
 * Both are seen by the environment; whether a terminal knows sixels only its answer to a question would tell,
 * and that would have to be read from among the keys that are pressed. All others get coloured characters.
 */
#include "run_show.h"

#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blocks.h"
#include "console.h"
#include "image/png_file.h"

enum { CHUNK = 4096, ROWS = 8, BLOCK_ROWS = 12 };

static bool has(const char *variable, const char *part)
{
    const char *value = getenv(variable);
    return value && *value && strstr(value, part);
}

run_show_kind run_show_detect(void)
{
    const bool multiplexed = has("TERM", "screen") || has("TERM", "tmux"); /* passes no pictures on */
    if (!console_is_terminal())
        return RUN_SHOW_NONE;
    if (!multiplexed && (has("KITTY_WINDOW_ID", "") || has("TERM", "kitty") || has("TERM", "ghostty") ||
                         has("TERM_PROGRAM", "WezTerm")))
        return RUN_SHOW_KITTY;
    if (!multiplexed &&
        (has("TERM_PROGRAM", "iTerm") || has("TERM_PROGRAM", "vscode") || has("TERM_PROGRAM", "mintty")))
        return RUN_SHOW_ITERM;
    return console_has_colour() ? RUN_SHOW_BLOCKS : RUN_SHOW_NONE;
}

static void put_kitty(const char *base64, size_t n)
{
    for (size_t at = 0; at < n; at += CHUNK) {
        const size_t length = n - at < CHUNK ? n - at : CHUNK;
        const int more = at + length < n;
        if (at == 0)
            fprintf(stderr, "\033_Gf=100,a=T,r=%d,m=%d;", ROWS, more);
        else
            fprintf(stderr, "\033_Gm=%d;", more);
        fwrite(base64 + at, 1, length, stderr);
        fputs("\033\\", stderr);
    }
}

/* A picture that is not shown for want of memory is still in its file. */
static void put_base64(run_show_kind kind, const uint8_t *png, size_t n_bytes)
{
    const size_t size = sodium_base64_encoded_len(n_bytes, sodium_base64_VARIANT_ORIGINAL);
    char *base64 = malloc(size);
    if (!base64)
        return;
    sodium_bin2base64(base64, size, png, n_bytes, sodium_base64_VARIANT_ORIGINAL);
    if (kind == RUN_SHOW_KITTY)
        put_kitty(base64, strlen(base64));
    else
        fprintf(stderr, "\033]1337;File=inline=1;height=%d;preserveAspectRatio=1:%s\a", ROWS, base64);
    fputc('\n', stderr);
    free(base64);
}

static void put_blocks(int columns, const char *name, const uint8_t *png, size_t n_bytes)
{
    const blocks_terminal terminal = blocks_terminal_detect(columns);
    atl_png_file *file = NULL;
    atl_text cells = {0};
    if (atl_png_decode(name, png, n_bytes, &file, NULL) == ATL_OK &&
        blocks_draw(&terminal, &file->picture, BLOCK_ROWS, &cells, NULL) == ATL_OK)
        fputs(cells.data, stderr);
    atl_text_done(&cells);
    atl_png_close(&file);
}

void run_show(run_show_kind kind, int columns, const char *name, const uint8_t *png, size_t n_bytes)
{
    if (kind == RUN_SHOW_NONE)
        return;
    if (kind == RUN_SHOW_BLOCKS)
        put_blocks(columns, name, png, n_bytes);
    else
        put_base64(kind, png, n_bytes);
    for (const char *c = name; *c; c++)
        if ((unsigned char)*c >= 0x20 && *c != 0x7F)
            fputc(*c, stderr);
    fputc('\n', stderr);
}
