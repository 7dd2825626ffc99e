/* bpe.c - merges pairs of symbols, strongest merge first, leftmost among equals.
 *
 * A word is a linked list of symbols in an array; possible merges wait in a binary heap by (rank, place).
 * An entry of the heap goes stale when a neighbour was merged away first: it is checked when it comes up, and
 * each merge adds at most two, so a word of n bytes costs n·log n however it is made. Reading merges.txt is
 * in bpe_open.c; the table of merges is built there and only looked up here. */
#include "text/bpe.h"

#include <stdlib.h>

#include "text/bpe_table.h"

#define NONE           ((uint32_t)-1)
#define HEAP_PER_BYTE  3 /* n-1 pairs to begin with, and two more for each of at most n-1 merges */
#define MAX_WORD_BYTES ((size_t)1 << 28)

typedef struct atl_bpe_symbol {
    int32_t id;
    uint32_t prev, next; /* NONE at the ends */
    bool gone;           /* merged into the symbol before it */
} symbol;

typedef struct atl_bpe_candidate {
    uint32_t rank, place; /* the merge's strength; the left symbol */
    int32_t merged;
} candidate;

void atl_bpe_room_done(atl_bpe_room *room)
{
    free(room->symbols);
    free(room->heap);
    *room = (atl_bpe_room){0};
}

static bool reserve(atl_bpe_room *room, size_t n)
{
    if (n <= room->capacity)
        return true;
    if (n > MAX_WORD_BYTES)
        return false;
    atl_bpe_room_done(room);
    size_t capacity = n < 64 ? 64 : n;
    room->symbols = malloc(capacity * sizeof *room->symbols);
    room->heap = malloc(capacity * HEAP_PER_BYTE * sizeof *room->heap);
    if (!room->symbols || !room->heap) {
        atl_bpe_room_done(room);
        return false;
    }
    room->capacity = capacity;
    return true;
}

/* ---- the heap: smallest (rank, place) first ---- */

static bool before(const candidate *a, const candidate *b)
{
    return a->rank != b->rank ? a->rank < b->rank : a->place < b->place;
}

static void heap_push(atl_bpe_room *room, candidate added)
{
    size_t i = room->n_heap++;
    while (i > 0 && before(&added, &room->heap[(i - 1) / 2])) {
        room->heap[i] = room->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    room->heap[i] = added;
}

static candidate heap_pop(atl_bpe_room *room)
{
    candidate top = room->heap[0];
    candidate moved = room->heap[--room->n_heap];
    size_t i = 0;
    for (size_t child = 1; child < room->n_heap; child = 2 * i + 1) {
        if (child + 1 < room->n_heap && before(&room->heap[child + 1], &room->heap[child]))
            child++;
        if (!before(&room->heap[child], &moved))
            break;
        room->heap[i] = room->heap[child];
        i = child;
    }
    room->heap[i] = moved;
    return top;
}

/* ---- merging ---- */

/* If the symbols at `left` and after it merge, that becomes a candidate. */
static void consider(const atl_bpe *bpe, atl_bpe_room *room, uint32_t left)
{
    if (left == NONE || room->symbols[left].next == NONE)
        return;
    const symbol *a = &room->symbols[left];
    const atl_bpe_merge *merge = atl_bpe_find(bpe, a->id, room->symbols[a->next].id);
    if (merge)
        heap_push(room, (candidate){.rank = merge->rank, .place = left, .merged = merge->merged});
}

/* Whether what the candidate saw is still so. */
static bool still_stands(const atl_bpe *bpe, const atl_bpe_room *room, const candidate *c)
{
    const symbol *left = &room->symbols[c->place];
    if (left->gone || left->next == NONE)
        return false;
    const atl_bpe_merge *merge = atl_bpe_find(bpe, left->id, room->symbols[left->next].id);
    return merge && merge->merged == c->merged;
}

static void apply(const atl_bpe *bpe, atl_bpe_room *room, const candidate *c)
{
    symbol *left = &room->symbols[c->place];
    symbol *right = &room->symbols[left->next];
    left->id = c->merged;
    left->next = right->next;
    right->gone = true;
    if (left->next != NONE)
        room->symbols[left->next].prev = c->place;
    consider(bpe, room, left->prev);
    consider(bpe, room, c->place);
}

bool atl_bpe_append(const atl_bpe *bpe, atl_bpe_room *room, const char *bytes, size_t n, atl_ints *ids)
{
    if (!reserve(room, n))
        return false;
    room->n_heap = 0;
    for (size_t i = 0; i < n; i++) {
        const int32_t *table = i + 1 < n ? bpe->inner : bpe->final;
        room->symbols[i] = (symbol){.id = table[(unsigned char)bytes[i]],
                                    .prev = i == 0 ? NONE : (uint32_t)(i - 1),
                                    .next = i + 1 < n ? (uint32_t)(i + 1) : NONE};
    }
    for (size_t i = 0; i < n; i++)
        consider(bpe, room, (uint32_t)i);
    while (room->n_heap > 0) {
        candidate top = heap_pop(room);
        if (still_stands(bpe, room, &top))
            apply(bpe, room, &top);
    }
    for (uint32_t i = 0; i != NONE; i = room->symbols[i].next)
        atl_ints_push(ids, room->symbols[i].id);
    return !ids->failed;
}
