#include "scratch.h"

static void fails(const char *prompt, atl_status status, const char *wanted)
{
    atl_batch_options options = scratch_options(scratch_file("p.txt", prompt));
    char dir[128];
    snprintf(dir, sizeof dir, "%s/wild", scratch_dir);
    options.wildcards_dir = dir;
    scratch_jobs *jobs = scratch_read(&options);
    assert_int_equal(jobs->status, status);
    if (!strstr(jobs->note.text, wanted))
        fail_msg("note \"%s\"; wanted \"%s\"", jobs->note.text, wanted);
    scratch_done(jobs);
}

static int write_wildcards(void **state)
{
    if (scratch_open(state) != 0)
        return -1;
    mkdir(scratch_path("wild"), 0700);
    scratch_file("secret.txt", "secret\n");
    scratch_file("wild/a.txt", "fine\n\n  x __b__\n");
    scratch_file("wild/b.txt", "y __a__\n");
    scratch_file("wild/self.txt", "__s*f__");
    scratch_file("wild/empty.txt", "# nothing\n\n");
    scratch_file("wild/bad.txt", "ok\n{a|b\n");
    scratch_bytes("wild/nul.txt", "ok\na\0b", 6);
    scratch_file("wild/utf8.txt", "\xC3\xA4\xFF");
    scratch_file("wild/unknown.txt", "a __nope__");
    scratch_file("wild/.hidden.txt", "h");
    return 0;
}

static void a_circle_is_told_with_the_way_round(void **state)
{
    (void)state;
    fails("a __a__", ATL_BAD_INPUT, "p.txt:1:1: at character 3 of the prompt: ");
    fails("a __a__", ATL_BAD_INPUT, "wild/a.txt:3:3: ");
    fails("a __a__", ATL_BAD_INPUT, "wild/b.txt:1:3: found __a__, which comes back to itself");
    fails("__self__", ATL_BAD_INPUT, "self.txt:1:1: found __self__, which comes back");
}

static void an_unknown_wildcard_is_told_with_its_place(void **state)
{
    (void)state;
    fails("fine\n\xC3\xA4 __nope__", ATL_NOT_FOUND,
          "p.txt:2:1: at character 3 of the prompt: found the unknown wildcard __nope__; wanted ");
    fails("__unknown__", ATL_NOT_FOUND, "wild/unknown.txt:1:3: found the unknown wildcard __nope__");
    fails("__x*__", ATL_NOT_FOUND, "found the unknown wildcard __x*__");
}

static void no_name_leads_out_of_the_folder(void **state)
{
    (void)state;
    fails("__../secret__", ATL_NOT_FOUND, "found the unknown wildcard");
    fails("__/etc/passwd__", ATL_NOT_FOUND, "found the unknown wildcard");
    fails("__.hidden__", ATL_NOT_FOUND, "found the unknown wildcard");
}

static void what_a_file_may_not_hold_is_told_with_its_place(void **state)
{
    (void)state;
    fails("__empty__", ATL_BAD_INPUT, "wild/empty.txt: holds no option");
    fails("__bad__", ATL_BAD_INPUT, "wild/bad.txt:2:1: found { without its }");
    fails("__nul__", ATL_BAD_INPUT, "wild/nul.txt:2:2: found a NUL byte");
    fails("__utf8__", ATL_BAD_INPUT, "wild/utf8.txt:1:2: found what is not UTF-8");
}

static void a_folder_that_is_not_there_is_told_at_once(void **state)
{
    (void)state;
    atl_batch_options options = scratch_options(scratch_file("p.txt", "a"));
    options.wildcards_dir = "/nonexistent-wildcards";
    scratch_fails(&options, ATL_NOT_FOUND, "/nonexistent-wildcards: cannot be listed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_circle_is_told_with_the_way_round),
        cmocka_unit_test(an_unknown_wildcard_is_told_with_its_place),
        cmocka_unit_test(no_name_leads_out_of_the_folder),
        cmocka_unit_test(what_a_file_may_not_hold_is_told_with_its_place),
        cmocka_unit_test(a_folder_that_is_not_there_is_told_at_once),
    };
    return cmocka_run_group_tests(tests, write_wildcards, scratch_close);
}
