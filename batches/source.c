/* source.c - see source.h. */
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"
#include "batches/batch.h"

#define BUFFER_BYTES ((size_t)64 << 10)

static const char mark[] = "\xEF\xBB\xBF";

size_t atl_column(const char *line, size_t at)
{
    size_t column = 1;
    for (size_t i = 0; i < at; i++)
        column += ((unsigned char)line[i] & 0xC0) != 0x80;
    return column;
}

atl_status atl_spool_open(const char *dir, int *ret_fd, atl_note *note)
{
    if (!dir)
        dir = getenv("TMPDIR");
    if (!dir || !*dir)
        dir = "/tmp";
    char path[4096];
    if (snprintf(path, sizeof path, "%s/atelier-spool-XXXXXX", dir) >= (int)sizeof path)
        return atl_fail(note, ATL_IO, "%s: too long a path for a temporary file", dir);
    const int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        return atl_fail(note, ATL_IO, "%s: no temporary file can be made there: %s", dir, strerror(errno));
    unlink(path);
    *ret_fd = fd;
    return ATL_OK;
}

static atl_status write_all(int fd, const char *bytes, size_t n, atl_note *note)
{
    while (n > 0) {
        const ssize_t put = write(fd, bytes, n);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return atl_fail(note, ATL_IO, "a temporary file cannot be written: %s", strerror(errno));
        bytes += put;
        n -= (size_t)put;
    }
    return ATL_OK;
}

/* Up to `n` bytes; *ret_got is 0 at the end. */
static atl_status read_some(atl_source *source, char *bytes, size_t n, size_t *ret_got, atl_note *note)
{
    ssize_t got;
    do
        got = read(source->fd, bytes, n);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return atl_fail(note, ATL_IO, "%s: cannot be read: %s", source->name, strerror(errno));
    *ret_got = (size_t)got;
    return ATL_OK;
}

/* Copies what cannot be read twice into a file that can. */
static atl_status spool(atl_source *source, const char *dir, atl_note *note)
{
    int fd = -1;
    atl_status st = atl_spool_open(dir, &fd, note);
    size_t got = 1;
    while (st == ATL_OK && got > 0) {
        st = read_some(source, source->buffer, BUFFER_BYTES, &got, note);
        if (st == ATL_OK)
            st = write_all(fd, source->buffer, got, note);
    }
    if (st == ATL_OK && lseek(fd, 0, SEEK_SET) < 0)
        st = atl_fail(note, ATL_IO, "a temporary file cannot be read: %s", strerror(errno));
    if (st != ATL_OK) {
        if (fd >= 0)
            close(fd);
        return st;
    }
    close(source->fd);
    source->fd = fd;
    source->spooled = true;
    return ATL_OK;
}

static atl_status open_file(const char *path, const char *spool_dir, atl_source *source, atl_note *note)
{
    const bool is_stdin = strcmp(path, "-") == 0;
    source->name = strdup(is_stdin ? "standard input" : path);
    source->buffer = malloc(BUFFER_BYTES);
    if (!source->name || !source->buffer)
        return atl_fail(note, ATL_NO_MEMORY, "no memory to read %s", path);
    source->fd = is_stdin ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(path, O_RDONLY | O_CLOEXEC);
    if (source->fd < 0)
        return atl_fail(note, errno == ENOENT || errno == ENOTDIR ? ATL_NOT_FOUND : ATL_IO,
                        "%s: cannot be opened: %s", source->name, strerror(errno));
    if (fstat(source->fd, &source->opened) != 0)
        return atl_fail(note, ATL_IO, "%s: cannot be looked at: %s", source->name, strerror(errno));
    if (S_ISDIR(source->opened.st_mode))
        return atl_fail(note, ATL_IO, "%s: is a directory; wanted a prompt file", source->name);
    if (is_stdin || !S_ISREG(source->opened.st_mode))
        return spool(source, spool_dir, note);
    return ATL_OK;
}

atl_status atl_source_open(const char *path, const char *spool_dir, atl_source *ret, atl_note *note)
{
    atl_source source = {.fd = -1};
    const atl_status st = open_file(path, spool_dir, &source, note);
    if (st == ATL_OK)
        *ret = source;
    else
        atl_source_done(&source);
    return st;
}

void atl_source_done(atl_source *source)
{
    if (source->fd >= 0)
        close(source->fd);
    free(source->name);
    free(source->buffer);
    atl_text_done(&source->text);
    *source = (atl_source){.fd = -1};
}

static bool was_changed(const struct stat *a, const struct stat *b)
{
    return a->st_size != b->st_size || a->st_mtim.tv_sec != b->st_mtim.tv_sec ||
           a->st_mtim.tv_nsec != b->st_mtim.tv_nsec;
}

static atl_status look_for_change(const atl_source *source, atl_note *note)
{
    struct stat now;
    if (source->spooled)
        return ATL_OK;
    if (fstat(source->fd, &now) != 0)
        return atl_fail(note, ATL_IO, "%s: cannot be looked at: %s", source->name, strerror(errno));
    if (was_changed(&source->opened, &now))
        return atl_fail(note, ATL_BAD_INPUT, "%s: was changed after it was checked; start again",
                        source->name);
    return ATL_OK;
}

atl_status atl_source_rewind(atl_source *source, atl_note *note)
{
    const atl_status st = look_for_change(source, note);
    if (st != ATL_OK)
        return st;
    if (lseek(source->fd, 0, SEEK_SET) < 0)
        return atl_fail(note, ATL_IO, "%s: cannot be read twice: %s", source->name, strerror(errno));
    source->begin = source->end = 0;
    source->at_eof = source->skip_newline = false;
    source->line = 0;
    source->status = ATL_OK;
    return ATL_OK;
}

/* More bytes into an empty buffer; at_eof when there are none. */
static atl_status fill(atl_source *source, atl_note *note)
{
    size_t got = 0;
    const atl_status st = read_some(source, source->buffer, BUFFER_BYTES, &got, note);
    if (st != ATL_OK)
        return st;
    source->begin = 0;
    source->end = got;
    source->at_eof = got == 0;
    return source->at_eof ? look_for_change(source, note) : ATL_OK;
}

/* Takes bytes up to the line's end into the text; *ret_ended says whether the end was there. */
static void take_stretch(atl_source *source, bool *ret_ended)
{
    const char *from = source->buffer + source->begin;
    const size_t n = source->end - source->begin;
    const char *lf = memchr(from, '\n', n);
    const size_t until_lf = lf ? (size_t)(lf - from) : n;
    const char *cr = memchr(from, '\r', until_lf);
    const size_t until = cr ? (size_t)(cr - from) : until_lf;
    *ret_ended = until < n;
    atl_text_append(&source->text, from, until);
    source->begin += until + (until < n);
    source->skip_newline = cr != NULL;
}

static atl_status check_line(const atl_source *source, atl_note *note)
{
    const char *line = source->text.data;
    const size_t n = source->text.length;
    const unsigned long long number = source->line;
    if (source->too_long)
        return atl_fail(note, ATL_BAD_INPUT, "%s:%llu:1: found a line of over %zu bytes; wanted at most that",
                        source->name, number, ATL_BATCH_MAX_LINE_BYTES);
    const size_t bad = atl_utf8_first_bad(line, n);
    if (bad < n)
        return atl_fail(note, ATL_BAD_INPUT,
                        "%s:%llu:%zu: found byte 0x%02X, which is not UTF-8; wanted UTF-8", source->name,
                        number, atl_column(line, bad), (unsigned)(unsigned char)line[bad]);
    const char *nul = memchr(line, '\0', n);
    if (nul)
        return atl_fail(note, ATL_BAD_INPUT, "%s:%llu:%zu: found a NUL byte; wanted text", source->name,
                        number, atl_column(line, (size_t)(nul - line)));
    return ATL_OK;
}

static atl_status take_line(atl_source *source, bool *ret_end, atl_note *note)
{
    bool ended = false, any = false;
    source->too_long = false;
    source->text.length = 0;
    atl_text_puts(&source->text, "");
    while (!ended) {
        if (source->begin == source->end) {
            const atl_status st = source->at_eof ? ATL_OK : fill(source, note);
            if (st != ATL_OK)
                return st;
            if (source->at_eof)
                break;
        }
        if (source->skip_newline && source->buffer[source->begin] == '\n') {
            source->skip_newline = false;
            source->begin++;
            continue;
        }
        if (!any)
            source->line++;
        any = true;
        take_stretch(source, &ended);
        if (source->text.failed)
            return atl_fail(note, ATL_NO_MEMORY, "%s:%llu: no memory for the line", source->name,
                            (unsigned long long)source->line);
        if (source->text.length > ATL_BATCH_MAX_LINE_BYTES) { /* its rest is read, to find the next one */
            source->too_long = true;
            source->text.length = 0;
        }
    }
    *ret_end = !any;
    return ATL_OK;
}

atl_status atl_source_next(atl_source *source, const char **ret_line, size_t *ret_n_bytes, atl_note *note)
{
    bool end = false;
    if (source->status == ATL_OK)
        source->status = take_line(source, &end, &source->note);
    if (source->status != ATL_OK)
        return atl_fail(note, source->status, "%s", source->note.text);
    if (source->line == 1 && source->text.length >= 3 && memcmp(source->text.data, mark, 3) == 0) {
        source->text.length -= 3;
        memmove(source->text.data, source->text.data + 3, source->text.length + 1);
    }
    const atl_status st = end ? ATL_OK : check_line(source, note);
    if (st != ATL_OK)
        return st;
    *ret_line = end ? NULL : source->text.data;
    *ret_n_bytes = end ? 0 : source->text.length;
    return ATL_OK;
}

atl_status atl_source_rest(atl_source *source, size_t max_bytes, const char **ret, size_t *ret_n_bytes,
                           atl_note *note)
{
    source->text.length = 0;
    atl_text_puts(&source->text, "");
    while (!source->at_eof && source->text.length <= max_bytes) {
        const atl_status st = fill(source, note);
        if (st != ATL_OK)
            return st;
        atl_text_append(&source->text, source->buffer, source->end);
        source->begin = source->end;
    }
    if (source->text.failed)
        return atl_fail(note, ATL_NO_MEMORY, "%s: no memory to read it", source->name);
    if (source->text.length > max_bytes)
        return atl_fail(note, ATL_BAD_INPUT, "%s: found over %zu bytes; wanted at most that", source->name,
                        max_bytes);
    *ret = source->text.data;
    *ret_n_bytes = source->text.length;
    return ATL_OK;
}
