/* picture.c - see picture.h. */
#include "picture.h"

#include <sodium.h>
#include <stdlib.h>

atl_status atl_picture_init(int width, int height, atl_picture *ret, atl_note *note)
{
    if (width < 1 || height < 1 || width > ATL_PICTURE_MAX_SIDE || height > ATL_PICTURE_MAX_SIDE)
        return atl_fail(note, ATL_BAD_INPUT, "a picture of %d × %d px; each side must be 1 to %d", width,
                        height, ATL_PICTURE_MAX_SIDE);
    const size_t bytes = (size_t)width * (size_t)height * 3;
    uint8_t *pixels = calloc(bytes, 1);
    if (!pixels)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a picture of %d × %d px", width, height);
    *ret = (atl_picture){.width = width, .height = height, .pixels = pixels};
    return ATL_OK;
}

void atl_picture_done(atl_picture *picture)
{
    free(picture->pixels);
    *picture = (atl_picture){0};
}

size_t atl_picture_bytes(const atl_picture *picture)
{
    return (size_t)picture->width * (size_t)picture->height * 3;
}

void atl_digest(const void *bytes, size_t n, char ret[ATL_DIGEST_TEXT])
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(hash, bytes, n); /* libsodium's hashes need no sodium_init */
    sodium_bin2hex(ret, ATL_DIGEST_TEXT, hash, sizeof hash);
}

void atl_picture_digest(const atl_picture *picture, char ret[ATL_DIGEST_TEXT])
{
    atl_digest(picture->pixels, atl_picture_bytes(picture), ret);
}
