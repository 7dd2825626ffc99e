/* batch_check.c - passes over all jobs of a batch: the check, and what makes ids and names unique.
 *
 * The first pass claims ids and names. Only if two are the same there is a second one, which sees to it that
 * what was added (a repeat's number, an index) leaves no two the same. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "batch_private.h"

atl_status atl_batch_rewind_pass(atl_batch *batch, atl_note *note)
{
    atl_batch_end_line(batch);
    batch->index = 0;
    batch->status = ATL_OK;
    atl_status st = atl_reader_rewind(&batch->reader, note);
    if (st == ATL_OK && batch->stage == ATL_STAGE_SETTLED)
        st = atl_claims_rewind(&batch->ids, note);
    if (st == ATL_OK && batch->stage == ATL_STAGE_SETTLED)
        st = atl_claims_rewind(&batch->names, note);
    return st;
}

/* Goes through all jobs; `each` may be NULL. Counts them and digests their ids. */
typedef atl_status (*visitor)(atl_batch *batch, const atl_job *job, void *user, atl_note *note);

static atl_status pass(atl_batch *batch, visitor each, void *user, atl_note *note)
{
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    atl_status st = atl_batch_rewind_pass(batch, note);
    while (st == ATL_OK) {
        atl_job job;
        bool end;
        st = atl_batch_job(batch, &job, &end, note);
        if (st != ATL_OK || end)
            break;
        crypto_hash_sha256_update(&state, job.id.bytes, sizeof job.id.bytes);
        st = each ? each(batch, &job, user, note) : ATL_OK;
        atl_job_done(&job);
        if (st == ATL_OK)
            st = atl_batch_advance(batch, note);
    }
    batch->n_jobs = batch->index;
    crypto_hash_sha256_final(&state, batch->digest);
    return st;
}

/* Finds the line of the first job of a name. */
typedef struct search {
    const char *name;
    uint64_t line;
} search;

static atl_status look_at(atl_batch *batch, const atl_job *job, void *user, atl_note *note)
{
    search *wanted = user;
    if (strcmp(job->name, wanted->name) != 0)
        return ATL_OK;
    wanted->line = batch->draft.line;
    return atl_fail(note, ATL_CANCELLED, "found");
}

/* Two lines give their pictures one name. */
static atl_status name_both(atl_batch *batch, const char *name, atl_note *note)
{
    const uint64_t line = batch->draft.line;
    const size_t column = batch->draft.column;
    search wanted = {.name = name};
    atl_note ignored;
    const atl_stage before = batch->stage;
    batch->stage = ATL_STAGE_FRESH; /* neither claims nor asks */
    pass(batch, look_at, &wanted, &ignored);
    batch->stage = before;
    atl_fail(note, ATL_BAD_INPUT, "found the name \"%s\", which line %llu has given already; wanted another",
             name, (unsigned long long)wanted.line);
    return atl_place(&batch->reader, line, column, ATL_BAD_INPUT, note);
}

/* In a pass over settled jobs: claims once more, to see that nothing is left that is the same. */
static atl_status claim_again(atl_batch *batch, const atl_job *job, void *user, atl_note *note)
{
    atl_claims *again = user;
    uint64_t key, rank = 0;
    atl_status st = atl_claims_rank(&batch->names, job->index, &rank, note);
    if (st == ATL_OK && rank > 0 && atl_batch_has_own_name(batch)) {
        char *name = atl_naming_make(&batch->naming, job, &batch->draft, batch->nth, false);
        st = name ? name_both(batch, name, note) : atl_fail(note, ATL_NO_MEMORY, "no memory for a name");
        free(name);
    }
    memcpy(&key, job->id.bytes, sizeof key);
    if (st == ATL_OK)
        st = atl_claims_add(&again[0], key, job->index, note);
    return st == ATL_OK
               ? atl_claims_add(&again[1], atl_batch_key(job->name, strlen(job->name)), job->index, note)
               : st;
}

static atl_status settled_pass(atl_batch *batch, atl_note *note)
{
    atl_claims again[2];
    atl_claims_init(batch->spool_dir, &again[0]);
    atl_claims_init(batch->spool_dir, &again[1]);
    atl_status st = pass(batch, claim_again, again, note);
    for (int i = 0; i < 2 && st == ATL_OK; i++) {
        st = atl_claims_settle(&again[i], note);
        if (st == ATL_OK && again[i].n_later > 0)
            st = atl_fail(note, ATL_BAD_INPUT, "%s: picture %llu would have the %s of another; wanted %s",
                          batch->reader.source.name, (unsigned long long)again[i].next.key, i ? "name" : "id",
                          i ? "[index] at the beginning of --name" : "other values of \"repeat\"");
    }
    atl_claims_done(&again[0]);
    atl_claims_done(&again[1]);
    return st;
}

atl_status atl_batch_check_all(atl_batch *batch, atl_note *note)
{
    batch->stage = ATL_STAGE_RAW;
    atl_claims_done(&batch->ids);
    atl_claims_done(&batch->names);
    atl_status st = pass(batch, NULL, NULL, note);
    batch->reader.quiet = true;
    if (st == ATL_OK)
        st = atl_claims_settle(&batch->ids, note);
    if (st == ATL_OK)
        st = atl_claims_settle(&batch->names, note);
    if (st != ATL_OK)
        return st;
    batch->stage = ATL_STAGE_SETTLED;
    if (batch->ids.n_later > 0 || batch->names.n_later > 0)
        st = settled_pass(batch, note);
    return st == ATL_OK ? atl_batch_rewind_pass(batch, note) : st;
}
