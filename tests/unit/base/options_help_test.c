#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/options.h"

static const atl_option rows[] = {
    {"model", 'm', ATL_OPTION_STRING, 0, "PATH", NULL, 0, 0, "ATELIER_MODEL", NULL, "what to paint with"},
    {"a-name-that-fills-its-column", 0, ATL_OPTION_INT, 0, "NUMBER", NULL, 0, 9, NULL, "3",
     "words that go on and on, so that they have to be broken over at least two lines, as they should be"},
    {"rng", 0, ATL_OPTION_CHOICE, 0, "NAME", "cpu|cuda", 0, 0, NULL, "cpu", "whose noise"},
};

static void help_shows_every_row(void **state)
{
    (void)state;
    const atl_command command = {"test", "PROMPT", "Does things.", rows, sizeof rows / sizeof *rows, 0, 1};
    atl_text out = {0};
    atl_options_help(&command, &out);
    assert_string_equal(
        out.data,
        "Usage: test [OPTION...] PROMPT\n\nDoes things.\n\nOptions:\n"
        "  -m, --model PATH            what to paint with [ATELIER_MODEL]\n"
        "      --a-name-that-fills-its-column NUMBER\n"
        "                              words that go on and on, so that they have to be broken over at\n"
        "                              least two lines, as they should be (default: 3)\n"
        "      --rng cpu|cuda          whose noise (default: cpu)\n"
        "  -h, --help                  show this and exit\n");
    atl_text_done(&out);
}

static const char *nearest(const char *name)
{
    static const char *const names[] = {"steps", "seed", "width", "height", "guidance-scale", "init-image"};
    return atl_nearest_name(name, names, sizeof names / sizeof *names);
}

static void the_nearest_name_is_found(void **state)
{
    (void)state;
    assert_string_equal(nearest("stpes"), "steps");
    assert_string_equal(nearest("step"), "steps");
    assert_string_equal(nearest("sede"), "seed");
    assert_string_equal(nearest("heigth"), "height");
    assert_string_equal(nearest("guidance"), "guidance-scale");
    assert_string_equal(nearest("int-image"), "init-image");
}

static void a_name_like_no_other_has_no_neighbour(void **state)
{
    (void)state;
    assert_null(nearest("xyzzy"));
    assert_null(nearest(""));
    char longest[500];
    memset(longest, 's', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_null(nearest(longest));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(help_shows_every_row),
        cmocka_unit_test(the_nearest_name_is_found),
        cmocka_unit_test(a_name_like_no_other_has_no_neighbour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
