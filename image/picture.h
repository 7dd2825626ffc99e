/* picture.h - a picture in memory: 8-bit RGB, rows without gaps, top row first. */
#ifndef ATL_IMAGE_PICTURE_H
#define ATL_IMAGE_PICTURE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define ATL_PICTURE_MAX_SIDE 8192 /* px; whoever asks for more has mistyped, or means harm */

typedef struct atl_picture {
    int width, height; /* px */
    uint8_t *pixels;   /* [height][width][3] */
} atl_picture;

/* A black picture. Errors: ATL_BAD_INPUT (a side outside 1 … ATL_PICTURE_MAX_SIDE), ATL_NO_MEMORY. */
atl_status atl_picture_init(int width, int height, atl_picture *ret, atl_note *note);
void atl_picture_done(atl_picture *picture); /* frees, and leaves an empty picture */

size_t atl_picture_bytes(const atl_picture *picture); /* width · height · 3 */

#define ATL_DIGEST_TEXT 65 /* 64 hex digits and a NUL */

/* SHA-256 of n bytes in lower-case hex digits. Cannot fail. */
void atl_digest(const void *bytes, size_t n, char ret[ATL_DIGEST_TEXT]);

/* The digest of a picture is that of its pixels and of nothing else, so that it holds whatever the file
 * around them says of names and times. */
void atl_picture_digest(const atl_picture *picture, char ret[ATL_DIGEST_TEXT]);

#endif
