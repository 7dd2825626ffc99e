/* resize.c - see resize.h. */
#include "image/resize.h"

#include <math.h>
#include <stdlib.h>

#define LOBES         3.0 /* of Lanczos' window, to either side */
#define FRACTION_BITS 22  /* of a weight: 8 bits of pixel and 2 of head-room are left in an int32 */

/* For each place of the output line: which places of the input line count, and how much. */
typedef struct taps {
    int *first, *count; /* [n_out] */
    int32_t *weights;   /* [n_out][most] */
    int most;
} taps;

static double sinc(double x)
{
    if (x == 0)
        return 1;
    x *= M_PI;
    return sin(x) / x;
}

static double lanczos(double x)
{
    return x >= -LOBES && x < LOBES ? sinc(x) * sinc(x / LOBES) : 0;
}

static void taps_done(taps *t)
{
    free(t->first);
    free(t->count);
    free(t->weights);
    *t = (taps){0};
}

/* The weights of one output place: normalised in double, then rounded away from zero to fixed point. */
static void fill_place(taps *t, int i, int n_in, double scale, double *w)
{
    const double widening = scale < 1 ? 1 : scale, reach = LOBES * widening, centre = (i + 0.5) * scale;
    int first = (int)(centre - reach + 0.5), last = (int)(centre + reach + 0.5);
    first = first < 0 ? 0 : first;
    last = last > n_in ? n_in : last;
    double sum = 0;
    for (int k = 0; k < last - first; k++) {
        w[k] = lanczos((k + first - centre + 0.5) * (1 / widening));
        sum += w[k];
    }
    int32_t *out = t->weights + (size_t)i * (size_t)t->most;
    for (int k = 0; k < last - first; k++) {
        const double fixed = (sum != 0 ? w[k] / sum : w[k]) * (1 << FRACTION_BITS);
        out[k] = (int32_t)(fixed < 0 ? fixed - 0.5 : fixed + 0.5);
    }
    t->first[i] = first;
    t->count[i] = last - first;
}

static bool taps_init(taps *t, int n_in, int n_out)
{
    const double scale = (double)n_in / n_out;
    const double reach = LOBES * (scale < 1 ? 1 : scale);
    t->most = (int)ceil(reach) * 2 + 1;
    t->first = calloc((size_t)n_out, sizeof *t->first);
    t->count = calloc((size_t)n_out, sizeof *t->count);
    t->weights = calloc((size_t)n_out * (size_t)t->most, sizeof *t->weights);
    double *w = malloc((size_t)t->most * sizeof *w);
    const bool ok = t->first && t->count && t->weights && w;
    for (int i = 0; ok && i < n_out; i++)
        fill_place(t, i, n_in, scale, w);
    free(w);
    if (!ok)
        taps_done(t);
    return ok;
}

static uint8_t to_byte(int32_t fixed)
{
    const int32_t v = fixed >> FRACTION_BITS;
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

/* One output value: `in` points at the first input value, `stride` bytes lie between neighbours. */
static uint8_t weigh(const uint8_t *in, size_t stride, const int32_t *weights, int n)
{
    int32_t sum = 1 << (FRACTION_BITS - 1);
    for (int k = 0; k < n; k++)
        sum += in[(size_t)k * stride] * weights[k];
    return to_byte(sum);
}

/* `across`: along the rows; else down the columns. The other side's length is the same in both. */
static void resample(const atl_picture *in, const taps *t, bool across, atl_picture *out)
{
    const size_t in_row = (size_t)in->width * 3;
    for (int y = 0; y < out->height; y++)
        for (int x = 0; x < out->width; x++) {
            const int i = across ? x : y;
            const size_t first = (size_t)t->first[i];
            const uint8_t *from =
                in->pixels + (across ? (size_t)y * in_row + first * 3 : first * in_row + (size_t)x * 3);
            uint8_t *to = out->pixels + ((size_t)y * (size_t)out->width + (size_t)x) * 3;
            for (int c = 0; c < 3; c++)
                to[c] = weigh(from + c, across ? 3 : in_row, t->weights + (size_t)i * (size_t)t->most,
                              t->count[i]);
        }
}

/* Whether the pass down the columns goes first; see resize.h. */
static bool columns_first(const atl_picture *picture, int width, int height)
{
    return height < picture->height && picture->height - height > 2 * (picture->width - width);
}

atl_status atl_resize(const atl_picture *picture, int width, int height, atl_picture *ret, atl_note *note)
{
    const bool down_first = columns_first(picture, width, height);
    atl_picture between = {0}, out = {0};
    taps x = {0}, y = {0};
    atl_status st = atl_picture_init(width, height, &out, note);
    if (st == ATL_OK)
        st = down_first ? atl_picture_init(picture->width, height, &between, note)
                        : atl_picture_init(width, picture->height, &between, note);
    if (st == ATL_OK && (!taps_init(&x, picture->width, width) || !taps_init(&y, picture->height, height)))
        st = atl_fail(note, ATL_NO_MEMORY, "no memory to resize a picture to %d × %d px", width, height);
    if (st != ATL_OK)
        goto done;
    resample(picture, down_first ? &y : &x, !down_first, &between);
    resample(&between, down_first ? &x : &y, down_first, &out);
    *ret = out;
    out = (atl_picture){0};
done:
    taps_done(&x);
    taps_done(&y);
    atl_picture_done(&between);
    atl_picture_done(&out);
    return st;
}
