/* row_test.c - figures of a picture, written and read. */
#include "results/row.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static atl_row sample(atl_span *steps)
{
    const atl_job_timings timings = {
        .tokenize = {1000, 900},
        .text_encode = {2000000, 1900000},
        .vae_decode = {3000000, 2900000},
        .png_encode = {400000, 400000},
        .send = {50000, 40000},
        .n_unet_steps = 2,
        .unet_step = steps,
        .begun_ns = 5000000000,
        .ended_ns = 5030000000,
        .waited_ns = 1000000,
        .minor_faults = 7,
        .voluntary_switches = 3,
        .peak_rss_bytes = 1u << 30,
        .batch_size = 1,
    };
    atl_row row = {.index = 12,
                   .job = "0123456789abcdef0123456789abcdef",
                   .digest = "abc",
                   .name = "a \"b\", <c>.png",
                   .cores = "0-3,8",
                   .width = 64,
                   .height = 96,
                   .png_bytes = 1234,
                   .session = 2,
                   .worker = 5,
                   .attempt = 1,
                   .queued_ms = 1.5,
                   .transfer_ms = 0.25,
                   .write_ms = 4};
    atl_row_set_timings(&row, &timings);
    return row;
}

static void what_is_written_reads_back(void **state)
{
    (void)state;
    atl_span steps[] = {{10000000, 9000000}, {11000000, 9500000}};
    const atl_row row = sample(steps);
    atl_text json = {0};
    atl_row found;
    atl_row_put_json(&row, &json);
    assert_int_equal(atl_row_parse(json.data, json.length, &found, NULL), ATL_OK);
    assert_int_equal(found.index, 12);
    assert_string_equal(found.name, row.name);
    assert_string_equal(found.cores, row.cores);
    assert_int_equal(found.stage[ATL_STAGE_UNET].wall_ns, 21000000);
    assert_int_equal(found.stage[ATL_STAGE_UNET].cpu_ns, 18500000);
    assert_int_equal(found.stage[ATL_STAGE_TEXT_ENCODE].wall_ns, 2000000);
    assert_int_equal(found.ended_ns - found.begun_ns, 30000000);
    assert_int_equal(found.peak_rss_bytes, 1u << 30);
    assert_int_equal(found.worker, 5);
    assert_false(found.adopted);
    assert_null(strchr(json.data, '<')); /* it may stand in a page */
    atl_text_done(&json);
}

static void times_come_back_to_the_nanosecond(void **state)
{
    (void)state;
    atl_span steps[] = {{1, 0}, {412345677, 999999999}};
    atl_row row = sample(steps), found;
    atl_text json = {0};
    row.stage[ATL_STAGE_SEND] = (atl_span){.wall_ns = 123456789012345, .cpu_ns = 7};
    row.transfer_ms = 0.000003;
    row.queued_ms = 1e300; /* what a foreign ledger may say */
    atl_row_put_json(&row, &json);
    assert_non_null(strstr(json.data, "\"unet_step\":[[0.000001,0],[412.345677,999.999999]]"));
    assert_int_equal(atl_row_parse(json.data, json.length, &found, NULL), ATL_OK);
    assert_int_equal(found.stage[ATL_STAGE_SEND].wall_ns, 123456789012345);
    assert_int_equal(found.stage[ATL_STAGE_SEND].cpu_ns, 7);
    assert_int_equal(found.stage[ATL_STAGE_UNET].wall_ns, 412345678);
    assert_true(found.transfer_ms == 0.000003);
    assert_true(found.queued_ms == 1e300);
    atl_text_done(&json);
}

static void each_step_is_told_and_a_stage_that_did_not_happen_is_null(void **state)
{
    (void)state;
    atl_span steps[] = {{10000000, 9000000}, {11000000, 9500000}};
    const atl_row row = sample(steps);
    atl_text text = {0};
    atl_row_put_json(&row, &text);
    json_t *o = json_loads(text.data, 0, NULL);
    assert_int_equal(json_array_size(json_object_get(o, "unet_step")), 2);
    assert_true(json_is_null(json_object_get(o, "vae_encode")));
    json_decref(o);
    atl_text_done(&text);
}

static size_t count_cells(const char *line)
{
    size_t n = 1;
    for (bool quoted = false; *line && *line != '\r'; line++) {
        quoted = *line == '"' ? !quoted : quoted;
        n += *line == ',' && !quoted;
    }
    return n;
}

static void lines_of_csv_have_as_many_cells_as_their_head(void **state)
{
    (void)state;
    atl_span steps[2] = {{1, 1}, {1, 1}};
    atl_row row = sample(steps);
    atl_text head = {0}, line = {0}, adopted = {0};
    atl_row_put_csv_head(&head);
    atl_row_put_csv(&row, &line);
    row.adopted = true;
    atl_row_put_csv(&row, &adopted);
    assert_int_equal(count_cells(line.data), count_cells(head.data));
    assert_int_equal(count_cells(adopted.data), count_cells(head.data));
    assert_non_null(strstr(line.data, ",\"0-3,8\","));
    assert_non_null(strstr(line.data, "12,\"a \"\"b\"\", <c>.png\",0123"));
    atl_text_done(&head);
    atl_text_done(&line);
    atl_text_done(&adopted);
}

/* Read from memory that ends where the text does, so that a byte too many is seen by a sanitizer. */
static atl_status parse(const char *json, atl_row *row)
{
    const size_t n = strlen(json);
    char *copy = malloc(n + 1);
    assert_non_null(copy);
    memcpy(copy, json, n);
    copy = realloc(copy, n > 0 ? n : 1);
    const atl_status st = atl_row_parse(copy, n, row, NULL);
    free(copy);
    return st;
}

static void what_is_no_object_is_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "[1]",
                                      "{",
                                      "{\"index\"",
                                      "{\"index\":",
                                      "{\"index\":1",
                                      "{\"a\":1,}",
                                      "{,}",
                                      "{\"a\" 1}",
                                      "{\"a\":}",
                                      "{\"a\":\"b}",
                                      "{\"a\":[1}",
                                      "{\"a\":1}x",
                                      "{\"a\":1 2}",
                                      "{\"a\":\"\\\"}",
                                      "{\"index\":1,\"index\":2}",
                                      "{a:1}",
                                      "{\"a\":{\"b\":\"}\"}"};
    (void)state;
    atl_row row;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (parse(bad[i], &row) != ATL_BAD_INPUT)
            fail_msg("%s was read", bad[i]);
}

static void what_others_wrote_is_read_in_any_order_and_spelling(void **state)
{
    (void)state;
    atl_row row;
    assert_int_equal(
        parse(" { \"unet\" : {\"cpu_ms\": 1e1, \"wall_ms\":12.5 } ,\n\"new\":[{\"a\":\"]}\\\"\"},[]],"
              "\"name\":\"\\u00e9\\ud83d\\ude00\\\\\",\"write_ms\":-0.25,\"queued_ms\":123456789.123456789,"
              "\"worker\":4,\"index\":\"no number\",\"png_bytes\":-4,\"adopted\":true} ",
              &row),
        ATL_OK);
    assert_int_equal(row.stage[ATL_STAGE_UNET].wall_ns, 12500000);
    assert_int_equal(row.stage[ATL_STAGE_UNET].cpu_ns, 10000000);
    assert_string_equal(row.name, "\u00e9\U0001f600\\");
    assert_true(row.write_ms == -0.25);
    assert_true(row.queued_ms == 123456789.123456789);
    assert_int_equal(row.worker, 4);
    assert_int_equal(row.index, 0);
    assert_int_equal(row.png_bytes, 0);
    assert_true(row.adopted);
    assert_int_equal(parse("{}", &row), ATL_OK);
}

/* All numbers of up to fifteen digits are read as the C library reads them. */
static void numbers_are_rounded_right(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (int i = 0; i < 20000; i++) {
        char json[64];
        atl_row row;
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        const double value = (double)(seed >> 20) / (double)(1 << (seed % 29));
        snprintf(json, sizeof json, "{\"write_ms\":%.*g}", (int)(seed >> 60), value);
        assert_int_equal(parse(json, &row), ATL_OK);
        assert_true(row.write_ms == strtod(json + 12, NULL));
    }
}

static void a_glance_stops_at_the_times(void **state)
{
    (void)state;
    atl_row row;
    static const char json[] =
        "{\"session\":2,\"worker\":1,\"begun_ns\":5,\"ended_ns\":9,\"write_ms\":1, nonsense";
    assert_int_equal(atl_row_glance(json, sizeof json - 1, &row, NULL), ATL_OK);
    assert_int_equal(row.session, 2);
    assert_int_equal(row.worker, 1);
    assert_int_equal(row.ended_ns - row.begun_ns, 4);
    assert_true(row.write_ms == 0);
    assert_int_equal(atl_row_glance("{\"adopted\":true}", 16, &row, NULL), ATL_OK);
    assert_true(row.adopted);
    assert_int_equal(atl_row_glance("{\"begun_ns\":5", 13, &row, NULL), ATL_BAD_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(times_come_back_to_the_nanosecond),
        cmocka_unit_test(each_step_is_told_and_a_stage_that_did_not_happen_is_null),
        cmocka_unit_test(lines_of_csv_have_as_many_cells_as_their_head),
        cmocka_unit_test(what_is_no_object_is_refused),
        cmocka_unit_test(what_others_wrote_is_read_in_any_order_and_spelling),
        cmocka_unit_test(numbers_are_rounded_right),
        cmocka_unit_test(a_glance_stops_at_the_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
