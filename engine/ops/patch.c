/* patch.c - the four forms of a product's rows in bf16; see patch.h. */
#include "ops/patch.h"

#include <string.h>

#include "base/sizes.h"
#include "ops/panels.h"

#define LINE_ELEMENTS 32 /* of bf16 in a cache line */
#define HALF          ATL_PATCH_WIDTH

static bool same_size(const atl_product *product)
{
    int up = product->in->upsample ? 1 : 0;
    const atl_map *x = product->in->x, *out = product->out;
    return product->kernel == 3 && product->stride == 1 && product->pad == 1 && out->h == x->h << up &&
           out->w == x->w << up;
}

static atl_patch_form form_of(const atl_product *product, size_t c_in)
{
    const atl_conv_input *in = product->in;
    size_t w = (size_t)product->out->w, h = (size_t)product->out->h;
    if (c_in % ATL_BLOCK_K != 0)
        return ATL_PATCH_GATHERED;
    if (product->kernel == 1 && product->stride == 1 && in->x->dtype == ATL_BF16 && !in->x_more &&
        !in->upsample && in->x->gap == 0)
        return ATL_PATCH_IN_PLACE;
    if (same_size(product) && w % HALF == 0)
        return ATL_PATCH_PADDED;
    if (same_size(product) && h * w % HALF == 0)
        return ATL_PATCH_SHIFTED;
    return ATL_PATCH_GATHERED;
}

/* An odd number of cache lines: then 16 rows lie in 16 different sets, however many channels there are. */
static size_t spread(size_t n)
{
    return n / LINE_ELEMENTS % 2 == 0 ? n + LINE_ELEMENTS : n;
}

void atl_patch_plan_init(atl_patch_plan *plan, const atl_product *product, const atl_kernels *kernels)
{
    const atl_conv_input *in = product->in;
    size_t taps = (size_t)(product->kernel * product->kernel);
    *plan = (atl_patch_plan){.product = product, .kernels = kernels, .n_rows = atl_map_rows(product->out)};
    plan->c_in = (size_t)in->x->c + (in->x_more ? (size_t)in->x_more->c : 0);
    plan->form = form_of(product, plan->c_in);
    plan->n_taps = taps;
    plan->k = plan->c_in;
    plan->stride = spread(plan->c_in);
    plan->grain = ATL_BF16_TILE_ROWS;
    switch (plan->form) {
    case ATL_PATCH_IN_PLACE:
        plan->stride = in->x->stride;
        break;
    case ATL_PATCH_PADDED:
        plan->grain = (size_t)product->out->w;
        break;
    case ATL_PATCH_SHIFTED:
        plan->grain = (size_t)product->out->w * (size_t)product->out->h;
        break;
    case ATL_PATCH_GATHERED:
        plan->n_taps = 1;
        plan->k = atl_panels_k(taps * plan->c_in, ATL_BF16);
        plan->stride = spread(plan->k);
        break;
    }
}

bool atl_patch_can_roll(const atl_patch_plan *plan)
{
    return plan->form == ATL_PATCH_PADDED && plan->product->out->w % ATL_BF16_TILE_ROWS == 0;
}

/* ---- a block's place ---- */

/* Image rows of the patch: each picture of the block has one more above and one below. */
static size_t patch_image_rows(const atl_patch_plan *plan, size_t n_rows, size_t n_pictures)
{
    return n_rows / (size_t)plan->product->out->w + 2 * n_pictures;
}

/* Pictures that a block of n_rows touches at most; blocks follow one another from the first row on. */
static size_t most_pictures(const atl_patch_plan *plan, size_t n_rows)
{
    const atl_map *out = plan->product->out;
    size_t pixels = (size_t)out->w * (size_t)out->h, n = n_rows / pixels + 2; /* begins and ends within one */
    if (n_rows % pixels == 0 || pixels % n_rows == 0)
        n = (n_rows + pixels - 1) / pixels;
    return n < (size_t)out->n ? n : (size_t)out->n;
}

static size_t row_pixels(const atl_patch_plan *plan)
{
    return (size_t)plan->product->out->w + (plan->form == ATL_PATCH_PADDED ? 2 : 0);
}

size_t atl_patch_bytes(const atl_patch_plan *plan, size_t n_rows)
{
    size_t n_copies = plan->form == ATL_PATCH_SHIFTED ? 3 : 1, n_pictures, pixels;
    if (plan->form == ATL_PATCH_IN_PLACE)
        return ATL_BF16_TILE_ROWS * plan->stride * sizeof(uint16_t);
    if (plan->form == ATL_PATCH_GATHERED)
        return atl_round_up(n_rows, ATL_BF16_TILE_ROWS) * plan->stride * sizeof(uint16_t);
    if (plan->rolling)
        return ATL_PATCH_LINES * row_pixels(plan) * plan->stride * sizeof(uint16_t);
    n_pictures = most_pictures(plan, n_rows);
    pixels = n_copies * patch_image_rows(plan, n_rows, n_pictures) * row_pixels(plan);
    return pixels * plan->stride * sizeof(uint16_t);
}

/* Pictures that the block touches. */
static size_t n_pictures_of(const atl_patch *patch)
{
    size_t pixels = (size_t)patch->plan->product->out->w * (size_t)patch->plan->product->out->h;
    return (patch->first_row + patch->n_rows - 1) / pixels - patch->first_row / pixels + 1;
}

static size_t copy_elements(const atl_patch *patch)
{
    const atl_patch_plan *plan = patch->plan;
    return patch_image_rows(plan, patch->n_rows, n_pictures_of(patch)) * row_pixels(plan) * plan->stride;
}

void atl_patch_init(atl_patch *patch, const atl_patch_plan *plan, size_t first_row, size_t n_rows,
                    uint16_t *data)
{
    *patch = (atl_patch){.plan = plan, .first_row = first_row, .n_rows = n_rows, .data = data};
    if (plan->n_taps == 1)
        return;
    for (size_t first = 0; first < (plan->rolling ? ATL_PATCH_LINES : 1); first++)
        for (size_t tap = 0; tap < plan->n_taps; tap++) {
            size_t dx = tap % 3 * (plan->form == ATL_PATCH_PADDED ? plan->stride : copy_elements(patch));
            size_t line = (first + tap / 3) % ATL_PATCH_LINES;
            patch->taps[first][tap] = line * row_pixels(plan) * plan->stride + dx;
        }
}

/* ---- filling ---- */

/* The joined channels of a source pixel. */
static void copy_pixel(const atl_patch_plan *plan, int n, int y, int x, uint16_t *to)
{
    const atl_conv_input *in = plan->product->in;
    const atl_map *maps[] = {in->x, in->x_more};
    for (int i = 0; i < 2 && maps[i]; i++) {
        const atl_map *map = maps[i];
        size_t row = ((size_t)n * (size_t)map->h + (size_t)y) * (size_t)map->w + (size_t)x;
        size_t at = atl_map_row_at(map, row);
        if (map->dtype == ATL_BF16)
            memcpy(to, (const uint16_t *)map->data + at, (size_t)map->c * sizeof *to);
        else
            plan->kernels->f32_to_bf16((size_t)map->c, atl_map_f32(map) + at, to);
        to += map->c;
    }
}

/* The source pixel at (y, x) as the convolution sees it, or zeros outside the picture. */
static void copy_seen(const atl_patch_plan *plan, int n, int y, int x, uint16_t *to)
{
    const atl_conv_input *in = plan->product->in;
    int up = in->upsample ? 1 : 0;
    if (y < 0 || x < 0 || y >= in->x->h << up || x >= in->x->w << up)
        memset(to, 0, plan->c_in * sizeof *to);
    else
        copy_pixel(plan, n, y >> up, x >> up, to);
}

static void fill_gathered(const atl_patch *patch, size_t line)
{
    const atl_patch_plan *plan = patch->plan;
    const atl_product *p = plan->product;
    size_t w = (size_t)p->out->w, h = (size_t)p->out->h, row = patch->first_row + line;
    size_t taps = (size_t)(p->kernel * p->kernel), used = taps * plan->c_in;
    uint16_t *to = patch->data + line * plan->stride;
    for (int tap = 0; tap < (int)taps; tap++) {
        int y = (int)(row / w % h) * p->stride + tap / p->kernel - p->pad;
        int x = (int)(row % w) * p->stride + tap % p->kernel - p->pad;
        copy_seen(plan, (int)(row / w / h), y, x, to + (size_t)tap * plan->c_in);
    }
    memset(to + used, 0, (plan->k - used) * sizeof *to);
}

/* All channels of image row y, as the affine makes them; to the pixel left of it and the one right of it,
 * zeros. */
static void fill_normed_row(const atl_patch_plan *plan, size_t n, int y, uint16_t *to)
{
    const atl_conv_input *in = plan->product->in;
    const atl_map *maps[] = {in->x, in->x_more};
    const float *scale = in->affine->scale_shift + n * 2 * plan->c_in, *shift = scale + plan->c_in;
    size_t w = (size_t)in->x->w;
    memset(to, 0, plan->c_in * sizeof *to);
    memset(to + (w + 1) * plan->stride, 0, plan->c_in * sizeof *to);
    to += plan->stride;
    for (int i = 0; i < 2 && maps[i]; i++) {
        const atl_map *map = maps[i];
        size_t at = atl_map_row_at(map, (n * (size_t)map->h + (size_t)y) * w) * atl_dtype_bytes(map->dtype);
        atl_rows from = {.data = (char *)map->data + at, .stride = map->stride, .dtype = map->dtype};
        atl_rows into = {.data = to, .stride = plan->stride, .dtype = ATL_BF16};
        plan->kernels->affine_rows(in->affine->act, (int)w, map->c, &from, scale, shift, &into);
        to += map->c;
        scale += map->c;
        shift += map->c;
    }
}

/* An image row of the patch, in each copy. */
static void fill_image_row(const atl_patch *patch, size_t line)
{
    const atl_patch_plan *plan = patch->plan;
    const atl_map *out = plan->product->out;
    size_t first = patch->first_row / (size_t)out->w, end = first + patch->n_rows / (size_t)out->w;
    size_t h = (size_t)out->h, n = first / h, left = line;
    for (;; n++) { /* which picture's line is it? */
        size_t begin = n * h > first ? n * h : first, stop = (n + 1) * h < end ? (n + 1) * h : end;
        size_t here = stop - begin + 2;
        if (left < here || stop == end) {
            int y = (int)(begin - n * h + left) - 1;
            bool padded = plan->form == ATL_PATCH_PADDED;
            size_t place = plan->rolling ? line % ATL_PATCH_LINES : line;
            for (int copy = 0; copy < (padded ? 1 : 3); copy++) {
                uint16_t *to = patch->data + (size_t)copy * copy_elements(patch) +
                               place * row_pixels(plan) * plan->stride;
                if (plan->product->in->affine && y >= 0 && y < out->h) {
                    fill_normed_row(plan, n, y, to);
                    continue;
                }
                for (int i = 0; i < (int)row_pixels(plan); i++, to += plan->stride)
                    copy_seen(plan, (int)n, y, i + copy - 1, to);
            }
            return;
        }
        left -= here;
    }
}

size_t atl_patch_n_lines(const atl_patch *patch)
{
    const atl_patch_plan *plan = patch->plan;
    switch (plan->form) {
    case ATL_PATCH_IN_PLACE:
        return patch->first_row + patch->n_rows == plan->n_rows ? plan->n_rows % ATL_BF16_TILE_ROWS : 0;
    case ATL_PATCH_GATHERED:
        return patch->n_rows;
    default:
        return patch_image_rows(plan, patch->n_rows, n_pictures_of(patch));
    }
}

void atl_patch_fill(const atl_patch *patch, size_t line)
{
    const atl_patch_plan *plan = patch->plan;
    if (plan->form == ATL_PATCH_IN_PLACE) {
        const atl_map *x = plan->product->in->x;
        size_t row = plan->n_rows / ATL_BF16_TILE_ROWS * ATL_BF16_TILE_ROWS + line;
        memcpy(patch->data + line * plan->stride, (const uint16_t *)x->data + row * x->stride,
               plan->k * sizeof(uint16_t));
    } else if (plan->form == ATL_PATCH_GATHERED) {
        fill_gathered(patch, line);
    } else {
        fill_image_row(patch, line);
    }
}

/* ---- reading ---- */

/* The first of the lines that a row of PADDED or SHIFTED reads. */
static size_t line_of(const atl_patch *patch, size_t row)
{
    const atl_map *out = patch->plan->product->out;
    size_t w = (size_t)out->w, h = (size_t)out->h;
    return row / w - patch->first_row / w + 2 * (row / w / h - patch->first_row / w / h);
}

size_t atl_patch_lines_read(const atl_patch *patch, size_t row)
{
    return line_of(patch, row) + ATL_PATCH_LINES;
}

const uint16_t *atl_patch_source(const atl_patch *patch, size_t line, size_t row)
{
    const atl_map *x = patch->plan->product->in->x;
    size_t up = patch->plan->product->in->upsample ? 1 : 0, w = (size_t)patch->plan->product->out->w;
    size_t rows = atl_map_rows(x), last = rows > ATL_BF16_TILE_ROWS ? rows - ATL_BF16_TILE_ROWS : 0;
    size_t y = patch->first_row / w + line; /* not counting lines between pictures: it need not be exact */
    size_t at = (y > 0 ? y - 1 : 0) / (up + 1) * (size_t)x->w + row % w / (up + 1);
    return (const uint16_t *)x->data +
           atl_map_row_at(x, at < last ? at : last) * atl_dtype_bytes(x->dtype) / 2;
}

/* Where row `row` finds its first tap; its first line's beginning if that rolls. */
static const uint16_t *row_at(const atl_patch *patch, size_t row)
{
    const atl_patch_plan *plan = patch->plan;
    size_t line, column = row % (size_t)plan->product->out->w;
    switch (plan->form) {
    case ATL_PATCH_IN_PLACE:
        if (row >= plan->n_rows / ATL_BF16_TILE_ROWS * ATL_BF16_TILE_ROWS)
            return patch->data + row % ATL_BF16_TILE_ROWS * plan->stride;
        return (const uint16_t *)plan->product->in->x->data + row * plan->stride;
    case ATL_PATCH_GATHERED:
        return patch->data + (row - patch->first_row) * plan->stride;
    default:
        line = plan->rolling ? 0 : line_of(patch, row);
        return patch->data + (line * row_pixels(plan) + column) * plan->stride;
    }
}

atl_gathered atl_patch_rows(const atl_patch *patch, size_t row)
{
    const atl_patch_plan *plan = patch->plan;
    bool two = row + HALF < plan->n_rows;
    const uint16_t *upper = row_at(patch, row);
    return (atl_gathered){.upper = upper,
                          .lower = two ? row_at(patch, row + HALF) : upper,
                          .stride = plan->stride,
                          .taps = patch->taps[plan->rolling ? line_of(patch, row) % ATL_PATCH_LINES : 0],
                          .n_taps = plan->n_taps,
                          .k = plan->k,
                          .panel_k = plan->k};
}
