#include "text_fixture.h"

#include "text/unicode.h"

static void classes_are_those_of_unicode_16(void **state)
{
    (void)state;
    static const struct {
        int32_t c;
        atl_char_class class;
    } cases[] = {
        {'a', ATL_CHAR_LETTER},     {0x4E2D, ATL_CHAR_LETTER},  {0x2B0, ATL_CHAR_LETTER},
        {0x1C8A, ATL_CHAR_LETTER},  {0x2EE5D, ATL_CHAR_LETTER}, {0x2EE5E, ATL_CHAR_OTHER},
        {'7', ATL_CHAR_NUMBER},     {0xBD, ATL_CHAR_NUMBER},    {0x2167, ATL_CHAR_NUMBER},
        {0x1E5FA, ATL_CHAR_NUMBER}, {0x301, ATL_CHAR_OTHER},    {'_', ATL_CHAR_OTHER},
        {0x200B, ATL_CHAR_OTHER},   {0xFEFF, ATL_CHAR_OTHER},   {0x1C, ATL_CHAR_OTHER},
        {' ', ATL_CHAR_SPACE},      {0x85, ATL_CHAR_SPACE},     {0x3000, ATL_CHAR_SPACE},
        {0x180E, ATL_CHAR_OTHER},   {0x10FFFF, ATL_CHAR_OTHER},
    };
    for (size_t i = 0; i < ATL_COUNT(cases); i++)
        if (atl_char_class_of(cases[i].c) != cases[i].class)
            fail_msg("U+%04X is of another class", (unsigned)cases[i].c);
}

static void lower_case_is_that_of_unicode_17(void **state)
{
    (void)state;
    static const struct {
        int32_t upper, lower;
    } cases[] = {
        {'A', 'a'},       {'Z', 'z'},       {'[', '['},         {0xC9, 0xE9},       {0x1E9E, 0xDF},
        {0x3A3, 0x3C3},   {0x1C5, 0x1C6},   {0x212A, 'k'},      {0xA7CB, 0x264},    {0xA7DC, 0x19B},
        {0xA7CE, 0xA7CF}, {0xA7D4, 0xA7D5}, {0x10D65, 0x10D85}, {0x16EA0, 0x16EBB}, {0x16EB8, 0x16ED3},
        {0xE9, 0xE9},     {0x4E2D, 0x4E2D}, {0x16EB9, 0x16EB9},
    };
    int32_t lower[2];
    for (size_t i = 0; i < ATL_COUNT(cases); i++) {
        assert_int_equal(atl_char_lower(cases[i].upper, lower), 1);
        assert_int_equal(lower[0], cases[i].lower);
    }
    assert_int_equal(atl_char_lower(0x130, lower), 2);
    assert_int_equal(lower[0], 'i');
    assert_int_equal(lower[1], 0x307);
}

static void the_byte_that_is_not_utf8_is_named(void **state)
{
    (void)state;
    atl_note note = {0};
    assert_int_equal(atl_utf8_check("a\xc3\xa9\xed\xa0\x80", 6, &note), ATL_BAD_INPUT);
    assert_says(&note, "byte 3 (0xed)");
    assert_int_equal(atl_utf8_check("a\0b", 3, &note), ATL_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_are_those_of_unicode_16),
        cmocka_unit_test(lower_case_is_that_of_unicode_17),
        cmocka_unit_test(the_byte_that_is_not_utf8_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
