/* scratch.h - a folder of its own for a test's files, and batches read from it in one call. */
#ifndef ATL_TESTS_BATCHES_SCRATCH_H
#define ATL_TESTS_BATCHES_SCRATCH_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "batches/batch.h"

static char scratch_dir[64];

static inline int scratch_open(void **state)
{
    (void)state;
    snprintf(scratch_dir, sizeof scratch_dir, "/tmp/atelier-batches-XXXXXX");
    return mkdtemp(scratch_dir) ? 0 : -1;
}

static inline int scratch_close(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", scratch_dir);
    return system(command);
}

/* The path of a file of that name; valid until the eighth call after. */
static inline const char *scratch_path(const char *name)
{
    static char paths[8][256];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", scratch_dir, name);
    return path;
}

static inline const char *scratch_bytes(const char *name, const void *bytes, size_t n)
{
    const char *path = scratch_path(name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
    return path;
}

static inline const char *scratch_file(const char *name, const char *text)
{
    return scratch_bytes(name, text, strlen(text));
}

static inline atl_batch_options scratch_options(const char *path)
{
    return (atl_batch_options){.path = path, .defaults = {.guidance_scale = (double)NAN}, .seed = 100};
}

/* All jobs of a batch. */
typedef struct scratch_jobs {
    atl_job each[4096];
    size_t n;
    uint8_t digest[32];
    atl_status status;
    atl_note note;
} scratch_jobs;

static inline void scratch_done(scratch_jobs *jobs)
{
    for (size_t i = 0; i < jobs->n; i++)
        atl_job_done(&jobs->each[i]);
    free(jobs);
}

static inline scratch_jobs *scratch_read(const atl_batch_options *options)
{
    scratch_jobs *jobs = calloc(1, sizeof *jobs);
    assert_non_null(jobs);
    atl_batch *batch = NULL;
    uint64_t n_jobs = 0;
    bool end = false;
    jobs->status = atl_batch_open(options, &batch, &jobs->note);
    if (jobs->status == ATL_OK)
        jobs->status = atl_batch_check(batch, &n_jobs, jobs->digest, &jobs->note);
    while (jobs->status == ATL_OK && !end) {
        assert_true(jobs->n < 4096);
        jobs->status = atl_batch_next(batch, &jobs->each[jobs->n], &end, &jobs->note);
        if (jobs->status == ATL_OK && !end) {
            assert_int_equal(jobs->each[jobs->n].index, jobs->n);
            jobs->n++;
        }
    }
    if (jobs->status == ATL_OK)
        assert_int_equal(jobs->n, n_jobs);
    atl_batch_close(&batch);
    assert_null(batch);
    return jobs;
}

static inline scratch_jobs *scratch_good(const atl_batch_options *options)
{
    scratch_jobs *jobs = scratch_read(options);
    if (jobs->status != ATL_OK)
        fail_msg("%s", jobs->note.text);
    return jobs;
}

/* A file of that name and text, read with no option. */
static inline scratch_jobs *scratch_text(const char *name, const char *text)
{
    const atl_batch_options options = scratch_options(scratch_file(name, text));
    return scratch_good(&options);
}

/* The batch fails, with a note that begins (after the folder) as said. */
static inline void scratch_fails(const atl_batch_options *options, atl_status status, const char *begins)
{
    scratch_jobs *jobs = scratch_read(options);
    const char *note = jobs->note.text;
    const size_t n = strlen(scratch_dir);
    if (strncmp(note, scratch_dir, n) == 0)
        note += n + 1;
    if (jobs->status != status || strncmp(note, begins, strlen(begins)) != 0)
        fail_msg("status %d, note \"%s\"; wanted %d, \"%s\"", (int)jobs->status, note, (int)status, begins);
    scratch_done(jobs);
}

static inline void scratch_text_fails(const char *name, const char *text, const char *begins)
{
    const atl_batch_options options = scratch_options(scratch_file(name, text));
    scratch_fails(&options, ATL_BAD_INPUT, begins);
}

#endif
