/* fake_png.c - in the place of image/png_encode.c: bytes that stand for a PNG, so that what is measured is
 * the machinery. As many as the picture's first pixels say (fake_engine.c): its own pixels, zeros, and what
 * ends every PNG. */
#include <stdint.h>
#include <string.h>

#include "image/png_file.h"

atl_status atl_png_encode(const atl_picture *picture, const atl_png_text *texts, size_t n_texts,
                          atl_text *out, atl_note *note)
{
    (void)texts;
    (void)n_texts;
    (void)note;
    uint64_t wanted;
    memcpy(&wanted, picture->pixels, sizeof wanted);
    const size_t n_pixels = atl_picture_bytes(picture);
    if (wanted <= n_pixels) {
        atl_text_append(out, picture->pixels, n_pixels);
    } else { /* one allocation, as large as it must be */
        static const char nothing[1 << 16], end[] = "\0\0\0\0IEND\xAE\x42\x60\x82";
        atl_text_append(out, picture->pixels, n_pixels);
        while (out->length < wanted && !out->failed)
            atl_text_append(out, nothing,
                            wanted - out->length < sizeof nothing ? wanted - out->length : sizeof nothing);
        if (!out->failed && wanted > n_pixels + sizeof end)
            memcpy(out->data + out->length - (sizeof end - 1), end, sizeof end - 1);
    }
    return out->failed ? ATL_NO_MEMORY : ATL_OK;
}
