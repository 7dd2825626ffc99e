/* exports.c - see exports.h. */
#include "results/exports.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "results/history.h"

#define FLUSH_BYTES (1u << 18)

typedef struct table {
    int fd;
    atl_text buffer;
} table;

struct atl_exports {
    table jsonl, csv;
    int dir_fd;
    bool in_place;
};

static const char *const names[] = {ATL_TIMINGS_JSONL_NAME, ATL_TIMINGS_CSV_NAME};
static const char *const temps[] = {".atelier-timings.jsonl.part", ".atelier-timings.csv.part"};

atl_status atl_exports_flush(atl_exports *e, atl_note *note)
{
    const atl_status st = atl_text_write(&e->jsonl.buffer, e->jsonl.fd, names[0], note);
    return st != ATL_OK ? st : atl_text_write(&e->csv.buffer, e->csv.fd, names[1], note);
}

size_t atl_exports_waiting(const atl_exports *e)
{
    return e->jsonl.buffer.length + e->csv.buffer.length;
}

void atl_exports_add(atl_exports *e, const atl_row *row, const char *json)
{
    atl_text_puts(&e->jsonl.buffer, json);
    atl_text_putc(&e->jsonl.buffer, '\n');
    atl_row_put_csv(row, &e->csv.buffer);
}

atl_status atl_exports_take(atl_exports *e, const atl_record *record, const atl_row *row, atl_note *note)
{
    if (record->type != ATL_RECORD_DONE ||
        !row) /* of another version: an export leaves out what is not read */
        return ATL_OK;
    const char *json = atl_record_field(record, ATL_DONE_FIGURES);
    atl_exports_add(e, row, json); /* with its steps, which a parsed row has no more */
    return e->jsonl.buffer.length < FLUSH_BYTES ? ATL_OK : atl_exports_flush(e, note);
}

static atl_status add_record(void *user, const atl_record *record, atl_note *note)
{
    atl_row row;
    const char *json = atl_record_field(record, ATL_DONE_FIGURES);
    const bool is_read =
        record->type == ATL_RECORD_DONE && atl_row_parse(json, strlen(json), &row, note) == ATL_OK;
    return atl_exports_take(user, record, is_read ? &row : NULL, note);
}

static int open_temp(int dir_fd, const char *name)
{
    unlinkat(dir_fd, name, 0);
    return openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0644);
}

atl_status atl_exports_finish(atl_exports *e, atl_note *note)
{
    atl_status st = atl_exports_flush(e, note);
    for (int i = 0; i < 2 && st == ATL_OK; i++)
        if (renameat(e->dir_fd, temps[i], e->dir_fd, names[i]) != 0)
            st = atl_fail(note, ATL_IO, "%s: cannot put in place: %s", names[i], strerror(errno));
    e->in_place = st == ATL_OK;
    return st;
}

atl_status atl_exports_begin(int dir_fd, atl_exports **ret, atl_note *note)
{
    atl_exports *e = calloc(1, sizeof *e);
    if (!e)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for the timings");
    e->dir_fd = dir_fd;
    e->jsonl.fd = open_temp(dir_fd, temps[0]);
    e->csv.fd = open_temp(dir_fd, temps[1]);
    if (e->jsonl.fd < 0 || e->csv.fd < 0) {
        const atl_status st =
            atl_fail(note, ATL_IO, "%s: cannot create: %s", names[e->jsonl.fd < 0 ? 0 : 1], strerror(errno));
        atl_exports_close(&e);
        return st;
    }
    atl_row_put_csv_head(&e->csv.buffer);
    *ret = e;
    return ATL_OK;
}

atl_status atl_exports_open(int dir_fd, atl_exports **ret, atl_note *note)
{
    atl_exports *e = NULL;
    atl_status st = atl_exports_begin(dir_fd, &e, note);
    if (st == ATL_OK)
        st = atl_history_visit(dir_fd, add_record, e, note);
    if (st == ATL_NOT_FOUND)
        st = ATL_OK; /* no ledger yet */
    if (st == ATL_OK)
        st = atl_exports_finish(e, note);
    if (st != ATL_OK) {
        atl_exports_close(&e);
        return st;
    }
    *ret = e;
    return ATL_OK;
}

void atl_exports_close(atl_exports **exports)
{
    atl_exports *e = *exports;
    *exports = NULL;
    if (!e)
        return;
    table *tables[] = {&e->jsonl, &e->csv};
    for (int i = 0; i < 2; i++) {
        if (tables[i]->fd >= 0)
            close(tables[i]->fd);
        atl_text_done(&tables[i]->buffer);
        if (!e->in_place)
            unlinkat(e->dir_fd, temps[i], 0);
    }
    free(e);
}
