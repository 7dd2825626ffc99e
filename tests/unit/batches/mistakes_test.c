/* All lines are checked: every mistake is told by its line, up to a number, and all are counted. */
#include "scratch.h"

#include "mistakes.h"

typedef struct told {
    char each[ATL_BATCH_MAX_MISTAKES + 4][300];
    size_t n;
} told;

static void listen(void *user, const char *sentence)
{
    told *t = user;
    assert_true(t->n < ATL_BATCH_MAX_MISTAKES + 4);
    snprintf(t->each[t->n++], sizeof t->each[0], "%.*s", (int)sizeof t->each[0] - 1,
             sentence + strlen(scratch_dir) + 1);
}

/* A check of that file: how it ends is the note's beginning, what was told goes into *ret. */
static void check(const char *name, const char *text, told *ret, const char *ends)
{
    atl_batch_options options = scratch_options(scratch_file(name, text));
    *ret = (told){.n = 0};
    options.mistake = listen;
    options.user = ret;
    scratch_fails(&options, ATL_BAD_INPUT, ends);
}

static void begins(const char *sentence, const char *with)
{
    if (strncmp(sentence, with, strlen(with)) != 0)
        fail_msg("found \"%s\", wanted \"%s…\"", sentence, with);
}

static void every_line_with_a_mistake_is_told(void **state)
{
    (void)state;
    told t;
    check("a.txt", "a\n--stepz 4\nb\n--prompt \"x\n--prompt x --steps many\n{x|__y__}\n\nc\xFF\nd\n", &t,
          "a.txt: 5 lines have mistakes; wanted none");
    assert_int_equal(t.n, 5);
    begins(t.each[0], "a.txt:2:1: found the unknown flag --stepz; did you mean --steps?");
    begins(t.each[1], "a.txt:4:10: found \" without its end");
    begins(t.each[2], "a.txt:5:12: --steps: found");
    begins(t.each[3], "a.txt:6:1: ");
    assert_non_null(strstr(t.each[3], "__y__"));
    begins(t.each[4], "a.txt:8:2: found byte 0xFF");
}

static void a_single_mistake_is_the_error_itself(void **state)
{
    (void)state;
    told t;
    check("a.txt", "a\n--stepz 4\nb\n", &t, "a.txt:2:1: found the unknown flag --stepz");
    assert_int_equal(t.n, 0);
}

static void where_nobody_listens_the_first_mistake_ends_the_check(void **state)
{
    (void)state;
    scratch_text_fails("a.txt", "a\n--stepz 4\n--stepy 5\n", "a.txt:2:1: found the unknown flag --stepz");
}

static void beyond_twenty_they_are_counted(void **state)
{
    (void)state;
    char text[4000] = "";
    told t;
    for (size_t i = 0; i < 37; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "house %zu\n--stepz %zu\n", i, i);
    check("a.txt", text, &t, "a.txt: and 17 more: 37 lines have mistakes; wanted none");
    assert_int_equal(t.n, ATL_BATCH_MAX_MISTAKES);
    begins(t.each[ATL_BATCH_MAX_MISTAKES - 1], "a.txt:40:1: ");
}

static void a_line_that_is_too_long_hides_none_behind_it(void **state)
{
    (void)state;
    const size_t n = 3 * ATL_BATCH_MAX_LINE_BYTES;
    char *text = malloc(n + 20);
    told t;
    assert_non_null(text);
    memset(text, 'x', n);
    memcpy(text, "a\n", 2);
    memcpy(text + n, "\n--stepz 4\nb\n", 14);
    check("a.txt", text, &t, "a.txt: 2 lines have mistakes");
    begins(t.each[0], "a.txt:2:1: found a line of over 4194304 bytes");
    begins(t.each[1], "a.txt:3:1: found the unknown flag");
    free(text);
}

static void jsonl_and_csv_go_on_behind_a_mistake(void **state)
{
    (void)state;
    told t;
    check("a.jsonl", "{\"prompt\":\"a\",\"x\":1}\n{}\n{\"prompt\":\"b\"}\n[\n", &t,
          "a.jsonl: 3 lines have mistakes");
    begins(t.each[0], "a.jsonl:1:15: found the unknown key \"x\"");
    begins(t.each[1], "a.jsonl:2:1: found no prompt");
    begins(t.each[2], "a.jsonl:4:");
    check("a.csv", "prompt,steps\na,4\nb\nc,\"many\"\nd\"d,5\ne,6\n", &t, "a.csv: 3 lines have mistakes");
    begins(t.each[0], "a.csv:3:1: found 1 cells; wanted 2");
    begins(t.each[1], "a.csv:4:3: steps: found");
    begins(t.each[2], "a.csv:5:2: found a quote inside an unquoted cell");
}

static void nothing_is_read_behind_a_header_with_a_mistake(void **state)
{
    (void)state;
    told t;
    check("a.csv", "promt,steps\na,4\nb,many\n", &t, "a.csv:1:1: found the unknown column \"promt\"");
    assert_int_equal(t.n, 0);
}

static void all_names_that_are_given_twice_are_told(void **state)
{
    (void)state;
    told t;
    check("a.csv", "id,prompt,n_iter\nfox,a,2\nhen,b,1\nfox,c,2\nowl,d,1\nhen,e,1\n", &t,
          "a.csv: 2 lines have mistakes");
    begins(t.each[0], "a.csv:4:5: found the name \"fox\", which line 2 has given already");
    begins(t.each[1], "a.csv:6:5: found the name \"hen\", which line 3 has given already");
}

/* What is wrong with the file itself ends the check, and what was held back is told. */
static void the_end_of_a_check_tells_what_was_held_back(void **state)
{
    (void)state;
    told t = {.n = 0};
    atl_mistakes mistakes = {.tell = listen, .user = &t};
    atl_note one = {0}, note = {0};
    snprintf(one.text, sizeof one.text, "%s/a.txt:1:1: one", scratch_dir);
    atl_mistakes_begin(&mistakes);
    atl_mistakes_add(&mistakes, ATL_UNSUPPORTED, &one);
    assert_int_equal(atl_mistakes_conclude(&mistakes, ATL_IO, "a.txt", &note), ATL_IO);
    assert_int_equal(t.n, 1);
    assert_string_equal(t.each[0], "a.txt:1:1: one");
    assert_int_equal(atl_mistakes_conclude(&mistakes, ATL_OK, "a.txt", &note), ATL_UNSUPPORTED);
    assert_string_equal(note.text, one.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_line_with_a_mistake_is_told),
        cmocka_unit_test(a_single_mistake_is_the_error_itself),
        cmocka_unit_test(where_nobody_listens_the_first_mistake_ends_the_check),
        cmocka_unit_test(beyond_twenty_they_are_counted),
        cmocka_unit_test(a_line_that_is_too_long_hides_none_behind_it),
        cmocka_unit_test(jsonl_and_csv_go_on_behind_a_mistake),
        cmocka_unit_test(nothing_is_read_behind_a_header_with_a_mistake),
        cmocka_unit_test(all_names_that_are_given_twice_are_told),
        cmocka_unit_test(the_end_of_a_check_tells_what_was_held_back),
    };
    return cmocka_run_group_tests(tests, scratch_open, scratch_close);
}
