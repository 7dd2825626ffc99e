#include "scratch.h"

/* Writes the jobs as a prompt file, reads it with other defaults, and finds the same ids and names. */
static void survive(const scratch_jobs *jobs)
{
    atl_text text = {0};
    for (size_t i = jobs->n; i-- > 0;) /* in another order */
        atl_batch_write_line(&jobs->each[i], &text);
    assert_false(text.failed);
    atl_batch_options options = scratch_options(scratch_bytes("failed.jsonl", text.data, text.length));
    options.defaults = (atl_job){.prompt = (char[]){"p"},
                                 .negative_prompt = (char[]){"n"},
                                 .n_steps = 99,
                                 .guidance_scale = 3,
                                 .width = 8,
                                 .height = 8,
                                 .clip_skip = 3,
                                 .sampler = (char[]){"DDIM"},
                                 .strength = 0.1,
                                 .guidance_from = 0.3,
                                 .guidance_until = 0.6,
                                 .deep_cache = 5,
                                 .merge_tokens = 0.2,
                                 .noise = ATL_JOB_NOISE_CUDA};
    options.seed = 12345;
    options.name_template = "[id]";
    scratch_jobs *again = scratch_good(&options);
    assert_int_equal(again->n, jobs->n);
    for (size_t i = 0; i < jobs->n; i++) {
        const atl_job *a = &jobs->each[jobs->n - 1 - i], *b = &again->each[i];
        assert_memory_equal(&a->id, &b->id, sizeof a->id);
        assert_string_equal(a->name, b->name);
        assert_string_equal(a->prompt, b->prompt);
        assert_string_equal(a->init_image, b->init_image);
        assert_int_equal(a->repeat, b->repeat);
    }
    scratch_done(again);
    atl_text_done(&text);
}

static void a_job_written_as_a_line_is_the_same_job(void **state)
{
    (void)state;
    scratch_file("i.png", "\x89PNG\r\n\x1a\ni");
    scratch_jobs *jobs = scratch_text(
        "a.jsonl",
        "{\"prompt\":\"\"}\n"
        "{\"prompt\":\"\\\\{a|b\\\\} {c|d} \\\"q\\\" \\\\ \\n\\t\\u0001 \\u00e4 \\ud83d\\ude00 \\u007f\"}\n"
        "{\"prompt\":\"\\\\__x__\",\"seed\":\"18446744073709551615\"}\n"
        "{\"prompt\":\"a\",\"seed\":9223372036854775807,\"cfg_scale\":0.1,\"strength\":0.3}\n"
        "{\"prompt\":\"a\",\"negative_prompt\":\"b\",\"seed\":1,\"steps\":3,\"cfg_scale\":0,\"width\":64,"
        "\"height\":32,\"clip_skip\":2,\"sampler_name\":\"Euler "
        "a\",\"init_image\":\"i.png\",\"rng\":\"cuda\"}\n"
        "{\"prompt\":\"a\",\"guidance_from\":0.1,\"deep_cache\":2,\"merge_tokens\":0.3}\n"
        "{\"prompt\":\"a\",\"guidance_until\":0.7}\n"
        "{\"prompt\":\"a\",\"seed\":7}\n{\"prompt\":\"a\",\"seed\":7}\n{\"prompt\":\"a\",\"seed\":7,\"id\":"
        "\"x\"}");
    assert_int_equal(jobs->each[9].repeat, 2);
    survive(jobs);
    scratch_done(jobs);
}

static void all_jobs_of_a_swept_and_varied_batch_survive(void **state)
{
    (void)state;
    const char *const sweeps[] = {"prompt=red,\"a \"\"b\"\"\"", "cfg_scale=1-2[4]"};
    atl_batch_options options = scratch_options(scratch_file("a.txt", "red {a|b|c}\n{2$$red|x}"));
    options.sweeps = sweeps;
    options.n_sweeps = 2;
    options.combinatorial = true;
    options.repeat = 2;
    scratch_jobs *jobs = scratch_good(&options);
    assert_int_equal(jobs->n, 80);
    survive(jobs);
    scratch_done(jobs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_written_as_a_line_is_the_same_job),
        cmocka_unit_test(all_jobs_of_a_swept_and_varied_batch_survive),
    };
    return cmocka_run_group_tests(tests, scratch_open, scratch_close);
}
