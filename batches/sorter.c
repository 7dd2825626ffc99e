/* sorter.c - see sorter.h. */
#include "sorter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/grow.h"
#include "source.h"

#define MOST_IN_MEMORY ((size_t)1 << 17) /* pairs: 2 MiB */
#define RUN_PAIRS      ((size_t)1 << 10) /* of a run that are read at once */

static int compare(const void *left, const void *right)
{
    const atl_pair *a = left, *b = right;
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    return a->value < b->value ? -1 : a->value > b->value;
}

/* All of `n` bytes at a place of the file, written or read. */
static atl_status transfer(int fd, void *bytes, size_t n, uint64_t at, bool writes, atl_note *note)
{
    char *from = bytes;
    while (n > 0) {
        const ssize_t done = writes ? pwrite(fd, from, n, (off_t)at) : pread(fd, from, n, (off_t)at);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return atl_fail(note, ATL_IO, "a temporary file cannot be %s: %s", writes ? "written" : "read",
                            done < 0 ? strerror(errno) : "it was cut");
        from += done;
        at += (uint64_t)done;
        n -= (size_t)done;
    }
    return ATL_OK;
}

/* What is in memory becomes a sorted run in the file. */
static atl_status spool_run(atl_sorter *sorter, atl_note *note)
{
    atl_status st = sorter->fd > 0 ? ATL_OK : atl_spool_open(sorter->spool_dir, &sorter->fd, note);
    if (st != ATL_OK)
        return st;
    atl_sorter_run *runs = realloc(sorter->runs, (sorter->n_runs + 1) * sizeof *runs);
    if (!runs)
        return atl_fail(note, ATL_NO_MEMORY, "no memory to sort");
    sorter->runs = runs;
    qsort(sorter->pairs, sorter->n, sizeof *sorter->pairs, compare);
    st = transfer(sorter->fd, sorter->pairs, sorter->n * sizeof *sorter->pairs,
                  sorter->n_spooled * sizeof *sorter->pairs, true, note);
    if (st != ATL_OK)
        return st;
    sorter->runs[sorter->n_runs++] = (atl_sorter_run){.end = sorter->n_spooled + sorter->n};
    sorter->n_spooled += sorter->n;
    sorter->n = 0;
    return ATL_OK;
}

atl_status atl_sorter_add(atl_sorter *sorter, uint64_t key, uint64_t value, atl_note *note)
{
    const size_t most = sorter->most_in_memory ? sorter->most_in_memory : MOST_IN_MEMORY;
    if (sorter->n == most) {
        const atl_status st = spool_run(sorter, note);
        if (st != ATL_OK)
            return st;
    }
    atl_pair *pairs = atl_grown(sorter->pairs, sorter->n, &sorter->capacity, 64, sizeof *pairs);
    if (!pairs)
        return atl_fail(note, ATL_NO_MEMORY, "no memory to sort");
    sorter->pairs = pairs;
    sorter->pairs[sorter->n++] = (atl_pair){key, value};
    return ATL_OK;
}

/* More of a run into its buffer. */
static atl_status refill(atl_sorter *sorter, atl_sorter_run *run, atl_note *note)
{
    const uint64_t left = run->end - run->next;
    run->n = left < RUN_PAIRS ? (size_t)left : RUN_PAIRS;
    run->at = 0;
    const atl_status st = transfer(sorter->fd, run->buffer, run->n * sizeof *run->buffer,
                                   run->next * sizeof *run->buffer, false, note);
    run->next += run->n;
    return st;
}

static bool is_before(const atl_sorter *sorter, size_t a, size_t b)
{
    const atl_sorter_run *left = &sorter->runs[a], *right = &sorter->runs[b];
    return compare(&left->buffer[left->at], &right->buffer[right->at]) < 0;
}

static void sift_down(atl_sorter *sorter, size_t i)
{
    size_t *heap = sorter->heap;
    for (size_t child; (child = 2 * i + 1) < sorter->n_heap; i = child) {
        if (child + 1 < sorter->n_heap && is_before(sorter, heap[child + 1], heap[child]))
            child++;
        if (!is_before(sorter, heap[child], heap[i]))
            break;
        const size_t swapped = heap[i];
        heap[i] = heap[child];
        heap[child] = swapped;
    }
}

/* Where each run begins is where the one before it ends. */
static atl_status begin_runs(atl_sorter *sorter, atl_note *note)
{
    if (!sorter->heap)
        sorter->heap = malloc(sorter->n_runs * sizeof *sorter->heap);
    if (!sorter->heap)
        return atl_fail(note, ATL_NO_MEMORY, "no memory to sort");
    sorter->n_heap = 0;
    for (size_t i = 0; i < sorter->n_runs; i++) {
        atl_sorter_run *run = &sorter->runs[i];
        run->next = i > 0 ? sorter->runs[i - 1].end : 0;
        if (!run->buffer)
            run->buffer = malloc(RUN_PAIRS * sizeof *run->buffer);
        if (!run->buffer)
            return atl_fail(note, ATL_NO_MEMORY, "no memory to sort");
        const atl_status st = refill(sorter, run, note);
        if (st != ATL_OK)
            return st;
        sorter->heap[sorter->n_heap++] = i;
    }
    for (size_t i = sorter->n_heap; i-- > 0;)
        sift_down(sorter, i);
    return ATL_OK;
}

atl_status atl_sorter_begin(atl_sorter *sorter, atl_note *note)
{
    sorter->at = 0;
    if (sorter->n_runs > 0 && sorter->n > 0) {
        const atl_status st = spool_run(sorter, note);
        if (st != ATL_OK)
            return st;
    }
    if (sorter->n_runs > 0) {
        free(sorter->pairs);
        sorter->pairs = NULL;
        sorter->capacity = 0;
        return begin_runs(sorter, note);
    }
    if (sorter->n > 0)
        qsort(sorter->pairs, sorter->n, sizeof *sorter->pairs, compare);
    return ATL_OK;
}

static atl_status next_of_runs(atl_sorter *sorter, atl_pair *ret, atl_note *note)
{
    atl_sorter_run *run = &sorter->runs[sorter->heap[0]];
    *ret = run->buffer[run->at++];
    atl_status st = ATL_OK;
    if (run->at == run->n && run->next < run->end)
        st = refill(sorter, run, note);
    else if (run->at == run->n)
        sorter->heap[0] = sorter->heap[--sorter->n_heap];
    sift_down(sorter, 0);
    return st;
}

atl_status atl_sorter_next(atl_sorter *sorter, atl_pair *ret, bool *ret_end, atl_note *note)
{
    *ret_end = sorter->n_runs > 0 ? sorter->n_heap == 0 : sorter->at == sorter->n;
    if (*ret_end)
        return ATL_OK;
    if (sorter->n_runs > 0)
        return next_of_runs(sorter, ret, note);
    *ret = sorter->pairs[sorter->at++];
    return ATL_OK;
}

void atl_sorter_done(atl_sorter *sorter)
{
    for (size_t i = 0; i < sorter->n_runs; i++)
        free(sorter->runs[i].buffer);
    free(sorter->runs);
    free(sorter->heap);
    free(sorter->pairs);
    if (sorter->fd > 0)
        close(sorter->fd);
    *sorter = (atl_sorter){.spool_dir = sorter->spool_dir};
}
