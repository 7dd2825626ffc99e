#include "scratch.h"

#include "template.h"

static atl_wildcards *wildcards;

static int open_wildcards(void **state)
{
    if (scratch_open(state) != 0)
        return -1;
    mkdir(scratch_path("dir"), 0700);
    scratch_file("colour.txt", "\xEF\xBB\xBF# comment\r\nred\r\n\r\n  {dark|light} blue  \r\n");
    scratch_file("dir/x1.txt", "one\n");
    scratch_file("dir/x2.txt", "__colour__ two\n");
    scratch_file("dir/y.txt", "why");
    return atl_wildcards_open(scratch_dir, &wildcards, NULL) == ATL_OK ? 0 : -1;
}

static int close_wildcards(void **state)
{
    atl_wildcards_close(&wildcards);
    return scratch_close(state);
}

/* All expansions, one a line. */
static void all_are(const char *text, const char *wanted)
{
    atl_template *tree = NULL;
    atl_note note = {0};
    if (atl_template_parse(wildcards, text, &tree, &note) != ATL_OK)
        fail_msg("%s: %s", text, note.text);
    atl_text all = {0};
    const uint64_t n = atl_template_count(tree);
    for (uint64_t i = 0; i < n; i++) {
        assert_int_equal(atl_template_nth(tree, i, &all, &note), ATL_OK);
        atl_text_putc(&all, i + 1 < n ? '\n' : '\0');
    }
    assert_string_equal(all.data, wanted);
    atl_text_done(&all);
    atl_template_close(&tree);
}

static void variants_and_wildcards_are_counted_out_in_order(void **state)
{
    (void)state;
    all_are("plain", "plain");
    all_are("a {b|c} {d|e}", "a b d\na b e\na c d\na c e");
    all_are("{a|{b|c}|}", "a\nb\nc\n");
    all_are("{0.5::a|2::b}", "a\nb");
    all_are("{2$$a|b|c}", "a, b\na, c\nb, a\nb, c\nc, a\nc, b");
    all_are("{2$$ and $$a|b}", "a and b\nb and a");
    all_are("{1-2$$+$$a|b}", "a\nb\na+b\nb+a");
    all_are("{-1$$a|b}", "a\nb");
    all_are("{2-$$-$$a|b}", "a-b\nb-a");
    all_are("{0-1$$a|b}", "\na\nb");
    all_are("{2$$/$$a|{b|c}}", "a/b\na/c\nb/a\nc/a");
    all_are("__colour__", "red\ndark blue\nlight blue");
    all_are("{2$$__colour__}", "red, dark blue\nred, light blue\ndark blue, red\nlight blue, red");
    all_are("__dir/x*__", "one\nred two\ndark blue two\nlight blue two");
    all_are("__dir/?__", "why");
}

static void brackets_belong_to_the_prompt_grammar(void **state)
{
    (void)state;
    all_are("[a|b] (c:1.2) [a::5]", "[a|b] (c:1.2) [a::5]");
    all_are("{[a|b]|c}", "[a|b]\nc");
    all_are("{:[|:)}", ":[\n:)");
    all_are("[{a|b}|c]", "[a|c]\n[b|c]");
    all_are("{(a:1.2)|(b:0.5)}", "(a:1.2)\n(b:0.5)");
    all_are("a] [b {c]|d}", "a] [b c]\na] [b d");
}

static void escapes_stand_for_themselves_and_others_stay(void **state)
{
    (void)state;
    all_are("\\{a|b\\}", "{a|b}");
    all_are("{a\\|b|c\\}}", "a|b\nc}");
    all_are("\\__colour__", "__colour__");
    all_are("\\(a\\) \\| \\\\", "\\(a\\) \\| \\\\");
    all_are("\\\\{a|b}", "\\\\a\n\\\\b");
    all_are("snake__ case, a_b, ____", "snake__ case, a_b, ____");
    all_are("{2\\$$a|b}", "2$$a\nb");
    all_are("a\\", "a\\");
}

static void draw(const char *text, uint64_t seed, atl_text *out)
{
    atl_template *tree = NULL;
    assert_int_equal(atl_template_parse(wildcards, text, &tree, NULL), ATL_OK);
    out->length = 0;
    assert_int_equal(atl_template_draw(tree, seed, out, NULL), ATL_OK);
    atl_template_close(&tree);
}

/* Written down once: a seed gives the same prompt on every machine and in every version. */
static void a_seed_gives_the_same_expansion_for_ever(void **state)
{
    (void)state;
    static const char *const wanted[] = {"c y, x 1, 2, 3 seldom", "b z, y 2, 3 seldom",
                                         "b z, y 1, 2, 3 often",  "a z, y 1 often",
                                         "b z, y 2, 3 seldom",    "b z, x 1 often"};
    atl_text out = {0};
    for (uint64_t seed = 0; seed < sizeof wanted / sizeof wanted[0]; seed++) {
        draw("{a|b|c} {2$$x|y|z} {1-3$$1|2|3} {3::often|seldom}", seed, &out);
        assert_string_equal(out.data, wanted[seed]);
    }
    atl_text_done(&out);
}

static void draws_follow_the_weights(void **state)
{
    (void)state;
    int n_a = 0, n_never = 0;
    atl_text out = {0};
    for (uint64_t seed = 0; seed < 4000; seed++) {
        draw("{3::a|b|0::never}", seed, &out);
        n_a += strcmp(out.data, "a") == 0;
        n_never += strcmp(out.data, "never") == 0;
    }
    assert_in_range(n_a, 2880, 3120); /* 3000 ± 4.4 standard deviations of 27 */
    assert_int_equal(n_never, 0);
    atl_text_done(&out);
}

static void nothing_is_taken_twice(void **state)
{
    (void)state;
    atl_text out = {0};
    for (uint64_t seed = 0; seed < 200; seed++) {
        draw("{3$$,$$a|0::b|c}", seed, &out);
        assert_int_equal(out.length, 5);
        assert_true(strchr(out.data, 'a') && strchr(out.data, 'b') && strchr(out.data, 'c'));
    }
    atl_text_done(&out);
}

static void too_many_are_too_many_to_count_but_not_to_draw(void **state)
{
    (void)state;
    atl_template *tree = NULL;
    atl_text text = {0}, out = {0};
    atl_text_puts(&text, "{25$$0");
    for (int i = 1; i < 30; i++)
        atl_text_printf(&text, "|%d", i);
    atl_text_puts(&text, "}");
    assert_int_equal(atl_template_parse(wildcards, text.data, &tree, NULL), ATL_OK);
    assert_true(atl_template_count(tree) == UINT64_MAX);
    assert_int_equal(atl_template_draw(tree, 1, &out, NULL), ATL_OK);
    atl_template_close(&tree);
    atl_text_done(&text);
    atl_text_done(&out);
}

/* Each file names the one before it eight times: 8^24 pieces without a bound. */
static void expansion_is_bounded(void **state)
{
    (void)state;
    mkdir(scratch_path("deep"), 0700);
    scratch_file("deep/w0.txt", "{|}");
    for (int i = 1; i < 25; i++) {
        char name[32], line[256] = "";
        snprintf(name, sizeof name, "deep/w%d.txt", i);
        for (int k = 0; k < 8; k++)
            snprintf(line + strlen(line), sizeof line - strlen(line), "__w%d__", i - 1);
        scratch_file(name, line);
    }
    atl_wildcards *deep = NULL;
    atl_template *tree = NULL;
    atl_text out = {0};
    atl_note note = {0};
    assert_int_equal(atl_wildcards_open(scratch_path("deep"), &deep, NULL), ATL_OK);
    assert_int_equal(atl_template_parse(deep, "__w24__", &tree, &note), ATL_OK);
    assert_true(atl_template_count(tree) == UINT64_MAX);
    assert_int_equal(atl_template_draw(tree, 1, &out, &note), ATL_BAD_INPUT);
    assert_non_null(strstr(note.text, "over 1000000 pieces"));
    atl_template_close(&tree);
    atl_wildcards_close(&deep);
    atl_text_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(variants_and_wildcards_are_counted_out_in_order),
        cmocka_unit_test(brackets_belong_to_the_prompt_grammar),
        cmocka_unit_test(escapes_stand_for_themselves_and_others_stay),
        cmocka_unit_test(a_seed_gives_the_same_expansion_for_ever),
        cmocka_unit_test(draws_follow_the_weights),
        cmocka_unit_test(nothing_is_taken_twice),
        cmocka_unit_test(too_many_are_too_many_to_count_but_not_to_draw),
        cmocka_unit_test(expansion_is_bounded),
    };
    return cmocka_run_group_tests(tests, open_wildcards, close_wildcards);
}
