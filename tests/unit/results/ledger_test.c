/* ledger_test.c - the journal gives back what was written, whatever happens to its bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "record.h"
#include "results/ledger.h"

enum { N_RECORDS = 6 };

typedef struct room {
    char path[64];
    int fd;
} room;

static int make_room(void **state)
{
    room *r = calloc(1, sizeof *r);
    strcpy(r->path, "/tmp/ledger_test.XXXXXX");
    assert_non_null(mkdtemp(r->path));
    r->fd = open(r->path, O_RDONLY | O_DIRECTORY);
    *state = r;
    return 0;
}

static void empty_room(const room *r)
{
    char name[64];
    unlinkat(r->fd, ATL_LEDGER_NAME, 0);
    for (int i = 1; i < 8; i++) {
        snprintf(name, sizeof name, ATL_LEDGER_NAME ".damaged.%d", i);
        unlinkat(r->fd, name, 0);
    }
}

static int leave_room(void **state)
{
    room *r = *state;
    empty_room(r);
    close(r->fd);
    rmdir(r->path);
    free(r);
    return 0;
}

/* Record k of the tests: every type, awkward fields. */
static atl_record make_record(int k)
{
    static const char *const awkward[] = {"",      "a\tb", "line\nbreak\\", "\xff\xfe not UTF-8",
                                          "plain", "\r\\t"};
    atl_record record = {.type = (atl_record_type)(k % ATL_N_RECORD_TYPES),
                         .index = (uint64_t)k * 1000,
                         .attempt = (uint32_t)k};
    memset(record.job.bytes, k + 1, sizeof record.job.bytes);
    for (int i = 0; i <= k % 4; i++)
        atl_record_add(&record, awkward[(k + i) % 6]);
    return record;
}

typedef struct seen {
    int n;
    bool is[N_RECORDS];
} seen;

static atl_status see(void *user, const atl_record *record, atl_note *note)
{
    (void)note;
    seen *s = user;
    s->n++;
    const int k = (int)(record->index / 1000);
    assert_in_range(k, 0, N_RECORDS - 1);
    const atl_record wanted = make_record(k);
    assert_int_equal(record->type, wanted.type);
    assert_int_equal(record->attempt, wanted.attempt);
    assert_memory_equal(record->job.bytes, wanted.job.bytes, sizeof wanted.job.bytes);
    assert_int_equal(record->n_fields, wanted.n_fields);
    for (int i = 0; i < wanted.n_fields; i++)
        assert_string_equal(record->field[i], wanted.field[i]);
    s->is[k] = true;
    return ATL_OK;
}

static atl_ledger *open_seeing(const room *r, seen *s, atl_ledger_report *report)
{
    atl_ledger *ledger = NULL;
    atl_note note = {0};
    *s = (seen){0};
    if (atl_ledger_open(r->fd, false, see, s, &ledger, report, &note) != ATL_OK)
        fail_msg("%s", note.text);
    return ledger;
}

static void write_all_records(const room *r)
{
    seen s;
    atl_ledger_report report;
    atl_ledger *ledger = open_seeing(r, &s, &report);
    for (int k = 0; k < N_RECORDS; k++) {
        const atl_record record = make_record(k);
        assert_int_equal(atl_ledger_append(ledger, &record, NULL), ATL_OK);
    }
    assert_int_equal(atl_ledger_flush(ledger, NULL), ATL_OK);
    atl_ledger_close(&ledger);
}

static size_t read_bytes(const room *r, char *out, size_t room_bytes)
{
    const int fd = openat(r->fd, ATL_LEDGER_NAME, O_RDONLY);
    const ssize_t n = read(fd, out, room_bytes);
    close(fd);
    assert_true(n > 0);
    return (size_t)n;
}

static void write_bytes(const room *r, const char *bytes, size_t n)
{
    empty_room(r);
    const int fd = openat(r->fd, ATL_LEDGER_NAME, O_WRONLY | O_CREAT, 0644);
    assert_int_equal(write(fd, bytes, n), (ssize_t)n);
    close(fd);
}

static void what_was_written_comes_back(void **state)
{
    room *r = *state;
    seen s;
    atl_ledger_report report;
    write_all_records(r);
    atl_ledger *ledger = open_seeing(r, &s, &report);
    assert_int_equal(s.n, N_RECORDS);
    assert_int_equal(report.n_records, N_RECORDS);
    assert_int_equal(report.truncated_bytes + report.damaged_bytes, 0);
    atl_ledger_close(&ledger);
    empty_room(r);
}

static void a_second_writer_is_refused(void **state)
{
    room *r = *state;
    seen s;
    atl_ledger_report report;
    atl_ledger *first = open_seeing(r, &s, &report), *second = NULL;
    atl_note note = {0};
    assert_int_equal(atl_ledger_open(r->fd, false, see, &s, &second, &report, &note), ATL_USAGE);
    assert_non_null(strstr(note.text, "another process"));
    atl_ledger_close(&first);
    empty_room(r);
}

/* How many whole lines lie in the first n bytes. */
static int lines_within(const char *bytes, size_t n)
{
    int lines = 0;
    for (size_t i = 0; i < n; i++)
        lines += bytes[i] == '\n';
    return lines;
}

static void cut_at_any_byte_loses_only_the_torn_record(void **state)
{
    room *r = *state;
    char bytes[4096];
    write_all_records(r);
    const size_t n = read_bytes(r, bytes, sizeof bytes);
    for (size_t cut = 0; cut <= n; cut++) {
        seen s;
        atl_ledger_report report;
        write_bytes(r, bytes, cut);
        atl_ledger *ledger = open_seeing(r, &s, &report);
        assert_int_equal(s.n, lines_within(bytes, cut));
        assert_int_equal(report.damaged_bytes, 0);
        /* And what is written next stands on a line of its own. */
        const atl_record again = make_record(5);
        assert_int_equal(atl_ledger_append(ledger, &again, NULL), ATL_OK);
        assert_int_equal(atl_ledger_flush(ledger, NULL), ATL_OK);
        atl_ledger_close(&ledger);
        ledger = open_seeing(r, &s, &report);
        assert_int_equal(s.n, lines_within(bytes, cut) + 1);
        assert_int_equal(report.truncated_bytes + report.damaged_bytes, 0);
        atl_ledger_close(&ledger);
    }
    empty_room(r);
}

static void any_flipped_bit_loses_only_its_record(void **state)
{
    room *r = *state;
    char bytes[4096];
    write_all_records(r);
    const size_t n = read_bytes(r, bytes, sizeof bytes);
    for (size_t bit = 0; bit < 8 * n; bit++) {
        seen s;
        atl_ledger_report report;
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << bit % 8));
        write_bytes(r, bytes, n);
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << bit % 8));
        atl_ledger *ledger = open_seeing(r, &s, &report);
        /* A newline that went away joins two records, and both are lost. */
        const int lost = bytes[bit / 8] == '\n' && bit / 8 != n - 1 ? 2 : 1;
        assert_int_equal(s.n, N_RECORDS - lost);
        const int hit = lines_within(bytes, bit / 8);
        assert_false(s.is[hit]);
        if (report.damaged_bytes > 0) {
            struct stat kept;
            assert_int_equal(fstatat(r->fd, report.kept_aside, &kept, 0), 0);
            assert_int_equal(kept.st_size, report.damaged_bytes);
        } else {
            assert_true(report.truncated_bytes > 0);
        }
        atl_ledger_close(&ledger);
    }
    empty_room(r);
}

static void old_bytes_that_come_back_are_no_news(void **state)
{
    room *r = *state;
    char bytes[4096], twice[8192];
    seen s;
    atl_ledger_report report;
    write_all_records(r);
    const size_t n = read_bytes(r, bytes, sizeof bytes);
    memcpy(twice, bytes, n);
    memcpy(twice + n, bytes, n);
    write_bytes(r, twice, 2 * n);
    atl_ledger *ledger = open_seeing(r, &s, &report);
    assert_int_equal(s.n, N_RECORDS);
    atl_ledger_close(&ledger);
    empty_room(r);
}

static void a_record_has_one_spelling(void **state)
{
    (void)state;
    char line[256], scratch[512];
    const atl_record record = make_record(1);
    const size_t n = atl_record_encode(&record, line, sizeof line);
    atl_record back;
    assert_true(atl_record_decode(line, n - 1, scratch, &back));
    assert_int_equal(atl_record_encode(&record, line, n - 1), 0); /* does not fit */
    assert_false(atl_record_decode(line, n - 2, scratch, &back));
    assert_false(atl_record_decode("", 0, scratch, &back));
}

/* Whether a line of n bytes, its checksum made right, is refused or is what its record is written as. */
static void expect_refused_or_same(char *line, size_t n)
{
    char scratch[512], again[512], crc[9];
    atl_record record;
    snprintf(crc, sizeof crc, "%08lx", crc32(0, (const unsigned char *)line + 9, (unsigned)n - 9));
    memcpy(line, crc, 8);
    if (!atl_record_decode(line, n, scratch, &record))
        return;
    assert_int_equal(atl_record_encode(&record, again, sizeof again), n + 1);
    assert_memory_equal(again, line, n);
}

static void a_line_that_is_read_is_what_would_be_written(void **state)
{
    (void)state;
    char line[256], changed[256];
    for (int k = 0; k < N_RECORDS; k++) {
        const atl_record record = make_record(k);
        const size_t n = atl_record_encode(&record, line, sizeof line) - 1;
        for (size_t at = 9; at < n; at++) {
            for (int value = 0; value < 256; value++) {
                memcpy(changed, line, n);
                changed[at] = (char)value;
                expect_refused_or_same(changed, n);
                memmove(changed + at + 2, line + at, n - at); /* and an escape put in */
                changed[at] = '\\';
                changed[at + 1] = (char)value;
                expect_refused_or_same(changed, n + 2);
            }
        }
    }
}

static void reading_needs_no_lock_and_repairs_nothing(void **state)
{
    room *r = *state;
    char bytes[4096];
    seen s = {0};
    atl_ledger_report report;
    write_all_records(r);
    const size_t n = read_bytes(r, bytes, sizeof bytes);
    write_bytes(r, bytes, n - 1);
    atl_ledger *writer = NULL;
    assert_int_equal(atl_ledger_read(r->fd, see, &s, &report, NULL), ATL_OK);
    assert_int_equal(s.n, N_RECORDS - 1);
    assert_int_equal(read_bytes(r, bytes, sizeof bytes), n - 1);
    assert_int_equal(atl_ledger_open(r->fd, false, NULL, NULL, &writer, &report, NULL), ATL_OK);
    assert_int_equal(atl_ledger_read(r->fd, NULL, NULL, &report, NULL), ATL_OK);
    atl_ledger_close(&writer);
    empty_room(r);
    assert_int_equal(atl_ledger_read(r->fd, NULL, NULL, &report, NULL), ATL_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_comes_back),
        cmocka_unit_test(a_second_writer_is_refused),
        cmocka_unit_test(cut_at_any_byte_loses_only_the_torn_record),
        cmocka_unit_test(any_flipped_bit_loses_only_its_record),
        cmocka_unit_test(old_bytes_that_come_back_are_no_news),
        cmocka_unit_test(a_record_has_one_spelling),
        cmocka_unit_test(a_line_that_is_read_is_what_would_be_written),
        cmocka_unit_test(reading_needs_no_lock_and_repairs_nothing),
    };
    return cmocka_run_group_tests(tests, make_room, leave_room);
}
