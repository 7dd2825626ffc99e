#include "scratch.h"

#include "template.h"

static void fails(const char *text, atl_status status, const char *wanted)
{
    atl_wildcards *none = NULL;
    atl_template *tree = NULL;
    atl_note note = {0};
    assert_int_equal(atl_wildcards_open(NULL, &none, NULL), ATL_OK);
    assert_int_equal(atl_template_parse(none, text, &tree, &note), status);
    assert_null(tree);
    if (strncmp(note.text, wanted, strlen(wanted)) != 0)
        fail_msg("note \"%s\"; wanted \"%s\"", note.text, wanted);
    atl_wildcards_close(&none);
}

static void what_breaks_the_grammar_is_told_with_its_character(void **state)
{
    (void)state;
    fails("a {b|c", ATL_BAD_INPUT, "at character 3 of the prompt: found { without its }");
    fails("\xC3\xA4 b}", ATL_BAD_INPUT, "at character 4 of the prompt: found } without its {");
    fails("{a|{b|c}", ATL_BAD_INPUT, "at character 1 of the prompt: found { without its }");
    fails("x {3$$a|b}", ATL_BAD_INPUT, "at character 4 of the prompt: found a number to take");
    fails("x {2-1$$a|b}", ATL_BAD_INPUT, "at character 4 of the prompt: found a number to take");
    fails("x {0::a|0::b}", ATL_BAD_INPUT, "at character 4 of the prompt: found weights that are all 0");
    fails("a __b__", ATL_NOT_FOUND, "at character 3 of the prompt: found the wildcard __b__, but no folder");
}

static void braces_in_braces_have_a_bound(void **state)
{
    (void)state;
    char text[128] = "";
    memset(text, '{', 33);
    memset(text + 33, '}', 33);
    fails(text, ATL_BAD_INPUT, "at character 33 of the prompt: found braces in over 32 braces");
}

static void a_text_without_either_needs_no_tree(void **state)
{
    (void)state;
    assert_false(atl_template_is_needed("a (b:1.2) [c|d] e_f \\( | $$"));
    assert_true(atl_template_is_needed("a {b}"));
    assert_true(atl_template_is_needed("a }"));
    assert_true(atl_template_is_needed("a__"));
}

/* A megabyte of brackets: what is quadratic would take minutes. */
static void a_long_text_takes_no_long_time(void **state)
{
    (void)state;
    const size_t n = (size_t)1 << 20;
    char *text = malloc(n + 1);
    assert_non_null(text);
    memset(text, '[', n);
    text[n] = '\0';
    text[0] = '{';
    text[n - 1] = '}';
    atl_wildcards *none = NULL;
    atl_template *tree = NULL;
    atl_text out = {0};
    assert_int_equal(atl_wildcards_open(NULL, &none, NULL), ATL_OK);
    assert_int_equal(atl_template_parse(none, text, &tree, NULL), ATL_OK);
    assert_int_equal(atl_template_draw(tree, 0, &out, NULL), ATL_OK);
    assert_int_equal(out.length, n - 2);
    atl_template_close(&tree);
    memset(text + 1, '_', n - 2);
    assert_int_equal(atl_template_parse(none, text, &tree, NULL), ATL_OK);
    atl_template_close(&tree);
    atl_text_done(&out);
    atl_wildcards_close(&none);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_breaks_the_grammar_is_told_with_its_character),
        cmocka_unit_test(braces_in_braces_have_a_bound),
        cmocka_unit_test(a_text_without_either_needs_no_tree),
        cmocka_unit_test(a_long_text_takes_no_long_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
