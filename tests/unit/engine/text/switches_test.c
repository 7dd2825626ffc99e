#include "text_fixture.h"

#include <time.h>

#include "text/prompt.h"

typedef struct expected_stretch {
    int until_step; /* 0 ends the list */
    const char *prompt;
} expected_stretch;

static void assert_schedule(const char *prompt, int n_steps, const expected_stretch *expected)
{
    atl_prompt_schedule schedule = {0};
    assert_int_equal(atl_prompt_schedule_parse(prompt, strlen(prompt), n_steps, &schedule, NULL), ATL_OK);
    size_t i = 0;
    for (; i < schedule.n && expected[i].until_step; i++) {
        assert_string_equal(schedule.at[i].prompt, expected[i].prompt);
        assert_int_equal(schedule.at[i].n_bytes, strlen(expected[i].prompt));
        assert_int_equal(schedule.at[i].until_step, expected[i].until_step);
    }
    assert_int_equal(i, schedule.n);
    assert_int_equal(expected[i].until_step, 0);
    atl_prompt_schedule_done(&schedule);
}

#define STRETCHES(...) ((const expected_stretch[]){__VA_ARGS__, {0, NULL}})

static void a_prompt_without_switches_holds_throughout(void **state)
{
    (void)state;
    assert_schedule("a (cat:1.2) [on] a mat", 10, STRETCHES({10, "a (cat:1.2) [on] a mat"}));
    assert_schedule("", 3, STRETCHES({3, ""}));
    assert_schedule("\\[a:b:3\\]", 10, STRETCHES({10, "\\[a:b:3\\]"}));
}

static void a_switch_holds_up_to_its_step(void **state)
{
    (void)state;
    assert_schedule("x [a:b:3] y", 10, STRETCHES({3, "x a y"}, {10, "x b y"}));
    assert_schedule("x [b:3]", 10, STRETCHES({3, "x "}, {10, "x b"}));
    assert_schedule("x [a::3]", 10, STRETCHES({3, "x a"}, {10, "x "}));
    assert_schedule("a [b : c : 1 ] d", 10, STRETCHES({1, "a b  d"}, {10, "a  c  d"}));
    assert_schedule("[a:b:1e1]", 20, STRETCHES({10, "a"}, {20, "b"}));
}

static void a_number_with_a_point_is_a_share_of_the_steps(void **state)
{
    (void)state;
    assert_schedule("[a:b:0.5]", 10, STRETCHES({5, "a"}, {10, "b"}));
    assert_schedule("[a:b:.25]", 10, STRETCHES({2, "a"}, {10, "b"}));
    assert_schedule("[a:b:1.0]", 10, STRETCHES({10, "a"}));
    assert_schedule("[a:b:1]", 10, STRETCHES({1, "a"}, {10, "b"}));
    assert_schedule("[a:b:1.5]", 10, STRETCHES({10, "a"}));
}

static void steps_outside_the_run_never_or_always_switch(void **state)
{
    (void)state;
    assert_schedule("[a:b:30]", 10, STRETCHES({10, "a"}));
    assert_schedule("[a:b:10]", 10, STRETCHES({10, "a"}));
    assert_schedule("[a:b:0]", 10, STRETCHES({10, "b"}));
    assert_schedule("[a:b:-3]", 10, STRETCHES({10, "b"}));
    assert_schedule("[a:b:0.05]", 10, STRETCHES({10, "b"}));
    assert_schedule("[a:b:1e999]", 10, STRETCHES({10, "a"}));
}

static void alternatives_take_turns(void **state)
{
    (void)state;
    assert_schedule("[a|(b:1.1)]", 3, STRETCHES({1, "a"}, {2, "(b:1.1)"}, {3, "a"}));
    assert_schedule("[fe|||]male", 5, STRETCHES({1, "female"}, {4, "male"}, {5, "female"}));
    assert_schedule("[a|a]", 5, STRETCHES({5, "a"}));
}

static void switches_nest(void **state)
{
    (void)state;
    assert_schedule("a[b:[c:d:2]:1]e", 10, STRETCHES({1, "abe"}, {2, "ace"}, {10, "ade"}));
    assert_schedule("[a:[b:c:0.5]:10]", 30, STRETCHES({10, "a"}, {15, "b"}, {30, "c"}));
    assert_schedule("[[a|b]:c:2]", 4, STRETCHES({1, "a"}, {2, "b"}, {4, "c"}));
    assert_schedule("[x|[y:z:2]]", 4, STRETCHES({1, "x"}, {2, "y"}, {3, "x"}, {4, "z"}));
    assert_schedule("a [[[b]]:2]", 10, STRETCHES({2, "a "}, {10, "a [[b]]"}));
    assert_schedule("[(a:2):3]", 10, STRETCHES({3, ""}, {10, "(a:2)"}));
    assert_schedule("([a:b:3]:1.2)", 10, STRETCHES({3, "(a:1.2)"}, {10, "(b:1.2)"}));
}

static void what_fits_no_form_is_text(void **state)
{
    (void)state;
    assert_schedule("a [unbalanced", 10, STRETCHES({10, "a [unbalanced"}));
    assert_schedule("[a:b]", 10, STRETCHES({10, "[a:b]"}));
    assert_schedule("[a:b:c:3]", 10, STRETCHES({10, "[a:b:c:3]"}));
    assert_schedule("[a:b:3x]", 10, STRETCHES({10, "[a:b:3x]"}));
    assert_schedule("[a:b:.]", 10, STRETCHES({10, "[a:b:.]"}));
    assert_schedule("[a (b:3] c)", 10, STRETCHES({10, "[a (b:3] c)"}));
    assert_schedule("[[a:b]:c:3]", 10, STRETCHES({10, "[[a:b]:c:3]"}));
}

static void text_around_a_switch_may_be_broken(void **state)
{
    (void)state;
    assert_schedule("((a][:b:c [d:3]", 10, STRETCHES({3, "((a][:b:c "}, {10, "((a][:b:c d"}));
    assert_schedule("(a [b:3]", 10, STRETCHES({3, "(a "}, {10, "(a b"}));
}

static void a_stray_bar_or_backslash_makes_all_of_it_text(void **state)
{
    (void)state;
    assert_schedule("a | b [c:3]", 10, STRETCHES({10, "a | b [c:3]"}));
    assert_schedule("[a|b:3] [c:3]", 10, STRETCHES({10, "[a|b:3] [c:3]"}));
    assert_schedule("[c:3] \\", 10, STRETCHES({10, "[c:3] \\"}));
    assert_schedule("[c:3] \\\n", 10, STRETCHES({10, "[c:3] \\\n"}));
}

static void nesting_of_a_hundred_thousand_is_no_trouble(void **state)
{
    (void)state;
    enum { DEPTH = 100000 };
    char *prompt = malloc(5 * DEPTH + 1), *at = prompt;
    assert_non_null(prompt);
    clock_t begin = clock();
    at = memset(at, '[', DEPTH);
    at += DEPTH;
    for (int i = 0; i < DEPTH; i++, at += 4)
        memcpy(at, "::3]", 4);
    *at = '\0';
    assert_schedule(prompt, 10, STRETCHES({10, ""}));
    memset(prompt, '[', 5 * DEPTH); /* and none of it closed */
    atl_prompt_schedule schedule = {0};
    assert_int_equal(atl_prompt_schedule_parse(prompt, 5 * DEPTH, 10, &schedule, NULL), ATL_OK);
    assert_int_equal(schedule.n, 1);
    atl_prompt_schedule_done(&schedule);
    assert_true((double)(clock() - begin) / CLOCKS_PER_SEC < 10);
    free(prompt);
}

static void more_text_than_is_sensible_is_refused(void **state)
{
    (void)state;
    const size_t size = 1000000;
    char *prompt = malloc(size);
    assert_non_null(prompt);
    memset(prompt, 'x', size);
    memcpy(prompt, "[a|b]", 5);
    atl_prompt_schedule schedule = {0};
    atl_note note = {0};
    assert_int_equal(atl_prompt_schedule_parse(prompt, size, 1000, &schedule, &note), ATL_BAD_INPUT);
    assert_says(&note, "switches");
    assert_null(schedule.at);
    free(prompt);
}

static void what_is_not_utf8_is_refused(void **state)
{
    (void)state;
    atl_prompt_schedule schedule = {0};
    atl_note note = {0};
    assert_int_equal(atl_prompt_schedule_parse("[a:\xff:3]", 7, 10, &schedule, &note), ATL_BAD_INPUT);
    assert_says(&note, "byte 3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_prompt_without_switches_holds_throughout),
        cmocka_unit_test(a_switch_holds_up_to_its_step),
        cmocka_unit_test(a_number_with_a_point_is_a_share_of_the_steps),
        cmocka_unit_test(steps_outside_the_run_never_or_always_switch),
        cmocka_unit_test(alternatives_take_turns),
        cmocka_unit_test(switches_nest),
        cmocka_unit_test(what_fits_no_form_is_text),
        cmocka_unit_test(text_around_a_switch_may_be_broken),
        cmocka_unit_test(a_stray_bar_or_backslash_makes_all_of_it_text),
        cmocka_unit_test(nesting_of_a_hundred_thousand_is_no_trouble),
        cmocka_unit_test(more_text_than_is_sensible_is_refused),
        cmocka_unit_test(what_is_not_utf8_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
