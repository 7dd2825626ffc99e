/* verify.c - see verify.h. */
#include "results/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "results/history.h"
#include "results/identify.h"
#include "results/pictures.h"

typedef struct verifier {
    int dir_fd;
    const atl_verify_watch *watch;
    atl_verify_counts counts;
} verifier;

static void find_fault(verifier *v, const char *name, uint64_t *counter, const char *what)
{
    const size_t n = strlen(name);
    ++*counter;
    if (strncmp(what, name, n) == 0 && strncmp(what + n, ": ", 2) == 0)
        what += n + 2;
    if (v->watch->fault)
        v->watch->fault(v->watch->user, name, what);
}

static void compare(verifier *v, const atl_record *record, const char *name, const atl_identity *found)
{
    const uint64_t bytes = strtoull(atl_record_field(record, ATL_DONE_BYTES), NULL, 10);
    const char *digest = atl_record_field(record, ATL_DONE_DIGEST), *what = NULL;
    if (strcmp(digest, found->digest) != 0)
        what = "its pixels are not what was painted";
    else if (!found->has_job || memcmp(&found->job, &record->job, sizeof record->job) != 0)
        what = "it carries another job's id";
    else if (bytes != found->file_bytes)
        what = "its size is not what was written";
    if (what) {
        find_fault(v, name, &v->counts.n_damaged, what);
        return;
    }
    v->counts.n_whole++;
    if (v->watch->whole)
        v->watch->whole(v->watch->user, name, digest);
}

static atl_status look(void *user, const atl_record *record, atl_note *note)
{
    verifier *v = user;
    const char *name = atl_record_field(record, ATL_DONE_NAME);
    atl_note reason = {0};
    atl_identity found = {0};
    if (record->type == ATL_RECORD_FAIL) {
        v->counts.n_failed++;
        return ATL_OK;
    }
    if (v->watch->stop && v->watch->stop(v->watch->user))
        return atl_fail(note, ATL_CANCELLED, "stopped after %llu pictures",
                        (unsigned long long)v->counts.n_done);
    v->counts.n_done++;
    const atl_status st = atl_picture_name_ok(name)
                              ? atl_picture_identify(v->dir_fd, name, &found, &reason)
                              : atl_fail(&reason, ATL_BAD_INPUT, "the ledger has no name for it");
    if (st == ATL_NO_MEMORY)
        return atl_fail(note, st, "%s", reason.text);
    if (st == ATL_NOT_FOUND)
        find_fault(v, name, &v->counts.n_missing, "it is not there");
    else if (st != ATL_OK)
        find_fault(v, name, &v->counts.n_damaged, reason.text);
    else
        compare(v, record, name, &found);
    atl_identity_done(&found);
    return ATL_OK;
}

atl_status atl_verify(int dir_fd, const atl_verify_watch *watch, atl_verify_counts *ret, atl_note *note)
{
    verifier v = {.dir_fd = dir_fd, .watch = watch};
    const atl_status st = atl_history_visit(dir_fd, look, &v, note);
    *ret = v.counts;
    return st;
}
