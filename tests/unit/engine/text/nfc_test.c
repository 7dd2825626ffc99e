#include "text_fixture.h"

#include "text/unicode.h"

/* Both lists end with 0. */
static void assert_nfc(const int32_t *text, const int32_t *expected)
{
    atl_ints chars = {0};
    for (; *text; text++)
        atl_ints_push(&chars, *text);
    assert_true(atl_nfc(&chars));
    size_t i = 0;
    for (; i < chars.n && expected[i]; i++)
        if (chars.at[i] != expected[i])
            fail_msg("U+%04X stands where U+%04X should", (unsigned)chars.at[i], (unsigned)expected[i]);
    assert_int_equal(i, chars.n);
    assert_int_equal(expected[i], 0);
    atl_ints_done(&chars);
}

static void letters_and_marks_become_one(void **state)
{
    (void)state;
    assert_nfc((const int32_t[]){'e', 0x301, 'x', 0}, (const int32_t[]){0xE9, 'x', 0});
    assert_nfc((const int32_t[]){0x212B, 0x2126, 0}, (const int32_t[]){0xC5, 0x3A9, 0});
    assert_nfc((const int32_t[]){'a', 'b', 0}, (const int32_t[]){'a', 'b', 0});
}

static void marks_are_ordered_by_class_and_equals_stay(void **state)
{
    (void)state;
    assert_nfc((const int32_t[]){'q', 0x301, 0x323, 0}, (const int32_t[]){'q', 0x323, 0x301, 0});
    assert_nfc((const int32_t[]){'q', 0x301, 0x300, 0}, (const int32_t[]){'q', 0x301, 0x300, 0});
    assert_nfc((const int32_t[]){'s', 0x307, 0x323, 0}, (const int32_t[]){0x1E69, 0});
}

/* More than insertion is used for; the first and the last of each class keep their order. */
static void long_runs_of_marks_are_ordered_alike(void **state)
{
    (void)state;
    int32_t text[62] = {'q'}, expected[62] = {'q'};
    for (int i = 0; i < 30; i++) {
        text[1 + 2 * i] = i % 2 ? 0x300 : 0x301;
        text[2 + 2 * i] = i % 2 ? 0x323 : 0x324;
        expected[1 + i] = i % 2 ? 0x323 : 0x324;
        expected[31 + i] = i % 2 ? 0x300 : 0x301;
    }
    assert_nfc(text, expected);
}

static void a_mark_of_the_same_class_blocks(void **state)
{
    (void)state;
    assert_nfc((const int32_t[]){'a', 0x305, 0x301, 0}, (const int32_t[]){'a', 0x305, 0x301, 0});
    assert_nfc((const int32_t[]){'a', 0x332, 0x301, 0}, (const int32_t[]){0xE1, 0x332, 0});
    assert_nfc((const int32_t[]){0x301, 'a', 0}, (const int32_t[]){0x301, 'a', 0});
}

static void excluded_compositions_stay_apart(void **state)
{
    (void)state;
    assert_nfc((const int32_t[]){0x958, 0}, (const int32_t[]){0x915, 0x93C, 0});
    assert_nfc((const int32_t[]){0x344, 0}, (const int32_t[]){0x308, 0x301, 0});
}

static void hangul_composes_by_arithmetic(void **state)
{
    (void)state;
    assert_nfc((const int32_t[]){0x1112, 0x1161, 0x11AB, 0}, (const int32_t[]){0xD55C, 0});
    assert_nfc((const int32_t[]){0xAC00, 0x11A8, 0}, (const int32_t[]){0xAC01, 0});
    assert_nfc((const int32_t[]){0xAC00, 0x11A7, 0}, (const int32_t[]){0xAC00, 0x11A7, 0});
    assert_nfc((const int32_t[]){0xAC01, 0x11A8, 0}, (const int32_t[]){0xAC01, 0x11A8, 0});
}

static void marks_younger_than_the_reference_stay_where_they_are(void **state)
{
    (void)state;
    assert_nfc((const int32_t[]){'a', 0x1ABF, 0x301, 0}, (const int32_t[]){'a', 0x1ABF, 0x301, 0});
    assert_nfc((const int32_t[]){'q', 0x301, 0x1ABF, 0}, (const int32_t[]){'q', 0x301, 0x1ABF, 0});
    assert_nfc((const int32_t[]){0x11935, 0x11930, 0x11938, 0},
               (const int32_t[]){0x11935, 0x11930, 0x11938, 0});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letters_and_marks_become_one),
        cmocka_unit_test(marks_are_ordered_by_class_and_equals_stay),
        cmocka_unit_test(long_runs_of_marks_are_ordered_alike),
        cmocka_unit_test(a_mark_of_the_same_class_blocks),
        cmocka_unit_test(excluded_compositions_stay_apart),
        cmocka_unit_test(hangul_composes_by_arithmetic),
        cmocka_unit_test(marks_younger_than_the_reference_stay_where_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
