/* row_test.c - figures of a picture, written and read. */
#include "results/row.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
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

static void what_is_no_object_is_refused(void **state)
{
    (void)state;
    atl_row row;
    atl_note note = {0};
    assert_int_equal(atl_row_parse("[1]", 3, &row, &note), ATL_BAD_INPUT);
    assert_int_equal(atl_row_parse("{\"a\":1,\"a\":2}", 13, &row, &note), ATL_BAD_INPUT);
    assert_int_equal(atl_row_parse("", 0, &row, &note), ATL_BAD_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(each_step_is_told_and_a_stage_that_did_not_happen_is_null),
        cmocka_unit_test(lines_of_csv_have_as_many_cells_as_their_head),
        cmocka_unit_test(what_is_no_object_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
