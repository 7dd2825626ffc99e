/* What the safetensors reader refuses, and that it says where. */
#include "unit/engine/model/model_fixture.h"

static atl_status open_header(const char *header, const void *data, size_t n_data, atl_note *note)
{
    size_t size;
    uint8_t *bytes = st_bytes(header, data, n_data, &size);
    atl_safetensors *file = NULL;
    const atl_status st = atl_safetensors_open_bytes("f.safetensors", bytes, size, &file, note);
    if (st == ATL_OK)
        atl_safetensors_close(&file);
    free(bytes);
    return st;
}

static void assert_refused(const char *header, size_t n_data, atl_status status, const char *phrase)
{
    static const uint8_t zeros[64];
    atl_note note = {0};
    assert_true(n_data <= sizeof zeros);
    assert_int_equal(open_header(header, zeros, n_data, &note), status);
    assert_note(&note, "f.safetensors: ");
    assert_note(&note, phrase);
}

#define T(name, dtype, shape, offsets)                                                                       \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

static void reader_gives_tensors_sorted_by_name(void **state)
{
    (void)state;
    const float data[3] = {1.5f, -2, 3};
    size_t size;
    uint8_t *bytes =
        st_bytes("{" T("b", "F32", "[1,2]", "[0,8]") "," T("a", "F32", "[]", "[8,12]") "}", data, 12, &size);
    atl_note note = {0};
    atl_safetensors *file;
    assert_ok(atl_safetensors_open_bytes("f", bytes, size, &file, &note), &note);
    assert_int_equal(atl_safetensors_count(file), 2);
    assert_string_equal(atl_safetensors_at(file, 0)->name, "a");
    const atl_st_tensor *b = atl_safetensors_find(file, "b");
    assert_ptr_equal(b, atl_safetensors_at(file, 1));
    assert_int_equal(b->rank, 2);
    assert_int_equal(b->shape[1], 2);
    float out[2];
    assert_ok(atl_st_to_f32(b, 0, 2, out, &note), &note);
    assert_true(out[0] == 1.5f && out[1] == -2);
    assert_null(atl_safetensors_find(file, "c"));
    atl_safetensors_close(&file);
    assert_null(file);
    free(bytes);
}

static void reader_gives_metadata(void **state)
{
    (void)state;
    size_t size;
    uint8_t *bytes = st_bytes("{\"__metadata__\":{\"format\":\"pt\"}}", NULL, 0, &size);
    atl_note note = {0};
    atl_safetensors *file;
    assert_ok(atl_safetensors_open_bytes("f", bytes, size, &file, &note), &note);
    assert_int_equal(atl_safetensors_count(file), 0);
    assert_string_equal(atl_safetensors_metadata(file, "format"), "pt");
    assert_null(atl_safetensors_metadata(file, "other"));
    atl_safetensors_close(&file);
    free(bytes);
}

static void reader_refuses_file_shorter_than_its_prefix(void **state)
{
    (void)state;
    atl_note note = {0};
    atl_safetensors *file;
    assert_int_equal(atl_safetensors_open_bytes("f", (const uint8_t *)"1234567", 7, &file, &note),
                     ATL_BAD_INPUT);
    assert_note(&note, "has 7 bytes");
    assert_int_equal(atl_safetensors_open_bytes("f", NULL, 0, &file, &note), ATL_BAD_INPUT);
}

static void reader_refuses_header_longer_than_allowed(void **state)
{
    (void)state;
    uint8_t bytes[16] = {0x01, 0xe1, 0xf5, 0x05}; /* 100,000,001 */
    atl_note note = {0};
    atl_safetensors *file;
    assert_int_equal(atl_safetensors_open_bytes("f", bytes, sizeof bytes, &file, &note), ATL_BAD_INPUT);
    assert_note(&note, "header length at byte 0 is 100000001; at most 100000000");
    memset(bytes, 0xff, 8);
    assert_int_equal(atl_safetensors_open_bytes("f", bytes, sizeof bytes, &file, &note), ATL_BAD_INPUT);
}

static void reader_refuses_header_longer_than_file(void **state)
{
    (void)state;
    uint8_t bytes[16] = {9, 0, 0, 0, 0, 0, 0, 0, '{', '}', ' ', ' ', ' ', ' ', ' ', ' '};
    atl_note note = {0};
    atl_safetensors *file;
    assert_int_equal(atl_safetensors_open_bytes("f", bytes, sizeof bytes, &file, &note), ATL_BAD_INPUT);
    assert_note(&note, "only 8 bytes follow");
    bytes[0] = 8;
    assert_ok(atl_safetensors_open_bytes("f", bytes, sizeof bytes, &file, &note), &note);
    atl_safetensors_close(&file);
}

static void reader_refuses_header_that_is_not_an_object(void **state)
{
    (void)state;
    assert_refused("[]", 0, ATL_BAD_INPUT, "does not start with {");
    assert_refused(" {}", 0, ATL_BAD_INPUT, "does not start with {");
    assert_refused("{", 0, ATL_BAD_INPUT, "not valid JSON at byte");
    assert_refused("{} x", 0, ATL_BAD_INPUT, "not valid JSON");
}

static void reader_refuses_deep_nesting(void **state)
{
    (void)state;
    assert_refused("{\"a\":[[[[[[[[[]]]]]]]]]}", 0, ATL_BAD_INPUT, "nests deeper than 8");
    assert_refused("{\"[[[[[[[[[[\":0}", 0, ATL_BAD_INPUT, "is not described by an object"); /* only text */
}

static void reader_refuses_duplicate_names(void **state)
{
    (void)state;
    assert_refused("{" T("a", "U8", "[1]", "[0,1]") "," T("a", "U8", "[1]", "[1,2]") "}", 2, ATL_BAD_INPUT,
                   "duplicate");
}

static void reader_refuses_unknown_types(void **state)
{
    (void)state;
    assert_refused("{" T("a", "F4", "[1]", "[0,1]") "}", 1, ATL_UNSUPPORTED,
                   "tensor \"a\": has dtype \"F4\"");
}

static void reader_refuses_incomplete_descriptions(void **state)
{
    (void)state;
    assert_refused("{\"a\":1}", 0, ATL_BAD_INPUT, "tensor \"a\": is not described by an object");
    assert_refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[0]}}", 0, ATL_BAD_INPUT, "other keys than");
    assert_refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"offsets\":[0,0]}}", 0, ATL_BAD_INPUT,
                   "data_offsets");
    assert_refused("{" T("a", "U8", "{}", "[0,0]") "}", 0, ATL_BAD_INPUT, "no \"shape\"");
    assert_refused("{" T("a", "U8", "[-1]", "[0,0]") "}", 0, ATL_BAD_INPUT, "dimension");
    assert_refused("{" T("a", "U8", "[1.0]", "[0,1]") "}", 1, ATL_BAD_INPUT, "dimension");
    assert_refused("{" T("a", "U8", "[1]", "[0]") "}", 1, ATL_BAD_INPUT, "data_offsets");
    assert_refused("{" T("a", "U8", "[1]", "[-1,0]") "}", 1, ATL_BAD_INPUT, "data_offsets");
    assert_refused("{\"__metadata__\":{\"a\":1}}", 0, ATL_BAD_INPUT, "is not text");
    assert_refused("{\"__metadata__\":[]}", 0, ATL_BAD_INPUT, "is not an object");
}

static void reader_refuses_too_many_dimensions(void **state)
{
    (void)state;
    assert_refused("{" T("a", "U8", "[1,1,1,1,1,1,1,1,1]", "[0,1]") "}", 1, ATL_UNSUPPORTED, "9 dimensions");
}

static void reader_sees_overflow_of_a_shape(void **state)
{
    (void)state;
    assert_refused("{" T("a", "F32", "[4611686018427387904,4]", "[0,0]") "}", 0, ATL_BAD_INPUT, "overflows");
    assert_refused("{" T("a", "F64", "[2305843009213693952]", "[0,0]") "}", 0, ATL_BAD_INPUT, "overflows");
}

static void reader_refuses_offsets_outside_the_file(void **state)
{
    (void)state;
    assert_refused("{" T("a", "U8", "[4]", "[0,4]") "}", 3, ATL_BAD_INPUT,
                   "do not lie in the file's 3 bytes");
    assert_refused("{" T("a", "U8", "[1]", "[2,1]") "}", 3, ATL_BAD_INPUT, "do not lie");
}

static void reader_refuses_sizes_that_are_not_shape_times_type(void **state)
{
    (void)state;
    assert_refused("{" T("a", "F32", "[2]", "[0,4]") "}", 4, ATL_BAD_INPUT,
                   "hold 4 bytes, its shape and dtype need 8");
}

static void reader_refuses_overlaps_and_holes(void **state)
{
    (void)state;
    assert_refused("{" T("a", "U8", "[4]", "[0,4]") "," T("b", "U8", "[4]", "[2,6]") "}", 6, ATL_BAD_INPUT,
                   "tensor \"b\": overlaps the tensor before it at data offset 2");
    assert_refused("{" T("a", "U8", "[4]", "[0,4]") "," T("b", "U8", "[1]", "[5,6]") "}", 6, ATL_BAD_INPUT,
                   "tensor \"b\": leaves a hole before it at data offset 5");
    assert_refused("{" T("a", "U8", "[4]", "[0,4]") "}", 6, ATL_BAD_INPUT, "2 bytes after data offset 4");
    assert_refused("{" T("a", "U8", "[4]", "[2,6]") "}", 6, ATL_BAD_INPUT, "hole");
}

static void reader_takes_empty_tensors(void **state)
{
    (void)state;
    atl_note note = {0};
    assert_ok(open_header("{" T("a", "F32", "[0,3]", "[0,0]") "," T("b", "U8", "[1]", "[0,1]") "," T(
                              "c", "F32", "[0]", "[1,1]") "}",
                          "x", 1, &note),
              &note);
}

static void reader_says_that_a_file_is_missing(void **state)
{
    (void)state;
    atl_note note = {0};
    atl_safetensors *file;
    assert_int_equal(atl_safetensors_open("/nowhere/x.safetensors", &file, &note), ATL_NOT_FOUND);
    assert_note(&note, "/nowhere/x.safetensors");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reader_gives_tensors_sorted_by_name),
        cmocka_unit_test(reader_gives_metadata),
        cmocka_unit_test(reader_refuses_file_shorter_than_its_prefix),
        cmocka_unit_test(reader_refuses_header_longer_than_allowed),
        cmocka_unit_test(reader_refuses_header_longer_than_file),
        cmocka_unit_test(reader_refuses_header_that_is_not_an_object),
        cmocka_unit_test(reader_refuses_deep_nesting),
        cmocka_unit_test(reader_refuses_duplicate_names),
        cmocka_unit_test(reader_refuses_unknown_types),
        cmocka_unit_test(reader_refuses_incomplete_descriptions),
        cmocka_unit_test(reader_refuses_too_many_dimensions),
        cmocka_unit_test(reader_sees_overflow_of_a_shape),
        cmocka_unit_test(reader_refuses_offsets_outside_the_file),
        cmocka_unit_test(reader_refuses_sizes_that_are_not_shape_times_type),
        cmocka_unit_test(reader_refuses_overlaps_and_holes),
        cmocka_unit_test(reader_takes_empty_tensors),
        cmocka_unit_test(reader_says_that_a_file_is_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
