/* What is written is what is read; and a failed write leaves nothing behind. */
#include <dirent.h>

#include "unit/engine/model/model_fixture.h"

static void written_tensors_are_read_back(void **state)
{
    (void)state;
    char *folder = folder_make();
    const char *path = in_folder(folder, "x.safetensors");
    const float a[6] = {1, 2, 3, 4, 5, 6};
    const uint16_t b[1] = {0x3c00};
    atl_note note = {0};
    atl_st_writer *writer;
    assert_ok(atl_st_writer_open(&writer, &note), &note);
    atl_st_writer_metadata(writer, "format", "pt");
    atl_st_writer_add(writer, "z \"quoted\" é", ATL_ST_F32, 2, (const size_t[]){2, 3}, a);
    atl_st_writer_add(writer, "b", ATL_ST_F16, 0, NULL, b);
    atl_st_writer_add(writer, "empty", ATL_ST_U8, 1, (const size_t[]){0}, "");
    assert_ok(atl_st_writer_write(writer, path, &note), &note);
    atl_st_writer_close(&writer);

    atl_safetensors *file;
    float out[6];
    assert_ok(atl_safetensors_open(path, &file, &note), &note);
    assert_string_equal(atl_safetensors_path(file), path);
    assert_int_equal(atl_safetensors_count(file), 3);
    assert_string_equal(atl_safetensors_metadata(file, "format"), "pt");
    const atl_st_tensor *z = atl_safetensors_find(file, "z \"quoted\" é");
    assert_non_null(z);
    assert_int_equal((uintptr_t)z->data % 8, 0);
    assert_ok(atl_st_to_f32(z, 0, 6, out, &note), &note);
    assert_memory_equal(out, a, sizeof a);
    assert_int_equal(atl_safetensors_find(file, "b")->rank, 0);
    atl_safetensors_forget(file, z, 0, z->n_bytes); /* the bytes come back from the file */
    assert_ok(atl_st_to_f32(z, 0, 6, out, &note), &note);
    assert_memory_equal(out, a, sizeof a);
    atl_safetensors_close(&file);
    folder_remove(folder);
}

static void streamed_tensors_are_made_piece_by_piece_in_order(void **state)
{
    (void)state;
    char *folder = folder_make();
    const char *path = in_folder(folder, "x.safetensors");
    st_named tensor = {"long", 2, {3, 700001}}; /* more than one piece */
    st_write(path, &tensor, 1);
    atl_note note = {0};
    atl_safetensors *file;
    assert_ok(atl_safetensors_open(path, &file, &note), &note);
    const atl_st_tensor *t = atl_safetensors_find(file, "long");
    for (size_t i = 0; i < 3 * 700001; i += 9973) {
        float value;
        assert_ok(atl_st_to_f32(t, i, 1, &value, &note), &note);
        assert_true(value == st_value("long", i));
    }
    atl_safetensors_close(&file);
    folder_remove(folder);
}

static void one_name_twice_is_refused(void **state)
{
    (void)state;
    char *folder = folder_make();
    atl_note note = {0};
    atl_st_writer *writer;
    assert_ok(atl_st_writer_open(&writer, &note), &note);
    for (int i = 0; i < 2; i++)
        atl_st_writer_add(writer, "a", ATL_ST_U8, 1, (const size_t[]){1}, "x");
    assert_int_equal(atl_st_writer_write(writer, in_folder(folder, "x"), &note), ATL_BAD_INPUT);
    assert_note(&note, "two tensors are called \"a\"");
    atl_st_writer_close(&writer);
    assert_int_equal(rmdir(folder), 0); /* nothing was left there */
    free(folder);
}

static void size_that_overflows_is_refused(void **state)
{
    (void)state;
    atl_note note = {0};
    atl_st_writer *writer;
    assert_ok(atl_st_writer_open(&writer, &note), &note);
    atl_st_writer_add(writer, "a", ATL_ST_F32, 2, (const size_t[]){SIZE_MAX / 2, 3}, "x");
    assert_int_equal(atl_st_writer_write(writer, "/nowhere/x", &note), ATL_BAD_INPUT);
    assert_note(&note, "overflows");
    atl_st_writer_close(&writer);
}

static void folder_that_is_missing_is_an_error(void **state)
{
    (void)state;
    atl_note note = {0};
    atl_st_writer *writer;
    assert_ok(atl_st_writer_open(&writer, &note), &note);
    assert_int_equal(atl_st_writer_write(writer, "/nowhere/x.safetensors", &note), ATL_IO);
    assert_note(&note, "/nowhere/x.safetensors");
    atl_st_writer_close(&writer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_tensors_are_read_back),
        cmocka_unit_test(streamed_tensors_are_made_piece_by_piece_in_order),
        cmocka_unit_test(one_name_twice_is_refused),
        cmocka_unit_test(size_that_overflows_is_refused),
        cmocka_unit_test(folder_that_is_missing_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
