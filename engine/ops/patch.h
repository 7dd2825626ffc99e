/* patch.h - the rows of a product in bf16, in a form that is multiplied in place (private to ops/).
 *
 * A tile of AMX reads 16 rows a fixed distance apart. Neighbouring pixels of a map are just that, so a 3 × 3
 * convolution is nine products with rows that begin a pixel or an image row further on (atl_gathered), and
 * no row is copied nine times. What stands in the way, the picture's edge, f32, up-sampling and inputs that
 * are joined, is removed by one copy of the input, the patch; PADDED, the norm before a convolution is
 * applied on the way (atl_affine):
 *
 *   IN_PLACE  1 × 1 over a bf16 map: nothing is copied but the rows of a last, partial tile
 *   PADDED    3 × 3, width a multiple of 16:  [image rows + 2][w + 2][stride], zeros around the picture
 *             or, where one thread reads a block from its first row to its last, the three lines that it
 *             reads now
 *   SHIFTED   3 × 3, other widths:  [3 (dx)][image rows + 2][w][stride], so that rows run on over line ends
 *   GATHERED  anything else:  [rows][stride], each row's k numbers copied together
 *
 * A patch covers a block of output rows; `stride` has a cache line more than its numbers where that spreads
 * rows over the sets of the cache. */
#ifndef ATL_OPS_PATCH_H
#define ATL_OPS_PATCH_H

#include "kernels/kernels.h"
#include "ops/product.h"

typedef enum atl_patch_form {
    ATL_PATCH_IN_PLACE,
    ATL_PATCH_PADDED,
    ATL_PATCH_SHIFTED,
    ATL_PATCH_GATHERED
} atl_patch_form;

#define ATL_PATCH_WIDTH    16 /* of what is padded, a multiple of it: the rows of a tile */
#define ATL_PATCH_MAX_TAPS 9
#define ATL_PATCH_LINES    3 /* image rows that a row of the product reads */

typedef struct atl_patch_plan {
    const atl_product *product;
    const atl_kernels *kernels;
    atl_patch_form form;
    size_t n_rows; /* of the product */
    size_t c_in;
    size_t n_taps, k; /* as atl_gathered has them */
    size_t stride;    /* elements from row to row */
    size_t grain;     /* blocks of output rows are multiples of it, except the last */
    bool rolling;     /* PADDED: only three image rows are kept, and filled as they are wanted */
} atl_patch_plan;

/* How the product's input becomes rows of bf16; borrows both. */
void atl_patch_plan_init(atl_patch_plan *plan, const atl_product *product, const atl_kernels *kernels);

/* Some output rows and where their numbers are. */
typedef struct atl_patch {
    const atl_patch_plan *plan;
    size_t first_row, n_rows;
    uint16_t *data; /* atl_patch_bytes; IN_PLACE: [32][k], the rows of a partial tile at the map's end */
    size_t taps[ATL_PATCH_LINES][ATL_PATCH_MAX_TAPS]; /* rolling: by where the first line is; else [0] */
} atl_patch;

/* Whether this plan's patches may be made rolling: it is the caller's to set. */
bool atl_patch_can_roll(const atl_patch_plan *plan);

/* Enough for any block, where all rows are cut into blocks of that many. */
size_t atl_patch_bytes(const atl_patch_plan *plan, size_t n_rows);
/* Rows [first_row, first_row + n_rows), with first_row a multiple of the grain. */
void atl_patch_init(atl_patch *patch, const atl_patch_plan *plan, size_t first_row, size_t n_rows,
                    uint16_t *data);
/* A patch is filled line by line, by any threads in any order; but a rolling one upwards, and no further than
 * atl_patch_lines_read says for the rows that are read next. */
size_t atl_patch_n_lines(const atl_patch *patch);
void atl_patch_fill(const atl_patch *patch, size_t line);
size_t atl_patch_lines_read(const atl_patch *patch, size_t row);
/* Of a rolling patch: where the map has what `row`'s place in line `line` will be filled with, or a place
 * near if nowhere: somebody may call it near. */
const uint16_t *atl_patch_source(const atl_patch *patch, size_t line, size_t row);
/* The up to 32 rows from `row` on (counted over all; a multiple of 32 after first_row). */
atl_gathered atl_patch_rows(const atl_patch *patch, size_t row);

#endif
