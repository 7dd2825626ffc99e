#include "scratch.h"

#include <fcntl.h>

static void lines_without_a_seed_have_the_runs_and_their_index(void **state)
{
    (void)state;
    scratch_jobs *jobs =
        scratch_text("a.jsonl", "{\"prompt\":\"a\"}\n{\"prompt\":\"b\",\"seed\":5}\n{\"prompt\":\"c\"}");
    assert_int_equal(jobs->each[0].seed, 100);
    assert_int_equal(jobs->each[1].seed, 5);
    assert_int_equal(jobs->each[2].seed, 102);
    scratch_done(jobs);
}

static void repeats_have_the_next_seeds(void **state)
{
    (void)state;
    atl_batch_options options =
        scratch_options(scratch_file("a.jsonl", "{\"prompt\":\"a\"}\n{\"prompt\":\"b\",\"seed\":5}"));
    options.repeat = 3;
    scratch_jobs *jobs = scratch_good(&options);
    static const uint64_t wanted[] = {100, 101, 102, 5, 6, 7};
    assert_int_equal(jobs->n, 6);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(jobs->each[i].seed, wanted[i]);
    scratch_done(jobs);
}

static void all_points_of_a_sweep_have_the_seeds_of_the_first(void **state)
{
    (void)state;
    const char *const sweeps[] = {"cfg_scale=3,5", "steps=10-20(+10)"};
    atl_batch_options options = scratch_options(scratch_file("a.txt", "a\nb"));
    options.sweeps = sweeps;
    options.n_sweeps = 2;
    options.repeat = 2;
    scratch_jobs *jobs = scratch_good(&options);
    assert_int_equal(jobs->n, 16);
    for (size_t i = 0; i < 16; i++) {
        assert_int_equal(jobs->each[i].seed, 100 + i / 8 * 8 + i % 2);
        assert_int_equal(jobs->each[i].n_steps, i / 2 % 2 ? 20 : 10);
        assert_true(jobs->each[i].guidance_scale == (i / 4 % 2 ? 5.0 : 3.0));
    }
    scratch_done(jobs);
}

static void equal_jobs_have_ids_of_their_own_that_do_not_depend_on_their_place(void **state)
{
    (void)state;
    const char *equal = "{\"prompt\":\"a\",\"seed\":7}\n{\"prompt\":\"x\"}\n{\"prompt\":\"a\",\"seed\":7}\n{"
                        "\"prompt\":\"a\",\"seed\":7}";
    scratch_jobs *jobs = scratch_text("a.jsonl", equal);
    assert_int_equal(jobs->each[0].repeat, 0);
    assert_int_equal(jobs->each[2].repeat, 1);
    assert_int_equal(jobs->each[3].repeat, 2);
    assert_memory_not_equal(&jobs->each[0].id, &jobs->each[2].id, sizeof(atl_job_id));
    assert_memory_not_equal(&jobs->each[2].id, &jobs->each[3].id, sizeof(atl_job_id));
    scratch_jobs *moved = scratch_text(
        "b.jsonl", "{\"prompt\":\"z\"}\n{\"prompt\":\"a\",\"seed\":7}\n{\"prompt\":\"a\",\"seed\":7}");
    assert_memory_equal(&jobs->each[0].id, &moved->each[1].id, sizeof(atl_job_id));
    assert_memory_equal(&jobs->each[2].id, &moved->each[2].id, sizeof(atl_job_id));
    scratch_done(moved);
    scratch_done(jobs);
}

static void two_lines_of_one_name_are_both_named(void **state)
{
    (void)state;
    scratch_text_fails("a.csv", "id,prompt\nfox,a\nhen,b\nfox,c\n",
                       "a.csv:4:5: found the name \"fox\", which line 2 has given already");
    scratch_text_fails("a.csv", "name,prompt\nfox,a\nhen,b\nfox,c\n", "a.csv:4:5: found the name \"fox\"");
}

static void a_named_line_of_several_pictures_counts_them(void **state)
{
    (void)state;
    scratch_jobs *jobs = scratch_text("a.csv", "id,prompt,n_iter\nfox,a,3\nhen,b,1\n");
    assert_string_equal(jobs->each[0].name, "fox");
    assert_string_equal(jobs->each[1].name, "fox-2");
    assert_string_equal(jobs->each[2].name, "fox-3");
    assert_string_equal(jobs->each[3].name, "hen");
    scratch_done(jobs);
    scratch_text_fails("a.csv", "id,prompt,n_iter\nfox,a,3\nfox-2,b,1\n",
                       "a.csv:3:7: found the name \"fox-2\", which line 2");
}

static void a_template_that_makes_equal_names_gets_the_index(void **state)
{
    (void)state;
    atl_batch_options options = scratch_options(scratch_file("a.txt", "a fox\nA hen\na fox\na fox"));
    options.name_template = "[prompt_words]";
    scratch_jobs *jobs = scratch_good(&options);
    assert_string_equal(jobs->each[0].name, "a_fox");
    assert_string_equal(jobs->each[1].name, "A_hen");
    assert_string_equal(jobs->each[2].name, "a_fox-000002");
    assert_string_equal(jobs->each[3].name, "a_fox-000003");
    scratch_done(jobs);
    options.path = scratch_file("a.txt", "a fox\na fox 000002x\na fox-000003\na fox");
    options.name_template = "[prompt_words]";
    jobs = scratch_good(&options);
    assert_string_equal(jobs->each[3].name, "a_fox-000003");
    scratch_done(jobs);
}

static void names_that_stay_equal_are_refused(void **state)
{
    (void)state;
    atl_batch_options options = scratch_options(scratch_file(
        "a.jsonl", "{\"prompt\":\"a\"}\n{\"prompt\":\"a\"}\n{\"prompt\":\"b\",\"id\":\"a-000001\"}"));
    options.name_template = "[prompt_words]";
    scratch_fails(&options, ATL_BAD_INPUT, "a.jsonl: picture 2 would have the name of another");
}

static void checking_first_means_that_nothing_comes_of_a_bad_file(void **state)
{
    (void)state;
    const atl_batch_options options =
        scratch_options(scratch_file("a.jsonl", "{\"prompt\":\"a\"}\n{\"prompt\":\"b\"}\nx"));
    atl_batch *batch = NULL;
    atl_note note = {0}, again = {0};
    atl_job job;
    bool end;
    assert_int_equal(atl_batch_open(&options, &batch, &note), ATL_OK);
    assert_int_equal(atl_batch_next(batch, &job, &end, &note), ATL_BAD_INPUT);
    assert_non_null(strstr(note.text, "a.jsonl:3:"));
    assert_int_equal(atl_batch_next(batch, &job, &end, &again), ATL_BAD_INPUT);
    assert_string_equal(note.text, again.text);
    atl_batch_close(&batch);
}

static void rewinding_gives_the_same_jobs(void **state)
{
    (void)state;
    atl_batch_options options = scratch_options(scratch_file("a.txt", "{a|b|c} x\n{a|b|c} y"));
    atl_batch *batch = NULL;
    atl_job first, second;
    bool end;
    options.repeat = 3;
    assert_int_equal(atl_batch_open(&options, &batch, NULL), ATL_OK);
    assert_int_equal(atl_batch_next(batch, &first, &end, NULL), ATL_OK);
    atl_job_done(&first);
    assert_int_equal(atl_batch_next(batch, &first, &end, NULL), ATL_OK);
    assert_int_equal(atl_batch_rewind(batch, NULL), ATL_OK);
    assert_int_equal(atl_batch_next(batch, &second, &end, NULL), ATL_OK);
    atl_job_done(&second);
    assert_int_equal(atl_batch_next(batch, &second, &end, NULL), ATL_OK);
    assert_int_equal(second.index, 1);
    assert_memory_equal(&first.id, &second.id, sizeof first.id);
    assert_string_equal(first.prompt, second.prompt);
    atl_job_done(&first);
    atl_job_done(&second);
    atl_batch_close(&batch);
}

static void a_file_that_changes_after_the_check_is_noticed(void **state)
{
    (void)state;
    const atl_batch_options options = scratch_options(scratch_file("a.txt", "a\nb\n"));
    atl_batch *batch = NULL;
    uint64_t n;
    uint8_t digest[32];
    atl_note note = {0};
    assert_int_equal(atl_batch_open(&options, &batch, NULL), ATL_OK);
    assert_int_equal(atl_batch_check(batch, &n, digest, NULL), ATL_OK);
    scratch_file("a.txt", "a\nb\nc\n");
    assert_int_equal(atl_batch_rewind(batch, &note), ATL_BAD_INPUT);
    assert_non_null(strstr(note.text, "was changed"));
    atl_batch_close(&batch);
}

static void the_digest_says_whether_two_batches_are_the_same(void **state)
{
    (void)state;
    scratch_jobs *a = scratch_text("a.txt", "a\nb");
    scratch_jobs *same = scratch_text("b.jsonl", "{\"prompt\":\"a\"}\n{\"prompt\":\"b\"}");
    scratch_jobs *other = scratch_text("c.txt", "a\nc");
    assert_memory_equal(a->digest, same->digest, 32);
    assert_memory_not_equal(a->digest, other->digest, 32);
    scratch_done(a);
    scratch_done(same);
    scratch_done(other);
}

static atl_status no_hens(void *user, const atl_job *job, atl_note *note)
{
    (void)user;
    return strstr(job->prompt, "hen") ? atl_fail(note, ATL_USAGE, "no hens") : ATL_OK;
}

static void the_callers_judgement_is_told_with_the_line(void **state)
{
    (void)state;
    atl_batch_options options = scratch_options(scratch_file("a.txt", "fox\n\nhen"));
    options.judge = no_hens;
    scratch_fails(&options, ATL_BAD_INPUT, "a.txt:3:1: no hens");
}

static void standard_input_is_read_twice(void **state)
{
    (void)state;
    int ends[2];
    const int before = dup(STDIN_FILENO);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "a\nb", 3), 3);
    close(ends[1]);
    assert_true(dup2(ends[0], STDIN_FILENO) >= 0);
    close(ends[0]);
    const atl_batch_options options = scratch_options("-");
    scratch_jobs *jobs = scratch_good(&options);
    assert_int_equal(jobs->n, 2);
    assert_string_equal(jobs->each[1].prompt, "b");
    scratch_done(jobs);
    assert_true(dup2(before, STDIN_FILENO) >= 0);
    close(before);
}

#define SIGNATURE "\x89PNG\r\n\x1a\n" /* what a picture begins with */

static void init_images_are_found_beside_the_prompt_file_and_decide_the_id(void **state)
{
    (void)state;
    scratch_file("one.png", SIGNATURE "1");
    scratch_file("two.png", SIGNATURE "2");
    scratch_file("copy.png", SIGNATURE "1");
    scratch_jobs *jobs =
        scratch_text("a.csv", "prompt,seed,init_image\na,1,one.png\na,1,two.png\na,1,copy.png\n");
    char *whole = realpath(scratch_path("one.png"), NULL);
    assert_string_equal(jobs->each[0].init_image, whole);
    free(whole);
    assert_memory_not_equal(jobs->each[0].init_digest, jobs->each[1].init_digest, 32);
    assert_memory_equal(jobs->each[0].init_digest, jobs->each[2].init_digest, 32);
    assert_int_equal(jobs->each[1].repeat, 0);
    assert_int_equal(jobs->each[2].repeat, 1);
    scratch_done(jobs);
    const atl_batch_options options =
        scratch_options(scratch_file("a.csv", "prompt,init_image\na,three.png\n"));
    scratch_fails(&options, ATL_NOT_FOUND, "a.csv:2:1: init_image: found \"three.png\"");
    scratch_file("three.png", "a text");
    scratch_fails(&options, ATL_BAD_INPUT, "a.csv:2:1: init_image: ");
}

static void what_cannot_be_meant_is_refused_at_once(void **state)
{
    (void)state;
    atl_batch_options options = scratch_options(scratch_path("none.txt"));
    scratch_fails(&options, ATL_NOT_FOUND, "none.txt: cannot be opened");
    options.path = scratch_dir;
    scratch_fails(&options, ATL_USAGE, " found a directory, wanted a file of prompts");
    options.format = ATL_BATCH_TXT;
    scratch_fails(&options, ATL_USAGE, " found a directory, wanted a file of prompts");
    options = scratch_options(scratch_file("a.txt", "a"));
    options.name_template = "[nope]";
    scratch_fails(&options, ATL_USAGE, "--name: found [nope]");
    options.name_template = "../[index]";
    scratch_fails(&options, ATL_USAGE, "--name: ");
}

static void too_many_repeats_are_refused(void **state)
{
    (void)state;
    scratch_text_fails("a.txt", "--prompt a --n_iter 1000 --batch_size 1001",
                       "a.txt:1:1: found over 1000000 repeats");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_without_a_seed_have_the_runs_and_their_index),
        cmocka_unit_test(repeats_have_the_next_seeds),
        cmocka_unit_test(all_points_of_a_sweep_have_the_seeds_of_the_first),
        cmocka_unit_test(equal_jobs_have_ids_of_their_own_that_do_not_depend_on_their_place),
        cmocka_unit_test(two_lines_of_one_name_are_both_named),
        cmocka_unit_test(a_named_line_of_several_pictures_counts_them),
        cmocka_unit_test(a_template_that_makes_equal_names_gets_the_index),
        cmocka_unit_test(names_that_stay_equal_are_refused),
        cmocka_unit_test(checking_first_means_that_nothing_comes_of_a_bad_file),
        cmocka_unit_test(rewinding_gives_the_same_jobs),
        cmocka_unit_test(a_file_that_changes_after_the_check_is_noticed),
        cmocka_unit_test(the_digest_says_whether_two_batches_are_the_same),
        cmocka_unit_test(the_callers_judgement_is_told_with_the_line),
        cmocka_unit_test(standard_input_is_read_twice),
        cmocka_unit_test(init_images_are_found_beside_the_prompt_file_and_decide_the_id),
        cmocka_unit_test(what_cannot_be_meant_is_refused_at_once),
        cmocka_unit_test(too_many_repeats_are_refused),
    };
    return cmocka_run_group_tests(tests, scratch_open, scratch_close);
}
