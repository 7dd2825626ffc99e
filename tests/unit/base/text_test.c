#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"

static void text_grows_and_stays_terminated(void **state)
{
    (void)state;
    atl_text text = {0};
    assert_null(text.data);
    for (int i = 0; i < 1000; i++) {
        atl_text_printf(&text, "%03d", i);
        assert_int_equal(text.data[text.length], '\0');
    }
    assert_int_equal(text.length, 3000);
    assert_memory_equal(text.data + 2997, "999", 4);
    atl_text_done(&text);
    assert_null(text.data);
    assert_int_equal(text.length, 0);
}

static void every_way_of_appending_adds_its_bytes(void **state)
{
    (void)state;
    atl_text text = {0};
    atl_text_puts(&text, "ab");
    atl_text_putc(&text, 'c');
    atl_text_append(&text, "d\0e", 3);
    atl_text_append(&text, NULL, 0);
    atl_text_printf(&text, "%s", "");
    assert_int_equal(text.length, 6);
    assert_memory_equal(text.data, "abcd\0e", 7);
    atl_text_done(&text);
}

static void an_empty_string_makes_the_text_readable(void **state)
{
    (void)state;
    atl_text text = {0};
    atl_text_puts(&text, "");
    assert_string_equal(text.data, "");
    atl_text_done(&text);
}

static void after_a_failure_nothing_is_appended(void **state)
{
    (void)state;
    atl_text text = {0};
    atl_text_puts(&text, "kept");
    atl_text_append(&text, "x", SIZE_MAX / 2); /* refused by its size, before anything is read */
    assert_true(text.failed);
    atl_text_puts(&text, "lost");
    assert_string_equal(text.data, "kept");
    atl_text_done(&text);
    assert_false(text.failed);
}

static void check_number(uint64_t count, int64_t ns, const char *wanted)
{
    atl_text text = {0};
    atl_text_put_count(&text, count);
    atl_text_putc(&text, ' ');
    atl_text_put_ms(&text, ns);
    assert_string_equal(text.data, wanted);
    atl_text_done(&text);
}

static void numbers_are_written_exactly(void **state)
{
    (void)state;
    check_number(0, 0, "0 0");
    check_number(7, 1, "7 0.000001");
    check_number(10, 1500000, "10 1.5");
    check_number(1234567890, -2000000, "1234567890 -2");
    check_number(99, 100000010, "99 100.00001");
    check_number(UINT64_MAX, INT64_MAX, "18446744073709551615 9223372036854.775807");
    check_number(1, INT64_MIN, "1 -9223372036854.775808");
}

/* Lengths around those at which room is made. */
static void what_is_formatted_is_whole_at_any_length(void **state)
{
    (void)state;
    char long_one[301];
    for (size_t n = 0; n <= 300; n++) {
        atl_text text = {0};
        memset(long_one, 'x', n);
        long_one[n] = '\0';
        atl_text_puts(&text, "ab");
        atl_text_printf(&text, "%s|%zu", long_one, n);
        assert_int_equal(text.length, 2 + n + 1 + (n < 10 ? 1 : n < 100 ? 2 : 3));
        assert_int_equal(strlen(text.data), text.length);
        assert_int_equal(strtoul(strchr(text.data, '|') + 1, NULL, 10), n);
        atl_text_done(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_grows_and_stays_terminated),
        cmocka_unit_test(every_way_of_appending_adds_its_bytes),
        cmocka_unit_test(an_empty_string_makes_the_text_readable),
        cmocka_unit_test(after_a_failure_nothing_is_appended),
        cmocka_unit_test(numbers_are_written_exactly),
        cmocka_unit_test(what_is_formatted_is_whole_at_any_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
