/* message_test.c - every message as bytes and back, and bytes that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/message.h"

#define WORDS(text) ((char *)(uintptr_t)(text))

static atl_span steps[] = {{1, 2}, {1000000007, 3}};

/* Every field set; each type writes those that it has. */
static atl_message a_message(atl_message_type type)
{
    atl_message m = {
        .type = type, .worker = 3, .pid = 4711, .step = 2, .n_steps = 20, .width = 512, .height = 768};
    m.lease = (atl_lease){.index = UINT64_MAX, .attempt = 2, .token = 0x123456789abcdef0};
    memset(m.lease.run, 0xab, sizeof m.lease.run);
    memset(m.lease.job.bytes, 0xcd, sizeof m.lease.job.bytes);
    memset(m.pixel_digest, 0xef, sizeof m.pixel_digest);
    m.job = (atl_job){.prompt = WORDS("a \"house\"\n\xc3\xa4"),
                      .negative_prompt = WORDS(""),
                      .seed = UINT64_MAX,
                      .n_steps = 20,
                      .guidance_scale = 7.5,
                      .sampler = WORDS("euler_a"),
                      .init_image = WORDS("/tmp/a.png"),
                      .name = WORDS("0-1"),
                      .strength = 0.75,
                      .guidance_from = 0.125,
                      .guidance_until = 0.75,
                      .deep_cache = 3,
                      .merge_tokens = 0.5,
                      .repeat = 9};
    m.png_bytes = 12345;
    m.settings = WORDS("Steps: 20");
    m.timings = (atl_job_timings){.png_encode = {5, 6},
                                  .n_unet_steps = 2,
                                  .unet_step = steps,
                                  .begun_ns = 10,
                                  .ended_ns = 20,
                                  .sent_ns = 30,
                                  .minor_faults = 40,
                                  .batch_size = 1};
    m.status = ATL_BAD_INPUT;
    m.note = WORDS("what was found");
    m.isa = WORDS("avx512");
    m.policy = WORDS("fp32");
    m.binding = WORDS("0-3,8");
    m.pss_bytes = 77;
    return m;
}

static void encode(const atl_message *message, atl_text *out)
{
    assert_int_equal(atl_message_encode(message, out, NULL), ATL_OK);
}

static void every_type_survives_the_journey(void **state)
{
    (void)state;
    for (int type = 0; type < ATL_N_MESSAGE_TYPES; type++) {
        const atl_message m = a_message((atl_message_type)type);
        atl_text bytes = {0}, again = {0};
        atl_message back;
        atl_note note = {0};
        encode(&m, &bytes);
        if (atl_message_decode(bytes.data, bytes.length, &back, &note) != ATL_OK)
            fail_msg("type %d: %s", type, note.text);
        assert_int_equal(back.type, type);
        encode(&back, &again); /* whatever the type has is there again */
        assert_int_equal(again.length, bytes.length);
        assert_memory_equal(again.data, bytes.data, bytes.length);
        atl_message_done(&back);
        atl_text_done(&bytes);
        atl_text_done(&again);
    }
}

static void a_job_arrives_with_its_fields(void **state)
{
    (void)state;
    const atl_message m = a_message(ATL_MSG_JOB);
    atl_text bytes = {0};
    atl_message back;
    encode(&m, &bytes);
    assert_int_equal(atl_message_decode(bytes.data, bytes.length, &back, NULL), ATL_OK);
    assert_string_equal(back.job.prompt, m.job.prompt);
    assert_string_equal(back.job.sampler, "euler_a");
    assert_true(back.job.seed == UINT64_MAX && back.lease.index == UINT64_MAX);
    assert_true(back.job.guidance_scale == 7.5 && back.job.strength == 0.75);
    assert_true(back.job.guidance_from == 0.125 && back.job.guidance_until == 0.75);
    assert_int_equal(back.job.deep_cache, 3);
    assert_true(back.job.merge_tokens == 0.5);
    assert_int_equal(back.lease.token, m.lease.token);
    assert_memory_equal(&back.job.id, &m.lease.job, sizeof m.lease.job);
    atl_message_done(&back);
    atl_text_done(&bytes);
}

static void a_message_cut_anywhere_or_with_more_behind_is_refused(void **state)
{
    (void)state;
    for (int type = 0; type < ATL_N_MESSAGE_TYPES; type++) {
        const atl_message m = a_message((atl_message_type)type);
        atl_text bytes = {0};
        atl_message back;
        encode(&m, &bytes);
        for (size_t n = 0; n < bytes.length; n++) {
            char *exact = malloc(n + 1); /* of its own size, for a sanitizer to see a byte too far */
            assert_non_null(exact);
            memcpy(exact, bytes.data, n);
            assert_int_equal(atl_message_decode(exact, n, &back, NULL), ATL_BAD_INPUT);
            free(exact);
        }
        atl_text_putc(&bytes, '\0');
        assert_int_equal(atl_message_decode(bytes.data, bytes.length, &back, NULL), ATL_BAD_INPUT);
        atl_text_done(&bytes);
    }
}

static void a_flipped_bit_gives_a_message_or_an_error_and_nothing_else(void **state)
{
    (void)state;
    for (int type = 0; type < ATL_N_MESSAGE_TYPES; type++) {
        const atl_message m = a_message((atl_message_type)type);
        atl_text bytes = {0};
        encode(&m, &bytes);
        for (size_t bit = 0; bit < 8 * bytes.length; bit++) {
            atl_message back = {0};
            bytes.data[bit / 8] ^= (char)(1 << bit % 8);
            if (atl_message_decode(bytes.data, bytes.length, &back, NULL) == ATL_OK)
                atl_message_done(&back);
            bytes.data[bit / 8] ^= (char)(1 << bit % 8);
        }
        atl_text_done(&bytes);
    }
}

static void refused(const void *bytes, size_t n, const char *place)
{
    atl_message back;
    atl_note note = {0};
    assert_int_equal(atl_message_decode(bytes, n, &back, &note), ATL_BAD_INPUT);
    if (!strstr(note.text, place))
        fail_msg("found '%s', wanted '%s' in it", note.text, place);
}

static void bombs_are_refused_before_they_cost_anything(void **state)
{
    (void)state;
    refused("\xdd\xff\xff\xff\xff", 5, "frame");         /* an array of 2^32 - 1 */
    refused("\xdc\xff\xff", 3, "frame");                 /* of 65,535 */
    refused("\xc6\xff\xff\xff\xff", 5, "frame");         /* as many bytes */
    refused("\xdb\xff\xff\xff\xff", 5, "frame");         /* a string of them */
    refused("\xdf\xff\xff\xff\xff", 5, "frame");         /* a map */
    refused("\xc9\xff\xff\xff\xff\x01", 6, "frame");     /* an extension */
    refused("\x91\x91\x91\x91\x91\x91\xc0", 7, "frame"); /* too deep */
    refused("\xc1", 1, "frame");                         /* never used */
    refused("", 0, "frame");
    const size_t n = 1 << 20; /* a million elements of a byte, which would cost 24 bytes each */
    char *many = calloc(1, n + 5);
    assert_non_null(many);
    memcpy(many, "\xdd\x00\x10\x00\x00", 5);
    refused(many, n + 5, "frame");
    free(many);
}

static void errors_name_the_field(void **state)
{
    (void)state;
    refused("\x93\x02\x00\x00", 4, "version");
    refused("\x93\x00\x00\x00", 4, "version");
    refused("\x93\x01\x7f\x00", 4, "type");
    refused("\x93\x01\x02\xff", 4, "worker");
    refused("\x94\x01\x02\x00\x00", 5, "end");
    refused("\x93\x01\x00\x00", 4, "run");
    refused("\x95\x01\x07\x00\x00\xa0", 6, "status");   /* 0 is no failure */
    refused("\x95\x01\x07\x00\x02\xa1\x00", 7, "note"); /* a NUL in a string */
    refused("\xc0", 1, "frame");
}

static void an_endless_prompt_is_refused(void **state)
{
    (void)state;
    atl_message m = a_message(ATL_MSG_JOB), back;
    char *prompt = malloc(ATL_MAX_PROMPT_BYTES + 2);
    assert_non_null(prompt);
    memset(prompt, 'a', ATL_MAX_PROMPT_BYTES + 1);
    prompt[ATL_MAX_PROMPT_BYTES + 1] = '\0';
    m.job.prompt = prompt;
    atl_text bytes = {0};
    encode(&m, &bytes);
    refused(bytes.data, bytes.length, "prompt");
    atl_text_done(&bytes);
    prompt[ATL_MAX_PROMPT_BYTES] = '\0';
    encode(&m, &bytes);
    assert_int_equal(atl_message_decode(bytes.data, bytes.length, &back, NULL), ATL_OK);
    atl_message_done(&back);
    atl_text_done(&bytes);
    free(prompt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_survives_the_journey),
        cmocka_unit_test(a_job_arrives_with_its_fields),
        cmocka_unit_test(a_message_cut_anywhere_or_with_more_behind_is_refused),
        cmocka_unit_test(a_flipped_bit_gives_a_message_or_an_error_and_nothing_else),
        cmocka_unit_test(bombs_are_refused_before_they_cost_anything),
        cmocka_unit_test(errors_name_the_field),
        cmocka_unit_test(an_endless_prompt_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
