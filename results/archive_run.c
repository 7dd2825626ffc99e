/* archive_run.c - what the last session of a run came to, from its ledger, as a row of the archive.
 *
 * The last session alone: earlier ones may have had other workers, or another machine. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_load.h"
#include "dir_file.h"
#include "results/archive.h"
#include "results/archive_noise.h"
#include "results/history.h"
#include "results/summary.h"

typedef struct session {
    atl_archive_entry *entry;
    atl_summary *summary;
    int width, height, n_steps, batch_size;
    uint64_t n;
    bool mixed;
} session;

static void copy(char *to, size_t size, const atl_record *record, const char *key)
{
    snprintf(to, size, "%s", atl_record_value(record, key));
}

static void take_run(session *s, const atl_record *record)
{
    atl_archive_entry *e = s->entry;
    copy(e->version, sizeof e->version, record, "version");
    copy(e->model_name, sizeof e->model_name, record, "model_name");
    copy(e->model_hash, sizeof e->model_hash, record, "model_hash");
    copy(e->policy, sizeof e->policy, record, "policy");
}

static atl_status begin_session(session *s, const atl_record *record, atl_note *note)
{
    atl_summary_free(&s->summary);
    s->summary = atl_summary_new();
    s->n = 0;
    s->mixed = false;
    s->entry->workers = atoi(atl_record_value(record, "workers"));
    s->entry->threads = atoi(atl_record_value(record, "threads"));
    return s->summary ? ATL_OK : atl_fail(note, ATL_NO_MEMORY, "no memory for a summary");
}

static atl_status take_picture(session *s, const atl_record *record, atl_note *note)
{
    const char *json = atl_record_field(record, ATL_DONE_FIGURES);
    atl_row row;
    if (!s->summary || atl_row_parse(json, strlen(json), &row, NULL) != ATL_OK || row.adopted)
        return ATL_OK;
    if (s->n++ == 0) {
        s->width = row.width;
        s->height = row.height;
        s->n_steps = row.n_unet_steps;
        s->batch_size = row.batch_size;
    }
    s->mixed |= row.width != s->width || row.height != s->height || row.n_unet_steps != s->n_steps;
    s->batch_size = row.batch_size > s->batch_size ? row.batch_size : s->batch_size;
    return atl_summary_add(s->summary, &row, note);
}

static atl_status take(void *user, const atl_record *record, atl_note *note)
{
    session *s = user;
    if (record->type == ATL_RECORD_RUN)
        take_run(s, record);
    if (record->type == ATL_RECORD_PLAN)
        return begin_session(s, record, note);
    return record->type == ATL_RECORD_DONE ? take_picture(s, record, note) : ATL_OK;
}

/* NAN where the run's summary does not say it. */
static double peak_pss_bytes(int dir_fd)
{
    char *json = NULL;
    size_t n = 0;
    if (atl_dir_file_read(dir_fd, ATL_SUMMARY_NAME, 1 << 26, &json, &n, NULL) != ATL_OK)
        return (double)NAN;
    json_t *root = atl_json_load(json, n, JSON_REJECT_DUPLICATES, NULL);
    const json_t *value = json_object_get(root, "peak_pss_bytes");
    const double bytes = json_is_number(value) ? json_number_value(value) : (double)NAN;
    json_decref(root);
    free(json);
    return bytes;
}

static void put_figures(session *s, int dir_fd)
{
    static const atl_stage told[] = {ATL_STAGE_TEXT_ENCODE, ATL_STAGE_VAE_ENCODE, ATL_STAGE_UNET,
                                     ATL_STAGE_VAE_DECODE};
    atl_archive_entry *e = s->entry;
    atl_summary_figures f;
    char name[48];
    atl_summary_tell(s->summary, &f);
    atl_archive_figure_add(e, "images_per_minute", "images/min", f.images_per_minute, ATL_MORE_IS_BETTER);
    atl_archive_figure_add(e, "picture_p50", "ms", f.p50_ms, ATL_LESS_IS_BETTER);
    atl_archive_figure_add(e, "picture_p99", "ms", f.p99_ms, ATL_NEITHER_IS_BETTER); /* too noisy to judge */
    for (size_t i = 0; i < sizeof told / sizeof *told; i++)
        if (f.stage_ms[told[i]] > 0) {
            snprintf(name, sizeof name, "%s_mean", atl_stage_name(told[i]));
            atl_archive_figure_add(e, name, "ms", f.stage_ms[told[i]], ATL_LESS_IS_BETTER);
        }
    atl_archive_figure_add(e, "peak_memory", "MB", peak_pss_bytes(dir_fd) / 1e6, ATL_LESS_IS_BETTER);
    atl_archive_figure_add(e, "pictures", "", (double)f.n, ATL_NEITHER_IS_BETTER);
    const double unknown = (double)NAN, share = e->threads == 1 ? 100 * f.unet_cpu_share : unknown;
    atl_archive_noise_add(
        e, &(atl_archive_noise){unknown, unknown, unknown, unknown, unknown, share > 0 ? share : unknown});
}

atl_status atl_archive_entry_of_run(int dir_fd, atl_archive_entry *ret, atl_note *note)
{
    atl_archive_entry e = *ret;
    atl_ledger_report report;
    session s = {.entry = &e};
    e.n_figures = 0;
    snprintf(e.kind, sizeof e.kind, "run");
    atl_status st = atl_ledger_read(dir_fd, take, &s, &report, note);
    if (st == ATL_OK && s.n == 0)
        st = atl_fail(note, ATL_NOT_FOUND, "the last session painted nothing");
    if (st == ATL_OK) {
        const int n = s.mixed
                          ? snprintf(e.work, sizeof e.work, "several sizes or steps")
                          : snprintf(e.work, sizeof e.work, "%dx%d, %d steps", s.width, s.height, s.n_steps);
        if (s.batch_size > 1)
            snprintf(e.work + n, sizeof e.work - (size_t)n, ", batches of %d", s.batch_size);
        put_figures(&s, dir_fd);
        *ret = e;
    }
    atl_summary_free(&s.summary);
    return st;
}
