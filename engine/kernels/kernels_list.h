/* kernels_list.h - every kernel, once: this list makes the slots of kernels.h, the declarations of each
 * instruction set, the checks of tests/unit/engine/kernels and the rows of bench/kernels_bench.c.
 *
 * X(name, (parameters)). All of them compute on one thread, may be given unaligned pointers, and touch
 * nothing beyond the elements that their shapes name. Parameters:
 *
 * gemm_f32      c[i·ldc + j] = (add ? c[i·ldc + j] : 0) + Σ_k a[k·lda + i] · b[k][32], m ≤ ATL_TILE_ROWS
 *               rows of 32: each element's sum runs over k upwards, in whatever company it is computed.
 *               Meanwhile asks for the next 4·k floats from `ahead` to be brought near (any address: nothing
 *               is read).
 *
 * pack_f32      the transpose of m ≤ 16 rows of k elements: packed[j·stride + i] = rows[i][j]. 16 columns are
 *               written; from m on they are unspecified.
 *
 * finish_f32    out[n] from n sums, see atl_finish.
 *
 * geglu_f32     out[n] = (a + bias_a) · gelu(b + bias_b); biases may be NULL.
 *
 * activate_f32  out[n] = act(x[n]); out may be x.
 *
 * add_f32       out[n] = x[n] + y[n]; out may be either.
 *
 * affine_f32    out[n] = act(x[n] · scale[n] + shift[n]); out may be x.
 *
 * layer_norm_f32  one row: out = (x - mean) / √(var + eps) · gamma + beta; gamma and beta may be NULL.
 *
 * softmax_f32   one step of an online softmax down the columns of s[n_keys][32], in powers of two: with f =
 *               scale·log₂e and m = max(max, f·s), s := 2^(f·s - m), correction = 2^(max - m), sum :=
 *               sum·correction + Σ s, max := m. scale > 0; below 2⁻¹²⁶ a power may be 2⁻¹²⁶.
 *
 * scale_rows_f32  o[n_rows][32] *= factor[32].
 *
 * f16_to_f32, bf16_to_f32  out[n] from IEEE half precision and from bfloat16 bits.
 *
 * panel_f32, panel_f16, panel_bf16  one panel of packed weights (ops/panels.h) from up to 32 rows of a
 *               checkpoint, in whatever type it has them: see atl_panel_rows. The whole panel is written,
 *               with zeros in columns that have no row and in k past the end; f16 and bf16 are rounded to
 *               nearest, ties to even, f16 at most ±65504. *trouble becomes NaN if a number was NaN or
 *               infinite, and is left alone otherwise.
 *
 * gemm_bf16     as gemm_f32, for a strip and a panel of bf16 (kernels.h); m ≤ 32, k is a multiple of 32, sums
 *               are f32. Each sum runs over k upwards, in steps that are the instruction set's own; AMX and
 *               AVX512_BF16 take subnormal numbers as 0. Called between bf16_begin and bf16_end on its
 *               thread. Brings the next 8·k elements from `ahead` near.
 *
 * pack_bf16     numbers rows[i][0 … k) of m ≤ 32 rows, rounded to bf16, to k = first … first + k of a strip.
 *
 * pairs_bf16    x[k][32], rounded to bf16, as a panel; zeros up to the next multiple of 32.
 *
 * gemm_gathered_bf16  c[i·32 + j] = (add ? c[i·32 + j] : 0) + Σ a[i][k] · b[k][32] for m ≤ 32 rows that are
 *               multiplied where they stand (atl_gathered); otherwise as gemm_bf16. Up to 16 or 32 rows of a
 *               and c are in use: what is in those from m on is unspecified.
 *
 * finish_rows   m rows of n ≤ 32 from sums[m][32], see atl_finish (whose residual is not looked at); residual
 *               may be NULL, bias and per_picture serve all rows, out may be the residual. `before` is as
 *               good as affine_rows' activation.
 *
 * geglu_rows    the same for out = (a + bias_a) · gelu(b + bias_b) from a[m][32], b[m][32]; gelu is good to
 *               1e-4.
 *
 * moments_rows  mean[n] and squares[n] = Σ(x - mean)², column by column of `before` rows, become those of
 *               m ≥ 1 rows more (Chan et al. 1979); where `before` is 0, of these alone. Rows are of either
 *               type and summed about the first of the m.
 *
 * affine_rows   as affine_f32, for m rows of n of either type; SiLU and quick GELU on their way to bf16 are
 *               good to 2e-4 of the result.
 *
 * f32_to_bf16   out[n], rounded to nearest with ties to even.
 *
 * absmax_row    *max = the largest of *max and |x[n]|, one row of either type; NaN if one of them is NaN or
 *               infinite.
 *
 * quantise_row  out[n] = x[n] · factor to the nearest whole number, ties to even, at most ±128.
 *
 * dequantise    out[i·32 + j] = sums[i·32 + j] · row[i] · column[j] for i < m; out may be where sums are.
 *
 * panel_s8      as panel_f32; column j holds its row's numbers divided by scale[j], the row's largest
 *               magnitude / 127, to the nearest whole number; scales follow the numbers (kernels.h). A row
 *               without magnitude has scale 0.
 *
 * gemm_gathered_s8  as gemm_gathered_bf16 in s8, sums in s32, which are exact: |Σ| must stay below 2³¹.
 *               Brings the next 8·n_taps·k bytes from `ahead` near. Between bf16_begin and bf16_end too.
 *
 * gemm_finishing_bf16  as gemm_gathered_bf16, and meanwhile makes results of other sums (atl_finishing
 *               without gates, or NULL): bit for bit those that finish_rows makes of them. Nothing of `other`
 *               may overlap c. Where it wants moments, they become those of its results, too, bit for bit as
 *               moments_rows has them. Brings `soon` near, a part with each 32 of k. NULL where a matrix unit
 *               does not leave others idle.
 *
 * gemm_run_bf16  the products of a run and, beside them, the results of all but the last, which `held` keeps
 *               for the next run or for settle_run_bf16: to the bit those of gemm_gathered_bf16 (and again,
 *               with what stands aside) and finish_rows or geglu_rows. Runs that share `held` all have
 *               residuals or none, and all gates or none, and no other product is between them. Begins with
 *               places given and the rest 0. NULL where gemm_finishing_bf16 is.
 *
 * settle_run_bf16  makes the results that are held back; there may be none.
 *
 * What follows is NULL where attention is better multiplied in f32:
 *
 * attend_bf16   o = Σ_keys power · v for every query (attend.h), times a power of two of its own: the power
 *               2^(f·q·k), or 2^(f·q·k - m) with m the query's largest f·q·k so far (what was summed before
 *               is scaled as m grows), in bf16, good to 0.7 %; sums are f32, over keys upwards. f·q·k beyond
 *               ±30 without m may give anything, below -61 with it anything from 0 to what -61 gives. What is
 *               not finite may get lost. A query's result depends on its own tile alone. Between bf16_begin
 *               and bf16_end, like gemm_bf16.
 *
 * squares_bf16  sums[32] = Σ_k x² of the rows of a strip; k is a multiple of 32.
 *
 * attended_rows out[i][c] = o[i][c] · (1 / o[i][d] + doubt) for c < d, of m rows `stride` floats apart:
 * results from attend_bf16's sums with a column of ones behind the values. */
#ifndef ATL_KERNELS_LIST_H
#define ATL_KERNELS_LIST_H

#define ATL_KERNEL_LIST(X)                                                                                   \
    ATL_KERNEL_LIST_F32(X)                                                                                   \
    ATL_KERNEL_LIST_BF16(X)                                                                                  \
    ATL_KERNEL_LIST_S8(X)                                                                                    \
    ATL_KERNEL_LIST_ATTENTION(X)                                                                             \
    ATL_KERNEL_LIST_TILES(X)

#define ATL_KERNEL_LIST_F32(X)                                                                               \
    X(gemm_f32, (int m, size_t k, const float *a, size_t lda, const float *b, float *c, size_t ldc,          \
                 bool add, const float *ahead))                                                              \
    X(pack_f32, (int m, size_t k, const float *const *rows, float *packed, size_t stride))                   \
    X(finish_f32, (const atl_finish *finish, int n, const float *sums, float *out))                          \
    X(geglu_f32,                                                                                             \
      (int n, const float *a, const float *b, const float *bias_a, const float *bias_b, float *out))         \
    X(activate_f32, (atl_activation act, size_t n, const float *x, float *out))                              \
    X(add_f32, (size_t n, const float *x, const float *y, float *out))                                       \
    X(affine_f32,                                                                                            \
      (atl_activation act, int n, const float *x, const float *scale, const float *shift, float *out))       \
    X(layer_norm_f32, (int n, const float *x, const float *gamma, const float *beta, float eps, float *out)) \
    X(softmax_f32, (int n_keys, float scale, float *s, float *max, float *sum, float *correction))           \
    X(scale_rows_f32, (int n_rows, const float *factor, float *o))                                           \
    X(f16_to_f32, (size_t n, const uint16_t *x, float *out))                                                 \
    X(bf16_to_f32, (size_t n, const uint16_t *x, float *out))                                                \
    X(panel_f32, (const atl_panel_rows *rows, float *panel, float *trouble))                                 \
    X(panel_f16, (const atl_panel_rows *rows, uint16_t *panel, float *trouble))                              \
    X(panel_bf16, (const atl_panel_rows *rows, uint16_t *panel, float *trouble))

#define ATL_KERNEL_LIST_BF16(X)                                                                              \
    ATL_KERNEL_LIST_BF16_GEMM(X)                                                                             \
    ATL_KERNEL_LIST_BF16_ROWS(X)

#define ATL_KERNEL_LIST_BF16_GEMM(X)                                                                         \
    X(gemm_bf16, (int m, size_t k, const uint16_t *a, const uint16_t *b, float *c, size_t ldc, bool add,     \
                  const uint16_t *ahead))                                                                    \
    X(gemm_gathered_bf16,                                                                                    \
      (int m, const atl_gathered *a, const uint16_t *b, float *c, bool add, const uint16_t *ahead))

#define ATL_KERNEL_LIST_BF16_ROWS(X)                                                                         \
    X(pack_bf16, (int m, size_t first, size_t k, const float *const *rows, uint16_t *packed))                \
    X(pairs_bf16, (size_t k, const float *x, uint16_t *packed))                                              \
    X(finish_rows, (const atl_finish *finish, int m, int n, const float *sums, const atl_rows *residual,     \
                    const atl_rows *out))                                                                    \
    X(geglu_rows, (int m, int n, const float *a, const float *b, const float *bias_a, const float *bias_b,   \
                   const atl_rows *out))                                                                     \
    X(moments_rows, (int m, int n, const atl_rows *x, int before, float *mean, float *squares))              \
    X(affine_rows, (atl_activation act, int m, int n, const atl_rows *x, const float *scale,                 \
                    const float *shift, const atl_rows *out))                                                \
    X(f32_to_bf16, (size_t n, const float *x, uint16_t *out))

#define ATL_KERNEL_LIST_S8(X)                                                                                \
    ATL_KERNEL_LIST_S8_GEMM(X)                                                                               \
    ATL_KERNEL_LIST_S8_ROWS(X)

#define ATL_KERNEL_LIST_S8_GEMM(X)                                                                           \
    X(gemm_gathered_s8,                                                                                      \
      (int m, const atl_gathered_s8 *a, const int8_t *b, int32_t *c, bool add, const int8_t *ahead))

#define ATL_KERNEL_LIST_S8_ROWS(X)                                                                           \
    X(panel_s8, (const atl_panel_rows *rows, int8_t *panel, float *trouble))                                 \
    X(absmax_row, (int n, const atl_rows *x, float *max))                                                    \
    X(quantise_row, (int n, const atl_rows *x, float factor, int8_t *out))                                   \
    X(dequantise, (int m, const int32_t *sums, const float *row, const float *column, float *out))

#define ATL_KERNEL_LIST_TILES(X)                                                                             \
    X(gemm_finishing_bf16, (int m, const atl_gathered *a, const uint16_t *b, float *c, bool add,             \
                            atl_soon soon, const atl_finishing *other))                                      \
    X(gemm_run_bf16, (const atl_run *run, atl_held *held))                                                   \
    X(settle_run_bf16, (atl_held * held))

#define ATL_KERNEL_LIST_ATTENTION(X)                                                                         \
    X(attend_bf16, (const atl_attend *a))                                                                    \
    X(squares_bf16, (size_t k, const uint16_t *strip, float *sums))                                          \
    X(attended_rows, (int m, int d, const float *o, size_t stride, float doubt, const atl_rows *out))

#endif
