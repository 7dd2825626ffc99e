/* amx_finish.h - a row of sums to results in bf16, beside products of tiles (private to amx_finishing.c and
 * amx_one_tap.c, whose includes of wide.h it needs). */
#ifndef ATL_KERNELS_AMX_FINISH_H
#define ATL_KERNELS_AMX_FINISH_H

#define LINE_ELEMENTS 32 /* of bf16 in a cache line */

/* Into L2. Not _mm_prefetch: gcc 12 takes a loop of it whose length it does not know for one that does
 * nothing, and leaves it out. */
static inline void call_near(const uint16_t *from, size_t n_lines)
{
    for (size_t line = 0; line < n_lines; line++)
        __asm__ volatile("prefetcht1 (%0)" : : "r"(from + LINE_ELEMENTS * line));
}

/* What becomes of sums without gates: the loop over a product's k is compiled for each. */
#define FINISHING_KINDS(X)                                                                                   \
    X(PLAIN)                                                                                                 \
    X(RECTIFIED)                                                                                             \
    X(QUICK_GELU)                                                                                            \
    X(RESIDUAL)                                                                                              \
    X(RESIDUAL_RECTIFIED)                                                                                    \
    X(RESIDUAL_F32)

#define FINISHING_KIND(kind) kind,
typedef enum finishing_kind {
    NOTHING,
    FINISHING_KINDS(FINISHING_KIND) GATED,
    PLAIN_SUMMED, /* moments are wanted, too: of amx_finishing.c alone */
    RESIDUAL_SUMMED
} finishing_kind;
#undef FINISHING_KIND

/* What serves all rows: both halves of the columns. */
typedef struct columns {
    vec bias[2], per_picture[2], gate_bias[2];
} columns;

static inline vec or_zeros(const float *p, int half)
{
    return p ? v_load(p + half * LANES) : v_set(0.0f);
}

static inline columns columns_of(const atl_finishing *f)
{
    columns all;
    for (int half = 0; half < 2; half++) {
        all.bias[half] = or_zeros(f->bias, half);
        all.per_picture[half] = or_zeros(f->per_picture, half);
        all.gate_bias[half] = or_zeros(f->gate_bias, half);
    }
    return all;
}

static inline vec finished(finishing_kind kind, const atl_finishing *f, const columns *all, size_t row,
                           int half)
{
    const size_t at = row * ATL_TILE_COLS + (size_t)half * LANES;
    vec y = v_add(v_load(f->sums + at), all->bias[half]);
    if (kind == GATED)
        return v_mul(y, v_gelu_near(v_add(v_load(f->gates + at), all->gate_bias[half])));
    y = v_add(y, all->per_picture[half]);
    switch (kind) {
    case RECTIFIED:
        return v_max(y, v_set(0.0f));
    case QUICK_GELU:
        return v_quick_gelu_near(y);
    case RESIDUAL:
    case RESIDUAL_SUMMED:
    case RESIDUAL_RECTIFIED:
        y = v_add(y, v_from_bf16((const uint16_t *)f->residual + row * f->residual_stride + half * LANES));
        return kind == RESIDUAL_RECTIFIED ? v_max(y, v_set(0.0f)) : y;
    case RESIDUAL_F32:
        return v_add(y, v_load((const float *)f->residual + row * f->residual_stride + half * LANES));
    default:
        return y;
    }
}

/* A row's 32 results in bf16 are a cache line, stored at once. */
static inline void finish_row(finishing_kind kind, const atl_finishing *f, const columns *all, size_t row)
{
    const vec left = finished(kind, f, all, row, 0), right = finished(kind, f, all, row, 1);
    if (kind == RESIDUAL_F32) {
        float *out = (float *)f->out + row * f->out_stride;
        v_store(out, left);
        v_store(out + LANES, right);
        return;
    }
    _mm512_storeu_si512((uint16_t *)f->out + row * f->out_stride, (__m512i)_mm512_cvtne2ps_pbh(right, left));
}

static inline finishing_kind kind_of(const atl_finishing *f)
{
    if (!f)
        return NOTHING;
    if (f->gates)
        return GATED;
    if (f->dtype == ATL_F32)
        return RESIDUAL_F32;
    if (f->mean)
        return f->residual ? RESIDUAL_SUMMED : PLAIN_SUMMED;
    if (f->residual)
        return f->act == ATL_ACT_RELU ? RESIDUAL_RECTIFIED : RESIDUAL;
    return f->act == ATL_ACT_RELU ? RECTIFIED : f->act == ATL_ACT_QUICK_GELU ? QUICK_GELU : PLAIN;
}

#endif
