#include "unit/image/sample.h"

static void picture_starts_black(void **state)
{
    (void)state;
    atl_picture p = {0};
    assert_int_equal(atl_picture_init(3, 2, &p, NULL), ATL_OK);
    assert_int_equal(atl_picture_bytes(&p), 18);
    for (size_t i = 0; i < 18; i++)
        assert_int_equal(p.pixels[i], 0);
    atl_picture_done(&p);
    assert_null(p.pixels);
    atl_picture_done(&p);
}

static void picture_refuses_impossible_sides(void **state)
{
    (void)state;
    const int sides[][2] = {
        {0, 1}, {1, 0}, {-1, 5}, {ATL_PICTURE_MAX_SIDE + 1, 1}, {1, ATL_PICTURE_MAX_SIDE + 1}};
    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++) {
        atl_picture p = {0};
        atl_note note = {0};
        assert_int_equal(atl_picture_init(sides[i][0], sides[i][1], &p, &note), ATL_BAD_INPUT);
        assert_string_not_equal(note.text, "");
        assert_null(p.pixels);
    }
}

static void digest_is_sha256_of_the_pixels(void **state)
{
    (void)state;
    char hex[ATL_DIGEST_TEXT];
    atl_digest("abc", 3, hex); /* FIPS 180-2, B.1 */
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    atl_picture p = sample_picture(40, 31, 1);
    atl_picture_digest(&p, hex);
    assert_string_equal(hex, "6313b2e83d77ef918aca93b5d239c3de2fa2c5524868f091fb67ce1ef23ed5dd");
    atl_picture_done(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(picture_starts_black),
        cmocka_unit_test(picture_refuses_impossible_sides),
        cmocka_unit_test(digest_is_sha256_of_the_pixels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
