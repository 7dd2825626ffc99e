#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/status.h"

static void a_failure_carries_status_and_words(void **state)
{
    (void)state;
    atl_note note = {0};
    assert_int_equal(atl_fail(&note, ATL_IO, "%s: byte %d", "f", 7), ATL_IO);
    assert_string_equal(note.text, "f: byte 7");
    assert_int_equal(atl_fail(NULL, ATL_IO, "nobody reads this"), ATL_IO);
}

static void a_prefix_names_the_place(void **state)
{
    (void)state;
    atl_note note = {.text = "found 3, wanted 4"};
    atl_note_prefix(&note, "%s:%d", "config.json", 12);
    assert_string_equal(note.text, "config.json:12: found 3, wanted 4");
    atl_note_prefix(NULL, "x");
}

static void words_that_do_not_fit_are_cut(void **state)
{
    (void)state;
    char longest[3000];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    atl_note note = {0};
    atl_fail(&note, ATL_IO, "%s", longest);
    assert_int_equal(strlen(note.text), sizeof note.text - 1);
    atl_note_prefix(&note, "place");
    assert_int_equal(strlen(note.text), sizeof note.text - 1);
    assert_memory_equal(note.text, "place: xxx", 10);
    atl_note_prefix(&note, "%s", longest);
    assert_int_equal(strlen(note.text), sizeof note.text - 1);
}

static void exit_codes_are_those_of_the_manual(void **state)
{
    (void)state;
    assert_int_equal(atl_status_exit_code(ATL_OK), 0);
    assert_int_equal(atl_status_exit_code(ATL_USAGE), 2);
    for (int st = ATL_BAD_INPUT; st <= ATL_CANCELLED; st++)
        assert_int_equal(atl_status_exit_code((atl_status)st), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failure_carries_status_and_words),
        cmocka_unit_test(a_prefix_names_the_place),
        cmocka_unit_test(words_that_do_not_fit_are_cut),
        cmocka_unit_test(exit_codes_are_those_of_the_manual),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
