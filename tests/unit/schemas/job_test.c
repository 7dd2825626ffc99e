/* job_test.c - a job's copy, and what its id depends on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "schemas/job.h"

#define WORDS(text) ((char *)(uintptr_t)(text))

static atl_job a_job(void)
{
    return (atl_job){.index = 4,
                     .prompt = WORDS("a house"),
                     .negative_prompt = WORDS(""),
                     .seed = 7,
                     .guidance_scale = 7.5,
                     .sampler = WORDS("euler"),
                     .init_image = WORDS(""),
                     .name = WORDS("4-7")};
}

static void the_id_follows_from_what_decides_the_bytes(void **state)
{
    (void)state;
    const atl_job first = a_job();
    atl_job jobs[12];
    for (size_t i = 0; i < 12; i++)
        jobs[i] = first;
    jobs[1].prompt = WORDS("a housf");
    jobs[2].negative_prompt = WORDS("x");
    jobs[3].seed = 8;
    jobs[4].guidance_scale = 7;
    jobs[5].width = 512;
    jobs[6].height = 512;
    jobs[7].clip_skip = 2;
    jobs[8].sampler = WORDS("heun");
    jobs[9].init_digest[31] = 1;
    jobs[10].repeat = 1;
    jobs[11].noise = ATL_JOB_NOISE_CUDA;
    for (size_t i = 0; i < 12; i++) {
        assert_int_equal(atl_job_identify(&jobs[i], NULL), ATL_OK);
        for (size_t k = 0; k < i; k++)
            assert_memory_not_equal(&jobs[i].id, &jobs[k].id, sizeof jobs[i].id);
    }
}

static void the_id_does_not_follow_from_place_and_name(void **state)
{
    (void)state;
    atl_job a = a_job(), b = a_job();
    b.index = 99;
    b.name = WORDS("other");
    b.init_image = WORDS("elsewhere.png"); /* the same file: the same digest */
    assert_int_equal(atl_job_identify(&a, NULL), ATL_OK);
    assert_int_equal(atl_job_identify(&b, NULL), ATL_OK);
    assert_memory_equal(&a.id, &b.id, sizeof a.id);
}

static void what_is_not_said_has_one_id_whatever_its_bits(void **state)
{
    (void)state;
    atl_job a = a_job(), b = a_job();
    a.guidance_scale = NAN;
    b.guidance_scale = -nan("7");
    a.strength = 0.0;
    b.strength = -0.0;
    assert_int_equal(atl_job_identify(&a, NULL), ATL_OK);
    assert_int_equal(atl_job_identify(&b, NULL), ATL_OK);
    assert_memory_equal(&a.id, &b.id, sizeof a.id);
}

static void the_id_is_the_same_in_every_version(void **state)
{
    (void)state;
    char hex[2 * ATL_JOB_ID_BYTES + 1];
    atl_job job = a_job();
    assert_int_equal(atl_job_identify(&job, NULL), ATL_OK);
    atl_job_id_hex(&job.id, hex);
    assert_string_equal(hex, "8cf276385c6c3668ef19bea3350008c4"); /* a ledger of yesterday is resumed today */
}

static void what_saves_work_has_an_id_of_its_own(void **state)
{
    (void)state;
    atl_job jobs[6];
    for (size_t i = 0; i < 6; i++)
        jobs[i] = a_job();
    jobs[1].guidance_from = 0.2;
    jobs[2].guidance_until = 0.2;
    jobs[3].deep_cache = 2;
    jobs[4].deep_cache = 3;
    jobs[5].merge_tokens = 0.5;
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(atl_job_identify(&jobs[i], NULL), ATL_OK);
        for (size_t k = 0; k < i; k++)
            assert_memory_not_equal(&jobs[i].id, &jobs[k].id, sizeof jobs[i].id);
    }
}

static void a_saving_that_saves_nothing_is_none(void **state)
{
    (void)state;
    atl_job none = a_job(), idle = a_job(), from = a_job(), from_to_end = a_job();
    idle.guidance_from = -0.0;
    idle.guidance_until = 1;
    idle.deep_cache = 1;
    from.guidance_from = from_to_end.guidance_from = 0.5;
    from_to_end.guidance_until = 1;
    from_to_end.deep_cache = 1;
    assert_int_equal(atl_job_identify(&none, NULL), ATL_OK);
    assert_int_equal(atl_job_identify(&idle, NULL), ATL_OK);
    assert_int_equal(atl_job_identify(&from, NULL), ATL_OK);
    assert_int_equal(atl_job_identify(&from_to_end, NULL), ATL_OK);
    assert_memory_equal(&none.id, &idle.id, sizeof none.id);
    assert_memory_equal(&from.id, &from_to_end.id, sizeof from.id);
}

static void ids_are_read_as_they_are_written_and_nothing_else_is(void **state)
{
    (void)state;
    atl_job_id id, back;
    for (size_t i = 0; i < sizeof id.bytes; i++)
        id.bytes[i] = (uint8_t)(i * 37);
    char hex[2 * ATL_JOB_ID_BYTES + 1];
    atl_job_id_hex(&id, hex);
    assert_true(atl_job_id_parse(hex, &back));
    assert_memory_equal(&id, &back, sizeof id);
    assert_false(atl_job_id_parse("", &back));
    assert_false(atl_job_id_parse(hex + 2, &back));
    hex[5] = 'g';
    assert_false(atl_job_id_parse(hex, &back));
}

static void a_copy_is_whole_and_its_own(void **state)
{
    (void)state;
    atl_job job = a_job(), copy;
    job.negative_prompt = NULL; /* not settled yet: becomes "" */
    assert_int_equal(atl_job_copy(&job, &copy), ATL_OK);
    assert_string_equal(copy.prompt, job.prompt);
    assert_ptr_not_equal(copy.prompt, job.prompt);
    assert_string_equal(copy.negative_prompt, "");
    assert_int_equal(copy.index, 4);
    atl_job_done(&copy);
    assert_null(copy.prompt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_id_follows_from_what_decides_the_bytes),
        cmocka_unit_test(the_id_does_not_follow_from_place_and_name),
        cmocka_unit_test(what_is_not_said_has_one_id_whatever_its_bits),
        cmocka_unit_test(the_id_is_the_same_in_every_version),
        cmocka_unit_test(what_saves_work_has_an_id_of_its_own),
        cmocka_unit_test(a_saving_that_saves_nothing_is_none),
        cmocka_unit_test(ids_are_read_as_they_are_written_and_nothing_else_is),
        cmocka_unit_test(a_copy_is_whole_and_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
