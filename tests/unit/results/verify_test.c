/* verify_test.c - every picture is read, and what is wrong with one is told in the ledger's order, however
 * many threads read. */
#include "results/verify.h"

#include <fcntl.h>
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
#include "image/png_file.h"
#include "results/ledger.h"

enum { N = 1300 /* more than two batches */ };

/* What became of the picture `i` after it was recorded. */
typedef enum fate { WHOLE, MISSING, OTHER_PIXELS, OTHER_JOB, OTHER_SIZE, TORN } fate;

static fate fate_of(int i)
{
    return i % 101 == 7 ? (fate)(1 + i / 101 % 5) : WHOLE;
}

typedef struct room {
    char path[64];
    int fd;
    atl_ledger *ledger;
    int faults[N], n_faults, n_whole, last; /* as they were told */
    int stop_after;                         /* whole ones; 0: never */
} room;

static void name_of(int i, char name[32])
{
    snprintf(name, 32, "p%d.png", i);
}

static atl_text png_of(int i, int job, uint8_t colour, char digest[ATL_DIGEST_TEXT])
{
    uint8_t pixels[3] = {(uint8_t)i, (uint8_t)(i >> 8), colour};
    const atl_picture picture = {.width = 1, .height = 1, .pixels = pixels};
    char words[200];
    atl_text png = {0};
    atl_picture_digest(&picture, digest);
    snprintf(words, sizeof words, "{\"job\":\"%032x\",\"digest\":\"%s\"}", (unsigned)job, digest);
    const atl_png_text texts[] = {{"atelier", words}};
    assert_int_equal(atl_png_encode(&picture, texts, 1, &png, NULL), ATL_OK);
    return png;
}

static void add(room *r, int i)
{
    char name[32], bytes[32], digest[ATL_DIGEST_TEXT], other[ATL_DIGEST_TEXT], job[33];
    const fate f = fate_of(i);
    atl_text png = png_of(i, i, 9, digest);
    atl_record record = {.type = ATL_RECORD_DONE, .index = (uint64_t)i, .attempt = 1};
    snprintf(job, sizeof job, "%032x", (unsigned)i);
    assert_true(atl_job_id_parse(job, &record.job));
    name_of(i, name);
    snprintf(bytes, sizeof bytes, "%zu", png.length + (f == OTHER_SIZE));
    const char *const fields[] = {digest, bytes, name, "{}", ""};
    for (int k = 0; k < 5; k++)
        atl_record_add(&record, fields[k]);
    assert_int_equal(atl_ledger_append(r->ledger, &record, NULL), ATL_OK);
    if (f == OTHER_PIXELS || f == OTHER_JOB) {
        atl_text_done(&png);
        png = png_of(i, f == OTHER_JOB ? i + 1 : i, f == OTHER_PIXELS ? 8 : 9, other);
    }
    const size_t n = f == TORN ? png.length - 1 : png.length;
    if (f != MISSING) {
        const int fd = openat(r->fd, name, O_WRONLY | O_CREAT | O_EXCL, 0644);
        assert_true(fd >= 0 && atl_fd_write(fd, png.data, n));
        close(fd);
    }
    atl_text_done(&png);
}

static int open_room(void **state)
{
    room *r = calloc(1, sizeof *r);
    atl_ledger_report report;
    r->last = -1;
    snprintf(r->path, sizeof r->path, "/tmp/atelier-verify-XXXXXX");
    assert_non_null(mkdtemp(r->path));
    r->fd = open(r->path, O_RDONLY | O_DIRECTORY);
    assert_int_equal(atl_ledger_open(r->fd, false, NULL, NULL, &r->ledger, &report, NULL), ATL_OK);
    for (int i = 0; i < N; i++)
        add(r, i);
    assert_int_equal(atl_ledger_flush(r->ledger, NULL), ATL_OK);
    *state = r;
    return 0;
}

static int close_room(void **state)
{
    room *r = *state;
    char name[32];
    atl_ledger_close(&r->ledger);
    for (int i = 0; i < N; i++) {
        name_of(i, name);
        unlinkat(r->fd, name, 0);
    }
    unlinkat(r->fd, ATL_LEDGER_NAME, 0);
    close(r->fd);
    rmdir(r->path);
    free(r);
    return 0;
}

static int in_order(room *r, const char *name)
{
    const int i = atoi(name + 1);
    assert_true(i > r->last);
    r->last = i;
    return i;
}

static void on_whole(void *user, const char *name, const char *digest)
{
    room *r = user;
    const int i = in_order(r, name);
    assert_int_equal(fate_of(i), WHOLE);
    assert_int_equal(strlen(digest), 64);
    r->n_whole++;
}

static void on_fault(void *user, const char *name, const char *what)
{
    static const char *const words[] = {[MISSING] = "it is not there",
                                        [OTHER_PIXELS] = "its pixels are not what was painted",
                                        [OTHER_JOB] = "it carries another job's id",
                                        [OTHER_SIZE] = "its size is not what was written",
                                        [TORN] = "is not a sound PNG"};
    room *r = user;
    const int i = in_order(r, name);
    assert_int_not_equal(fate_of(i), WHOLE);
    assert_non_null(strstr(what, words[fate_of(i)]));
    r->faults[r->n_faults++] = i;
}

static bool on_stop(void *user)
{
    const room *r = user;
    return r->stop_after > 0 && r->n_whole >= r->stop_after;
}

static void each_is_judged_once_and_told_in_order(void **state)
{
    room *r = *state;
    atl_verify_counts counts;
    const atl_verify_watch watch = {.whole = on_whole, .fault = on_fault, .stop = on_stop, .user = r};
    uint64_t wanted[TORN + 1] = {0};
    for (int i = 0; i < N; i++)
        wanted[fate_of(i)]++;
    assert_int_equal(atl_verify(r->fd, &watch, &counts, NULL), ATL_OK);
    assert_int_equal(counts.n_done, N);
    assert_int_equal(counts.n_whole, wanted[WHOLE]);
    assert_int_equal(counts.n_missing, wanted[MISSING]);
    assert_true(wanted[MISSING] > 0 && wanted[TORN] > 0);
    assert_int_equal(counts.n_damaged, N - wanted[WHOLE] - wanted[MISSING]);
    assert_int_equal(r->n_faults, N - (int)wanted[WHOLE]);
}

static void stopping_ends_it_soon_and_says_how_far_it_was(void **state)
{
    room *r = *state;
    atl_verify_counts counts;
    atl_note note = {0};
    const atl_verify_watch watch = {.whole = on_whole, .fault = on_fault, .stop = on_stop, .user = r};
    r->stop_after = 1;
    assert_int_equal(atl_verify(r->fd, &watch, &counts, &note), ATL_CANCELLED);
    assert_true(counts.n_done > 0 && counts.n_done < N);
    assert_int_equal(counts.n_done, r->n_whole + r->n_faults);
    assert_non_null(strstr(note.text, "stopped after"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_is_judged_once_and_told_in_order, open_room, close_room),
        cmocka_unit_test_setup_teardown(stopping_ends_it_soon_and_says_how_far_it_was, open_room, close_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
