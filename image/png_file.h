/* png_file.h - pictures as PNG files with text, written and read by way of bytes in memory.
 *
 * Written: 8-bit RGB, no interlacing, text chunks before the pixels and no tIME chunk, so that the same
 * picture and texts always give the same bytes. Text that fits Latin-1 goes into tEXt, anything else into an
 * uncompressed iTXt: what PIL does, and so what AUTOMATIC1111's readers expect.
 *
 * Read: what libpng can turn into 8-bit RGB; transparency is dropped (PIL's convert("RGB")). Sizes, the
 * number of texts and their lengths are bounded; a damaged checksum is an error. */
#ifndef ATL_IMAGE_PNG_FILE_H
#define ATL_IMAGE_PNG_FILE_H

#include "base/text.h"
#include "image/picture.h"

#define ATL_PNG_MAX_BYTES      ((size_t)256 << 20) /* of a file that is read */
#define ATL_PNG_MAX_TEXT_BYTES ((size_t)1 << 20)   /* of one text, either way */
#define ATL_PNG_MAX_TEXTS      64

typedef struct atl_png_text {
    const char *key;   /* 1 to 79 bytes of printable ASCII */
    const char *value; /* UTF-8 */
} atl_png_text;

/* Appends the file's bytes to `out`. Errors: ATL_BAD_INPUT (a key, or a value that is not UTF-8 or too long),
 * ATL_NO_MEMORY. */
atl_status atl_png_encode(const atl_picture *picture, const atl_png_text *texts, size_t n_texts,
                          atl_text *out, atl_note *note);

#define ATL_PNG_PAD_CHUNK "paDd" /* ancillary, private, safe to copy: readers pass over it */
/* Lengthens a PNG, by a chunk of zeros before its end, to a multiple of block_bytes, at most 64 KiB. Bytes
 * that do not end as a PNG does stay as they are. Sets `failed` where memory is out. */
void atl_png_pad(atl_text *png, size_t block_bytes);

/* A picture that was read, with the texts that it carried, in the file's order. */
typedef struct atl_png_file {
    atl_picture picture;
    size_t n_texts;
    struct {
        char *key, *value; /* owned; UTF-8 (tEXt is turned into it) */
    } texts[ATL_PNG_MAX_TEXTS];
} atl_png_file;

/* Whether a file that begins with these n bytes may be a PNG: all of its eight bytes of signature are there.
 */
bool atl_png_begins(const void *bytes, size_t n);

/* `name` is for messages. Errors: ATL_BAD_INPUT (not a PNG; damaged; beyond a bound), ATL_NO_MEMORY. */
atl_status atl_png_decode(const char *name, const void *bytes, size_t n_bytes, atl_png_file **ret_file,
                          atl_note *note);
/* Errors: also ATL_NOT_FOUND and ATL_IO. */
atl_status atl_png_read(const char *path, atl_png_file **ret_file, atl_note *note);
void atl_png_close(atl_png_file **file);

/* The text of that key (the first, if there are several), or NULL. */
const char *atl_png_get(const atl_png_file *file, const char *key);

#endif
