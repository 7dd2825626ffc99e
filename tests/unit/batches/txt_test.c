#include "scratch.h"

static void a_line_without_flags_is_a_prompt_as_a_whole(void **state)
{
    (void)state;
    scratch_jobs *jobs =
        scratch_text("a.txt", "\xEF\xBB\xBF  a \"cat\"\t\r\n\r\n   \n# no comment\n\xE3\x80\x80wide\xC2\xA0");
    assert_int_equal(jobs->n, 3);
    assert_string_equal(jobs->each[0].prompt, "a \"cat\"");
    assert_string_equal(jobs->each[1].prompt, "# no comment");
    assert_string_equal(jobs->each[2].prompt, "wide");
    assert_int_equal(jobs->each[2].seed, 102);
    assert_string_equal(jobs->each[2].name, "000002-102");
    scratch_done(jobs);
}

static void every_flag_that_can_be_honoured_is(void **state)
{
    (void)state;
    scratch_jobs *jobs =
        scratch_text("a.txt", "--prompt a red 'big fox' --negative_prompt \"no "
                              "\\\"text\\\"\" here --seed 5 --steps 20 --cfg_scale 7.5 "
                              "--width 512 --height 768 --sampler_name 'Euler a' "
                              "--guidance_from 0.1 --guidance_until 0.9 --deep_cache 4 --merge_tokens 0.6\n");
    assert_int_equal(jobs->n, 1);
    const atl_job *job = &jobs->each[0];
    assert_string_equal(job->prompt, "a red big fox");
    assert_string_equal(job->negative_prompt, "no \"text\" here");
    assert_int_equal(job->seed, 5);
    assert_int_equal(job->n_steps, 20);
    assert_true(job->guidance_scale == 7.5);
    assert_int_equal(job->width, 512);
    assert_int_equal(job->height, 768);
    assert_string_equal(job->sampler, "Euler a");
    assert_true(job->guidance_from == 0.1);
    assert_true(job->guidance_until == 0.9);
    assert_int_equal(job->deep_cache, 4);
    assert_true(job->merge_tokens == 0.6);
    scratch_done(jobs);
}

static void n_iter_and_batch_size_repeat_with_the_next_seeds(void **state)
{
    (void)state;
    scratch_jobs *jobs =
        scratch_text("a.txt", "--prompt a --seed 7 --n_iter 2 --batch_size 3\n--prompt b --n_iter 2\nc");
    assert_int_equal(jobs->n, 9);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(jobs->each[i].seed, 7 + i);
    assert_int_equal(jobs->each[6].seed, 106);
    assert_int_equal(jobs->each[7].seed, 107);
    assert_int_equal(jobs->each[8].seed, 108);
    scratch_done(jobs);
}

static void a_seed_of_minus_one_is_none(void **state)
{
    (void)state;
    scratch_jobs *jobs =
        scratch_text("a.txt", "--prompt a --seed -1\n--prompt b --seed 18446744073709551615");
    assert_int_equal(jobs->each[0].seed, 100);
    assert_true(jobs->each[1].seed == UINT64_MAX);
    scratch_done(jobs);
}

static void flags_that_ask_for_nothing_are_let_be(void **state)
{
    (void)state;
    scratch_jobs *jobs = scratch_text("a.txt", "--prompt a --restore_faces false --tiling false --subseed -1 "
                                               "--subseed_strength 0 --do_not_save_grid true --styles ''");
    assert_int_equal(jobs->n, 1);
    scratch_done(jobs);
}

static void flags_that_cannot_be_honoured_are_named(void **state)
{
    (void)state;
    static const char *const flags[] = {"styles x",
                                        "subseed 3",
                                        "subseed_strength 0.1",
                                        "seed_resize_from_h 64",
                                        "seed_resize_from_w 64",
                                        "sd_model m",
                                        "outpath_samples /x",
                                        "outpath_grids x",
                                        "prompt_for_display x",
                                        "restore_faces true",
                                        "tiling true",
                                        "do_not_save_samples true",
                                        "do_not_save_grid false",
                                        "sampler_index 2"};
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        char text[128], wanted[128];
        snprintf(text, sizeof text, "fine\n--prompt a --%s", flags[i]);
        snprintf(wanted, sizeof wanted, "a.txt:2:12: --%.*s: Atelier cannot", (int)strcspn(flags[i], " "),
                 flags[i]);
        const atl_batch_options options = scratch_options(scratch_file("a.txt", text));
        scratch_fails(&options, ATL_UNSUPPORTED, wanted);
    }
}

static void what_breaks_the_rules_is_told_with_its_place(void **state)
{
    (void)state;
    scratch_text_fails("a.txt", "ok\n\n  --prompt \"a", "a.txt:3:12: found \" without its end");
    scratch_text_fails("a.txt", "--prompt 'a", "a.txt:1:10: found ' without its end");
    scratch_text_fails("a.txt", "--prompt a\\", "a.txt:1:11: found \\ at the end");
    scratch_text_fails("a.txt", "\xC3\xA4 -- b", "a.txt:1:1: found \"\xC3\xA4\"; wanted a flag");
    scratch_text_fails("a.txt", "--prompt \xC3\xA4 --stepps 3",
                       "a.txt:1:12: found the unknown flag --stepps; did you mean --steps?");
    scratch_text_fails("a.txt", "--prompt a --steps", "a.txt:1:12: found --steps without a value");
    scratch_text_fails("a.txt", "--prompt --steps 3", "a.txt:1:1: found --prompt without a value");
    scratch_text_fails("a.txt", "--prompt a --steps 0",
                       "a.txt:1:12: --steps: found \"0\"; wanted a whole number");
    scratch_text_fails("a.txt", "--prompt a --steps 2x", "a.txt:1:12: --steps: found \"2x\"");
    scratch_text_fails("a.txt", "--prompt a --cfg_scale nan",
                       "a.txt:1:12: --cfg_scale: found \"nan\"; wanted a number");
    scratch_text_fails("a.txt", "--prompt a --cfg_scale 0x1p3", "a.txt:1:12: --cfg_scale: found \"0x1p3\"");
    scratch_text_fails("a.txt", "--prompt a --seed 18446744073709551616", "a.txt:1:12: --seed: found");
    scratch_text_fails("a.txt", "--prompt a --literal yes",
                       "a.txt:1:12: --literal: found \"yes\"; wanted true or false");
    scratch_text_fails("a.txt", "--seed 3", "a.txt:1:1: found no prompt");
}

typedef struct warnings {
    size_t n;
    char last[1024];
} warnings;

static void count_warning(void *user, const char *sentence)
{
    warnings *seen = user;
    seen->n++;
    snprintf(seen->last, sizeof seen->last, "%s", sentence);
}

static void lenient_takes_a_line_that_it_cannot_read_for_a_prompt(void **state)
{
    (void)state;
    static const char *const lines[] = {"a --ar 3:4", "--prompt \"a", "--prompt a --steps",
                                        "--prompt a --steps x", "--prompt a\\"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        warnings seen = {0};
        atl_batch_options options = scratch_options(scratch_file("a.txt", lines[i]));
        options.lenient = true;
        options.warn = count_warning;
        options.user = &seen;
        scratch_jobs *jobs = scratch_good(&options);
        assert_int_equal(jobs->n, 1);
        assert_string_equal(jobs->each[0].prompt, lines[i]);
        assert_int_equal(jobs->each[0].n_steps, 0);
        assert_int_equal(seen.n, 1); /* once, though the file is read twice */
        assert_non_null(strstr(seen.last, "a.txt:1:"));
        scratch_done(jobs);
    }
}

static void lenient_paints_without_what_it_cannot_honour(void **state)
{
    (void)state;
    warnings seen = {0};
    atl_batch_options options = scratch_options(scratch_file("a.txt", "--prompt a --styles x --seed 3"));
    options.lenient = true;
    options.warn = count_warning;
    options.user = &seen;
    scratch_jobs *jobs = scratch_good(&options);
    assert_string_equal(jobs->each[0].prompt, "a");
    assert_int_equal(jobs->each[0].seed, 3);
    assert_int_equal(seen.n, 1);
    assert_non_null(strstr(seen.last, "a.txt:1:12: --styles"));
    scratch_done(jobs);
}

static void lenient_takes_a_flag_for_a_prompt_as_the_script_does(void **state)
{
    (void)state;
    atl_batch_options options = scratch_options(scratch_file("a.txt", "--prompt --steps 3"));
    options.lenient = true;
    scratch_jobs *jobs = scratch_good(&options);
    assert_string_equal(jobs->each[0].prompt, "--steps 3");
    scratch_done(jobs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_without_flags_is_a_prompt_as_a_whole),
        cmocka_unit_test(every_flag_that_can_be_honoured_is),
        cmocka_unit_test(n_iter_and_batch_size_repeat_with_the_next_seeds),
        cmocka_unit_test(a_seed_of_minus_one_is_none),
        cmocka_unit_test(flags_that_ask_for_nothing_are_let_be),
        cmocka_unit_test(flags_that_cannot_be_honoured_are_named),
        cmocka_unit_test(what_breaks_the_rules_is_told_with_its_place),
        cmocka_unit_test(lenient_takes_a_line_that_it_cannot_read_for_a_prompt),
        cmocka_unit_test(lenient_paints_without_what_it_cannot_honour),
        cmocka_unit_test(lenient_takes_a_flag_for_a_prompt_as_the_script_does),
    };
    return cmocka_run_group_tests(tests, scratch_open, scratch_close);
}
