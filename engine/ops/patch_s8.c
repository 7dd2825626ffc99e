/* patch_s8.c - see patch_s8.h. */
#include "ops/patch_s8.h"

#include <math.h>
#include <string.h>

#include "base/sizes.h"
#include "ops/panels.h"

#define LINE_BYTES 64
#define GROUP_SIDE (ATL_S8_GROUP + 2) /* pixels of an image row that sixteen neighbours look at */

/* An odd number of cache lines: then 16 rows lie in 16 different sets, however many channels there are. */
static size_t spread(size_t n)
{
    return n / LINE_BYTES % 2 == 0 ? n + LINE_BYTES : n;
}

static bool same_size(const atl_product *product)
{
    int up = product->in->upsample ? 1 : 0;
    const atl_map *x = product->in->x, *out = product->out;
    return product->kernel == 3 && product->stride == 1 && product->pad == 1 && out->h == x->h << up &&
           out->w == x->w << up;
}

void atl_patch_s8_plan_init(atl_patch_s8_plan *plan, const atl_product *product, const atl_kernels *kernels)
{
    const atl_conv_input *in = product->in;
    size_t taps = (size_t)(product->kernel * product->kernel);
    *plan = (atl_patch_s8_plan){.product = product, .kernels = kernels, .n_rows = atl_map_rows(product->out)};
    plan->c_in = (size_t)in->x->c + (in->x_more ? (size_t)in->x_more->c : 0);
    plan->in_groups =
        same_size(product) && product->out->w % ATL_S8_GROUP == 0 && plan->c_in % ATL_S8_BLOCK_K == 0;
    plan->n_taps = plan->in_groups ? taps : 1;
    plan->k = plan->in_groups ? plan->c_in : atl_panels_k(taps * plan->c_in, ATL_S8);
    plan->stride = spread(plan->k);
    plan->line_rows = plan->in_groups ? ATL_S8_GROUP : 1;
    for (size_t tap = 0; tap < plan->n_taps; tap++)
        plan->taps[tap] = (tap / 3 * GROUP_SIDE + tap % 3) * plan->stride;
}

static atl_rows pixel_of(const atl_map *map, size_t row)
{
    return (atl_rows){.data = (char *)map->data + row * map->stride * atl_dtype_bytes(map->dtype),
                      .stride = map->stride,
                      .dtype = map->dtype};
}

static float peak_of(const atl_patch_s8_plan *plan, size_t row)
{
    const atl_conv_input *in = plan->product->in;
    float peak = 0.0f;
    atl_rows x = pixel_of(in->x, row);
    plan->kernels->absmax_row(in->x->c, &x, &peak);
    if (in->x_more) {
        atl_rows more = pixel_of(in->x_more, row);
        plan->kernels->absmax_row(in->x_more->c, &more, &peak);
    }
    return peak;
}

void atl_patch_s8_peaks(const atl_patch_s8_plan *plan, size_t first, size_t n, float *peaks)
{
    for (size_t i = first; i < first + n; i++)
        peaks[i] = peak_of(plan, i);
}

/* ---- filling ---- */

/* The input's row that the convolution sees at (y, x) of picture n; -1 outside. */
static ptrdiff_t row_seen(const atl_patch_s8_plan *plan, int n, int y, int x)
{
    const atl_conv_input *in = plan->product->in;
    int up = in->upsample ? 1 : 0, h = in->x->h, w = in->x->w;
    if (y < 0 || x < 0 || y >= h << up || x >= w << up)
        return -1;
    return ((ptrdiff_t)n * h + (y >> up)) * w + (x >> up);
}

/* NaN stays. */
static float larger(float a, float b)
{
    return b > a || isnan(b) ? b : a;
}

static void copy_seen(const atl_patch_s8_plan *plan, ptrdiff_t row, float factor, int8_t *to)
{
    const atl_conv_input *in = plan->product->in;
    if (row < 0) {
        memset(to, 0, plan->c_in);
        return;
    }
    atl_rows x = pixel_of(in->x, (size_t)row);
    plan->kernels->quantise_row(in->x->c, &x, factor, to);
    if (in->x_more) {
        atl_rows more = pixel_of(in->x_more, (size_t)row);
        plan->kernels->quantise_row(in->x_more->c, &more, factor, to + in->x->c);
    }
}

/* Pixels seen[n], `step` bytes apart, in one scale, which is returned. */
static float fill_pixels(const atl_patch_s8_plan *plan, const ptrdiff_t *seen, size_t n, size_t step,
                         int8_t *to)
{
    float most = 0.0f;
    for (size_t i = 0; i < n; i++)
        if (seen[i] >= 0)
            most = larger(most, plan->peaks ? plan->peaks[seen[i]] : peak_of(plan, (size_t)seen[i]));
    const float factor = atl_s8_factor(most);
    for (size_t i = 0; i < n; i++)
        copy_seen(plan, seen[i], factor, to + i * step);
    return most / 127.0f;
}

static void fill_row(const atl_patch_s8 *patch, size_t line)
{
    const atl_patch_s8_plan *plan = patch->plan;
    const atl_product *p = plan->product;
    size_t w = (size_t)p->out->w, h = (size_t)p->out->h, row = patch->first_row + line;
    size_t taps = (size_t)(p->kernel * p->kernel), used = taps * plan->c_in;
    int8_t *to = patch->data + line * plan->stride;
    ptrdiff_t seen[9];
    for (int tap = 0; tap < (int)taps; tap++)
        seen[tap] =
            row_seen(plan, (int)(row / w / h), (int)(row / w % h) * p->stride + tap / p->kernel - p->pad,
                     (int)(row % w) * p->stride + tap % p->kernel - p->pad);
    patch->scales[line] = fill_pixels(plan, seen, taps, plan->c_in, to);
    memset(to + used, 0, plan->k - used);
}

static void fill_group(const atl_patch_s8 *patch, size_t line)
{
    const atl_patch_s8_plan *plan = patch->plan;
    const atl_map *out = plan->product->out;
    size_t w = (size_t)out->w, h = (size_t)out->h, row = patch->first_row + line * ATL_S8_GROUP;
    ptrdiff_t seen[3 * GROUP_SIDE];
    for (int i = 0; i < 3 * GROUP_SIDE; i++)
        seen[i] = row_seen(plan, (int)(row / w / h), (int)(row / w % h) + i / GROUP_SIDE - 1,
                           (int)(row % w) + i % GROUP_SIDE - 1);
    float scale = fill_pixels(plan, seen, 3 * GROUP_SIDE, plan->stride,
                              patch->data + line * 3 * GROUP_SIDE * plan->stride);
    for (size_t i = 0; i < ATL_S8_GROUP; i++)
        patch->scales[line * ATL_S8_GROUP + i] = scale;
}

size_t atl_patch_s8_bytes(const atl_patch_s8_plan *plan, size_t n_rows)
{
    if (plan->in_groups)
        return n_rows / ATL_S8_GROUP * 3 * GROUP_SIDE * plan->stride;
    return atl_round_up(n_rows, ATL_S8_GROUP) * plan->stride; /* tiles of rows are read whole */
}

size_t atl_patch_s8_n_lines(const atl_patch_s8 *patch)
{
    return patch->n_rows / patch->plan->line_rows;
}

void atl_patch_s8_fill(const atl_patch_s8 *patch, size_t line)
{
    if (patch->plan->in_groups)
        fill_group(patch, line);
    else
        fill_row(patch, line);
}

/* ---- reading ---- */

static const int8_t *row_at(const atl_patch_s8 *patch, size_t row)
{
    const atl_patch_s8_plan *plan = patch->plan;
    row -= patch->first_row;
    return patch->data + (plan->in_groups ? row / ATL_S8_GROUP * 3 * GROUP_SIDE : row) * plan->stride;
}

atl_gathered_s8 atl_patch_s8_rows(const atl_patch_s8 *patch, size_t row)
{
    const atl_patch_s8_plan *plan = patch->plan;
    const bool two = row + ATL_S8_GROUP < patch->first_row + patch->n_rows;
    const int8_t *upper = row_at(patch, row);
    return (atl_gathered_s8){.upper = upper,
                             .lower = two ? row_at(patch, row + ATL_S8_GROUP) : upper,
                             .stride = plan->stride,
                             .taps = plan->taps,
                             .n_taps = plan->n_taps,
                             .k = plan->k};
}
