/* batch.c - drafts to jobs: sweeps, variants, repeats, seeds, names; see batch.h.
 *
 * The order of a line's jobs: points of the sweeps, in each the variants, of each the repeats. What makes ids
 * and names unique (claims.h) is found out by the first pass, the check, so that later passes only ask. */
#include "batches/batch.h"

#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "claims.h"
#include "expand.h"
#include "init_image.h"
#include "naming.h"
#include "reader.h"
#include "sweep.h"

#define MOST_VARIANTS                                                                                        \
    ((uint64_t)1 << 32) /* of a line, whatever is asked: they are counted out in 64 bits                     \
                         */

typedef enum stage {
    FRESH,  /* nothing was read yet */
    RAW,    /* the first pass: `repeat` and names as the lines have them */
    SETTLED /* claims are known */
} stage;

struct atl_batch {
    char *path, *wildcards_dir, *spool_dir, *texts[4]; /* the naming's */
    atl_job defaults;
    bool combinatorial;
    uint64_t max_variants, seed;
    uint32_t repeat;
    atl_batch_judge judge;
    void *user;

    atl_reader reader;
    atl_sweeps sweeps;
    atl_wildcards *wildcards;
    atl_naming naming;
    bool names_are_unique; /* by the template; a line's own id or name is seen to besides */
    atl_init_images images;

    stage stage;
    uint64_t index; /* of the next job */
    bool has_line;
    atl_draft draft, point;    /* the line, and the line at a point of the sweeps */
    atl_expansion expansion;   /* of the point's prompts */
    uint64_t first_index, nth; /* of the line's first job; jobs of the line so far */
    uint64_t at_point, at_variant, at_repeat, n_repeats;

    atl_claims ids, names;
    uint64_t n_jobs;
    uint8_t digest[32];
    atl_status status; /* sticky */
    atl_note note;
};

/* ---- a line ---- */

static atl_status place(const atl_batch *batch, atl_status status, atl_note *note)
{
    return atl_place(&batch->reader, batch->draft.line, batch->draft.column, status, note);
}

static void end_point(atl_batch *batch)
{
    atl_expansion_done(&batch->expansion);
    atl_draft_done(&batch->point);
}

static void end_line(atl_batch *batch)
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

/* To the next job of the line, or past its end. */
static atl_status advance(atl_batch *batch, atl_note *note)
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
    end_line(batch);
    return ATL_OK;
}

/* ---- a job ---- */

/* A line's own seed holds for all its variants; without one every variant has seeds of its own. */
static uint64_t seed_of(const atl_batch *batch)
{
    if (batch->point.has_seed)
        return batch->point.job.seed + batch->at_repeat;
    return batch->seed + batch->first_index + batch->at_variant * batch->n_repeats + batch->at_repeat;
}

static uint64_t key_of(const void *bytes, size_t n)
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    uint64_t key;
    crypto_hash_sha256(digest, bytes, n);
    memcpy(&key, digest, sizeof key);
    return key;
}

static bool has_own_name(const atl_batch *batch)
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
    if (st == ATL_OK && (!batch->names_are_unique || has_own_name(batch)))
        st = atl_claims_add(&batch->names, key_of(job->name, strlen(job->name)), job->index, note);
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
        st = batch->stage == RAW       ? claim(batch, &job, note)
             : batch->stage == SETTLED ? settle(batch, &job, note)
                                       : ATL_OK;
    if (st == ATL_OK)
        *ret = job;
    else
        atl_job_done(&job);
    return st;
}

static atl_status next_job(atl_batch *batch, atl_job *ret, bool *ret_end, atl_note *note)
{
    *ret_end = false;
    if (!batch->has_line) {
        const atl_status st = begin_line(batch, ret_end, note);
        if (st != ATL_OK || *ret_end)
            return st;
    }
    return make_job(batch, ret, note);
}

/* ---- passes ---- */

static atl_status rewind_pass(atl_batch *batch, atl_note *note)
{
    end_line(batch);
    batch->index = 0;
    batch->status = ATL_OK;
    atl_status st = atl_reader_rewind(&batch->reader, note);
    if (st == ATL_OK && batch->stage == SETTLED)
        st = atl_claims_rewind(&batch->ids, note);
    if (st == ATL_OK && batch->stage == SETTLED)
        st = atl_claims_rewind(&batch->names, note);
    return st;
}

/* Goes through all jobs; `each` may be NULL. Counts them and digests their ids. */
typedef atl_status (*visitor)(atl_batch *batch, const atl_job *job, void *user, atl_note *note);

static atl_status pass(atl_batch *batch, visitor each, void *user, atl_note *note)
{
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    atl_status st = rewind_pass(batch, note);
    while (st == ATL_OK) {
        atl_job job;
        bool end;
        st = next_job(batch, &job, &end, note);
        if (st != ATL_OK || end)
            break;
        crypto_hash_sha256_update(&state, job.id.bytes, sizeof job.id.bytes);
        st = each ? each(batch, &job, user, note) : ATL_OK;
        atl_job_done(&job);
        if (st == ATL_OK)
            st = advance(batch, note);
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
    const stage before = batch->stage;
    batch->stage = FRESH; /* neither claims nor asks */
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
    if (st == ATL_OK && rank > 0 && has_own_name(batch)) {
        char *name = atl_naming_make(&batch->naming, job, &batch->draft, batch->nth, false);
        st = name ? name_both(batch, name, note) : atl_fail(note, ATL_NO_MEMORY, "no memory for a name");
        free(name);
    }
    memcpy(&key, job->id.bytes, sizeof key);
    if (st == ATL_OK)
        st = atl_claims_add(&again[0], key, job->index, note);
    return st == ATL_OK ? atl_claims_add(&again[1], key_of(job->name, strlen(job->name)), job->index, note)
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

static atl_status check(atl_batch *batch, atl_note *note)
{
    batch->stage = RAW;
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
    batch->stage = SETTLED;
    if (batch->ids.n_later > 0 || batch->names.n_later > 0)
        st = settled_pass(batch, note);
    return st == ATL_OK ? rewind_pass(batch, note) : st;
}

/* ---- the public functions ---- */

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
    atl_status st = check(batch, &own);
    if (st != ATL_OK)
        batch->stage = FRESH;
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
    return stick(batch, batch->stage == FRESH ? ATL_OK : rewind_pass(batch, &own), &own, note);
}

atl_status atl_batch_next(atl_batch *batch, atl_job *ret_job, bool *ret_end, atl_note *note)
{
    if (batch->status != ATL_OK)
        return atl_fail(note, batch->status, "%s", batch->note.text);
    if (batch->stage == FRESH) {
        uint64_t n_jobs;
        uint8_t digest[32];
        const atl_status st = atl_batch_check(batch, &n_jobs, digest, note);
        if (st != ATL_OK)
            return st;
    }
    atl_note own = {0};
    atl_status st = next_job(batch, ret_job, ret_end, &own);
    if (st == ATL_OK && !*ret_end) {
        st = advance(batch, &own);
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
    end_line(batch);
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
