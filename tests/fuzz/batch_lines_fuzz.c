/* batch_lines_fuzz.c - prompt files of any bytes: .txt, .jsonl, .csv and infotext, strict and lenient.
 *
 * The first byte chooses the format and the reading, the rest is the file. Whatever is accepted is accepted
 * again when it is written as .jsonl and read back, with the same ids and names. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "batches/batch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MOST_JOBS 200

static void demand(bool holds)
{
    if (!holds)
        abort();
}

/* A file of those bytes in memory: its path. */
static int file_of(const void *bytes, size_t n, char path[64])
{
    const int fd = memfd_create("batch", 0);
    demand(fd >= 0 && write(fd, bytes, n) == (ssize_t)n);
    snprintf(path, 64, "/proc/self/fd/%d", fd);
    return fd;
}

static void hear(void *user, const char *sentence)
{
    (void)user;
    demand(sentence[0] != '\0');
}

static atl_batch_options options_of(const char *path, uint8_t choice)
{
    return (atl_batch_options){.path = path,
                               .format = (atl_batch_format)(ATL_BATCH_TXT + choice % 4),
                               .lenient = choice & 4,
                               .combinatorial = choice & 8,
                               .max_variants = 50,
                               .name_template = choice & 16 ? "[prompt_words]" : NULL,
                               .repeat = choice & 32 ? 2 : 1,
                               .mistake = choice & 64 ? hear : NULL,
                               .defaults = {.guidance_scale = (double)NAN}};
}

static void read_again(const atl_text *lines, const atl_job *jobs, size_t n)
{
    char path[64];
    const int fd = file_of(lines->data, lines->length, path);
    const atl_batch_options options = options_of(path, 1);
    atl_batch *batch = NULL;
    atl_note note = {0};
    demand(atl_batch_open(&options, &batch, &note) == ATL_OK);
    for (size_t i = 0; i < n; i++) {
        atl_job job;
        bool end;
        demand(atl_batch_next(batch, &job, &end, &note) == ATL_OK && !end);
        demand(memcmp(&job.id, &jobs[i].id, sizeof job.id) == 0 && strcmp(job.name, jobs[i].name) == 0);
        atl_job_done(&job);
    }
    atl_batch_close(&batch);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    char path[64];
    const int fd = file_of(data + 1, size - 1, path);
    const atl_batch_options options = options_of(path, data[0]);
    atl_batch *batch = NULL;
    atl_note note = {0};
    uint64_t n_jobs;
    uint8_t digest[32];
    demand(atl_batch_open(&options, &batch, &note) == ATL_OK);
    const atl_status st = atl_batch_check(batch, &n_jobs, digest, &note);
    demand(st == ATL_OK || note.text[0] != '\0');
    static atl_job jobs[MOST_JOBS];
    atl_text lines = {0};
    size_t n = 0;
    for (bool end = false; st == ATL_OK && n < MOST_JOBS && n < n_jobs; n++) {
        demand(atl_batch_next(batch, &jobs[n], &end, &note) == ATL_OK && !end);
        demand(*jobs[n].name && strlen(jobs[n].name) <= ATL_BATCH_MAX_NAME_BYTES &&
               !strpbrk(jobs[n].name, "/\\\n"));
        atl_batch_write_line(&jobs[n], &lines);
    }
    if (n > 0)
        read_again(&lines, jobs, n);
    while (n > 0)
        atl_job_done(&jobs[--n]);
    atl_text_done(&lines);
    atl_batch_close(&batch);
    close(fd);
    return 0;
}
