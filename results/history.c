/* history.c - see history.h. */
#include "results/history.h"

#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "results/marks.h"

const char *atl_record_field(const atl_record *record, int place)
{
    return place < record->n_fields ? record->field[place] : "";
}

const char *atl_record_value(const atl_record *record, const char *key)
{
    const size_t n = strlen(key);
    for (int i = 0; i < record->n_fields; i++)
        if (strncmp(record->field[i], key, n) == 0 && record->field[i][n] == '=')
            return record->field[i] + n + 1;
    return "";
}

/* A job that ended again, and the sequence number with which it did. */
typedef struct again {
    uint64_t index, sequence;
} again;

typedef struct history {
    atl_marks ended; /* DONE: it ended; FAILED: more than once */
    again *agains;
    size_t n_agains, capacity;
    atl_record_visitor first, visit;
    void *user;
} history;

static bool is_end(const atl_record *record)
{
    return record->type == ATL_RECORD_DONE || record->type == ATL_RECORD_FAIL;
}

static atl_status note_again(history *h, const atl_record *record, atl_note *note)
{
    again *more = atl_grown(h->agains, h->n_agains, &h->capacity, 64, sizeof *more);
    if (!more)
        return atl_fail(note, ATL_NO_MEMORY, "no memory to read the ledger");
    h->agains = more;
    h->agains[h->n_agains++] = (again){.index = record->index, .sequence = record->sequence};
    return ATL_OK;
}

static atl_status first_pass(void *user, const atl_record *record, atl_note *note)
{
    history *h = user;
    const atl_status told = h->first ? h->first(h->user, record, note) : ATL_OK;
    if (told != ATL_OK || !is_end(record))
        return told;
    if (atl_marks_get(&h->ended, record->index) == ATL_MARK_NONE)
        return atl_marks_set(&h->ended, record->index, ATL_MARK_DONE, note);
    const atl_status st = atl_marks_set(&h->ended, record->index, ATL_MARK_FAILED, note);
    return st != ATL_OK ? st : note_again(h, record, note);
}

static int compare_agains(const void *a, const void *b)
{
    const again *x = a, *y = b;
    if (x->index != y->index)
        return x->index < y->index ? -1 : 1;
    return x->sequence < y->sequence ? -1 : x->sequence > y->sequence;
}

/* Keeps the last of each index. */
static void thin_out(history *h)
{
    size_t n = 0;
    if (h->n_agains > 1)
        qsort(h->agains, h->n_agains, sizeof *h->agains, compare_agains);
    for (size_t i = 0; i < h->n_agains; i++)
        if (i + 1 == h->n_agains || h->agains[i + 1].index != h->agains[i].index)
            h->agains[n++] = h->agains[i];
    h->n_agains = n;
}

static bool is_last(const history *h, const atl_record *record)
{
    const atl_mark mark = atl_marks_get(&h->ended, record->index);
    if (mark != ATL_MARK_FAILED)
        return mark == ATL_MARK_DONE; /* NONE: it was written after the first pass */
    const again key = {.index = record->index, .sequence = record->sequence};
    return bsearch(&key, h->agains, h->n_agains, sizeof key, compare_agains) != NULL;
}

static atl_status second_pass(void *user, const atl_record *record, atl_note *note)
{
    history *h = user;
    return is_end(record) && is_last(h, record) ? h->visit(h->user, record, note) : ATL_OK;
}

atl_status atl_history_visit_all(int dir_fd, atl_record_visitor first, atl_record_visitor visit, void *user,
                                 atl_note *note)
{
    history h = {.first = first, .visit = visit, .user = user};
    atl_ledger_report report;
    atl_status st = atl_ledger_read(dir_fd, first_pass, &h, &report, note);
    thin_out(&h);
    if (st == ATL_OK)
        st = atl_ledger_read(dir_fd, second_pass, &h, &report, note);
    atl_marks_done(&h.ended);
    free(h.agains);
    return st;
}

atl_status atl_history_visit(int dir_fd, atl_record_visitor visit, void *user, atl_note *note)
{
    return atl_history_visit_all(dir_fd, NULL, visit, user, note);
}
