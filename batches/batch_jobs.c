/* batch_jobs.c - drafts to jobs: sweeps, variants, repeats, seeds, names.
 *
 * The order of a line's jobs: points of the sweeps, in each the variants, of each the repeats. What makes ids
 * and names unique (claims.h) is found out by the first pass, the check, so that later passes only ask. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "batch_private.h"

static atl_status place(const atl_batch *batch, atl_status status, atl_note *note)
{
    return atl_place(&batch->reader, batch->draft.line, batch->draft.column, status, note);
}

static void end_point(atl_batch *batch)
{
    atl_expansion_done(&batch->expansion);
    atl_draft_done(&batch->point);
}

void atl_batch_end_line(atl_batch *batch)
{
    end_point(batch);
    atl_draft_done(&batch->draft);
    batch->has_line = false;
}

static atl_status begin_point(atl_batch *batch, atl_note *note)
{
    end_point(batch);
    batch->at_variant = batch->at_repeat = 0;
    atl_status st = atl_draft_copy(&batch->draft, &batch->point, note);
    if (st != ATL_OK)
        return st;
    st = atl_sweeps_apply(&batch->sweeps, batch->at_point, &batch->point, note);
    if (st == ATL_OK)
        st = atl_expansion_init(batch->wildcards, &batch->point.job, batch->point.literal,
                                batch->combinatorial, batch->max_variants, &batch->expansion, note);
    return place(batch, st, note);
}

static atl_status begin_line(atl_batch *batch, bool *ret_end, atl_note *note)
{
    atl_status st = atl_reader_next(&batch->reader, &batch->draft, ret_end, note);
    if (st != ATL_OK || *ret_end)
        return st;
    batch->has_line = true;
    batch->first_index = batch->index;
    batch->nth = batch->at_point = 0;
    batch->n_repeats = (uint64_t)batch->draft.n_iter * (uint64_t)batch->draft.batch_size;
    if (batch->n_repeats <= ATL_BATCH_MAX_REPEATS)
        batch->n_repeats *= batch->repeat;
    if (batch->n_repeats > ATL_BATCH_MAX_REPEATS)
        st = place(batch,
                   atl_fail(note, ATL_BAD_INPUT, "found over %d repeats of a line", ATL_BATCH_MAX_REPEATS),
                   note);
    return st == ATL_OK ? begin_point(batch, note) : st;
}

atl_status atl_batch_advance(atl_batch *batch, atl_note *note)
{
    batch->index++;
    batch->nth++;
    if (++batch->at_repeat < batch->n_repeats)
        return ATL_OK;
    batch->at_repeat = 0;
    if (++batch->at_variant < batch->expansion.n_variants)
        return ATL_OK;
    if (++batch->at_point < batch->sweeps.n_points)
        return begin_point(batch, note);
    atl_batch_end_line(batch);
    return ATL_OK;
}

/* A line's own seed holds for all its variants; without one every variant has seeds of its own. */
static uint64_t seed_of(const atl_batch *batch)
{
    if (batch->point.has_seed)
        return batch->point.job.seed + batch->at_repeat;
    return batch->seed + batch->first_index + batch->at_variant * batch->n_repeats + batch->at_repeat;
}

uint64_t atl_batch_key(const void *bytes, size_t n)
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    uint64_t key;
    crypto_hash_sha256(digest, bytes, n);
    memcpy(&key, digest, sizeof key);
    return key;
}

bool atl_batch_has_own_name(const atl_batch *batch)
{
    return batch->draft.name || batch->draft.id;
}

static atl_status name_job(const atl_batch *batch, atl_job *job, bool add_index, atl_note *note)
{
    free(job->name);
    job->name = atl_naming_make(&batch->naming, job, &batch->draft, batch->nth, add_index);
    return job->name ? ATL_OK : atl_fail(note, ATL_NO_MEMORY, "no memory for a name");
}

/* The first pass claims what the job is and is called. */
static atl_status claim(atl_batch *batch, const atl_job *job, atl_note *note)
{
    uint64_t key;
    memcpy(&key, job->id.bytes, sizeof key);
    atl_status st = atl_claims_add(&batch->ids, key, job->index, note);
    if (st == ATL_OK && (!batch->names_are_unique || atl_batch_has_own_name(batch)))
        st = atl_claims_add(&batch->names, atl_batch_key(job->name, strlen(job->name)), job->index, note);
    if (st == ATL_OK && batch->judge)
        st = place(batch, batch->judge(batch->user, job, note), note);
    return st;
}

/* Later passes know who came second. */
static atl_status settle(atl_batch *batch, atl_job *job, atl_note *note)
{
    uint64_t id_rank = 0, name_rank = 0;
    atl_status st = atl_claims_rank(&batch->ids, job->index, &id_rank, note);
    if (st == ATL_OK)
        st = atl_claims_rank(&batch->names, job->index, &name_rank, note);
    if (st == ATL_OK && id_rank > 0) {
        job->repeat += (uint32_t)id_rank;
        st = atl_job_identify(job, note);
        if (st == ATL_OK)
            st = name_job(batch, job, false, note);
    }
    if (st == ATL_OK && name_rank > 0)
        st = name_job(batch, job, true, note);
    return st;
}

static atl_status make_job(atl_batch *batch, atl_job *ret, atl_note *note)
{
    atl_job job;
    atl_status st = atl_job_copy(&batch->point.job, &job);
    if (st != ATL_OK)
        return atl_fail(note, st, "no memory for a job");
    job.index = batch->index;
    job.seed = seed_of(batch);
    st = place(batch, atl_expansion_make(&batch->expansion, batch->at_variant, &job, note), note);
    if (st == ATL_OK && *job.init_image)
        st = place(batch, atl_init_images_settle(&batch->images, batch->point.own_init_image, &job, note),
                   note);
    if (st == ATL_OK)
        st = atl_job_identify(&job, note);
    if (st == ATL_OK)
        st = name_job(batch, &job, false, note);
    if (st == ATL_OK)
        st = batch->stage == ATL_STAGE_RAW       ? claim(batch, &job, note)
             : batch->stage == ATL_STAGE_SETTLED ? settle(batch, &job, note)
                                                 : ATL_OK;
    if (st == ATL_OK)
        *ret = job;
    else
        atl_job_done(&job);
    return st;
}

atl_status atl_batch_job(atl_batch *batch, atl_job *ret, bool *ret_end, atl_note *note)
{
    *ret_end = false;
    if (!batch->has_line) {
        const atl_status st = begin_line(batch, ret_end, note);
        if (st != ATL_OK || *ret_end)
            return st;
    }
    return make_job(batch, ret, note);
}
