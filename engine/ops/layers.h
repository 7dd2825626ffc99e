/* layers.h - layers with weights: linear, convolution, norms, embedding.
 *
 * A layer is plain data: sizes, and pointers into packed weights that someone else owns (the store of
 * model/store.h, shared by every worker of a machine and never written after packing). How weights are
 * packed depends on type and instruction set alone, so that one packed copy serves all.
 *
 * Each kind has three functions: `_packed_bytes` (how much the store must give), `_pack` (from f32 rows
 * in the checkpoint's layout), `_run`. `_bind` points a layer at a region that was packed before.
 * Maps are f32 or bf16, inputs, residuals and outputs each. All sums are f32, in an order that depends on the
 * shapes alone: never on the number of threads, nor on how many pictures are in the batch. */
#ifndef ATL_OPS_LAYERS_H
#define ATL_OPS_LAYERS_H

#include "ops/map.h"

typedef enum atl_activation {
    ATL_ACT_NONE,
    ATL_ACT_RELU,
    ATL_ACT_SILU,       /* x·σ(x) */
    ATL_ACT_GELU,       /* x·Φ(x), exact (erf) */
    ATL_ACT_GELU_TANH,  /* the tanh approximation ("gelu_new", "gelu_pytorch_tanh") */
    ATL_ACT_QUICK_GELU, /* x·σ(1.702·x) */
    ATL_ACT_MISH,       /* x·tanh(softplus(x)) */
    ATL_ACT_TANH,
} atl_activation;

/* What happens to a result y before it is stored:
 *   y = before(y + bias + per_picture[n]);  y = after((y + residual) · scale)
 * Zero-initialised means: bias only. A `scale` of 0 counts as 1. */
typedef struct atl_epilogue {
    const float *per_picture;  /* [n][c_out], e.g. the time embedding; NULL: none */
    size_t per_picture_stride; /* floats from one picture to the next */
    atl_activation before;
    const atl_map *residual; /* same n, h, w, c as the output; may be the output itself; NULL: none */
    float scale;
    atl_activation after;
} atl_epilogue;

/* ---- linear: y[rows][n_out] = x[rows][n_in] · Wᵀ + bias, W in the checkpoint's [n_out][n_in] ---- */

typedef struct atl_linear {
    int n_in, n_out;
    atl_dtype dtype;    /* of the packed weights */
    const void *weight; /* packed */
    const float *bias;  /* [n_out], or NULL */
} atl_linear;

/* Of a layer's region; 64-byte aligned, as regions are. */
size_t atl_linear_packed_bytes(int n_in, int n_out, bool bias, atl_dtype dtype);
/* Packs rows [first_row, first_row + n_rows) of W (and of the bias, which may be NULL) into `region`, so
 * that several matrices with one input (to_q, to_k, to_v) can become one layer, and large ones can come
 * in chunks. first_row and n_rows are multiples of 64 except at the end of a matrix. */
void atl_linear_pack(const atl_linear *linear, int first_row, int n_rows, const float *weight,
                     const float *bias, void *region);
/* The layer whose weights were packed into `region`, which it borrows. */
void atl_linear_bind(atl_linear *linear, int n_in, int n_out, bool bias, atl_dtype dtype, const void *region);
/* `out` must not overlap `x`. Rows of x, out and the residual may have strides. */
void atl_linear_run(const atl_bench *bench, const atl_linear *linear, const atl_map *x,
                    const atl_epilogue *epilogue, const atl_map *out);
/* GEGLU feed-forward input: with W of 2·n rows, out[rows][n] = a · gelu(b), where a is the first half of
 * x·Wᵀ+bias and b the second (Shazeer 2020, "GLU variants improve transformer"). */
void atl_linear_run_geglu(const atl_bench *bench, const atl_linear *linear, const atl_map *x,
                          const atl_map *out);

/* ---- convolution: 1×1 or 3×3, stride 1 or 2, zero padding; W in the checkpoint's [c_out][c_in][k][k] ----
 */

typedef struct atl_conv {
    int c_in, c_out, kernel, stride;
    int pad_before, pad_after; /* rows above and below, and columns left and right. (1,1); the VAE encoder's
                                  down-samplers have (0,1) */
    atl_dtype dtype;
    const void *weight;
    const float *bias;
} atl_conv;

/* As those of a linear layer. */
size_t atl_conv_packed_bytes(int c_in, int c_out, int kernel, bool bias, atl_dtype dtype);
/* Packs output channels [first, first + count); both multiples of 64 except at the end. */
void atl_conv_pack(const atl_conv *conv, int first, int count, const float *weight, const float *bias,
                   void *region);
/* Borrows `region`. */
void atl_conv_bind(atl_conv *conv, int c_in, int c_out, int kernel, int stride, int pad_before, int pad_after,
                   bool bias, atl_dtype dtype, const void *region);
/* The size that comes out of h input rows (or columns). */
int atl_conv_out_size(const atl_conv *conv, int h);
/* What becomes of a map on its way into a convolution: y = act(x · scale + shift), a pair of numbers for each
 * channel of each picture. */
typedef struct atl_affine {
    const float *scale_shift; /* [n][2][c_in]: scales, then shifts */
    atl_activation act;
} atl_affine;

typedef struct atl_conv_input {
    const atl_map *x;      /* [n][h][w][c] */
    const atl_map *x_more; /* NULL, or further channels [n][h][w][c'] that follow x's: a concatenation that
                              is never made. x->c + x_more->c = c_in */
    bool upsample;         /* x is read as if each pixel stood 2 × 2 times (nearest), folded into the conv */
    const atl_affine *affine; /* NULL, or what x and x_more become first: only of a norm's making, below */
} atl_conv_input;
void atl_conv_run(const atl_bench *bench, const atl_conv *conv, const atl_conv_input *in,
                  const atl_epilogue *epilogue, const atl_map *out);

/* Whether it can be run line by line: in bf16, 3 × 3 of one picture, which comes out as large (doubled, if
 * that) and a multiple of 16 wide, with nothing beside it. */
bool atl_conv_runs_lines(const atl_bench *bench, const atl_conv *conv, const atl_conv_input *in);
/* The same numbers for some lines of `out` alone. Reads what of `in` those lines need (a line more above and
 * below) and touches nothing else, so that other lines of `in` may have been written over by then. */
void atl_conv_run_lines(const atl_bench *bench, const atl_conv *conv, const atl_conv_input *in,
                        const atl_epilogue *epilogue, const atl_map *out, atl_lines lines);

/* ---- norms: gamma and beta are f32 always ---- */

typedef struct atl_norm {
    int c, groups; /* groups: 0 for LayerNorm */
    float eps;
    const float *gamma, *beta; /* [c]; NULL: 1 and 0 */
} atl_norm;

size_t atl_norm_packed_bytes(int c);
void atl_norm_pack(int c, const float *gamma, const float *beta, void *region);
void atl_norm_bind(atl_norm *norm, int c, int groups, float eps, const void *region);
/* Maps of both norms are f32 or bf16; statistics are f32 and double.
 * GroupNorm over (h, w, c/groups) of each picture, then `act`. `x_more` as in atl_conv_input (or NULL):
 * the groups run over the joined channels, and out has them all. out may be x when there is no x_more.
 * (Wu & He 2018) */
void atl_group_norm(const atl_bench *bench, const atl_norm *norm, const atl_map *x, const atl_map *x_more,
                    atl_activation act, const atl_map *out);
/* conv(act(norm(x, x_more))). In bf16 the norm is applied while the convolution copies its rows, so that the
 * normed map never is; the result is the same to the bit. Otherwise that map is `normed`
 * [n][h][w][c_in], which may be x if x_more is NULL and x may be lost. NULL: taken from the arena.
 * `in` comes without an affine. */
void atl_group_norm_conv(const atl_bench *bench, const atl_norm *norm, atl_activation act,
                         const atl_conv *conv, const atl_conv_input *in, const atl_map *normed,
                         const atl_epilogue *epilogue, const atl_map *out);
/* Whether the norm before this convolution is applied while it copies its rows. */
bool atl_conv_takes_affine(const atl_conv *conv, const atl_conv_input *in);
/* What such a norm makes of x and x_more, which it measures: for the convolution's input. The numbers are
 * taken from the arena. */
atl_affine atl_group_norm_affine(const atl_bench *bench, const atl_norm *norm, atl_activation act,
                                 const atl_conv_input *in);
/* LayerNorm over c of each row; out may be x. (Ba et al. 2016) */
void atl_layer_norm(const atl_bench *bench, const atl_norm *norm, const atl_map *x, const atl_map *out);

#endif
