/* png_encode.c - a picture and its texts to the bytes of a PNG file; see png_file.h.
 *
 * libpng reports errors by longjmp; everything that must be freed lives in a `writer` that the function with
 * the setjmp never changes after it, and nothing of ours is on the stack between libpng and there. */
#include <png.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/utf8.h"
#include "image/png_file.h"

/* Matches other than of a byte with the one before it are not looked for: what painted pictures have of them
 * costs more bytes than it saves. 512 × 512 px take 15 ms for 393 kB, where zlib's own strategy took 28 ms
 * for 438 kB at level 3. With fewer filters files grow by 6 % and more (docs/SPEED.md). */
#define COMPRESSION_LEVEL    1 /* the strategy is the same at each */
#define COMPRESSION_STRATEGY Z_RLE
#define FILTERS              PNG_ALL_FILTERS

typedef struct writer {
    png_structp png;
    png_infop info;
    atl_text *out;
    char *latin1[ATL_PNG_MAX_TEXTS];
    png_text texts[ATL_PNG_MAX_TEXTS];
    int n_texts;
    bool no_memory; /* libpng calls that an error like any other */
    atl_note *note;
} writer;

static png_voidp on_malloc(png_structp png, png_alloc_size_t n)
{
    writer *w = png_get_mem_ptr(png);
    void *memory = malloc(n);
    w->no_memory = w->no_memory || !memory;
    return memory;
}

static void on_error(png_structp png, png_const_charp message)
{
    writer *w = png_get_error_ptr(png);
    atl_fail(w->note, ATL_BAD_INPUT, "cannot encode the PNG: %s", message);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

static void on_write(png_structp png, png_bytep bytes, size_t n)
{
    writer *w = png_get_io_ptr(png);
    atl_text_append(w->out, bytes, n);
}

static void on_flush(png_structp png)
{
    (void)png;
}

/* The text in Latin-1 in a new string; NULL where it does not fit, or with *ret_fits true where memory is
 * out. */
static char *to_latin1(const char *utf8, size_t n, bool *ret_fits)
{
    char *latin1 = malloc(n + 1);
    *ret_fits = true;
    if (!latin1)
        return NULL;
    size_t used = 0;
    for (size_t at = 0; at < n;) {
        uint32_t code = 0;
        at += atl_utf8_next(utf8 + at, n - at, &code);
        if (code > 0xFF) {
            free(latin1);
            *ret_fits = false;
            return NULL;
        }
        latin1[used++] = (char)code;
    }
    latin1[used] = '\0';
    return latin1;
}

static bool is_good_key(const char *key)
{
    const size_t n = strlen(key);
    for (size_t i = 0; i < n; i++)
        if (key[i] < 0x20 || key[i] > 0x7E)
            return false;
    return n >= 1 && n <= 79 && key[0] != ' ' && key[n - 1] != ' ';
}

static atl_status add_text(writer *w, const atl_png_text *text)
{
    const size_t n = strlen(text->value);
    if (!is_good_key(text->key))
        return atl_fail(w->note, ATL_BAD_INPUT,
                        "a PNG text's key must be 1 to 79 printable ASCII characters");
    if (n > ATL_PNG_MAX_TEXT_BYTES)
        return atl_fail(w->note, ATL_BAD_INPUT, "the PNG text '%s' has %zu bytes, at most %zu were wanted",
                        text->key, n, ATL_PNG_MAX_TEXT_BYTES);
    const size_t bad = atl_utf8_first_bad(text->value, n);
    if (bad < n)
        return atl_fail(w->note, ATL_BAD_INPUT, "the PNG text '%s' is not UTF-8 at byte %zu", text->key, bad);
    bool fits;
    char *latin1 = to_latin1(text->value, n, &fits);
    if (!latin1 && fits)
        return atl_fail(w->note, ATL_NO_MEMORY, "no memory for a PNG's texts");
    png_text *t = &w->texts[w->n_texts];
    t->key = (char *)(uintptr_t)text->key;
    t->compression = fits ? PNG_TEXT_COMPRESSION_NONE : PNG_ITXT_COMPRESSION_NONE;
    t->text = fits ? latin1 : (char *)(uintptr_t)text->value;
    w->latin1[w->n_texts++] = latin1;
    return ATL_OK;
}

static atl_status write_all(writer *w, const atl_picture *picture)
{
    if (setjmp(png_jmpbuf(w->png)))
        return w->no_memory ? ATL_NO_MEMORY : ATL_BAD_INPUT; /* on_error wrote the note */
    png_set_write_fn(w->png, w, on_write, on_flush);
    png_set_user_limits(w->png, ATL_PICTURE_MAX_SIDE, ATL_PICTURE_MAX_SIDE);
    png_set_compression_level(w->png, COMPRESSION_LEVEL);
    png_set_compression_strategy(w->png, COMPRESSION_STRATEGY);
    png_set_filter(w->png, PNG_FILTER_TYPE_BASE, FILTERS);
    png_set_IHDR(w->png, w->info, (png_uint_32)picture->width, (png_uint_32)picture->height, 8,
                 PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    png_set_text(w->png, w->info, w->texts, w->n_texts);
    png_write_info(w->png, w->info);
    for (int y = 0; y < picture->height; y++)
        png_write_row(w->png, picture->pixels + (size_t)y * (size_t)picture->width * 3);
    png_write_end(w->png, NULL);
    return ATL_OK;
}

atl_status atl_png_encode(const atl_picture *picture, const atl_png_text *texts, size_t n_texts,
                          atl_text *out, atl_note *note)
{
    if (n_texts > ATL_PNG_MAX_TEXTS)
        return atl_fail(note, ATL_BAD_INPUT, "%zu PNG texts, at most %d were wanted", n_texts,
                        ATL_PNG_MAX_TEXTS);
    writer *w = calloc(1, sizeof *w);
    if (!w)
        return atl_fail(note, ATL_NO_MEMORY, "no memory to encode a PNG");
    w->out = out;
    w->note = note;
    atl_status st = ATL_OK;
    for (size_t i = 0; i < n_texts && st == ATL_OK; i++)
        st = add_text(w, &texts[i]);
    if (st != ATL_OK)
        goto done;
    st = ATL_NO_MEMORY;
    w->png = png_create_write_struct_2(PNG_LIBPNG_VER_STRING, w, on_error, on_warning, w, on_malloc, NULL);
    w->info = w->png ? png_create_info_struct(w->png) : NULL;
    if (w->info)
        st = write_all(w, picture);
    if (st == ATL_OK && (out->failed || w->no_memory))
        st = ATL_NO_MEMORY;
    if (st == ATL_NO_MEMORY)
        atl_fail(note, st, "no memory to encode a PNG of %d × %d px", picture->width, picture->height);
done:
    png_destroy_write_struct(&w->png, &w->info);
    for (int i = 0; i < w->n_texts; i++)
        free(w->latin1[i]);
    free(w);
    return st;
}
