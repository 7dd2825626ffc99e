/* png_memory_test.c - PNG files, written and read, where any one allocation fails: it is said to be memory,
 * never a mistake of the picture, and nothing is left out in silence. The linker gives this program's malloc
 * its name (--wrap). */
#include <stdlib.h>
#include <string.h>

#include "image/png_file.h"
#include "unit/image/sample.h"

void *__real_malloc(size_t n);
void *__wrap_malloc(size_t n);

static long calls_left = -1; /* of malloc, until one fails; below 0: none does */

void *__wrap_malloc(size_t n)
{
    return calls_left >= 0 && calls_left-- == 0 ? NULL : __real_malloc(n);
}

static const atl_png_text texts[] = {{"parameters", "a house\nSteps: 4"},
                                     {"atelier", "{\"x\":\"\xe5\xae\xb6\"}"}};

static void a_picture_is_written_whole_or_memory_is_out(void **state)
{
    (void)state;
    atl_picture p = sample_picture(64, 32, 5);
    atl_text whole = {0};
    assert_int_equal(atl_png_encode(&p, texts, 2, &whole, NULL), ATL_OK);
    long n = 0;
    for (bool struck = true; struck; n++) {
        atl_text png = {0};
        atl_note note = {0};
        calls_left = n;
        const atl_status st = atl_png_encode(&p, texts, 2, &png, &note);
        struck = calls_left < 0;
        calls_left = -1;
        assert_int_equal(st, struck ? ATL_NO_MEMORY : ATL_OK);
        if (!struck)
            assert_memory_equal(png.data, whole.data, whole.length);
        atl_text_done(&png);
    }
    assert_true(n > 8);
    atl_text_done(&whole);
    atl_picture_done(&p);
}

static void a_file_is_read_whole_or_memory_is_out(void **state)
{
    (void)state;
    atl_picture p = sample_picture(64, 32, 5);
    atl_text whole = {0};
    assert_int_equal(atl_png_encode(&p, texts, 2, &whole, NULL), ATL_OK);
    long n = 0;
    for (bool struck = true; struck; n++) {
        atl_png_file *file = NULL;
        atl_note note = {0};
        calls_left = n;
        const atl_status st = atl_png_decode("test", whole.data, whole.length, &file, &note);
        struck = calls_left < 0;
        calls_left = -1;
        assert_int_equal(st, struck ? ATL_NO_MEMORY : ATL_OK);
        if (!struck) {
            assert_int_equal(file->n_texts, 2);
            assert_string_equal(atl_png_get(file, "atelier"), texts[1].value);
        } else {
            assert_non_null(strstr(note.text, "no memory"));
        }
        atl_png_close(&file);
    }
    assert_true(n > 8);
    atl_text_done(&whole);
    atl_picture_done(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_picture_is_written_whole_or_memory_is_out),
        cmocka_unit_test(a_file_is_read_whole_or_memory_is_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
