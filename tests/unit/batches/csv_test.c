#include "scratch.h"

static void cells_in_quotes_hold_commas_quotes_and_newlines(void **state)
{
    (void)state;
    scratch_jobs *jobs = scratch_text(
        "a.csv", "\xEF\xBB\xBFid,prompt,seed,steps\r\nfox,\"a \"\"red\"\", fox\r\nruns\",5,20\r\n"
                 "\r\nhen, plain ,,\r\n");
    assert_int_equal(jobs->n, 2);
    assert_string_equal(jobs->each[0].prompt, "a \"red\", fox\nruns");
    assert_string_equal(jobs->each[0].name, "fox");
    assert_int_equal(jobs->each[0].seed, 5);
    assert_int_equal(jobs->each[0].n_steps, 20);
    assert_string_equal(jobs->each[1].prompt, " plain ");
    assert_int_equal(jobs->each[1].seed, 101);
    scratch_done(jobs);
}

static void savings_are_columns(void **state)
{
    (void)state;
    scratch_jobs *jobs = scratch_text(
        "a.csv", "prompt,guidance_from,guidance_until,deep_cache,merge_tokens\na,0.25,0.5,2,0.4\nb,,,,\n");
    assert_true(jobs->each[0].guidance_from == 0.25);
    assert_true(jobs->each[0].guidance_until == 0.5);
    assert_int_equal(jobs->each[0].deep_cache, 2);
    assert_true(jobs->each[0].merge_tokens == 0.4 && jobs->each[1].merge_tokens == 0);
    assert_true(jobs->each[1].guidance_from == 0 && jobs->each[1].guidance_until == 0);
    assert_int_equal(jobs->each[1].deep_cache, 0);
    scratch_done(jobs);
    scratch_text_fails("a.csv", "prompt,guidance_until\na,1.5", "a.csv:2:3: guidance_until: found \"1.5\"");
    scratch_text_fails("a.csv", "prompt,guidance_from\na,-0.5", "a.csv:2:3: guidance_from: found \"-0.5\"");
    scratch_text_fails("a.csv", "prompt,merge_tokens\na,0.8", "a.csv:2:3: merge_tokens: found \"0.8\"");
    scratch_text_fails("a.csv", "prompt,deep_cache\na,0", "a.csv:2:3: deep_cache: found \"0\"");
}

static void an_empty_cell_leaves_the_default(void **state)
{
    (void)state;
    atl_batch_options options = scratch_options(scratch_file("a.csv", "prompt,steps\na,\n,9\n"));
    options.defaults.n_steps = 4;
    options.defaults.prompt = (char[]){"from the options"};
    scratch_jobs *jobs = scratch_good(&options);
    assert_int_equal(jobs->each[0].n_steps, 4);
    assert_int_equal(jobs->each[1].n_steps, 9);
    assert_string_equal(jobs->each[1].prompt, "from the options");
    scratch_done(jobs);
}

static void what_breaks_the_format_is_told_with_its_line_and_column(void **state)
{
    (void)state;
    scratch_text_fails("a.csv", "", "a.csv:1:1: found nothing; wanted a header row");
    scratch_text_fails("a.csv", "prompt,sed\na,1",
                       "a.csv:1:8: found the unknown column \"sed\"; did you mean seed?");
    scratch_text_fails("a.csv", "prompt,prompt\na,1", "a.csv:1:8: found the column prompt twice");
    scratch_text_fails("a.csv", "prompt,seed\n\"a\nb\",x", "a.csv:3:4: seed: found \"x\"");
    scratch_text_fails("a.csv", "prompt,seed\n\xC3\xA4,x", "a.csv:2:3: seed: found \"x\"");
    scratch_text_fails("a.csv", "prompt,seed\n\"a\nb\"c,1", "a.csv:3:3: found text after a closing quote");
    scratch_text_fails("a.csv", "prompt,seed\nx,1\n\"a\n\nb,1", "a.csv:3:1: found \" without its end");
    scratch_text_fails("a.csv", "prompt,seed\na\"b,1", "a.csv:2:2: found a quote inside");
    scratch_text_fails("a.csv", "prompt,seed\na", "a.csv:2:1: found 1 cells; wanted 2");
    scratch_text_fails("a.csv", "prompt,seed\na,1,", "a.csv:2:1: found 3 cells; wanted 2");
}

static void lenient_passes_over_unknown_columns(void **state)
{
    (void)state;
    atl_batch_options options = scratch_options(scratch_file("a.csv", "note,prompt\nx,a\n"));
    options.lenient = true;
    scratch_jobs *jobs = scratch_good(&options);
    assert_string_equal(jobs->each[0].prompt, "a");
    scratch_done(jobs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_in_quotes_hold_commas_quotes_and_newlines),
        cmocka_unit_test(savings_are_columns),
        cmocka_unit_test(an_empty_cell_leaves_the_default),
        cmocka_unit_test(what_breaks_the_format_is_told_with_its_line_and_column),
        cmocka_unit_test(lenient_passes_over_unknown_columns),
    };
    return cmocka_run_group_tests(tests, scratch_open, scratch_close);
}
