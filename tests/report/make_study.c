/* make_study.c - writes the fixture's study into a directory, or its comparison: `report_make_study DIR
 * [compare]`. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report/fixture.h"
#include "results/compare.h"
#include "results/dir_file.h"

/* Two or three pictures of each worker about a window, as the study command keeps them. */
static void put_jobs(fixture *f, const atl_study_window *w, atl_text *out)
{
    const int64_t job_ns = (int64_t)(w->job_ms_p50 * 1e6);
    for (int k = 0; k < w->config.workers; k++) {
        int64_t at = w->begun_ns - (int64_t)(fixture_random(f) * 0.9 * (double)job_ns);
        while (at < w->begun_ns + (int64_t)(w->length_s * 1e9)) {
            atl_row row = {.job = "0123456789abcdef0123456789abcdef", .digest = "00", .name = "a.png"};
            row.worker = (uint32_t)k;
            row.width = row.height = 512;
            row.batch_size = 1;
            memcpy(row.stage, w->stage, sizeof row.stage);
            row.begun_ns = at;
            row.ended_ns = at + job_ns;
            snprintf(row.cores, sizeof row.cores, "%d", k * w->config.threads);
            atl_text_printf(out, "{\"window\":%d,\"row\":", w->sequence); /* as study_record.c writes it */
            atl_row_put_json(&row, out);
            atl_text_puts(out, "}\n");
            at = row.ended_ns + 1000000;
        }
    }
}

/* What the pool took while one batch was painted, four times a second. */
static atl_status put_samples(int dir, fixture *f, const atl_study_window *w, atl_note *note)
{
    atl_status st = ATL_OK;
    for (double at = 0.25; at < w->length_s && st == ATL_OK; at += w->length_s / 80) {
        const atl_compare_sample sample = {
            .window = w->sequence,
            .at_s = at,
            .cpus_busy = w->config.workers * w->config.threads * 0.98 * fixture_noise(f, 0.02),
            .memory_mb = w->pss_mb * fmin(1, 0.7 + at / w->length_s),
            .read_mbps = 0,
            .written_mbps = w->images_per_hour / 3600 * 0.4 * fixture_noise(f, 0.6),
        };
        st = atl_compare_append_samples(dir, &sample, 1, note);
    }
    return st;
}

int main(int argc, char **argv)
{
    fixture f;
    atl_note note = {0};
    atl_text jobs = {0};
    const bool compare = argc == 3;
    if (argc != 2 && !compare)
        return 2;
    mkdir(argv[1], 0755);
    const int dir = open(argv[1], O_RDONLY | O_DIRECTORY);
    if (compare)
        fixture_compare(&f);
    else
        fixture_make(&f);
    atl_status st = dir < 0 ? ATL_IO : atl_study_write_head(dir, &f.study.head, &note);
    for (size_t i = 0; i < f.study.n_windows && st == ATL_OK; i++) {
        st = atl_study_append(dir, &f.study.windows[i], &note);
        if (compare && st == ATL_OK)
            st = put_samples(dir, &f, &f.study.windows[i], &note);
        else
            put_jobs(&f, &f.study.windows[i], &jobs);
    }
    if (st == ATL_OK && !compare)
        st = atl_dir_file_write(dir, ATL_STUDY_JOBS_NAME, jobs.data, jobs.length, &note);
    if (st != ATL_OK)
        fprintf(stderr, "%s\n", note.text);
    atl_text_done(&jobs);
    fixture_done(&f);
    close(dir);
    return st == ATL_OK ? 0 : 1;
}
