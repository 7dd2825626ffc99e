/* compare.h - how alike two pictures are, and how much is in one. */
#ifndef ATL_IMAGE_COMPARE_H
#define ATL_IMAGE_COMPARE_H

#include "image/picture.h"

/* Both pictures must have the same size; ATL_BAD_INPUT otherwise, and both sizes in the note. */
typedef struct atl_comparison {
    double psnr_db; /* 10 · log10(255² / mean squared difference over all channels); INFINITY if equal */
    double ssim;    /* mean over positions and channels; NAN where a side is under 11 px */
    int largest_difference;   /* of any channel of any pixel, 0 … 255 */
    int largest_x, largest_y; /* where, the first in reading order; 0, 0 if equal */
    size_t n_different_pixels;
} atl_comparison;

/* SSIM: Wang, Bovik, Sheikh, Simoncelli 2004: Gaussian window of 11 × 11, σ = 1.5 px, K1 = 0.01, K2 = 0.03,
 * L = 255, windows wholly inside the picture, each channel by itself. Errors: ATL_BAD_INPUT, ATL_NO_MEMORY.
 */
atl_status atl_compare(const atl_picture *a, const atl_picture *b, atl_comparison *ret, atl_note *note);

/* Shannon's entropy of the histogram of the luma (ITU-R BT.601, rounded to 8 bits as PIL's "L"), in bits a
 * pixel: 0 for one plain colour, at most 8. A picture that went wrong tends to stand out by it. */
double atl_entropy_bits(const atl_picture *picture);

#endif
