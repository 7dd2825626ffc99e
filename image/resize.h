/* resize.h - a picture at another size, by Lanczos' filter, as PIL does it.
 *
 * PIL's is what diffusers uses for init images, so a picture that is resized here gives the same latents:
 * the filter is widened when shrinking, weights are fixed-point numbers of 22 bits, and the first pass is
 * rounded to 8 bits before the second. As in Pillow 13 the rows go first, except where the height loses more
 * than twice the pixels that the width loses (before Pillow 13: always). (Pillow, src/libImaging/Resample.c;
 * Turkowski 1990.) */
#ifndef ATL_IMAGE_RESIZE_H
#define ATL_IMAGE_RESIZE_H

#include "image/picture.h"

/* Errors: ATL_BAD_INPUT (a side outside 1 … ATL_PICTURE_MAX_SIDE), ATL_NO_MEMORY. */
atl_status atl_resize(const atl_picture *picture, int width, int height, atl_picture *ret, atl_note *note);

#endif
