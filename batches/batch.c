/* batch.c - opening a batch and asking it; see batch.h. What it does is in batch_jobs.c and batch_check.c. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "batch_private.h"

#define MOST_VARIANTS                                                                                        \
    ((uint64_t)1 << 32) /* of a line, whatever is asked: they are counted out in 64 bits                     \
                         */

static atl_status stick(atl_batch *batch, atl_status status, const atl_note *why, atl_note *note)
{
    batch->status = status;
    if (status != ATL_OK) {
        batch->note = *why;
        atl_fail(note, status, "%s", why->text);
    }
    return status;
}

atl_status atl_batch_check(atl_batch *batch, uint64_t *ret_n_jobs, uint8_t ret_digest[32], atl_note *note)
{
    atl_note own = {0};
    atl_status st = atl_batch_check_all(batch, &own);
    if (st != ATL_OK)
        batch->stage = ATL_STAGE_FRESH;
    st = stick(batch, st, &own, note);
    if (st == ATL_OK) {
        *ret_n_jobs = batch->n_jobs;
        memcpy(ret_digest, batch->digest, sizeof batch->digest);
    }
    return st;
}

atl_status atl_batch_rewind(atl_batch *batch, atl_note *note)
{
    atl_note own = {0};
    return stick(batch, batch->stage == ATL_STAGE_FRESH ? ATL_OK : atl_batch_rewind_pass(batch, &own), &own,
                 note);
}

atl_status atl_batch_next(atl_batch *batch, atl_job *ret_job, bool *ret_end, atl_note *note)
{
    if (batch->status != ATL_OK)
        return atl_fail(note, batch->status, "%s", batch->note.text);
    if (batch->stage == ATL_STAGE_FRESH) {
        uint64_t n_jobs;
        uint8_t digest[32];
        const atl_status st = atl_batch_check(batch, &n_jobs, digest, note);
        if (st != ATL_OK)
            return st;
    }
    atl_note own = {0};
    atl_status st = atl_batch_job(batch, ret_job, ret_end, &own);
    if (st == ATL_OK && !*ret_end) {
        st = atl_batch_advance(batch, &own);
        if (st != ATL_OK)
            atl_job_done(ret_job);
    }
    return stick(batch, st, &own, note);
}

static bool duplicate(const char *from, char **ret)
{
    *ret = from ? strdup(from) : NULL;
    return !from || *ret;
}

static atl_status copy_options(const atl_batch_options *options, atl_batch *batch, atl_note *note)
{
    const char *name = options->name_template ? options->name_template : ATL_BATCH_DEFAULT_TEMPLATE;
    const bool ok = duplicate(options->path, &batch->path) &&
                    duplicate(options->wildcards_dir, &batch->wildcards_dir) &&
                    duplicate(options->spool_dir, &batch->spool_dir) && duplicate(name, &batch->texts[0]) &&
                    duplicate(options->model_name ? options->model_name : "", &batch->texts[1]) &&
                    duplicate(options->model_hash ? options->model_hash : "", &batch->texts[2]) &&
                    duplicate(options->date ? options->date : "", &batch->texts[3]) &&
                    atl_job_copy(&options->defaults, &batch->defaults) == ATL_OK;
    if (!ok)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a batch");
    if (!options->defaults.prompt) { /* "" is a prompt, and none is none */
        free(batch->defaults.prompt);
        batch->defaults.prompt = NULL;
    }
    batch->combinatorial = options->combinatorial;
    batch->max_variants = options->max_variants ? options->max_variants : ATL_BATCH_MAX_VARIANTS;
    if (batch->max_variants > MOST_VARIANTS)
        batch->max_variants = MOST_VARIANTS;
    batch->seed = options->seed;
    batch->repeat = options->repeat ? options->repeat : 1;
    batch->judge = options->judge;
    batch->mistakes.tell = options->mistake;
    batch->mistakes.user = options->user;
    batch->user = options->user;
    batch->naming = (atl_naming){batch->texts[0], batch->texts[1], batch->texts[2], batch->texts[3]};
    batch->names_are_unique = atl_naming_is_unique(batch->texts[0]);
    atl_claims_init(batch->spool_dir, &batch->ids);
    atl_claims_init(batch->spool_dir, &batch->names);
    return atl_init_images_init(batch->path, &batch->images, note);
}

atl_status atl_batch_open(const atl_batch_options *options, atl_batch **ret_batch, atl_note *note)
{
    if (sodium_init() < 0)
        return atl_fail(note, ATL_IO, "libsodium cannot start");
    atl_batch *batch = calloc(1, sizeof *batch);
    if (!batch)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a batch");
    batch->reader.source.fd = -1;
    atl_status st = copy_options(options, batch, note);
    if (st == ATL_OK)
        st = atl_naming_check(batch->naming.name_template, note);
    if (st == ATL_OK)
        st = atl_sweeps_parse(options->sweeps, options->n_sweeps, &batch->sweeps, note);
    if (st == ATL_OK)
        st = atl_wildcards_open(batch->wildcards_dir, &batch->wildcards, note);
    if (st == ATL_OK)
        st = atl_reader_open(options, &batch->defaults, &batch->reader, note);
    if (st == ATL_OK)
        *ret_batch = batch;
    else
        atl_batch_close(&batch);
    return st;
}

void atl_batch_close(atl_batch **ret_batch)
{
    atl_batch *batch = *ret_batch;
    if (!batch)
        return;
    atl_batch_end_line(batch);
    atl_reader_done(&batch->reader);
    atl_sweeps_done(&batch->sweeps);
    atl_wildcards_close(&batch->wildcards);
    atl_init_images_done(&batch->images);
    atl_claims_done(&batch->ids);
    atl_claims_done(&batch->names);
    atl_job_done(&batch->defaults);
    for (size_t i = 0; i < sizeof batch->texts / sizeof batch->texts[0]; i++)
        free(batch->texts[i]);
    free(batch->path);
    free(batch->wildcards_dir);
    free(batch->spool_dir);
    free(batch);
    *ret_batch = NULL;
}
