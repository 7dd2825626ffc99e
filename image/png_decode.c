/* png_decode.c - the bytes of a PNG file to a picture and its texts; see png_file.h.
 *
 * As in png_encode.c, libpng's longjmp lands in one function, whose state lives behind a pointer. */
#include <png.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "base/utf8.h"
#include "image/png_file.h"

typedef struct reader {
    const char *name;
    const uint8_t *bytes;
    size_t n_bytes, at;
    png_structp png;
    png_infop info, end_info;
    png_bytep *rows; /* [height], into the picture */
    atl_png_file *file;
    atl_status st;  /* what our own code found, before it jumped or returned */
    bool no_memory; /* libpng calls that an error like any other, or leaves texts out for it */
    atl_note *note;
} reader;

static png_voidp on_malloc(png_structp png, png_alloc_size_t n)
{
    reader *r = png_get_mem_ptr(png);
    void *memory = malloc(n);
    r->no_memory = r->no_memory || !memory;
    return memory;
}

static void on_error(png_structp png, png_const_charp message)
{
    reader *r = png_get_error_ptr(png);
    if (r->no_memory)
        r->st = atl_fail(r->note, ATL_NO_MEMORY, "%s: no memory to read it", r->name);
    else
        r->st = atl_fail(r->note, ATL_BAD_INPUT, "%s: is not a sound PNG: %s (at byte %zu of %zu)", r->name,
                         message, r->at, r->n_bytes);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

static void on_read(png_structp png, png_bytep out, size_t n)
{
    reader *r = png_get_io_ptr(png);
    if (n > r->n_bytes - r->at)
        png_error(png, "the file ends too early");
    memcpy(out, r->bytes + r->at, n);
    r->at += n;
}

/* Whatever the file holds becomes 8-bit RGB. */
static void ask_for_rgb(reader *r)
{
    png_set_expand(r->png); /* palettes, and fewer than 8 bits */
    png_set_scale_16(r->png);
    png_set_gray_to_rgb(r->png);
    png_set_strip_alpha(r->png);
    png_set_interlace_handling(r->png);
    png_read_update_info(r->png, r->info);
}

static bool allocate(reader *r)
{
    const int width = (int)png_get_image_width(r->png, r->info);
    const int height = (int)png_get_image_height(r->png, r->info);
    if (png_get_rowbytes(r->png, r->info) != (size_t)width * 3)
        png_error(r->png, "its pixels do not become 8-bit RGB");
    r->st = atl_picture_init(width, height, &r->file->picture, r->note);
    if (r->st != ATL_OK)
        return false;
    r->rows = malloc((size_t)height * sizeof *r->rows);
    if (!r->rows) {
        r->st = atl_fail(r->note, ATL_NO_MEMORY, "%s: no memory for its rows", r->name);
        return false;
    }
    for (int y = 0; y < height; y++)
        r->rows[y] = r->file->picture.pixels + (size_t)y * (size_t)width * 3;
    return true;
}

static void decode(reader *r)
{
    if (setjmp(png_jmpbuf(r->png)))
        return; /* on_error set st */
    png_set_read_fn(r->png, r, on_read);
    png_set_user_limits(r->png, ATL_PICTURE_MAX_SIDE, ATL_PICTURE_MAX_SIDE);
    png_set_chunk_malloc_max(r->png, ATL_PNG_MAX_TEXT_BYTES);
    png_set_chunk_cache_max(r->png, ATL_PNG_MAX_TEXTS + 1);
    png_set_crc_action(r->png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
    png_read_info(r->png, r->info);
    ask_for_rgb(r);
    if (!allocate(r))
        return;
    png_read_image(r->png, r->rows);
    png_read_end(r->png, r->end_info);
}

static char *latin1_to_utf8(const char *latin1, size_t n)
{
    char *utf8 = malloc(2 * n + 1);
    if (!utf8)
        return NULL;
    size_t used = 0;
    for (size_t i = 0; i < n; i++)
        used += atl_utf8_put((uint8_t)latin1[i], utf8 + used);
    utf8[used] = '\0';
    return utf8;
}

static atl_status take_text(reader *r, const png_text *text)
{
    atl_png_file *file = r->file;
    const bool is_itxt = text->compression >= PNG_ITXT_COMPRESSION_NONE;
    const size_t n = is_itxt ? text->itxt_length : text->text_length;
    if (file->n_texts == ATL_PNG_MAX_TEXTS || n > ATL_PNG_MAX_TEXT_BYTES)
        return atl_fail(r->note, ATL_BAD_INPUT,
                        "%s: has over %d texts, or one of over %zu bytes; that is not read", r->name,
                        ATL_PNG_MAX_TEXTS, ATL_PNG_MAX_TEXT_BYTES);
    if (is_itxt && atl_utf8_first_bad(text->text, n) < n)
        return atl_fail(r->note, ATL_BAD_INPUT, "%s: the text '%.79s' is not UTF-8 at byte %zu", r->name,
                        text->key, atl_utf8_first_bad(text->text, n));
    char *key = latin1_to_utf8(text->key, strlen(text->key));
    char *value = is_itxt ? strndup(text->text, n) : latin1_to_utf8(text->text, n);
    file->texts[file->n_texts].key = key;
    file->texts[file->n_texts++].value = value;
    return key && value ? ATL_OK : atl_fail(r->note, ATL_NO_MEMORY, "%s: no memory for its texts", r->name);
}

static void take_texts(reader *r, png_infop info)
{
    png_textp texts = NULL;
    int n = 0;
    png_get_text(r->png, info, &texts, &n);
    for (int i = 0; i < n && r->st == ATL_OK; i++)
        r->st = take_text(r, &texts[i]);
}

bool atl_png_begins(const void *bytes, size_t n)
{
    return n >= 8 && png_sig_cmp(bytes, 0, 8) == 0;
}

atl_status atl_png_decode(const char *name, const void *bytes, size_t n_bytes, atl_png_file **ret_file,
                          atl_note *note)
{
    if (!atl_png_begins(bytes, n_bytes))
        return atl_fail(note, ATL_BAD_INPUT, "%s: is not a PNG file (its first eight bytes are not a PNG's)",
                        name);
    reader *r = calloc(1, sizeof *r);
    if (!r)
        return atl_fail(note, ATL_NO_MEMORY, "%s: no memory to read it", name);
    *r = (reader){.name = name, .bytes = bytes, .n_bytes = n_bytes, .note = note, .st = ATL_NO_MEMORY};
    r->file = calloc(1, sizeof *r->file);
    r->png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, r, on_error, on_warning, r, on_malloc, NULL);
    r->info = r->png ? png_create_info_struct(r->png) : NULL;
    r->end_info = r->png ? png_create_info_struct(r->png) : NULL;
    if (r->file && r->info && r->end_info) {
        r->st = ATL_OK;
        decode(r);
        if (r->st == ATL_OK && r->no_memory)
            r->st = atl_fail(note, ATL_NO_MEMORY, "%s: no memory to read it", name);
        if (r->st == ATL_OK)
            take_texts(r, r->info);
        if (r->st == ATL_OK)
            take_texts(r, r->end_info);
    } else {
        atl_fail(note, ATL_NO_MEMORY, "%s: no memory to read it", name);
    }
    const atl_status st = r->st;
    if (st == ATL_OK)
        *ret_file = r->file;
    else
        atl_png_close(&r->file);
    png_destroy_read_struct(&r->png, &r->info, &r->end_info);
    free(r->rows);
    free(r);
    return st;
}

atl_status atl_png_read(const char *path, atl_png_file **ret_file, atl_note *note)
{
    char *bytes;
    size_t n;
    atl_status st = atl_file_read(path, ATL_PNG_MAX_BYTES, &bytes, &n, note);
    if (st != ATL_OK)
        return st;
    st = atl_png_decode(path, bytes, n, ret_file, note);
    free(bytes);
    return st;
}

void atl_png_close(atl_png_file **file)
{
    if (!*file)
        return;
    for (size_t i = 0; i < (*file)->n_texts; i++) {
        free((*file)->texts[i].key);
        free((*file)->texts[i].value);
    }
    atl_picture_done(&(*file)->picture);
    free(*file);
    *file = NULL;
}

const char *atl_png_get(const atl_png_file *file, const char *key)
{
    for (size_t i = 0; i < file->n_texts; i++)
        if (strcmp(file->texts[i].key, key) == 0)
            return file->texts[i].value;
    return NULL;
}
