/* gallery.c - see gallery.h. The page's source is gallery.html, which the build puts into the program. */
#include "results/gallery.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "gallery_page.h"
#include "results/history.h"
#include "results/json_text.h"
#include "results/pace.h"

#define FLUSH_BYTES (1u << 18)

static const char temp[] = ".atelier-gallery.part", marker[] = "@DATA@";

struct atl_gallery {
    int dir_fd, fd;
    bool in_place;
    atl_text text;
    uint64_t first, n, n_failed, n_left_out;
    atl_pace pace; /* of the whole run, whatever stretch of it is shown */
};
typedef atl_gallery page;

/* The figures' object, and the infotext as one more member. */
static void put_picture(page *p, const atl_record *record)
{
    const char *figures = atl_record_field(record, ATL_DONE_FIGURES);
    const size_t n = strlen(figures);
    if (n < 2 || figures[n - 1] != '}' || strchr(figures, '<'))
        return; /* of another version */
    atl_text_puts(&p->text, p->n > 1 ? ",\n" : "");
    atl_text_append(&p->text, figures, n - 1);
    atl_text_puts(&p->text, ",\"settings\":");
    atl_json_put_string(&p->text, atl_record_field(record, ATL_DONE_SETTINGS));
    atl_text_putc(&p->text, '}');
}

atl_status atl_gallery_take(page *p, const atl_record *record, const atl_row *row, atl_note *note)
{
    if (record->type == ATL_RECORD_FAIL) {
        p->n_failed++;
        return ATL_OK;
    }
    if (row)
        atl_pace_add(&p->pace, row);
    if (record->index < p->first || record->index - p->first >= ATL_GALLERY_MAX_PICTURES) {
        p->n_left_out++;
        return ATL_OK;
    }
    p->n++;
    put_picture(p, record);
    return p->text.length < FLUSH_BYTES ? ATL_OK : atl_text_write(&p->text, p->fd, ATL_GALLERY_NAME, note);
}

static atl_status add_record(void *user, const atl_record *record, atl_note *note)
{
    const char *figures = atl_record_field(record, ATL_DONE_FIGURES);
    atl_row row;
    const bool is_read = atl_row_glance(figures, strlen(figures), &row, NULL) == ATL_OK;
    return atl_gallery_take(user, record, is_read ? &row : NULL, note);
}

/* What the run is, from its first record. */
static atl_status add_run(void *user, const atl_record *record, atl_note *note)
{
    static const char *const keys[] = {"model_name", "model_hash", "model", "policy",
                                       "version",    "jobs",       "date"};
    page *p = user;
    (void)note;
    if (record->type != ATL_RECORD_RUN)
        return ATL_OK;
    atl_text_puts(&p->text, "\"run\":{");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        atl_text_printf(&p->text, "%s\"%s\":", i > 0 ? "," : "", keys[i]);
        atl_json_put_string(&p->text, atl_record_value(record, keys[i]));
    }
    atl_text_puts(&p->text, "},\n");
    return ATL_CANCELLED; /* enough was read */
}

/* The page up to its pictures. */
static atl_status put_head(page *p, atl_note *note)
{
    atl_ledger_report report;
    const char *html = (const char *)atl_gallery_page;
    const char *data = memmem(html, atl_gallery_page_bytes, marker, sizeof marker - 1);
    atl_text_append(&p->text, html, (size_t)(data - html));
    atl_text_puts(&p->text, "{");
    const atl_status st = atl_ledger_read(p->dir_fd, add_run, p, &report, note);
    atl_text_puts(&p->text, "\"pictures\":[\n");
    return st == ATL_CANCELLED ? ATL_OK : st;
}

static void put_tail(page *p)
{
    const char *html = (const char *)atl_gallery_page;
    const char *data = memmem(html, atl_gallery_page_bytes, marker, sizeof marker - 1);
    atl_text_printf(&p->text, "\n],\n\"failed\":%llu,\"left_out\":%llu,\"first\":%llu,\"room\":%d",
                    (unsigned long long)p->n_failed, (unsigned long long)p->n_left_out,
                    (unsigned long long)p->first, ATL_GALLERY_MAX_PICTURES);
    const double per_min = atl_pace_per_min(&p->pace);
    if (isfinite(per_min))
        atl_text_printf(&p->text, ",\"images_per_minute\":%.6g", per_min);
    atl_text_putc(&p->text, '}');
    data += sizeof marker - 1;
    atl_text_append(&p->text, data, (size_t)(html + atl_gallery_page_bytes - data));
}

atl_status atl_gallery_begin(int dir_fd, uint64_t first, atl_gallery **ret, atl_note *note)
{
    page *p = calloc(1, sizeof *p);
    if (!p)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for the gallery");
    unlinkat(dir_fd, temp, 0);
    *p = (page){.dir_fd = dir_fd,
                .first = first,
                .fd = openat(dir_fd, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644)};
    const atl_status st =
        p->fd >= 0 ? put_head(p, note)
                   : atl_fail(note, ATL_IO, ATL_GALLERY_NAME ": cannot create: %s", strerror(errno));
    if (st != ATL_OK) {
        atl_gallery_close(&p);
        return st;
    }
    *ret = p;
    return ATL_OK;
}

atl_status atl_gallery_finish(atl_gallery *p, atl_note *note)
{
    put_tail(p);
    const atl_status st = atl_text_write(&p->text, p->fd, ATL_GALLERY_NAME, note);
    if (st != ATL_OK)
        return st;
    if (renameat(p->dir_fd, temp, p->dir_fd, ATL_GALLERY_NAME) != 0)
        return atl_fail(note, ATL_IO, ATL_GALLERY_NAME ": cannot put in place: %s", strerror(errno));
    p->in_place = true;
    return ATL_OK;
}

void atl_gallery_close(atl_gallery **gallery)
{
    page *p = *gallery;
    *gallery = NULL;
    if (!p)
        return;
    if (p->fd >= 0)
        close(p->fd);
    if (p->fd >= 0 && !p->in_place)
        unlinkat(p->dir_fd, temp, 0);
    atl_text_done(&p->text);
    free(p);
}

atl_status atl_gallery_write(int dir_fd, uint64_t first, atl_note *note)
{
    atl_gallery *gallery = NULL;
    atl_status st = atl_gallery_begin(dir_fd, first, &gallery, note);
    if (st == ATL_OK)
        st = atl_history_visit(dir_fd, add_record, gallery, note);
    if (st == ATL_OK)
        st = atl_gallery_finish(gallery, note);
    atl_gallery_close(&gallery);
    return st;
}
