#include "scratch.h"

#include "naming.h"

static char *name_of(const char *name_template, const atl_job *job, const atl_draft *draft, uint64_t nth,
                     bool add)
{
    const atl_naming naming = {name_template, "tiny/model", "0123456789", "2024-05-06"};
    char *name = atl_naming_make(&naming, job, draft, nth, add);
    assert_non_null(name);
    assert_int_equal(atl_name_check(name, NULL), ATL_OK);
    return name;
}

static void name_is(const char *name_template, const atl_job *job, const char *wanted)
{
    const atl_draft draft = {0};
    char *name = name_of(name_template, job, &draft, 0, false);
    assert_string_equal(name, wanted);
    free(name);
}

static atl_job a_job(void)
{
    static char prompt[] = "A (red:1.2) fox, by/../a lake \xC3\xA4!  one two three four five",
                sampler[] = "DPM++ 2M";
    return (atl_job){.index = 17,
                     .prompt = prompt,
                     .seed = 42,
                     .n_steps = 20,
                     .guidance_scale = 7.5,
                     .width = 512,
                     .sampler = sampler};
}

static void every_token_says_its_word(void **state)
{
    (void)state;
    const atl_job job = a_job();
    name_is("[index]-[seed]", &job, "000017-42");
    name_is("[steps]s [cfg] [width]x[height] [sampler]", &job, "20s 7.5 512xauto DPM++ 2M");
    name_is("[model_name]_[model_hash]_[date]", &job, "tiny_model_0123456789_2024-05-06");
    name_is("[prompt_words]", &job, "A_red_1_2_fox_by_a_lake");
    name_is("[id]", &job, "00000000000000000000000000000000");
}

static void what_does_harm_becomes_an_underscore(void **state)
{
    (void)state;
    atl_job job = a_job();
    job.sampler = (char[]){"../..\\x:\x01\xC2\x85|?"};
    name_is("[sampler]", &job, "_._.__x______");
    job.sampler = (char[]){"."};
    name_is("[sampler]", &job, "_");
    job.prompt = (char[]){"..."};
    name_is("[prompt_words]", &job, "000017"); /* nothing is left of it */
}

static void a_lines_own_name_goes_before_the_template(void **state)
{
    (void)state;
    const atl_job job = a_job();
    atl_draft draft = {.id = (char[]){"fox"}};
    static const struct {
        const char *name_template, *wanted;
        uint64_t nth;
        bool add;
    } cases[] = {
        {"[index]", "fox", 0, false},    {"[index]", "fox-3", 2, false},  {"[id]-[seed]", "fox-42", 0, false},
        {"[id]-[seed]", "fox-42", 2, 0}, {"[id]", "fox-000017", 2, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *name = name_of(cases[i].name_template, &job, &draft, cases[i].nth, cases[i].add);
        assert_string_equal(name, cases[i].wanted);
        free(name);
    }
}

static void a_long_name_is_cut_between_characters_and_keeps_its_index(void **state)
{
    (void)state;
    atl_job job = a_job();
    const atl_draft draft = {0};
    char prompt[601] = "";
    for (int i = 0; i < 300; i++)
        strcat(prompt, "\xC3\xA4");
    job.prompt = prompt;
    char *name = name_of("x[prompt_words]", &job, &draft, 0, false);
    assert_int_equal(strlen(name), 199);
    free(name);
    name = name_of("x[prompt_words]", &job, &draft, 0, true);
    assert_true(strlen(name) <= 200);
    assert_string_equal(name + strlen(name) - 7, "-000017");
    free(name);
}

static void templates_that_cannot_be_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",          "[nope]", "[index", "a/[index]", "a\\b",
                                      "..[index]", ".x",     "a\n",    "\xFF"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(atl_naming_check(bad[i], NULL), ATL_USAGE);
    assert_int_equal(atl_naming_check("[index] \xC3\xA4 [date]", NULL), ATL_OK);
}

static void only_what_begins_with_the_index_is_unique_by_itself(void **state)
{
    (void)state;
    assert_true(atl_naming_is_unique("[index]"));
    assert_true(atl_naming_is_unique("[index]-[seed]"));
    assert_false(atl_naming_is_unique("[index][seed]"));
    assert_false(atl_naming_is_unique("[index]0"));
    assert_false(atl_naming_is_unique("[seed]-[index]"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_token_says_its_word),
        cmocka_unit_test(what_does_harm_becomes_an_underscore),
        cmocka_unit_test(a_lines_own_name_goes_before_the_template),
        cmocka_unit_test(a_long_name_is_cut_between_characters_and_keeps_its_index),
        cmocka_unit_test(templates_that_cannot_be_are_refused),
        cmocka_unit_test(only_what_begins_with_the_index_is_unique_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
