/* sample.h - the picture that the image tests share: gradients with noise, from a linear congruential
 * generator that the reference numbers (Pillow 13, scikit-image 0.26) were made with, too. */
#ifndef ATL_TEST_SAMPLE_H
#define ATL_TEST_SAMPLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "image/picture.h"

static inline atl_picture sample_picture(int width, int height, uint32_t seed)
{
    atl_picture p = {0};
    assert_int_equal(atl_picture_init(width, height, &p, NULL), ATL_OK);
    uint8_t *out = p.pixels;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < 3; c++) {
                seed = seed * 1664525u + 1013904223u;
                *out++ = (uint8_t)((x * 5 + y * 3 * (c + 1)) % 200 + (int)((seed >> 24) % 40));
            }
    return p;
}

#endif
