/* compare.c - see compare.h.
 *
 * SSIM needs five windowed means a channel (of a, b, a², b², ab). The window is separable: each row is
 * filtered across once, and the last eleven filtered rows are kept, so that memory grows with the width only.
 */
#include "image/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW  11
#define SIGMA   1.5
#define N_MEANS 5

typedef struct ssim_state {
    double weights[WINDOW];
    double *rows; /* [WINDOW][N_MEANS][n_columns], the row y in slot y % WINDOW */
    int n_columns;
} ssim_state;

static double *row_of(const ssim_state *s, int y, int mean)
{
    return s->rows + ((size_t)(y % WINDOW) * N_MEANS + (size_t)mean) * (size_t)s->n_columns;
}

static void fill_weights(double *weights)
{
    double sum = 0;
    for (int i = 0; i < WINDOW; i++) {
        const int d = i - WINDOW / 2;
        weights[i] = exp(-d * d / (2 * SIGMA * SIGMA));
        sum += weights[i];
    }
    for (int i = 0; i < WINDOW; i++)
        weights[i] /= sum;
}

/* Filters row y of one channel of both pictures into its slot. a and b point at the channel's first byte. */
static void filter_row(const ssim_state *s, const uint8_t *a, const uint8_t *b, int y)
{
    double *out[N_MEANS];
    for (int m = 0; m < N_MEANS; m++)
        out[m] = row_of(s, y, m);
    for (int x = 0; x < s->n_columns; x++) {
        double mean[N_MEANS] = {0};
        for (int i = 0; i < WINDOW; i++) {
            const double w = s->weights[i], p = a[(x + i) * 3], q = b[(x + i) * 3];
            mean[0] += w * p;
            mean[1] += w * q;
            mean[2] += w * p * p;
            mean[3] += w * q * q;
            mean[4] += w * p * q;
        }
        for (int m = 0; m < N_MEANS; m++)
            out[m][x] = mean[m];
    }
}

/* Wang et al. 2004, eq. 13, with α = β = γ = 1 and C3 = C2 / 2. */
static double ssim_at(const double mean[N_MEANS])
{
    const double c1 = 0.01 * 255 * 0.01 * 255, c2 = 0.03 * 255 * 0.03 * 255;
    const double ab = mean[0] * mean[1], aa = mean[0] * mean[0], bb = mean[1] * mean[1];
    const double variances = mean[2] - aa + mean[3] - bb, covariance = mean[4] - ab;
    return (2 * ab + c1) * (2 * covariance + c2) / ((aa + bb + c1) * (variances + c2));
}

/* The sum of SSIM over one row of windows, of which y is the last row of pixels. */
static double ssim_row(const ssim_state *s, int y)
{
    double sum = 0;
    for (int x = 0; x < s->n_columns; x++) {
        double mean[N_MEANS] = {0};
        for (int i = 0; i < WINDOW; i++)
            for (int m = 0; m < N_MEANS; m++)
                mean[m] += s->weights[i] * row_of(s, y - WINDOW + 1 + i, m)[x];
        sum += ssim_at(mean);
    }
    return sum;
}

static atl_status mean_ssim(const atl_picture *a, const atl_picture *b, double *ret, atl_note *note)
{
    if (a->width < WINDOW || a->height < WINDOW) {
        *ret = NAN;
        return ATL_OK;
    }
    ssim_state s = {.n_columns = a->width - WINDOW + 1};
    fill_weights(s.weights);
    s.rows = malloc((size_t)s.n_columns * WINDOW * N_MEANS * sizeof *s.rows);
    if (!s.rows)
        return atl_fail(note, ATL_NO_MEMORY, "no memory to compare pictures of %d × %d px", a->width,
                        a->height);
    double sum = 0;
    for (int channel = 0; channel < 3; channel++)
        for (int y = 0; y < a->height; y++) {
            const size_t at = (size_t)y * (size_t)a->width * 3 + (size_t)channel;
            filter_row(&s, a->pixels + at, b->pixels + at, y);
            if (y >= WINDOW - 1)
                sum += ssim_row(&s, y);
        }
    free(s.rows);
    *ret = sum / (3.0 * s.n_columns * (a->height - WINDOW + 1));
    return ATL_OK;
}

static void compare_pixels(const atl_picture *a, const atl_picture *b, atl_comparison *c)
{
    const size_t n_pixels = (size_t)a->width * (size_t)a->height;
    uint64_t squares = 0;
    for (size_t i = 0; i < n_pixels; i++) {
        int largest = 0;
        for (size_t k = i * 3; k < i * 3 + 3; k++) {
            const int d = abs(a->pixels[k] - b->pixels[k]);
            squares += (uint64_t)(d * d);
            largest = d > largest ? d : largest;
        }
        c->n_different_pixels += largest > 0;
        if (largest > c->largest_difference) {
            c->largest_difference = largest;
            c->largest_x = (int)(i % (size_t)a->width);
            c->largest_y = (int)(i / (size_t)a->width);
        }
    }
    const double mean = (double)squares / (double)(n_pixels * 3);
    c->psnr_db = squares == 0 ? INFINITY : 10 * log10(255.0 * 255.0 / mean);
}

atl_status atl_compare(const atl_picture *a, const atl_picture *b, atl_comparison *ret, atl_note *note)
{
    if (a->width != b->width || a->height != b->height)
        return atl_fail(note, ATL_BAD_INPUT,
                        "pictures of %d × %d and %d × %d px; to compare them they must be of one size",
                        a->width, a->height, b->width, b->height);
    atl_comparison c = {0};
    compare_pixels(a, b, &c);
    const atl_status st = mean_ssim(a, b, &c.ssim, note);
    if (st == ATL_OK)
        *ret = c;
    return st;
}

double atl_entropy_bits(const atl_picture *picture)
{
    size_t histogram[256] = {0};
    const size_t n_pixels = (size_t)picture->width * (size_t)picture->height;
    for (size_t i = 0; i < n_pixels; i++) {
        const uint8_t *p = picture->pixels + i * 3;
        histogram[(19595u * p[0] + 38470u * p[1] + 7471u * p[2] + 0x8000u) >> 16]++;
    }
    double bits = 0;
    for (int i = 0; i < 256; i++)
        if (histogram[i] > 0) {
            const double p = (double)histogram[i] / (double)n_pixels;
            bits -= p * log2(p);
        }
    return bits;
}
