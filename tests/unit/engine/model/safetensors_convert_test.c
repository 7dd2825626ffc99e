/* Conversion to f32: every half there is, and NaN and Inf found. */
#include <math.h>

#include "unit/engine/model/model_fixture.h"

/* One byte before the data, so that nothing is aligned. */
static atl_st_tensor tensor_of(uint8_t *buffer, atl_st_dtype dtype, const void *data, size_t n)
{
    memcpy(buffer + 1, data, n * atl_st_dtype_bytes(dtype));
    return (atl_st_tensor){.name = "t",
                           .dtype = dtype,
                           .rank = 1,
                           .shape = {n},
                           .data = buffer + 1,
                           .n_bytes = n * atl_st_dtype_bytes(dtype)};
}

/* What IEEE 754 says a finite half is. */
static double half_value(uint16_t h)
{
    const int exponent = h >> 10 & 31, fraction = h & 1023;
    const double magnitude = exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);
    return h & 0x8000 ? -magnitude : magnitude;
}

static void every_finite_half_converts_exactly(void **state)
{
    (void)state;
    static uint16_t halves[65536];
    static uint8_t buffer[sizeof halves + 1];
    static float out[65536];
    size_t n = 0;
    for (uint32_t h = 0; h < 65536; h++)
        if ((h & 0x7c00) != 0x7c00)
            halves[n++] = (uint16_t)h;
    const atl_st_tensor tensor = tensor_of(buffer, ATL_ST_F16, halves, n);
    atl_note note = {0};
    assert_ok(atl_st_to_f32(&tensor, 0, n, out, &note), &note);
    for (size_t i = 0; i < n; i++)
        if ((double)out[i] != half_value(halves[i]) || !signbit(out[i]) != !(halves[i] & 0x8000))
            fail_msg("half %04x became %g", halves[i], (double)out[i]);
}

static void bf16_f32_and_f64_convert(void **state)
{
    (void)state;
    uint8_t buffer[64];
    float out[3];
    atl_note note = {0};
    const uint16_t brains[] = {0x3f80, 0xc049, 0x0001};
    atl_st_tensor tensor = tensor_of(buffer, ATL_ST_BF16, brains, 3);
    assert_ok(atl_st_to_f32(&tensor, 0, 3, out, &note), &note);
    assert_true(out[0] == 1 && out[1] == -3.140625f && out[2] == ldexpf(1, -133));
    const float floats[] = {0.1f, -2, 1e-40f};
    tensor = tensor_of(buffer, ATL_ST_F32, floats, 3);
    assert_ok(atl_st_to_f32(&tensor, 1, 2, out, &note), &note);
    assert_true(out[0] == -2 && out[1] == 1e-40f);
    const double doubles[] = {0.1, -2, 3};
    tensor = tensor_of(buffer, ATL_ST_F64, doubles, 3);
    assert_ok(atl_st_to_f32(&tensor, 0, 3, out, &note), &note);
    assert_true(out[0] == 0.1f && out[2] == 3);
}

static void assert_bad(atl_st_dtype dtype, const void *data, const char *phrase)
{
    uint8_t buffer[64];
    float out[4];
    atl_note note = {0};
    const atl_st_tensor tensor = tensor_of(buffer, dtype, data, 4);
    assert_int_equal(atl_st_to_f32(&tensor, 1, 3, out, &note), ATL_BAD_INPUT);
    assert_note(&note, "tensor \"t\": ");
    assert_note(&note, phrase);
}

static void nan_and_infinity_are_found_in_every_type(void **state)
{
    (void)state;
    assert_bad(ATL_ST_F32, (const float[]){0, 0, NAN, 0}, "element 2 is NaN");
    assert_bad(ATL_ST_F32, (const float[]){0, 0, 0, -INFINITY}, "element 3 is infinite");
    assert_bad(ATL_ST_F64, (const double[]){0, NAN, 0, 0}, "element 1 is NaN");
    assert_bad(ATL_ST_F64, (const double[]){0, 0, 1e300, 0}, "element 2 is infinite"); /* in f32 */
    assert_bad(ATL_ST_F16, (const uint16_t[]){0, 0, 0x7e00, 0}, "element 2 is NaN");
    assert_bad(ATL_ST_F16, (const uint16_t[]){0, 0, 0, 0xfc00}, "element 3 is infinite");
    assert_bad(ATL_ST_BF16, (const uint16_t[]){0, 0x7f80, 0, 0}, "element 1 is infinite");
    assert_bad(ATL_ST_BF16, (const uint16_t[]){0, 0, 0xffc0, 0}, "element 2 is NaN");
}

static void elements_that_were_not_asked_for_do_not_matter(void **state)
{
    (void)state;
    uint8_t buffer[64];
    float out[4];
    atl_note note = {0};
    const float data[] = {NAN, 1, 2, NAN};
    const atl_st_tensor tensor = tensor_of(buffer, ATL_ST_F32, data, 4);
    assert_ok(atl_st_to_f32(&tensor, 1, 2, out, &note), &note);
}

static void whole_numbers_are_refused(void **state)
{
    (void)state;
    uint8_t buffer[64];
    float out[1];
    atl_note note = {0};
    const atl_st_tensor tensor = tensor_of(buffer, ATL_ST_I64, &(const int64_t){1}, 1);
    assert_int_equal(atl_st_to_f32(&tensor, 0, 1, out, &note), ATL_UNSUPPORTED);
    assert_note(&note, "tensor \"t\": has dtype I64");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_finite_half_converts_exactly),
        cmocka_unit_test(bf16_f32_and_f64_convert),
        cmocka_unit_test(nan_and_infinity_are_found_in_every_type),
        cmocka_unit_test(elements_that_were_not_asked_for_do_not_matter),
        cmocka_unit_test(whole_numbers_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
