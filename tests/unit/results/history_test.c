/* history_test.c - each job's last word, once; and what follows from it: timings, summary, page. */
#include "results/history.h"

#include <fcntl.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "results/dir_file.h"
#include "results/exports.h"
#include "results/gallery.h"
#include "results/progress_of.h"
#include "results/summary.h"

typedef struct room {
    char path[64];
    int fd;
    atl_ledger *ledger;
} room;

static int open_room(void **state)
{
    room *r = calloc(1, sizeof *r);
    atl_ledger_report report;
    snprintf(r->path, sizeof r->path, "/tmp/atelier-history-XXXXXX");
    assert_non_null(mkdtemp(r->path));
    r->fd = open(r->path, O_RDONLY | O_DIRECTORY);
    assert_int_equal(atl_ledger_open(r->fd, false, NULL, NULL, &r->ledger, &report, NULL), ATL_OK);
    *state = r;
    return 0;
}

static int close_room(void **state)
{
    static const char *const names[] = {ATL_LEDGER_NAME, ATL_TIMINGS_JSONL_NAME, ATL_TIMINGS_CSV_NAME,
                                        ATL_GALLERY_NAME};
    room *r = *state;
    atl_ledger_close(&r->ledger);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unlinkat(r->fd, names[i], 0);
    close(r->fd);
    rmdir(r->path);
    free(r);
    return 0;
}

static void add(room *r, atl_record_type type, uint64_t index, const char *const *fields, int n)
{
    atl_record record = {.type = type, .index = index, .attempt = 1};
    for (int i = 0; i < n; i++)
        atl_record_add(&record, fields[i]);
    assert_int_equal(atl_ledger_append(r->ledger, &record, NULL), ATL_OK);
    assert_int_equal(atl_ledger_flush(r->ledger, NULL), ATL_OK);
}

static void add_row(room *r, const atl_row *row, const char *settings)
{
    atl_text json = {0};
    atl_row_put_json(row, &json);
    add(r, ATL_RECORD_DONE, row->index, (const char *[]){"d", "1", "x.png", json.data, settings}, 5);
    atl_text_done(&json);
}

static void add_done(room *r, uint64_t index, uint32_t worker, int64_t begun_ms, int64_t ended_ms,
                     const char *settings)
{
    atl_row row = {.index = index,
                   .name = "x.png",
                   .digest = "d",
                   .worker = worker,
                   .batch_size = 1,
                   .begun_ns = begun_ms * 1000000,
                   .ended_ns = ended_ms * 1000000};
    row.stage[ATL_STAGE_UNET].wall_ns = 3 * (row.ended_ns - row.begun_ns) / 4;
    row.stage[ATL_STAGE_VAE_DECODE].wall_ns = (row.ended_ns - row.begun_ns) / 4;
    add_row(r, &row, settings);
}

static void add_fail(room *r, uint64_t index)
{
    add(r, ATL_RECORD_FAIL, index, (const char *[]){"because", "poison"}, 2);
}

typedef struct seen {
    size_t n;
    uint64_t index[16];
    atl_record_type type[16];
} seen;

static atl_status see(void *user, const atl_record *record, atl_note *note)
{
    seen *s = user;
    (void)note;
    s->index[s->n] = record->index;
    s->type[s->n++] = record->type;
    return ATL_OK;
}

static void the_last_word_counts_and_is_told_once(void **state)
{
    room *r = *state;
    seen s = {0};
    add(r, ATL_RECORD_RUN, 0, (const char *[]){"jobs=4"}, 1);
    add_done(r, 0, 0, 0, 10, "");
    add_fail(r, 1);
    add_done(r, 2, 0, 10, 20, "");
    add_done(r, 1, 0, 20, 30, ""); /* retried */
    add_done(r, 2, 0, 30, 40, ""); /* painted again */
    add_done(r, 2, 0, 40, 50, "");
    add_fail(r, 3);
    assert_int_equal(atl_history_visit(r->fd, see, &s, NULL), ATL_OK);
    assert_int_equal(s.n, 4);
    assert_int_equal(s.index[0], 0);
    assert_int_equal(s.index[1], 1);
    assert_int_equal(s.type[1], ATL_RECORD_DONE);
    assert_int_equal(s.index[2], 2);
    assert_int_equal(s.index[3], 3);
    assert_int_equal(s.type[3], ATL_RECORD_FAIL);
}

static void timings_are_made_again_without_doubles(void **state)
{
    room *r = *state;
    char path[128], *text;
    size_t n, lines = 0;
    atl_exports *exports = NULL;
    add_done(r, 0, 0, 0, 10, "");
    add_done(r, 0, 0, 10, 20, "");
    add_done(r, 1, 0, 20, 30, "");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(atl_exports_open(r->fd, &exports, NULL), ATL_OK);
        atl_exports_add(exports, &(atl_row){.index = 2, .name = "y.png"}, "{\"index\":2,\"name\":\"y.png\"}");
        assert_int_equal(atl_exports_flush(exports, NULL), ATL_OK);
        atl_exports_close(&exports);
    }
    snprintf(path, sizeof path, "%s/" ATL_TIMINGS_JSONL_NAME, r->path);
    assert_int_equal(atl_file_read(path, 1 << 20, &text, &n, NULL), ATL_OK);
    for (size_t i = 0; i < n; i++)
        lines += text[i] == '\n';
    assert_int_equal(lines, 3);
    free(text);
}

static void a_summary_has_percentiles_shares_and_how_busy_workers_were(void **state)
{
    room *r = *state;
    uint64_t n_failed = 0;
    for (int i = 0; i < 10;
         i++) /* worker 0 paints ten pictures of 10 ms, worker 1 one of 50 ms of the 100 ms */
        add_done(r, (uint64_t)i, 0, 10 * i, 10 * i + 10, "");
    add_done(r, 10, 1, 0, 50, "");
    add_fail(r, 11);
    atl_summary *summary = atl_summary_new();
    assert_int_equal(atl_summary_read(r->fd, summary, &n_failed, NULL), ATL_OK);
    assert_int_equal(n_failed, 1);
    atl_text text = {0};
    const atl_summary_facts facts = {.n_jobs = 12, .n_failed = n_failed, .how = "finished"};
    atl_summary_put_json(summary, &facts, &text);
    json_t *o = json_loads(text.data, 0, NULL);
    assert_non_null(o);
    assert_float_equal(json_number_value(json_object_get(o, "p50_ms")), 10, 1e-4);
    assert_float_equal(json_number_value(json_object_get(o, "p99_ms")), 50, 1e-4);
    assert_float_equal(json_number_value(json_object_get(o, "images_per_minute")), 6600, 1e-2);
    json_t *workers = json_object_get(o, "workers");
    assert_float_equal(json_number_value(json_object_get(json_array_get(workers, 0), "busy_share")), 1, 1e-4);
    assert_float_equal(json_number_value(json_object_get(json_array_get(workers, 1), "busy_share")), 0.5,
                       1e-4);
    json_t *unet = json_object_get(json_object_get(o, "stages"), "unet");
    assert_float_equal(json_number_value(json_object_get(unet, "share")), 0.75, 1e-4);
    assert_true(json_is_null(json_object_get(o, "peak_pss_bytes"))); /* unavailable is not 0 */
    json_decref(o);
    atl_text_done(&text);
    atl_summary_free(&summary);
}

/* Session 0 paints 0, 1 and 2 from 1 s to 3 s; session 1, on a clock of its own, 3 and, again, 2, from 0.5 s
 * to 1.5 s. Of 4 nobody knows when it was painted. */
static void add_two_sessions(room *r)
{
    add(r, ATL_RECORD_RUN, 0, (const char *[]){"jobs=6"}, 1);
    add(r, ATL_RECORD_PLAN, 0, (const char *[]){"workers=2"}, 1);
    add_done(r, 0, 0, 1000, 2000, "");
    add_done(r, 1, 1, 1000, 3000, "");
    add_done(r, 2, 0, 2000, 2500, "");
    add(r, ATL_RECORD_STATE, 0, (const char *[]){"state=stopping"}, 1);
    add(r, ATL_RECORD_START, 3, (const char *[]){"1"}, 1);
    add(r, ATL_RECORD_LEASE_LOST, 4, (const char *[]){"0", "it left", "put back"}, 3);
    add(r, ATL_RECORD_LEASE_LOST, 3, (const char *[]){"1", "signal 9"}, 2);
    add(r, ATL_RECORD_PLAN, 0, (const char *[]){"workers=2"}, 1);
    const int64_t ms = 1000000;
    add_row(r, &(atl_row){.index = 2, .session = 1, .begun_ns = 500 * ms, .ended_ns = 700 * ms}, "");
    add_row(r, &(atl_row){.index = 3, .session = 1, .begun_ns = 600 * ms, .ended_ns = 1500 * ms}, "");
    add_row(r, &(atl_row){.index = 4, .session = 1, .adopted = true}, "");
    add_fail(r, 5);
    add(r, ATL_RECORD_STATE, 0, (const char *[]){"state=paused"}, 1);
}

static void all_tell_the_same_pace(void **state)
{
    room *r = *state;
    uint64_t n_failed = 0;
    char *page = NULL;
    size_t n = 0;
    add_two_sessions(r);
    atl_summary *summary = atl_summary_new();
    atl_summary_figures figures;
    atl_progress_of p;
    assert_int_equal(atl_summary_read(r->fd, summary, &n_failed, NULL), ATL_OK);
    atl_summary_tell(summary, &figures);
    atl_summary_free(&summary);
    assert_int_equal(atl_progress_read(r->fd, &p, NULL), ATL_OK);
    assert_int_equal(atl_gallery_write(r->fd, 3, NULL), ATL_OK); /* of which it shows a part */
    assert_int_equal(atl_dir_file_read(r->fd, ATL_GALLERY_NAME, 1 << 22, &page, &n, NULL), ATL_OK);
    assert_float_equal(figures.images_per_minute, 80, 1e-9); /* four pictures in two and one seconds */
    assert_true(p.per_min == figures.images_per_minute);
    assert_non_null(strstr(page, ",\"images_per_minute\":80}"));
    free(page);
    atl_progress_done(&p);
}

static void progress_tells_what_was_lost_and_what_was_put_back(void **state)
{
    room *r = *state;
    atl_progress_of p;
    add_two_sessions(r);
    assert_int_equal(atl_progress_read(r->fd, &p, NULL), ATL_OK);
    assert_int_equal(p.n_jobs, 6);
    assert_int_equal(p.n_done, 5);
    assert_int_equal(p.n_failed, 1);
    assert_int_equal(p.n_lost, 1);
    assert_int_equal(p.n_put_back, 1);
    assert_int_equal(p.n_sessions, 2);
    assert_int_equal(p.session_done, 2);
    assert_string_equal(p.state, "paused");
    assert_false(p.ended);
    atl_progress_done(&p);
}

static void nothing_in_a_prompt_ends_the_page_s_data(void **state)
{
    room *r = *state;
    char path[128], *text;
    size_t n;
    add(r, ATL_RECORD_RUN, 0, (const char *[]){"jobs=1", "model_name=</script>"}, 2);
    add_done(r, 0, 0, 0, 10, "</script><script>alert(1)</script> \"quoted\" \\ \xff\nSteps: 1");
    assert_int_equal(atl_gallery_write(r->fd, 0, NULL), ATL_OK);
    snprintf(path, sizeof path, "%s/" ATL_GALLERY_NAME, r->path);
    assert_int_equal(atl_file_read(path, 1 << 20, &text, &n, NULL), ATL_OK);
    static const char opening[] = "<script id=\"data\" type=\"application/json\">";
    const char *begin = strstr(text, opening);
    assert_non_null(begin);
    begin += strlen(opening);
    const char *end = strstr(begin, "</script>");
    json_t *o = json_loadb(begin, (size_t)(end - begin), 0, NULL);
    assert_non_null(o);
    const json_t *picture = json_array_get(json_object_get(o, "pictures"), 0);
    assert_string_equal(json_string_value(json_object_get(picture, "settings")),
                        "</script><script>alert(1)</script> \"quoted\" \\ \xef\xbf\xbd\nSteps: 1");
    json_decref(o);
    free(text);
}

/* Which pictures of a run of `n` jobs a page shows, and how many it leaves out. */
static void expect_page(room *r, uint64_t first, size_t wanted, uint64_t wanted_first, uint64_t left_out)
{
    char path[128], *text;
    size_t n;
    assert_int_equal(atl_gallery_write(r->fd, first, NULL), ATL_OK);
    snprintf(path, sizeof path, "%s/" ATL_GALLERY_NAME, r->path);
    assert_int_equal(atl_file_read(path, 1 << 20, &text, &n, NULL), ATL_OK);
    const char *begin = strstr(text, "application/json\">") + strlen("application/json\">");
    json_t *o = json_loadb(begin, (size_t)(strstr(begin, "</script>") - begin), 0, NULL);
    assert_non_null(o);
    const json_t *pictures = json_object_get(o, "pictures");
    assert_int_equal(json_array_size(pictures), wanted);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(pictures, 0), "index")), wanted_first);
    assert_int_equal(json_integer_value(json_object_get(o, "left_out")), left_out);
    json_decref(o);
    free(text);
}

static void a_page_shows_a_stretch_of_the_batch(void **state)
{
    room *r = *state;
    add(r, ATL_RECORD_RUN, 0, (const char *[]){"jobs=1000000"}, 1);
    for (uint64_t i = 0; i < 5; i++)
        add_done(r, ATL_GALLERY_MAX_PICTURES + 2 - i, 0, 0, 10, "Steps: 1");
    expect_page(r, 0, 2, ATL_GALLERY_MAX_PICTURES - 1, 3);
    expect_page(r, ATL_GALLERY_MAX_PICTURES, 3, ATL_GALLERY_MAX_PICTURES + 2, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_last_word_counts_and_is_told_once, open_room, close_room),
        cmocka_unit_test_setup_teardown(timings_are_made_again_without_doubles, open_room, close_room),
        cmocka_unit_test_setup_teardown(a_summary_has_percentiles_shares_and_how_busy_workers_were, open_room,
                                        close_room),
        cmocka_unit_test_setup_teardown(all_tell_the_same_pace, open_room, close_room),
        cmocka_unit_test_setup_teardown(progress_tells_what_was_lost_and_what_was_put_back, open_room,
                                        close_room),
        cmocka_unit_test_setup_teardown(nothing_in_a_prompt_ends_the_page_s_data, open_room, close_room),
        cmocka_unit_test_setup_teardown(a_page_shows_a_stretch_of_the_batch, open_room, close_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
