/* safetensors_convert.c - elements of any float type to f32, with NaN and Inf found on the way.
 *
 * Plain loops over unaligned data that the compiler vectorises: each accumulates one flag, and only where
 * that flag is set is the culprit searched for. A checkpoint's gigabytes pass here once. */
#include "model/safetensors.h"

#include <math.h>
#include <string.h>

/* The data of a tensor begins wherever the header's length put it. */
typedef uint16_t unaligned_u16 __attribute__((aligned(1), may_alias));
typedef uint32_t unaligned_u32 __attribute__((aligned(1), may_alias));
typedef double unaligned_f64 __attribute__((aligned(1), may_alias));

static inline float float_of_bits(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static inline uint32_t bits_of_float(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
}

/* Nonzero if a value with all exponent bits set was met. */
static uint32_t convert_f32(const uint8_t *data, size_t n, float *restrict out)
{
    const unaligned_u32 *in = (const unaligned_u32 *)data;
    uint32_t bad = 0;
    memcpy(out, data, n * sizeof *out);
    for (size_t i = 0; i < n; i++)
        bad |= (uint32_t)((in[i] & 0x7f800000u) == 0x7f800000u);
    return bad;
}

static uint32_t convert_bf16(const uint8_t *data, size_t n, float *restrict out)
{
    const unaligned_u16 *in = (const unaligned_u16 *)data;
    uint32_t bad = 0;
    for (size_t i = 0; i < n; i++) {
        const uint32_t bits = (uint32_t)in[i] << 16;
        bad |= (uint32_t)((bits & 0x7f800000u) == 0x7f800000u);
        out[i] = float_of_bits(bits);
    }
    return bad;
}

/* Normal halves get the exponent's bias changed; subnormal ones become exact by a subtraction, so that no
 * subnormal float is ever computed with (a CPU set to flush them would lose it). */
static uint32_t convert_f16(const uint8_t *data, size_t n, float *restrict out)
{
    const unaligned_u16 *in = (const unaligned_u16 *)data;
    const uint32_t rebias = (127u - 15u) << 23, least = 113u << 23;
    uint32_t bad = 0;
    for (size_t i = 0; i < n; i++) {
        const uint32_t x = in[i];
        const uint32_t magnitude = (x & 0x7fffu) << 13;
        const uint32_t exponent = magnitude & (0x7c00u << 13);
        const uint32_t normal = magnitude + rebias;
        const uint32_t subnormal = bits_of_float(float_of_bits(magnitude + least) - float_of_bits(least));
        bad |= (uint32_t)(exponent == 0x7c00u << 13);
        out[i] = float_of_bits((x & 0x8000u) << 16 | (exponent == 0 ? subnormal : normal));
    }
    return bad;
}

static uint32_t convert_f64(const uint8_t *data, size_t n, float *restrict out)
{
    const unaligned_f64 *in = (const unaligned_f64 *)data;
    uint32_t bad = 0;
    for (size_t i = 0; i < n; i++) {
        out[i] = (float)in[i];
        bad |= (uint32_t)((bits_of_float(out[i]) & 0x7f800000u) == 0x7f800000u);
    }
    return bad;
}

/* A half with all exponent bits set came out as a finite number: its class is read from the input again. */
static bool is_bad(const atl_st_tensor *tensor, const uint8_t *data, size_t i, float value, bool *ret_nan)
{
    if (tensor->dtype == ATL_ST_F16) {
        const uint32_t x = ((const unaligned_u16 *)data)[i];
        *ret_nan = (x & 0x3ffu) != 0;
        return (x & 0x7c00u) == 0x7c00u;
    }
    *ret_nan = isnan(value);
    return !isfinite(value);
}

static atl_status fail_value(const atl_st_tensor *tensor, const uint8_t *data, size_t first, size_t n,
                             const float *out, atl_note *note)
{
    bool nan = false;
    size_t i = 0;
    while (i < n && !is_bad(tensor, data, i, out[i], &nan))
        i++;
    return atl_fail(note, ATL_BAD_INPUT, "tensor \"%.200s\": element %zu is %s", tensor->name, first + i,
                    nan ? "NaN" : "infinite");
}

atl_status atl_st_to_f32(const atl_st_tensor *tensor, size_t first, size_t n, float *out, atl_note *note)
{
    const uint8_t *data = tensor->data + first * atl_st_dtype_bytes(tensor->dtype);
    uint32_t bad;
    if (n == 0)
        return ATL_OK;
    switch (tensor->dtype) {
    case ATL_ST_F32:
        bad = convert_f32(data, n, out);
        break;
    case ATL_ST_F16:
        bad = convert_f16(data, n, out);
        break;
    case ATL_ST_BF16:
        bad = convert_bf16(data, n, out);
        break;
    case ATL_ST_F64:
        bad = convert_f64(data, n, out);
        break;
    default:
        return atl_fail(note, ATL_UNSUPPORTED,
                        "tensor \"%.200s\": has dtype %s; F32, F16, BF16 or F64 was wanted", tensor->name,
                        atl_st_dtype_name(tensor->dtype));
    }
    return bad ? fail_value(tensor, data, first, n, out, note) : ATL_OK;
}
