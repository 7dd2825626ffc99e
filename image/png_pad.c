/* png_pad.c - a PNG of whole blocks; see png_file.h.
 *
 * A file system's last block is the dear one where a file is written past the page cache: what it holds
 * behind the file's end is cut off, for which the system reads the block again, clears its rest and writes it
 * once more. A chunk of zeros costs nothing: the block is the file's either way. */
#include <string.h>
#include <zlib.h>

#include "image/png_file.h"

enum { CHUNK_BYTES = 12 /* length, type, checksum */, MAX_BLOCK_BYTES = 1 << 16 };

/* The last chunk, which is always the same. */
static const unsigned char end_chunk[CHUNK_BYTES] = {0, 0, 0, 0, 'I', 'E', 'N', 'D', 0xAE, 0x42, 0x60, 0x82};

static void put_big_endian(unsigned char *to, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (unsigned char)(value >> (24 - 8 * i));
}

void atl_png_pad(atl_text *png, size_t block_bytes)
{
    unsigned char chunk[MAX_BLOCK_BYTES + 2 * CHUNK_BYTES] = {0};
    const size_t short_of = (block_bytes - png->length % block_bytes) % block_bytes;
    if (png->failed || short_of == 0 || block_bytes > MAX_BLOCK_BYTES || png->length < CHUNK_BYTES ||
        memcmp(png->data + png->length - CHUNK_BYTES, end_chunk, CHUNK_BYTES) != 0)
        return;
    const size_t n = short_of < CHUNK_BYTES ? short_of + block_bytes : short_of;
    memcpy(chunk + 4, ATL_PNG_PAD_CHUNK, 4);
    put_big_endian(chunk, (uint32_t)(n - CHUNK_BYTES));
    put_big_endian(chunk + n - 4, (uint32_t)crc32(0, chunk + 4, (unsigned)(n - 8)));
    memcpy(chunk + n, end_chunk, CHUNK_BYTES);
    png->length -= CHUNK_BYTES;
    atl_text_append(png, chunk, n + CHUNK_BYTES);
}
