/* ledger.c - see ledger.h.
 *
 * Replay walks the lines of the mapped file, and lets go of the pages that it has read: a ledger of a million
 * pictures is more than a gigabyte. A line that is no valid record is damage if a valid record
 * follows, and a torn tail if none does: a crash can only have cut the last write. Sequence numbers must
 * grow, so that a block of old bytes that a file system brought back is not taken for news. */
#include "results/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "record.h"

#define AHEAD_BYTES  (1u << 20) /* of space that is allocated before it is needed */
#define BEHIND_BYTES (1u << 20) /* that were read may stay mapped; a multiple of every page's size */

struct atl_ledger {
    int fd;
    bool sync;
    bool dead; /* a sync failed: what reached the disk is unknown, so nothing more is written */
    bool disk_full;
    off_t end, allocated;
    uint64_t next_sequence;
    atl_text buffer;
};

static atl_status fail_errno(atl_note *note, const char *verb)
{
    return atl_fail(note, ATL_IO, "%s: cannot %s: %s", ATL_LEDGER_NAME, verb, strerror(errno));
}

/* ---- replay ---- */

typedef struct replay {
    const char *data;
    size_t size;
    size_t good_end;   /* behind the last valid record */
    uint64_t sequence; /* of the last valid record */
    bool any;
    size_t bad_begin[64]; /* damaged stretches, the first 64 of them; later ones join the last */
    size_t bad_end[64];
    size_t n_bad;
    atl_record_visitor visit;
    void *user;
    atl_ledger_report *report;
} replay;

static void note_damage(replay *r, size_t begin, size_t end)
{
    r->report->damaged_bytes += end - begin;
    if (r->n_bad > 0 && (r->n_bad == 64 || r->bad_end[r->n_bad - 1] == begin)) {
        r->bad_end[r->n_bad - 1] = end;
        return;
    }
    r->bad_begin[r->n_bad] = begin;
    r->bad_end[r->n_bad++] = end;
}

/* What was read up to `at` need not stay in memory. */
static size_t let_go(const replay *r, size_t from, size_t at)
{
    const size_t to = at / BEHIND_BYTES * BEHIND_BYTES;
    if (to > from)
        madvise((void *)(uintptr_t)(r->data + from), to - from, MADV_DONTNEED);
    return to;
}

static atl_status replay_lines(replay *r, char *scratch, atl_note *note)
{
    size_t at = 0, gone = 0;
    while (at < r->size) {
        gone = let_go(r, gone, at);
        const char *newline = memchr(r->data + at, '\n', r->size - at);
        if (!newline)
            break;
        const size_t length = (size_t)(newline - (r->data + at));
        atl_record record;
        if (length < ATL_MAX_RECORD_BYTES && atl_record_decode(r->data + at, length, scratch, &record) &&
            (!r->any || record.sequence > r->sequence)) {
            if (at > r->good_end)
                note_damage(r, r->good_end, at);
            r->any = true;
            r->sequence = record.sequence;
            r->good_end = at + length + 1;
            r->report->n_records++;
            const atl_status st = r->visit ? r->visit(r->user, &record, note) : ATL_OK;
            if (st != ATL_OK)
                return st;
        }
        at += length + 1;
    }
    r->report->truncated_bytes = r->size - r->good_end;
    return ATL_OK;
}

static atl_status replay_file(int fd, replay *r, atl_note *note)
{
    struct stat s;
    if (fstat(fd, &s) != 0)
        return fail_errno(note, "stat");
    r->size = (size_t)s.st_size;
    if (r->size == 0)
        return ATL_OK;
    char *scratch = malloc(ATL_MAX_RECORD_BYTES + ATL_MAX_FIELDS + 8);
    if (!scratch)
        return atl_fail(note, ATL_NO_MEMORY, "no memory to read the ledger");
    void *data = mmap(NULL, r->size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED) {
        free(scratch);
        return fail_errno(note, "map");
    }
    r->data = data;
    const atl_status st = replay_lines(r, scratch, note);
    munmap(data, r->size);
    r->data = NULL;
    free(scratch);
    return st;
}

/* ---- repairing ---- */

static bool copy_range(int from, int to, size_t begin, size_t end)
{
    char buffer[1 << 14];
    while (begin < end) {
        const size_t want = end - begin < sizeof buffer ? end - begin : sizeof buffer;
        const ssize_t n = pread(from, buffer, want, (off_t)begin);
        if (n <= 0 || write(to, buffer, (size_t)n) != n)
            return false;
        begin += (size_t)n;
    }
    return true;
}

/* Copies damaged stretches into a file beside the ledger. The ledger keeps them too: readers skip them. */
static atl_status keep_aside(int dir_fd, int fd, const replay *r, atl_note *note)
{
    char *name = r->report->kept_aside;
    int to = -1;
    for (int i = 1; i < 1000 && to < 0; i++) {
        snprintf(name, sizeof r->report->kept_aside, ATL_LEDGER_NAME ".damaged.%d", i);
        to = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
        if (to < 0 && errno != EEXIST)
            break;
    }
    if (to < 0)
        return fail_errno(note, "keep damaged records aside");
    bool ok = true;
    for (size_t i = 0; i < r->n_bad && ok; i++)
        ok = copy_range(fd, to, r->bad_begin[i], r->bad_end[i]);
    ok = ok && fsync(to) == 0;
    close(to);
    return ok ? ATL_OK : fail_errno(note, "keep damaged records aside");
}

/* A damage that was seen before is not copied again: its bytes stand in an earlier copy. */
static bool kept_before(int dir_fd, const replay *r)
{
    struct stat s;
    for (int i = 1; i < 1000; i++) {
        char name[sizeof r->report->kept_aside];
        snprintf(name, sizeof name, ATL_LEDGER_NAME ".damaged.%d", i);
        if (fstatat(dir_fd, name, &s, AT_SYMLINK_NOFOLLOW) != 0)
            return false;
        if ((uint64_t)s.st_size == r->report->damaged_bytes)
            return true;
    }
    return false;
}

static atl_status repair(int dir_fd, int fd, const replay *r, atl_note *note)
{
    if (r->n_bad > 0 && !kept_before(dir_fd, r)) {
        const atl_status st = keep_aside(dir_fd, fd, r, note);
        if (st != ATL_OK)
            return st;
    }
    if (r->good_end < r->size && (ftruncate(fd, (off_t)r->good_end) != 0 || fsync(fd) != 0))
        return fail_errno(note, "cut the torn tail");
    return ATL_OK;
}

/* ---- opening ---- */

static atl_status open_file(int dir_fd, int *ret_fd, atl_note *note)
{
    const int fd = openat(dir_fd, ATL_LEDGER_NAME, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return fail_errno(note, "open");
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        const bool held = errno == EWOULDBLOCK;
        const atl_status st =
            held ? atl_fail(note, ATL_USAGE, "another process is running this batch into the same directory")
                 : fail_errno(note, "lock");
        close(fd);
        return st;
    }
    *ret_fd = fd;
    return ATL_OK;
}

atl_status atl_ledger_open(int dir_fd, bool sync, atl_record_visitor visit, void *user,
                           atl_ledger **ret_ledger, atl_ledger_report *ret_report, atl_note *note)
{
    atl_ledger_report report = {0};
    replay r = {.visit = visit, .user = user, .report = &report};
    atl_ledger *ledger = calloc(1, sizeof *ledger);
    if (!ledger)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a ledger");
    ledger->fd = -1;
    atl_status st = open_file(dir_fd, &ledger->fd, note);
    if (st == ATL_OK)
        st = replay_file(ledger->fd, &r, note);
    if (st == ATL_OK)
        st = repair(dir_fd, ledger->fd, &r, note);
    if (st != ATL_OK)
        goto fail;
    ledger->sync = sync;
    ledger->end = ledger->allocated = (off_t)r.good_end;
    ledger->next_sequence = r.any ? r.sequence + 1 : 0;
    /* A new name must last as its records do. */
    if (sync && r.size == 0 && fsync(dir_fd) != 0 && errno != EINVAL) {
        st = fail_errno(note, "sync the directory of");
        goto fail;
    }
    *ret_ledger = ledger;
    *ret_report = report;
    return ATL_OK;
fail:
    atl_ledger_close(&ledger);
    return st;
}

atl_status atl_ledger_read(int dir_fd, atl_record_visitor visit, void *user, atl_ledger_report *ret_report,
                           atl_note *note)
{
    atl_ledger_report report = {0};
    replay r = {.visit = visit, .user = user, .report = &report};
    const int fd = openat(dir_fd, ATL_LEDGER_NAME, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT
                   ? atl_fail(note, ATL_NOT_FOUND, "holds no run: there is no %s", ATL_LEDGER_NAME)
                   : fail_errno(note, "open");
    const atl_status st = replay_file(fd, &r, note);
    close(fd);
    if (st == ATL_OK)
        *ret_report = report;
    return st;
}

void atl_ledger_close(atl_ledger **ledger)
{
    atl_ledger *l = *ledger;
    *ledger = NULL;
    if (!l)
        return;
    if (l->fd >= 0)
        close(l->fd); /* and with it the lock */
    atl_text_done(&l->buffer);
    free(l);
}

/* ---- writing ---- */

atl_status atl_ledger_append(atl_ledger *ledger, const atl_record *record, atl_note *note)
{
    char *room = malloc(ATL_MAX_RECORD_BYTES);
    if (!room)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a record");
    atl_record numbered = *record;
    numbered.sequence = ledger->next_sequence;
    const size_t n = atl_record_encode(&numbered, room, ATL_MAX_RECORD_BYTES);
    if (n > 0)
        atl_text_append(&ledger->buffer, room, n);
    free(room);
    if (n == 0)
        return atl_fail(note, ATL_BAD_INPUT, "%s: a record of more than %u bytes", ATL_LEDGER_NAME,
                        ATL_MAX_RECORD_BYTES);
    if (ledger->buffer.failed)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a record");
    ledger->next_sequence++;
    return ATL_OK;
}

bool atl_ledger_disk_full(const atl_ledger *ledger)
{
    return ledger->disk_full;
}

static bool is_disk_full(int error)
{
    return error == ENOSPC || error == EDQUOT;
}

/* Makes sure that the file's next bytes have their place on the disk. Where a file system cannot promise,
 * writing will tell. */
static bool allocate_ahead(atl_ledger *l, size_t n)
{
#ifdef FALLOC_FL_KEEP_SIZE
    if (l->end + (off_t)n <= l->allocated)
        return true;
    off_t length = (off_t)(n > AHEAD_BYTES ? n : AHEAD_BYTES);
    int rc;
    for (;;) {
        rc = fallocate(l->fd, FALLOC_FL_KEEP_SIZE, l->end, length);
        if (rc != 0 && errno != EINTR &&
            length > (off_t)n) /* what is needed now, where more is not to be had */
            length = (off_t)n;
        else if (rc == 0 || errno != EINTR)
            break;
    }
    if (rc == 0)
        l->allocated = l->end + length;
    return rc == 0 || !is_disk_full(errno);
#else
    (void)l;
    (void)n;
    return true;
#endif
}

/* Writes all or nothing: what a failed write left is cut off again. */
static atl_status write_buffer(atl_ledger *l, atl_note *note)
{
    size_t done = 0;
    while (done < l->buffer.length) {
        const ssize_t n = pwrite(l->fd, l->buffer.data + done, l->buffer.length - done, l->end + (off_t)done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            l->disk_full = is_disk_full(errno);
            const atl_status st = fail_errno(note, "write");
            if (ftruncate(l->fd, l->end) != 0)
                l->dead = true; /* a torn record stands before what would come next */
            l->allocated = l->end;
            return st;
        }
        done += (size_t)n;
    }
    l->end += (off_t)done;
    l->buffer.length = 0;
    return ATL_OK;
}

atl_status atl_ledger_flush(atl_ledger *ledger, atl_note *note)
{
    if (ledger->dead)
        return atl_fail(note, ATL_IO, "%s: an earlier write or sync failed, and nothing more is written",
                        ATL_LEDGER_NAME);
    if (ledger->buffer.length == 0)
        return ATL_OK;
    ledger->disk_full = false;
    if (!allocate_ahead(ledger, ledger->buffer.length)) {
        ledger->disk_full = true;
        return fail_errno(note, "find room to write");
    }
    const atl_status st = write_buffer(ledger, note);
    if (st != ATL_OK)
        return st;
    if (ledger->sync && fdatasync(ledger->fd) != 0) {
        ledger->dead = true;
        return fail_errno(note, "sync");
    }
    return ATL_OK;
}
