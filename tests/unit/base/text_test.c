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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_grows_and_stays_terminated),
        cmocka_unit_test(every_way_of_appending_adds_its_bytes),
        cmocka_unit_test(an_empty_string_makes_the_text_readable),
        cmocka_unit_test(after_a_failure_nothing_is_appended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
