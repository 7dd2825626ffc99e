/* portable_panels.c - numbers from one type to another and rows of a checkpoint into panels, in portable C:
 * said plainly, for checks. */
#include <math.h>
#include <string.h>

#include "base/sizes.h"
#include "kernels/bf16.h"
#include "kernels/kernels.h"

static float float_of_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static float half_to_float(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000u) << 16, exponent = (h >> 10) & 0x1fu, mantissa = h & 0x3ffu;
    if (exponent == 31) /* Inf and NaN */
        return float_of_bits(sign | 0x7f800000u | (mantissa << 13));
    if (exponent == 0) { /* zero and subnormal: mantissa · 2⁻²⁴, exact in f32 */
        float magnitude = (float)mantissa * 0x1p-24f;
        return sign ? -magnitude : magnitude;
    }
    return float_of_bits(sign | ((exponent + 112) << 23) | (mantissa << 13));
}

void atl_f16_to_f32__portable(size_t n, const uint16_t *x, float *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = half_to_float(x[i]);
}

void atl_bf16_to_f32__portable(size_t n, const uint16_t *x, float *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = atl_bf16_to_f32(x[i]);
}

void atl_f32_to_bf16__portable(size_t n, const float *x, uint16_t *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = atl_bf16_from_f32(x[i]);
}

/* Number i of a row in the checkpoint's order, whatever its address. */
static float row_number(const atl_panel_rows *rows, int row, size_t i)
{
    float x;
    uint16_t half;
    if (rows->type == ATL_F32) {
        memcpy(&x, (const char *)rows->row[row] + i * sizeof x, sizeof x);
        return x;
    }
    memcpy(&half, (const char *)rows->row[row] + i * sizeof half, sizeof half);
    return rows->type == ATL_F16 ? half_to_float(half) : atl_bf16_to_f32(half);
}

/* What stands at k of column j. */
static float panel_number(const atl_panel_rows *rows, size_t k, int j, float *trouble)
{
    if (j >= rows->n || k >= rows->c_in * rows->n_taps)
        return 0.0f;
    float x = row_number(rows, j, k % rows->c_in * rows->n_taps + k / rows->c_in);
    if (!isfinite(x))
        *trouble = NAN;
    return x;
}

void atl_panel_f32__portable(const atl_panel_rows *rows, float *panel, float *trouble)
{
    for (size_t k = 0; k < rows->c_in * rows->n_taps; k++)
        for (int j = 0; j < ATL_TILE_COLS; j++)
            *panel++ = panel_number(rows, k, j, trouble);
}

/* To nearest, ties to even; what is too large becomes the largest. Below 2⁻¹⁴, a half counts in 2⁻²⁴. */
static uint16_t half_from_float(float x)
{
    const float size = fminf(fabsf(x), ATL_F16_MOST);
    uint32_t bits;
    memcpy(&bits, &size, sizeof bits);
    if (size < 0x1p-14f)
        bits = (uint32_t)nearbyintf(size * 0x1p24f);
    else
        bits = ((bits + 0xfff + (bits >> 13 & 1)) >> 13) - (112u << 10);
    return (uint16_t)(bits | (signbit(x) ? 0x8000u : 0u));
}

void atl_panel_f16__portable(const atl_panel_rows *rows, uint16_t *panel, float *trouble)
{
    for (size_t k = 0; k < rows->c_in * rows->n_taps; k++)
        for (int j = 0; j < ATL_TILE_COLS; j++)
            *panel++ = half_from_float(panel_number(rows, k, j, trouble));
}

void atl_panel_bf16__portable(const atl_panel_rows *rows, uint16_t *panel, float *trouble)
{
    for (size_t k = 0; k < atl_round_up(rows->c_in * rows->n_taps, ATL_BLOCK_K); k += 2)
        for (int j = 0; j < ATL_TILE_COLS; j++)
            for (size_t odd = 0; odd < 2; odd++)
                *panel++ = atl_bf16_from_f32(panel_number(rows, k + odd, j, trouble));
}

void atl_panel_s8__portable(const atl_panel_rows *rows, int8_t *panel, float *trouble)
{
    const size_t k = rows->c_in * rows->n_taps, padded = atl_round_up(k, ATL_S8_BLOCK_K);
    for (size_t j = 0; j < ATL_TILE_COLS; j++) {
        float most = 0.0f;
        for (size_t i = 0; i < k; i++)
            most = fmaxf(most, fabsf(panel_number(rows, i, (int)j, trouble)));
        const float scale = most / 127.0f, factor = atl_s8_factor(most);
        for (size_t i = 0; i < padded; i++) {
            float x = panel_number(rows, i, (int)j, trouble);
            const atl_rows one = {.data = &x, .stride = 1, .dtype = ATL_F32};
            atl_quantise_row__portable(1, &one, factor, &panel[(i / 4 * ATL_TILE_COLS + j) * 4 + i % 4]);
        }
        memcpy(panel + padded * ATL_TILE_COLS + j * sizeof scale, &scale, sizeof scale);
    }
}
