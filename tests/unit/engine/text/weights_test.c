#include "text_fixture.h"

#include <math.h>

#include "text/prompt.h"

typedef struct expected_piece {
    const char *text; /* NULL ends the list */
    double weight;    /* -1 and "BREAK": a break */
} expected_piece;

static void assert_pieces(const char *prompt, const expected_piece *expected)
{
    atl_pieces pieces = {0};
    assert_int_equal(atl_pieces_parse(prompt, strlen(prompt), &pieces, NULL), ATL_OK);
    size_t i = 0;
    for (; i < pieces.n && expected[i].text; i++) {
        assert_string_equal(pieces.at[i].text, expected[i].text);
        assert_int_equal(pieces.at[i].n_bytes, strlen(expected[i].text));
        if (fabs((double)pieces.at[i].weight - expected[i].weight) > 1e-6)
            fail_msg("\"%s\" weighs %g", expected[i].text, (double)pieces.at[i].weight);
        assert_int_equal(pieces.at[i].is_break, expected[i].weight == -1);
    }
    assert_int_equal(i, pieces.n);
    assert_null(expected[i].text);
    atl_pieces_done(&pieces);
}

#define PIECES(...) ((const expected_piece[]){__VA_ARGS__, {NULL, 0}})

static void the_example_of_the_formats_weighs_what_it_says(void **state)
{
    (void)state;
    assert_pieces("a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).",
                  PIECES({"a ", 1}, {"house", 1.573}, {" ", 1.1}, {"on", 1}, {" a ", 1.1}, {"hill", 0.55},
                         {", sun, ", 1.1}, {"sky", 1.4641}, {".", 1.1}));
}

static void brackets_multiply(void **state)
{
    (void)state;
    assert_pieces("an (important) word", PIECES({"an ", 1}, {"important", 1.1}, {" word", 1}));
    assert_pieces("[less]", PIECES({"less", 1 / 1.1}));
    assert_pieces("((a)b)", PIECES({"a", 1.21}, {"b", 1.1}));
    assert_pieces("(a:0)(b:-1.5)(c:+.5)", PIECES({"a", 0}, {"b", -1.5}, {"c", 0.5}));
    assert_pieces("((a:2)b:3)", PIECES({"a", 6}, {"b", 3}));
    assert_pieces("(a : 1.5 )", PIECES({"a ", 1.5}));
}

static void what_is_left_open_reaches_the_end(void **state)
{
    (void)state;
    assert_pieces("a (b", PIECES({"a ", 1}, {"b", 1.1}));
    assert_pieces("a [b (c", PIECES({"a ", 1}, {"b ", 1 / 1.1}, {"c", 1}));
    assert_pieces("(a:1.2", PIECES({"a:1.2", 1.1}));
}

static void what_closes_nothing_is_text(void **state)
{
    (void)state;
    assert_pieces("a) b]", PIECES({"a) b]", 1}));
    assert_pieces("a:1.3)", PIECES({"a:1.3)", 1}));
    assert_pieces("[a:1.3)", PIECES({"a:1.3)", 1 / 1.1}));
    assert_pieces("a: b", PIECES({"a: b", 1}));
    assert_pieces("(a:1.2.3)", PIECES({"a:1.2.3", 1.1}));
    assert_pieces("(a:.)", PIECES({"a:.", 1.1}));
}

static void a_backslash_takes_a_bracket_literally(void **state)
{
    (void)state;
    assert_pieces("\\(a\\) \\[b\\] c\\\\d", PIECES({"(a) [b] c\\d", 1}));
    assert_pieces("a\\b\\", PIECES({"ab", 1}));
}

static void equal_neighbours_are_merged(void **state)
{
    (void)state;
    assert_pieces("(a)(b)", PIECES({"ab", 1.1}));
    assert_pieces("(a:1)b", PIECES({"ab", 1}));
}

static void no_prompt_is_one_empty_piece(void **state)
{
    (void)state;
    assert_pieces("", PIECES({"", 1}));
    assert_pieces("()", PIECES({"", 1}));
}

static void break_stands_alone_and_takes_the_space_around_it(void **state)
{
    (void)state;
    assert_pieces("a  BREAK\n b", PIECES({"a", 1}, {"BREAK", -1}, {"b", 1}));
    assert_pieces("BREAK", PIECES({"", 1}, {"BREAK", -1}, {"", 1}));
    assert_pieces("aBREAK BREAKb _BREAK \xc3\xa9"
                  "BREAK",
                  PIECES({"aBREAK BREAKb _BREAK \xc3\xa9"
                          "BREAK",
                          1}));
    assert_pieces("break, Break", PIECES({"break, Break", 1}));
    assert_pieces("a\xc2\xa0"
                  "BREAK,b",
                  PIECES({"a", 1}, {"BREAK", -1}, {",b", 1}));
}

static void break_ends_a_chunk_within_brackets_too(void **state)
{
    (void)state;
    assert_pieces("(a BREAK b:1.5)", PIECES({"a", 1.5}, {"BREAK", -1}, {"b", 1.5}));
}

static void nuls_in_a_prompt_are_text(void **state)
{
    (void)state;
    atl_pieces pieces = {0};
    assert_int_equal(atl_pieces_parse("a\0(b\0)", 6, &pieces, NULL), ATL_OK);
    assert_int_equal(pieces.n, 2);
    assert_int_equal(pieces.at[0].n_bytes, 2);
    assert_int_equal(pieces.at[1].n_bytes, 2);
    atl_pieces_done(&pieces);
}

static void brackets_that_are_too_deep_are_refused_with_the_byte(void **state)
{
    (void)state;
    char prompt[ATL_MAX_BRACKET_DEPTH + 1];
    memset(prompt, '(', sizeof prompt);
    atl_pieces pieces = {0};
    atl_note note = {0};
    assert_int_equal(atl_pieces_parse(prompt, sizeof prompt - 1, &pieces, NULL), ATL_OK);
    atl_pieces_done(&pieces);
    assert_int_equal(atl_pieces_parse(prompt, sizeof prompt, &pieces, &note), ATL_BAD_INPUT);
    assert_says(&note, "byte 256");
    assert_null(pieces.at);
}

static void a_weight_beyond_f32_is_refused(void **state)
{
    (void)state;
    const char prompt[] = "a (b:9999999999999999999999999999999999999999)";
    atl_pieces pieces = {0};
    atl_note note = {0};
    assert_int_equal(atl_pieces_parse(prompt, strlen(prompt), &pieces, &note), ATL_BAD_INPUT);
    assert_says(&note, "\"b\"");
    assert_null(pieces.at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_the_formats_weighs_what_it_says),
        cmocka_unit_test(brackets_multiply),
        cmocka_unit_test(what_is_left_open_reaches_the_end),
        cmocka_unit_test(what_closes_nothing_is_text),
        cmocka_unit_test(a_backslash_takes_a_bracket_literally),
        cmocka_unit_test(equal_neighbours_are_merged),
        cmocka_unit_test(no_prompt_is_one_empty_piece),
        cmocka_unit_test(break_stands_alone_and_takes_the_space_around_it),
        cmocka_unit_test(break_ends_a_chunk_within_brackets_too),
        cmocka_unit_test(nuls_in_a_prompt_are_text),
        cmocka_unit_test(brackets_that_are_too_deep_are_refused_with_the_byte),
        cmocka_unit_test(a_weight_beyond_f32_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
