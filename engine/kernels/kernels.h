/* kernels.h - the slots that an instruction set can fill.
 *
 * One table of function pointers per instruction set, chosen by atl_kernels_choose from the CPU's flags,
 * which are an argument, so that a test can choose the CPU. A kernel computes one tile on one thread;
 * splitting work is the business of ops/. Which kernels there are, and what each computes, is said once, in
 * kernels_list.h.
 *
 * Layouts that ops/ and the kernels share:
 * - packed weights, "panels": [⌈n_out/32⌉][k][32] f32 or f16, zero beyond n_out; the same for every
 * instruction set;
 * - packed rows, "strips": [k][16] f32 of which up to 14 columns are in use: 14 rows × 32 columns are the 28
 *   accumulators of AVX-512 that leave registers for two vectors of weights and one broadcast;
 * - in bf16, panels are [⌈n_out/32⌉][k/2][32][2] and strips [k/32][32 rows][32], k a multiple of 32: what AMX
 *   loads as tiles. A strip takes as many bytes for each k as one of f32;
 * - in s8, panels are [⌈n_out/32⌉]{[k/4][32][4], scales f32 [32]}, k a multiple of 64. Rows are multiplied
 *   where they stand. */
#ifndef ATL_KERNELS_H
#define ATL_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/attend.h"
#include "kernels/kernels_list.h"
#include "ops/layers.h"

#define ATL_TILE_ROWS   14
#define ATL_TILE_COLS   32
#define ATL_STRIP_WIDTH 16 /* floats from one k of a packed strip to the next */

#define ATL_BF16_TILE_ROWS 32 /* rows of a strip in bf16 */
#define ATL_BLOCK_K        32 /* k of strips and panels in bf16 are multiples of it */

#define ATL_S8_BLOCK_K 64 /* k of rows and panels in s8 are multiples of it */

/* What becomes of a row of sums: y = before(sum + bias + per_picture); out = after((y + residual) · scale).
 * Pointers are at the row's first column; NULL: none. */
typedef struct atl_finish {
    const float *bias, *per_picture, *residual;
    float scale;
    atl_activation before, after;
} atl_finish;

#define ATL_F16_MOST 65504.0f /* the largest number of half precision */

/* What a panel is made of: rows [c_in][n_taps] of `type`, at any addresses. */
typedef struct atl_panel_rows {
    int n; /* at most ATL_TILE_COLS */
    atl_dtype type;
    size_t c_in, n_taps;
    const void *row[ATL_TILE_COLS];
} atl_panel_rows;

/* What numbers up to `most` are multiplied with to lie in ±127. Next to nothing counts as nothing. */
static inline float atl_s8_factor(float most)
{
    return most < 1e-30f ? 0.0f : 127.0f / most;
}

/* Rows of numbers, f32 or bf16, `stride` elements apart. */
typedef struct atl_rows {
    void *data;
    size_t stride;
    atl_dtype dtype;
} atl_rows;

/* Up to 32 rows of bf16 where a product finds them: row i < 16 at upper + i · stride, the others at lower +
 * (i - 16) · stride, and that once for each tap, taps[t] elements further on, each time k elements (a
 * multiple of 32). So a tile of neighbouring pixels is read in place, and each row's sum runs over n_taps ·
 * k. The panel has panel_k ≥ k for each tap, of which it is given at the first that is wanted. */
typedef struct atl_gathered {
    const uint16_t *upper, *lower;
    size_t stride;
    const size_t *taps;
    size_t n_taps, k, panel_k;
} atl_gathered;

/* Sums [m][32] of all 32 columns of a panel, which become out = act((sums + bias) + per_picture) + residual
 * in bf16 or f32, as both are; or with `gates` out = (sums + bias) · gelu(gates + gate_bias), in bf16. */
typedef struct atl_finishing {
    int m;                                       /* rows, at most 32 */
    const float *sums, *gates;                   /* gates may be NULL */
    const float *bias, *per_picture, *gate_bias; /* [32]; each may be NULL */
    const void *residual;                        /* may be NULL, or out */
    void *out;
    size_t residual_stride, out_stride; /* elements */
    atl_dtype dtype;                    /* of residual and out: bf16, or f32 with a residual and no act */
    atl_activation
        act; /* NONE, RELU, which with a residual is taken of their sum, or without one QUICK_GELU */
    float *mean, *squares; /* [32], or NULL: moments of the columns of `before` rows, which those of out join
                              (moments_rows). In bf16, without gates and act */
    int before;
} atl_finishing;

/* Memory that is wanted soon: n elements of bf16, of which nothing is read. n may be 0. */
typedef struct atl_soon {
    const uint16_t *from;
    size_t n;
} atl_soon;

/* What the sums of n products run over: rows · a panel, product i's at rows + i · row_step and at panels + i
 * · panel_step, and of its gates at panels + gates + i · panel_step. Elements; k is a multiple of 32. */
typedef struct atl_factors {
    const uint16_t *rows, *panels;
    size_t stride, row_step, panel_step, gates, k;
} atl_factors;

/* Products one after the other of up to 32 rows each, or each one and its gates', and what becomes of them.
 */
typedef struct atl_run {
    int m;
    size_t n;
    atl_factors own, aside; /* aside: its sums are added; its k may be 0 */
    atl_finishing
        results; /* product 0's, `gates` but not `sums` being NULL or not: where they are is atl_held's */
    size_t column_step, residual_step, out_step; /* of biases and maps, from product to product */
    atl_soon soon[2];                            /* with the products, with those of gates */
} atl_run;

/* From a product's results to those of the run's next. */
static inline void atl_next_results(const atl_run *run, atl_finishing *results)
{
    const size_t bytes = results->dtype == ATL_F32 ? sizeof(float) : sizeof(uint16_t);
    results->bias += results->bias ? run->column_step : 0;
    results->gate_bias += results->gate_bias ? run->column_step : 0;
    results->residual =
        results->residual ? (const char *)results->residual + run->residual_step * bytes : NULL;
    results->out = (char *)results->out + run->out_step * bytes;
}

/* What one run of products leaves to the next: the last sums, in tiles, and results that are not made. */
typedef struct atl_held {
    float *places;      /* [1 or with gates 3][32][32] */
    atl_finishing left; /* m is 0 where nothing is */
    size_t turn;
} atl_held;

/* atl_gathered for rows of s8; k is a multiple of 64. */
typedef struct atl_gathered_s8 {
    const int8_t *upper, *lower;
    size_t stride;
    const size_t *taps;
    size_t n_taps, k;
} atl_gathered_s8;

typedef struct atl_kernels {
    const char *isa;     /* what ATELIER_ISA calls it: one of atl_cpu_isas */
    bool gemm_by_blas;   /* OpenBLAS multiplies faster than gemm_f32 does */
    bool narrow_in_bf16; /* linear layers of few outputs were measured to be faster in bf16 than in s8 */
#define ATL_KERNEL_SLOT(name, parameters) void(*name) parameters;
    ATL_KERNEL_LIST(ATL_KERNEL_SLOT)
#undef ATL_KERNEL_SLOT
    void (*bf16_begin)(void); /* what a thread does before a run of gemm_…: AMX has tiles to set up */
    void (*bf16_end)(void);   /* and after it: tiles in use make the system's thread switches dearer */
} atl_kernels;

#define ATL_KERNEL_DECLARE(name, parameters)                                                                 \
    void atl_##name##__portable parameters;                                                                  \
    void atl_##name##__avx2 parameters;                                                                      \
    void atl_##name##__avx512 parameters;                                                                    \
    void atl_##name##__neon parameters;
ATL_KERNEL_LIST_F32(ATL_KERNEL_DECLARE)
ATL_KERNEL_LIST_BF16(ATL_KERNEL_DECLARE)
ATL_KERNEL_LIST_S8(ATL_KERNEL_DECLARE)
#undef ATL_KERNEL_DECLARE

#define ATL_KERNEL_DECLARE(name, parameters)                                                                 \
    void atl_##name##__portable parameters;                                                                  \
    void atl_##name##__amx parameters;                                                                       \
    void atl_##name##__neon_bf16 parameters;
ATL_KERNEL_LIST_ATTENTION(ATL_KERNEL_DECLARE)
#undef ATL_KERNEL_DECLARE

#define ATL_KERNEL_DECLARE(name, parameters)                                                                 \
    void atl_##name##__portable parameters;                                                                  \
    void atl_##name##__amx parameters;
ATL_KERNEL_LIST_TILES(ATL_KERNEL_DECLARE)
#undef ATL_KERNEL_DECLARE

#define ATL_KERNEL_DECLARE(name, parameters) void atl_##name##__avx512_bf16 parameters;
ATL_KERNEL_LIST_BF16(ATL_KERNEL_DECLARE)
#undef ATL_KERNEL_DECLARE

#define ATL_KERNEL_DECLARE(name, parameters) void atl_##name##__neon_bf16 parameters;
ATL_KERNEL_LIST_BF16(ATL_KERNEL_DECLARE)
#undef ATL_KERNEL_DECLARE
/* AMX only multiplies; conversions are those of AVX512_BF16, which every processor with AMX has. */
void atl_gemm_bf16__amx(int m, size_t k, const uint16_t *a, const uint16_t *b, float *c, size_t ldc, bool add,
                        const uint16_t *ahead);
void atl_gemm_gathered_bf16__amx(int m, const atl_gathered *a, const uint16_t *b, float *c, bool add,
                                 const uint16_t *ahead);
void atl_gemm_gathered_s8__amx(int m, const atl_gathered_s8 *a, const int8_t *b, int32_t *c, bool add,
                               const int8_t *ahead);
void atl_gemm_gathered_s8__avx512_vnni(int m, const atl_gathered_s8 *a, const int8_t *b, int32_t *c, bool add,
                                       const int8_t *ahead);
void atl_gemm_gathered_s8__avx2_vnni(int m, const atl_gathered_s8 *a, const int8_t *b, int32_t *c, bool add,
                                     const int8_t *ahead);
void atl_gemm_gathered_s8__neon_dot(int m, const atl_gathered_s8 *a, const int8_t *b, int32_t *c, bool add,
                                    const int8_t *ahead);
void atl_bf16_begin__amx(void);
void atl_bf16_end__amx(void);

/* What the CPU can do, as bits. */
enum {
    ATL_CPU_AVX2 = 1u << 0,   /* with FMA and F16C */
    ATL_CPU_AVX512 = 1u << 1, /* F, BW, DQ, VL, CD */
    ATL_CPU_AVX512_VNNI = 1u << 2,
    ATL_CPU_AVX512_BF16 = 1u << 3,
    ATL_CPU_AMX = 1u << 4, /* tile, bf16, int8, and the system's permission */
    ATL_CPU_NEON = 1u << 5,
    ATL_CPU_NEON_BF16 = 1u << 6, /* BFMMLA and its conversions */
    ATL_CPU_NEON_DOT = 1u << 7,  /* SDOT */
    ATL_CPU_AVX2_VNNI = 1u << 8, /* VPDPBUSD without AVX-512 */
};

/* Of this machine, limited to what ATELIER_ISA names: one of atl_cpu_isas, or unset. A name whose
 * instructions the machine lacks leaves the next weaker ones. */
uint32_t atl_cpu_flags(void);
const char *atl_cpu_isas(void); /* "portable, avx2, …": what ATELIER_ISA may be */
/* ATL_USAGE, in words, if ATELIER_ISA is something else. */
atl_status atl_cpu_check_isa(atl_note *note);
uint32_t atl_cpu_flags_of_machine(void); /* without that limit */
const atl_kernels *atl_kernels_choose(uint32_t cpu_flags);

#endif
