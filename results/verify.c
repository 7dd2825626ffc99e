/* verify.c - see verify.h.
 *
 * Reading a picture is waiting for the disk, then inflating and hashing: none of it needs another picture. So
 * the thread that called walks the ledger and fills a batch; then it and some helpers take pictures out of
 * the batch, each the next one that nobody has, until all are read; then it alone counts and tells, in the
 * ledger's order. The batch belongs to it but between `begun` and the last helper's end of a round. More
 * helpers than processors, because files that lie on the disk are waited for. */
#include "results/verify.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "results/history.h"
#include "results/identify.h"
#include "results/pictures.h"

enum { BATCH = 512, MOST_HELPERS = 15 /* each holds a picture in memory */ };

/* A DONE record, and what its file was found to be. */
typedef struct item {
    char name[ATL_MAX_PICTURE_NAME + 1];
    bool is_name; /* that a picture can have */
    char digest[ATL_DIGEST_TEXT];
    uint64_t bytes;
    atl_job_id job;
    bool was_read;
    atl_status status;
    atl_note reason;
    atl_identity found;
} item;

typedef struct verifier {
    int dir_fd;
    const atl_verify_watch *watch;
    atl_verify_counts counts;
    item *items; /* [BATCH] */
    size_t n_items;
    atomic_size_t next; /* that nobody has taken */
    atomic_bool stopped;
    pthread_mutex_t mutex; /* over what follows */
    pthread_cond_t begun, ended;
    unsigned round;
    size_t n_busy;
    bool over;
    pthread_t helpers[MOST_HELPERS];
    size_t n_helpers;
} verifier;

/* ---- reading, by any thread ---- */

static void read_item(const verifier *v, item *it)
{
    it->status = it->is_name ? atl_picture_identify(v->dir_fd, it->name, &it->found, &it->reason)
                             : atl_fail(&it->reason, ATL_BAD_INPUT, "the ledger has no name for it");
    it->was_read = true;
}

static item *take_item(verifier *v)
{
    const size_t i = atomic_load(&v->stopped) ? v->n_items : atomic_fetch_add(&v->next, 1);
    return i < v->n_items ? &v->items[i] : NULL;
}

static void *help(void *user)
{
    verifier *v = user;
    pthread_mutex_lock(&v->mutex);
    for (unsigned seen = 0;;) {
        while (v->round == seen && !v->over)
            pthread_cond_wait(&v->begun, &v->mutex);
        if (v->over)
            break;
        seen = v->round;
        pthread_mutex_unlock(&v->mutex);
        for (item *it = take_item(v); it; it = take_item(v))
            read_item(v, it);
        pthread_mutex_lock(&v->mutex);
        if (--v->n_busy == 0)
            pthread_cond_signal(&v->ended);
    }
    pthread_mutex_unlock(&v->mutex);
    return NULL;
}

/* Whoever cannot be started is not missed. */
static void start_helpers(verifier *v)
{
    cpu_set_t set;
    const int n_cpus = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    const size_t wanted = 4 * (size_t)n_cpus - 1;
    while (v->n_helpers < wanted && v->n_helpers < MOST_HELPERS &&
           pthread_create(&v->helpers[v->n_helpers], NULL, help, v) == 0)
        v->n_helpers++;
}

static void end_helpers(verifier *v)
{
    pthread_mutex_lock(&v->mutex);
    v->over = true;
    pthread_cond_broadcast(&v->begun);
    pthread_mutex_unlock(&v->mutex);
    for (size_t i = 0; i < v->n_helpers; i++)
        pthread_join(v->helpers[i], NULL);
}

static void read_batch(verifier *v)
{
    pthread_mutex_lock(&v->mutex);
    atomic_store(&v->next, 0);
    v->n_busy = v->n_helpers;
    v->round++;
    pthread_cond_broadcast(&v->begun);
    pthread_mutex_unlock(&v->mutex);
    for (;;) {
        if (v->watch->stop && v->watch->stop(v->watch->user))
            atomic_store(&v->stopped, true);
        item *it = take_item(v);
        if (!it)
            break;
        read_item(v, it);
    }
    pthread_mutex_lock(&v->mutex);
    while (v->n_busy > 0)
        pthread_cond_wait(&v->ended, &v->mutex);
    pthread_mutex_unlock(&v->mutex);
}

/* ---- telling, by the one ---- */

static void find_fault(verifier *v, const char *name, uint64_t *counter, const char *what)
{
    const size_t n = strlen(name);
    ++*counter;
    if (strncmp(what, name, n) == 0 && strncmp(what + n, ": ", 2) == 0)
        what += n + 2;
    if (v->watch->fault)
        v->watch->fault(v->watch->user, name, what);
}

static void compare(verifier *v, const item *it)
{
    const char *what = NULL;
    if (strcmp(it->digest, it->found.digest) != 0)
        what = "its pixels are not what was painted";
    else if (!it->found.has_job || memcmp(&it->found.job, &it->job, sizeof it->job) != 0)
        what = "it carries another job's id";
    else if (it->bytes != it->found.file_bytes)
        what = "its size is not what was written";
    if (what) {
        find_fault(v, it->name, &v->counts.n_damaged, what);
        return;
    }
    v->counts.n_whole++;
    if (v->watch->whole)
        v->watch->whole(v->watch->user, it->name, it->digest);
}

static atl_status tell(verifier *v, const item *it, atl_note *note)
{
    v->counts.n_done++;
    if (it->status == ATL_NO_MEMORY)
        return atl_fail(note, it->status, "%s", it->reason.text);
    if (it->status == ATL_NOT_FOUND)
        find_fault(v, it->name, &v->counts.n_missing, "it is not there");
    else if (it->status != ATL_OK)
        find_fault(v, it->name, &v->counts.n_damaged, it->reason.text);
    else
        compare(v, it);
    return ATL_OK;
}

/* Reads what was collected, and tells of it. */
static atl_status settle(verifier *v, atl_note *note)
{
    atl_status st = ATL_OK;
    if (v->n_items > 0)
        read_batch(v);
    for (size_t i = 0; i < v->n_items; i++) {
        item *it = &v->items[i];
        if (it->was_read && st == ATL_OK)
            st = tell(v, it, note);
        atl_identity_done(&it->found);
    }
    v->n_items = 0;
    if (st == ATL_OK && atomic_load(&v->stopped))
        return atl_fail(note, ATL_CANCELLED, "stopped after %llu pictures",
                        (unsigned long long)v->counts.n_done);
    return st;
}

static atl_status collect(void *user, const atl_record *record, atl_note *note)
{
    verifier *v = user;
    const char *name = atl_record_field(record, ATL_DONE_NAME);
    if (record->type == ATL_RECORD_FAIL) {
        v->counts.n_failed++;
        return ATL_OK;
    }
    item *it = &v->items[v->n_items++];
    *it = (item){.bytes = strtoull(atl_record_field(record, ATL_DONE_BYTES), NULL, 10),
                 .job = record->job,
                 .is_name = atl_picture_name_ok(name)};
    snprintf(it->name, sizeof it->name, "%s", name);
    snprintf(it->digest, sizeof it->digest, "%s", atl_record_field(record, ATL_DONE_DIGEST));
    return v->n_items == BATCH ? settle(v, note) : ATL_OK;
}

atl_status atl_verify(int dir_fd, const atl_verify_watch *watch, atl_verify_counts *ret, atl_note *note)
{
    verifier v = {.dir_fd = dir_fd,
                  .watch = watch,
                  .items = calloc(BATCH, sizeof *v.items),
                  .mutex = PTHREAD_MUTEX_INITIALIZER,
                  .begun = PTHREAD_COND_INITIALIZER,
                  .ended = PTHREAD_COND_INITIALIZER};
    if (!v.items)
        return atl_fail(note, ATL_NO_MEMORY, "no memory to read pictures");
    start_helpers(&v);
    atl_status st = atl_history_visit(dir_fd, collect, &v, note);
    if (st == ATL_OK)
        st = settle(&v, note);
    end_helpers(&v);
    free(v.items);
    *ret = v.counts;
    return st;
}
