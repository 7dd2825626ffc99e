/* run_show.c - see run_show.h. Two ways of four send the PNG itself, in base64, and let the terminal scale
 * it.
 *
 * Kitty's graphics protocol (sw.kovidgoyal.net/kitty/graphics-protocol; also Ghostty and WezTerm): chunks of
 * at most 4096 bytes. iTerm2's inline images (iterm2.com/documentation-images.html; also VS Code and mintty).
 * Both are seen by the environment; whether another knows sixels only its answer to a question tells. All
 * others get coloured characters. */
#include "run_show.h"

#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/sizes.h"
#include "blocks.h"
#include "console.h"
#include "image/png_file.h"
#include "sixels.h"

enum {
    CHUNK = 4096,
    ROWS = 8,
    BLOCK_ROWS = 12,
    CELL_WIDTH = 8,
    CELL_HEIGHT = 16 /* where a terminal says none */
};

static bool has(const char *variable, const char *part)
{
    const char *value = getenv(variable);
    return value && *value && strstr(value, part);
}

static run_show_kind detect(void)
{
    const bool multiplexed = has("TERM", "screen") || has("TERM", "tmux"); /* passes no pictures on */
    if (!multiplexed && (has("KITTY_WINDOW_ID", "") || has("TERM", "kitty") || has("TERM", "ghostty") ||
                         has("TERM_PROGRAM", "WezTerm")))
        return RUN_SHOW_KITTY;
    if (!multiplexed &&
        (has("TERM_PROGRAM", "iTerm") || has("TERM_PROGRAM", "vscode") || has("TERM_PROGRAM", "mintty")))
        return RUN_SHOW_ITERM;
    if (!console_has_colour())
        return RUN_SHOW_NONE;
    return sixel_terminal() ? RUN_SHOW_SIXEL : RUN_SHOW_BLOCKS;
}

run_show_kind run_show_find(const char *how)
{
    static const struct {
        const char *how;
        run_show_kind kind;
    } ways[] = {{"kitty", RUN_SHOW_KITTY},
                {"iterm2", RUN_SHOW_ITERM},
                {"sixel", RUN_SHOW_SIXEL},
                {"blocks", RUN_SHOW_BLOCKS}};
    if (!console_is_terminal())
        return RUN_SHOW_NONE;
    for (size_t i = 0; i < ATL_COUNT(ways); i++)
        if (strcmp(how, ways[i].how) == 0)
            return ways[i].kind;
    return detect();
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

static atl_status draw_blocks(int columns, const atl_picture *picture, atl_text *out)
{
    const blocks_terminal terminal = blocks_terminal_detect(columns);
    return blocks_draw(&terminal, picture, BLOCK_ROWS, out, NULL);
}

/* As high as ROWS lines are. */
static atl_status draw_sixel(int columns, const atl_picture *picture, atl_text *out)
{
    struct winsize size = {0};
    ioctl(STDERR_FILENO, TIOCGWINSZ, &size);
    const int line = size.ws_row > 0 && size.ws_ypixel > 0 ? size.ws_ypixel / size.ws_row : CELL_HEIGHT;
    const int width = size.ws_xpixel > 0 ? size.ws_xpixel : columns * CELL_WIDTH;
    const atl_status st = sixel_draw(picture, ROWS * line, width, out, NULL);
    atl_text_putc(out, '\n');
    return st;
}

/* What the terminal gets is made here. */
static void put_drawn(run_show_kind kind, int columns, const char *name, const uint8_t *png, size_t n_bytes)
{
    atl_png_file *file = NULL;
    atl_text drawn = {0};
    atl_status st = atl_png_decode(name, png, n_bytes, &file, NULL);
    if (st == ATL_OK)
        st = kind == RUN_SHOW_SIXEL ? draw_sixel(columns, &file->picture, &drawn)
                                    : draw_blocks(columns, &file->picture, &drawn);
    if (st == ATL_OK && !drawn.failed)
        fwrite(drawn.data, 1, drawn.length, stderr);
    atl_text_done(&drawn);
    atl_png_close(&file);
}

void run_show(run_show_kind kind, int columns, const char *name, const uint8_t *png, size_t n_bytes)
{
    if (kind == RUN_SHOW_NONE)
        return;
    if (kind == RUN_SHOW_KITTY || kind == RUN_SHOW_ITERM)
        put_base64(kind, png, n_bytes);
    else
        put_drawn(kind, columns, name, png, n_bytes);
    for (const char *c = name; *c; c++)
        if ((unsigned char)*c >= 0x20 && *c != 0x7F)
            fputc(*c, stderr);
    fputc('\n', stderr);
}
