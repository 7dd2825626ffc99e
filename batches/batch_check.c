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

/* Whether there may be something to read behind a mistake. */
static bool is_of_a_line(const atl_reader *reader, atl_status status)
{
    const bool has_lines =
        reader->format == ATL_BATCH_CSV ? reader->columns != NULL : reader->format != ATL_BATCH_INFOTEXT;
    return has_lines && reader->source.status == ATL_OK &&
           (status == ATL_BAD_INPUT || status == ATL_UNSUPPORTED || status == ATL_NOT_FOUND);
}

/* The first pass goes on behind a line with a mistake, if somebody wants to hear of the next one. */
static atl_status pass_over(atl_batch *batch, atl_status status, const atl_note *note)
{
    if (batch->stage != ATL_STAGE_RAW || !batch->mistakes.tell || !is_of_a_line(&batch->reader, status))
        return status;
    atl_mistakes_add(&batch->mistakes, status, note);
    atl_batch_end_line(batch);
    return ATL_OK;
}

/* Goes through all jobs; `each` may be NULL. Counts them and digests their ids. */
typedef atl_status (*visitor)(atl_batch *batch, const atl_job *job, void *user, atl_note *note);

static atl_status visit(atl_batch *batch, const atl_job *job, visitor each, void *user, atl_note *note)
{
    const atl_status st = each ? each(batch, job, user, note) : ATL_OK;
    return st == ATL_OK ? atl_batch_advance(batch, note) : st;
}

static atl_status pass(atl_batch *batch, visitor each, void *user, atl_note *note)
{
    crypto_hash_sha256_state state;
    atl_note own = {0};
    crypto_hash_sha256_init(&state);
    atl_status st = atl_batch_rewind_pass(batch, note);
    while (st == ATL_OK) {
        atl_job job;
        bool end;
        st = atl_batch_job(batch, &job, &end, &own);
        if (st == ATL_OK && end)
            break;
        if (st == ATL_OK) {
            crypto_hash_sha256_update(&state, job.id.bytes, sizeof job.id.bytes);
            st = visit(batch, &job, each, user, &own);
            atl_job_done(&job);
        }
        if (st != ATL_OK && (st = pass_over(batch, st, &own)) != ATL_OK)
            *note = own;
    }
    batch->n_jobs = batch->index;
    crypto_hash_sha256_final(&state, batch->digest);
    return st;
}

/* ---- what is the same twice ---- */

/* A line that gives a picture the name that an earlier line gave. */
typedef struct twin {
    char *name;
    uint64_t line, first_line;
    size_t column;
} twin;

/* What the pass over settled jobs sees to. */
typedef struct settling {
    atl_claims ids, names; /* as they are now: none is to come twice */
    twin twins[ATL_BATCH_MAX_MISTAKES];
    size_t n_twins;
    uint64_t n_more, last_line; /* beyond those; of the last twin */
} settling;

static void settling_done(settling *s)
{
    for (size_t i = 0; i < s->n_twins; i++)
        free(s->twins[i].name);
    atl_claims_done(&s->ids);
    atl_claims_done(&s->names);
}

static atl_status add_twin(const atl_batch *batch, const atl_job *job, settling *s, atl_note *note)
{
    if (batch->draft.line == s->last_line) /* several pictures of one line are one mistake */
        return ATL_OK;
    s->last_line = batch->draft.line;
    if (s->n_twins == ATL_BATCH_MAX_MISTAKES) {
        s->n_more++;
        return ATL_OK;
    }
    char *name = atl_naming_make(&batch->naming, job, &batch->draft, batch->nth, false);
    if (!name)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a name");
    s->twins[s->n_twins++] = (twin){.name = name, .line = batch->draft.line, .column = batch->draft.column};
    return ATL_OK;
}

/* In a pass over settled jobs: claims once more, to see that nothing is left that is the same. */
static atl_status claim_again(atl_batch *batch, const atl_job *job, void *user, atl_note *note)
{
    settling *s = user;
    uint64_t key, rank = 0;
    atl_status st = atl_claims_rank(&batch->names, job->index, &rank, note);
    if (st == ATL_OK && rank > 0 && atl_batch_has_own_name(batch))
        st = add_twin(batch, job, s, note);
    memcpy(&key, job->id.bytes, sizeof key);
    if (st == ATL_OK)
        st = atl_claims_add(&s->ids, key, job->index, note);
    return st == ATL_OK
               ? atl_claims_add(&s->names, atl_batch_key(job->name, strlen(job->name)), job->index, note)
               : st;
}

static atl_status look_at(atl_batch *batch, const atl_job *job, void *user, atl_note *note)
{
    settling *s = user;
    (void)note;
    for (size_t i = 0; i < s->n_twins; i++)
        if (s->twins[i].first_line == 0 && strcmp(job->name, s->twins[i].name) == 0)
            s->twins[i].first_line = batch->draft.line;
    return ATL_OK;
}

/* Both lines of each twin, which takes one more pass. */
static atl_status tell_twins(atl_batch *batch, settling *s, atl_note *note)
{
    const atl_stage before = batch->stage;
    batch->stage = ATL_STAGE_FRESH; /* neither claims nor asks */
    atl_status st = pass(batch, look_at, s, note);
    batch->stage = before;
    for (size_t i = 0; st == ATL_OK && i < s->n_twins; i++) {
        const twin *t = &s->twins[i];
        atl_note own = {0};
        atl_fail(&own, ATL_BAD_INPUT,
                 "found the name \"%s\", which line %llu has given already; wanted another", t->name,
                 (unsigned long long)t->first_line);
        atl_place(&batch->reader, t->line, t->column, ATL_BAD_INPUT, &own);
        if (batch->mistakes.tell || i == 0)
            atl_mistakes_add(&batch->mistakes, ATL_BAD_INPUT, &own);
    }
    if (batch->mistakes.tell)
        batch->mistakes.n += s->n_more;
    return atl_mistakes_conclude(&batch->mistakes, st, batch->reader.source.name, note);
}

static atl_status look_for_same(atl_batch *batch, atl_claims *claims, const char *what, const char *wanted,
                                atl_note *note)
{
    const atl_status st = atl_claims_settle(claims, note);
    if (st != ATL_OK || claims->n_later == 0)
        return st;
    return atl_fail(note, ATL_BAD_INPUT, "%s: picture %llu would have the %s of another; wanted %s",
                    batch->reader.source.name, (unsigned long long)claims->next.key, what, wanted);
}

static atl_status settled_pass(atl_batch *batch, atl_note *note)
{
    settling s = {.n_twins = 0};
    atl_claims_init(batch->spool_dir, &s.ids);
    atl_claims_init(batch->spool_dir, &s.names);
    atl_status st = pass(batch, claim_again, &s, note);
    if (st == ATL_OK && s.n_twins > 0)
        st = tell_twins(batch, &s, note);
    if (st == ATL_OK)
        st = look_for_same(batch, &s.ids, "id", "other values of \"repeat\"", note);
    if (st == ATL_OK)
        st = look_for_same(batch, &s.names, "name", "[index] at the beginning of --name", note);
    settling_done(&s);
    return st;
}

atl_status atl_batch_check_all(atl_batch *batch, atl_note *note)
{
    batch->stage = ATL_STAGE_RAW;
    atl_claims_done(&batch->ids);
    atl_claims_done(&batch->names);
    atl_mistakes_begin(&batch->mistakes);
    atl_status st = pass(batch, NULL, NULL, note);
    st = atl_mistakes_conclude(&batch->mistakes, st, batch->reader.source.name, note);
    if (st == ATL_OK && batch->n_jobs == 0)
        atl_warn(&batch->reader, 1, 1, "found no prompt in the whole file; there is nothing to paint");
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
