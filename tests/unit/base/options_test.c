#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/options.h"

typedef struct values {
    bool flag;
    const char *text, *choice, *mode;
    int64_t count;
    uint64_t seed;
    double scale;
} values;

static const atl_option rows[] = {
    {"flag", 'f', ATL_OPTION_FLAG, offsetof(values, flag), NULL, NULL, 0, 0, "ATELIER_TEST_FLAG", NULL,
     "a flag"},
    {"text", 't', ATL_OPTION_STRING, offsetof(values, text), "TEXT", NULL, 0, 0, "ATELIER_TEST_TEXT", NULL,
     "words"},
    {"choice", 0, ATL_OPTION_CHOICE, offsetof(values, choice), NULL, "cpu|cuda", 0, 0, NULL, "cpu",
     "a choice"},
    {"count", 'c', ATL_OPTION_INT, offsetof(values, count), "N", NULL, -5, 100, "ATELIER_TEST_COUNT", "20",
     "how many"},
    {"seed", 0, ATL_OPTION_SEED, offsetof(values, seed), "N", NULL, 0, 0, NULL, NULL, "the seed"},
    {"mode", 'm', ATL_OPTION_MODE, offsetof(values, mode), NULL, "auto|fast", 0, 0, "ATELIER_TEST_MODE", NULL,
     "a choice or none"},
    {"scale", 0, ATL_OPTION_REAL, offsetof(values, scale), "X", NULL, 0, 10, NULL, NULL, "a real"},
};

static const atl_command command = {
    .name = "test",
    .operands = "WORD",
    .summary = "A command.",
    .options = rows,
    .n_options = sizeof rows / sizeof *rows,
    .most_operands = 1,
};

typedef struct parsed {
    values v;
    char **operands;
    int n_operands;
    bool help;
    atl_status st;
    atl_note note;
} parsed;

/* Words end with a NULL. */
static parsed parse(const char *first, ...)
{
    static char *argv[16];
    static char name[] = "test";
    parsed p = {0};
    int argc = 0;
    argv[argc++] = name;
    va_list args;
    va_start(args, first);
    for (const char *word = first; word; word = va_arg(args, const char *))
        argv[argc++] = (char *)(uintptr_t)word;
    va_end(args);
    argv[argc] = NULL;
    p.st = atl_options_parse(&command, argc, argv, &p.v, &p.operands, &p.n_operands, &p.help, &p.note);
    return p;
}

static void every_kind_of_value_is_read(void **state)
{
    (void)state;
    const parsed p = parse("-f", "word", "--text=a=b", "--choice", "cuda", "-c", "-5", "--seed",
                           "18446744073709551615", "--scale", "1e-1", NULL);
    assert_int_equal(p.st, ATL_OK);
    assert_true(p.v.flag);
    assert_string_equal(p.v.text, "a=b");
    assert_string_equal(p.v.choice, "cuda");
    assert_int_equal(p.v.count, -5);
    assert_true(p.v.seed == UINT64_MAX);
    assert_true(p.v.scale == 0.1);
    assert_int_equal(p.n_operands, 1);
    assert_string_equal(p.operands[0], "word");
}

static void defaults_hold_where_nothing_is_said(void **state)
{
    (void)state;
    const parsed p = parse(NULL, NULL);
    assert_int_equal(p.st, ATL_OK);
    assert_false(p.v.flag);
    assert_null(p.v.text);
    assert_string_equal(p.v.choice, "cpu");
    assert_int_equal(p.v.count, 20);
    assert_int_equal(p.n_operands, 0);
}

static void the_environment_stands_between_option_and_default(void **state)
{
    (void)state;
    setenv("ATELIER_TEST_COUNT", "7", 1);
    setenv("ATELIER_TEST_FLAG", "1", 1);
    setenv("ATELIER_TEST_TEXT", "", 1); /* empty is unset */
    parsed p = parse(NULL, NULL);
    assert_int_equal(p.st, ATL_OK);
    assert_int_equal(p.v.count, 7);
    assert_true(p.v.flag);
    assert_null(p.v.text);
    p = parse("--count", "8", NULL);
    assert_int_equal(p.v.count, 8);
    setenv("ATELIER_TEST_COUNT", "many", 1);
    p = parse(NULL, NULL);
    assert_int_equal(p.st, ATL_USAGE);
    assert_string_equal(p.note.text,
                        "ATELIER_TEST_COUNT: found 'many', wanted a whole number from -5 to 100");
    assert_true(parse("--help", NULL).help);
    unsetenv("ATELIER_TEST_COUNT");
    unsetenv("ATELIER_TEST_FLAG");
    unsetenv("ATELIER_TEST_TEXT");
}

static void a_mode_may_stand_alone_and_takes_no_word_after_it(void **state)
{
    (void)state;
    assert_null(parse(NULL, NULL).v.mode);
    assert_string_equal(parse("--mode", NULL).v.mode, "1");
    assert_string_equal(parse("--mode=fast", NULL).v.mode, "fast");
    parsed p = parse("-m", "fast", NULL);
    assert_string_equal(p.v.mode, "1");
    assert_string_equal(p.operands[0], "fast");
    p = parse("--mode=slow", NULL);
    assert_int_equal(p.st, ATL_USAGE);
    assert_string_equal(p.note.text, "--mode: found 'slow', wanted one of auto|fast, or nothing");
    setenv("ATELIER_TEST_MODE", "0", 1);
    assert_null(parse(NULL, NULL).v.mode);
    unsetenv("ATELIER_TEST_MODE");
}

static void numbers_are_read_strictly(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"--count", ""},
        {"--count", "3x"},
        {"--count", " 3"},
        {"--count", "101"},
        {"--count", "1.0"},
        {"--count", "0x10"},
        {"--count", "99999999999999999999"},
        {"--seed", "-1"},
        {"--seed", "+1"},
        {"--seed", "18446744073709551616"},
        {"--scale", "nan"},
        {"--scale", "inf"},
        {"--scale", "11"},
        {"--scale", "1,5"},
        {"--scale", "-0.1"},
        {"--choice", "cp"},
        {"--choice", ""},
        {"--choice", "cpu|cuda"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const parsed p = parse(bad[i][0], bad[i][1], NULL);
        if (p.st != ATL_USAGE)
            fail_msg("%s '%s' was taken", bad[i][0], bad[i][1]);
        assert_non_null(strstr(p.note.text, bad[i][0]));
        assert_non_null(strstr(p.note.text, "wanted"));
    }
}

static void mistakes_are_answered_with_what_was_meant(void **state)
{
    (void)state;
    assert_string_equal(parse("--cuont", "3", NULL).note.text,
                        "unknown option '--cuont'; did you mean '--count'?");
    assert_string_equal(parse("--coun", "3", NULL).note.text,
                        "unknown option '--coun'; did you mean '--count'?");
    assert_string_equal(parse("--coun=3", NULL).note.text,
                        "unknown option '--coun'; did you mean '--count'?");
    assert_string_equal(parse("--c", "3", NULL).note.text, "unknown option '--c'; see 'test --help'");
    assert_string_equal(parse("--xyzzy", NULL).note.text, "unknown option '--xyzzy'; see 'test --help'");
    assert_string_equal(parse("-x", NULL).note.text, "unknown option '-x'; see 'test --help'");
    assert_string_equal(parse("--flag=1", NULL).note.text, "option --flag takes no value");
    assert_string_equal(parse("--count", NULL).note.text, "option --count needs a value: N");
    assert_string_equal(parse("-c", NULL).note.text, "option --count needs a value: N");
    assert_int_equal(parse("--xyzzy", NULL).st, ATL_USAGE);
}

static void operands_are_counted(void **state)
{
    (void)state;
    const parsed p = parse("a", "b", NULL);
    assert_int_equal(p.st, ATL_USAGE);
    assert_non_null(strstr(p.note.text, "'b'"));
}

static void two_dashes_end_the_options(void **state)
{
    (void)state;
    const parsed p = parse("--", "--flag", NULL);
    assert_int_equal(p.st, ATL_OK);
    assert_string_equal(p.operands[0], "--flag");
    assert_false(p.v.flag);
}

static void help_is_asked_for_in_two_ways(void **state)
{
    (void)state;
    assert_true(parse("--help", NULL).help);
    assert_true(parse("word", "-h", NULL).help);
    assert_false(parse("word", NULL).help);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_value_is_read),
        cmocka_unit_test(defaults_hold_where_nothing_is_said),
        cmocka_unit_test(the_environment_stands_between_option_and_default),
        cmocka_unit_test(a_mode_may_stand_alone_and_takes_no_word_after_it),
        cmocka_unit_test(numbers_are_read_strictly),
        cmocka_unit_test(mistakes_are_answered_with_what_was_meant),
        cmocka_unit_test(operands_are_counted),
        cmocka_unit_test(two_dashes_end_the_options),
        cmocka_unit_test(help_is_asked_for_in_two_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
