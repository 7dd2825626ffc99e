#include <stdlib.h>
#include <string.h>

#include "image/png_file.h"
#include "unit/image/sample.h"

static atl_text encode(const atl_picture *p, const atl_png_text *texts, size_t n)
{
    atl_text out = {0};
    assert_int_equal(atl_png_encode(p, texts, n, &out, NULL), ATL_OK);
    return out;
}

/* The length of the first chunk of that type, and where its bytes begin; 0 if there is none. */
static size_t find_chunk(const atl_text *png, const char *type, const uint8_t **ret)
{
    const uint8_t *at = (const uint8_t *)png->data + 8, *end = (const uint8_t *)png->data + png->length;
    while (at + 12 <= end) {
        const size_t n = (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3];
        if (memcmp(at + 4, type, 4) == 0) {
            *ret = at + 8;
            return n;
        }
        at += n + 12;
    }
    return 0;
}

static void pixels_and_texts_come_back(void **state)
{
    (void)state;
    atl_picture p = sample_picture(37, 23, 5);
    const atl_png_text texts[] = {{"parameters", "a house\nSteps: 4"},
                                  {"latin", "caf\xc3\xa9"},
                                  {"atelier", "{\"x\":\"\xe5\xae\xb6\"}"},
                                  {"empty", ""}};
    atl_text png = encode(&p, texts, 4);
    atl_png_file *file = NULL;
    assert_int_equal(atl_png_decode("test", png.data, png.length, &file, NULL), ATL_OK);
    assert_int_equal(file->picture.width, 37);
    assert_int_equal(file->picture.height, 23);
    assert_memory_equal(file->picture.pixels, p.pixels, atl_picture_bytes(&p));
    assert_int_equal(file->n_texts, 4);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(atl_png_get(file, texts[i].key), texts[i].value);
    assert_null(atl_png_get(file, "other"));
    atl_png_close(&file);
    atl_text_done(&png);
    atl_picture_done(&p);
}

/* Every length modulo the block, so that the chunk is of every size from its least on. */
static void a_padded_file_is_of_whole_blocks_and_holds_the_same(void **state)
{
    (void)state;
    enum { BLOCK = 64 };
    atl_picture p = sample_picture(9, 7, 5);
    char words[BLOCK + 1] = "";
    for (size_t i = 0; i < BLOCK; i++) {
        words[i] = 'w';
        const atl_png_text texts[] = {{"parameters", words}};
        atl_text png = encode(&p, texts, 1);
        const size_t before = png.length;
        atl_png_file *file = NULL;
        const uint8_t *chunk;
        atl_png_pad(&png, BLOCK);
        assert_int_equal(png.length % BLOCK, 0);
        assert_true(png.length >= before && png.length < before + BLOCK + 12);
        assert_int_equal(find_chunk(&png, ATL_PNG_PAD_CHUNK, &chunk),
                         png.length > before ? png.length - before - 12 : 0);
        assert_int_equal(atl_png_decode("test", png.data, png.length, &file, NULL), ATL_OK);
        assert_memory_equal(file->picture.pixels, p.pixels, atl_picture_bytes(&p));
        assert_string_equal(atl_png_get(file, "parameters"), words);
        atl_png_close(&file);
        atl_text_done(&png);
    }
    atl_picture_done(&p);
}

static void what_does_not_end_as_a_png_is_not_padded(void **state)
{
    (void)state;
    atl_text none = {0};
    atl_text_puts(&none, "no PNG, and longer than a chunk");
    const size_t before = none.length;
    atl_png_pad(&none, 64);
    assert_int_equal(none.length, before);
    atl_text_done(&none);
    atl_png_pad(&none, 64);
    assert_int_equal(none.length, 0);
}

static void the_same_job_gives_the_same_bytes(void **state)
{
    (void)state;
    atl_picture p = sample_picture(64, 64, 5);
    const atl_png_text texts[] = {{"parameters", "a house"}};
    atl_text one = encode(&p, texts, 1), two = encode(&p, texts, 1);
    assert_int_equal(one.length, two.length);
    assert_memory_equal(one.data, two.data, one.length);
    const uint8_t *chunk;
    assert_int_equal(find_chunk(&one, "tIME", &chunk), 0);
    atl_text_done(&one);
    atl_text_done(&two);
    atl_picture_done(&p);
}

static void latin1_text_goes_into_text_and_other_text_into_itxt(void **state)
{
    (void)state;
    atl_picture p = sample_picture(2, 2, 5);
    const atl_png_text latin = {"parameters", "caf\xc3\xa9"}, other = {"parameters", "\xe5\xae\xb6"};
    const uint8_t *chunk = NULL;
    atl_text png = encode(&p, &latin, 1);
    assert_int_equal(find_chunk(&png, "tEXt", &chunk), 15);
    assert_memory_equal(chunk, "parameters\0caf\xe9", 15);
    assert_int_equal(find_chunk(&png, "iTXt", &chunk), 0);
    atl_text_done(&png);
    png = encode(&p, &other, 1);
    assert_int_equal(find_chunk(&png, "tEXt", &chunk), 0);
    assert_int_equal(find_chunk(&png, "iTXt", &chunk), 18);
    assert_memory_equal(chunk, "parameters\0\0\0\0\0\xe5\xae\xb6", 18);
    atl_text_done(&png);
    atl_picture_done(&p);
}

static void texts_that_break_the_format_are_refused(void **state)
{
    (void)state;
    static char many[81];
    memset(many, 'k', 80);
    char *huge = calloc(1, ATL_PNG_MAX_TEXT_BYTES + 2);
    memset(huge, 'x', ATL_PNG_MAX_TEXT_BYTES + 1);
    const atl_png_text bad[] = {{"", "x"},    {many, "x"},      {"key ", "x"},
                                {"k\n", "x"}, {"key", "a\xff"}, {"key", huge}};
    atl_picture p = sample_picture(2, 2, 5);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        atl_text out = {0};
        atl_note note = {0};
        assert_int_equal(atl_png_encode(&p, &bad[i], 1, &out, &note), ATL_BAD_INPUT);
        assert_string_not_equal(note.text, "");
        assert_int_equal(out.length, 0);
        atl_text_done(&out);
    }
    free(huge);
    atl_picture_done(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pixels_and_texts_come_back),
        cmocka_unit_test(a_padded_file_is_of_whole_blocks_and_holds_the_same),
        cmocka_unit_test(what_does_not_end_as_a_png_is_not_padded),
        cmocka_unit_test(the_same_job_gives_the_same_bytes),
        cmocka_unit_test(latin1_text_goes_into_text_and_other_text_into_itxt),
        cmocka_unit_test(texts_that_break_the_format_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
