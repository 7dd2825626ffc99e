#include "scratch.h"

#include "sweep.h"

static void values_are(const char *text, const char *wanted)
{
    atl_sweeps sweeps;
    atl_note note = {0};
    char all[1024] = "";
    if (atl_sweeps_parse(&text, 1, &sweeps, &note) != ATL_OK)
        fail_msg("%s", note.text);
    for (size_t i = 0; i < sweeps.each[0].n; i++)
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", i ? ";" : "", sweeps.each[0].values[i]);
    assert_string_equal(all, wanted);
    atl_sweeps_done(&sweeps);
}

static void fails(const char *text, const char *wanted)
{
    atl_sweeps sweeps;
    atl_note note = {0};
    assert_int_equal(atl_sweeps_parse(&text, 1, &sweeps, &note), ATL_USAGE);
    if (!strstr(note.text, wanted))
        fail_msg("note \"%s\"; wanted \"%s\"", note.text, wanted);
}

static void lists_and_ranges_are_values(void **state)
{
    (void)state;
    values_are("cfg_scale=3,5,7", "3;5;7");
    values_are("steps=10-30(+5)", "10;15;20;25;30");
    values_are("steps=10-13", "10;11;12;13");
    values_are("steps=30-10(-10)", "30;20;10");
    values_are("steps=3-1", "3;2;1");
    values_are("steps=1-10[4]", "1;4;7;10");
    values_are("steps=4, 8-10 ,20", "4;8;9;10;20");
    values_are("cfg_scale=1-2(+0.1)", "1;1.1;1.2;1.3;1.4;1.5;1.6;1.7;1.8;1.9;2");
    values_are("cfg_scale=1-2[3]", "1;1.5;2");
    values_are("seed=1-4", "1;2;3;4");
    values_are("seed=18446744073709551615", "18446744073709551615");
    values_are("sampler=Euler a,DDIM", "Euler a;DDIM");
    values_are("prompt=red,\"blue, \"\"dark\"\"\", 1-3", "red;blue, \"dark\";1-3");
    values_are("negative_prompt=,ugly", ";ugly");
    values_are("width=512,768", "512;768");
    values_are("height=512,768", "512;768");
    values_are("clip_skip=1,2", "1;2");
    values_are("guidance_from=0,0.1", "0;0.1");
    values_are("guidance_until=0.5-1(+0.25)", "0.5;0.75;1");
    values_are("deep_cache=1-3", "1;2;3");
    values_are("merge_tokens=0,0.5", "0;0.5");
    values_are("strength=0.25-0.75(+0.25)", "0.25;0.5;0.75");
}

static void what_cannot_be_meant_is_refused(void **state)
{
    (void)state;
    fails("steps", "found no =");
    fails("stepps=3", "found \"stepps\"; wanted seed, steps");
    fails("steps=3,x", "--sweep steps=3,x: steps: found \"x\"");
    fails("steps=", "steps: found \"\"");
    fails("deep_cache=0-3", "deep_cache: found \"0\"");
    fails("guidance_until=2", "guidance_until: found \"2\"");
    fails("steps=0-3", "steps: found \"0\"");
    fails("steps=10-30(-5)", "found steps of -5 from 10 to 30");
    fails("steps=10-30(+0)", "found steps of 0");
    fails("cfg_scale=1-2(+0.00001)", "over 10000 values");
    fails("prompt=\"red", "found \" without its end");
    fails("prompt=\"red\"x,b", "after a closing quote");
    fails("prompt=,b", "found an empty text to look for");
    const char *const twice[] = {"steps=1", "steps=2"}, *const many[] = {"steps=1-10000", "seed=1-1000"};
    atl_sweeps sweeps;
    assert_int_equal(atl_sweeps_parse(twice, 2, &sweeps, NULL), ATL_USAGE);
    assert_int_equal(atl_sweeps_parse(many, 2, &sweeps, NULL), ATL_USAGE);
}

static void a_prompts_words_are_searched_and_replaced(void **state)
{
    (void)state;
    const char *const sweeps[] = {"prompt=red,blue,{a|b}"};
    atl_batch_options options = scratch_options(
        scratch_file("a.jsonl", "{\"prompt\":\"red and red\",\"negative_prompt\":\"no red\"}"));
    options.sweeps = sweeps;
    options.n_sweeps = 1;
    options.combinatorial = true;
    scratch_jobs *jobs = scratch_good(&options);
    assert_int_equal(jobs->n, 10);
    assert_string_equal(jobs->each[0].prompt, "red and red");
    assert_string_equal(jobs->each[1].prompt, "blue and blue");
    assert_string_equal(jobs->each[1].negative_prompt, "no blue");
    assert_string_equal(jobs->each[2].prompt, "a and a"); /* expanded after it was replaced */
    assert_string_equal(jobs->each[2].negative_prompt, "no a");
    assert_string_equal(jobs->each[9].prompt, "b and b");
    scratch_done(jobs);
    options.path = scratch_file("a.txt", "red\ngreen");
    scratch_fails(&options, ATL_BAD_INPUT, "a.txt:2:1: --sweep prompt: found no \"red\" in the prompt");
}

static void a_swept_seed_is_the_seed(void **state)
{
    (void)state;
    const char *const sweeps[] = {"seed=1-3"};
    atl_batch_options options = scratch_options(scratch_file("a.txt", "a"));
    options.sweeps = sweeps;
    options.n_sweeps = 1;
    scratch_jobs *jobs = scratch_good(&options);
    assert_int_equal(jobs->n, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(jobs->each[i].seed, i + 1);
    scratch_done(jobs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_and_ranges_are_values),
        cmocka_unit_test(what_cannot_be_meant_is_refused),
        cmocka_unit_test(a_prompts_words_are_searched_and_replaced),
        cmocka_unit_test(a_swept_seed_is_the_seed),
    };
    return cmocka_run_group_tests(tests, scratch_open, scratch_close);
}
