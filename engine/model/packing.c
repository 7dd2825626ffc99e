/* packing.c - see packing.h.
 *
 * Threads: the list of fills is written before the run and only read in it; tiles write to disjoint parts of
 * the store. A tile that meets trouble leaves its number behind, and the least number wins: it is then read
 * once more by the caller alone, for the words, so that what is said does not depend on threads. */
#include "model/packing.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "model/fetch.h"
#include "ops/panels.h"

#define TILE_ELEMENTS ((size_t)1 << 19)
#define TILES_AHEAD   24 /* whose bytes are asked for while this one is packed */

/* One region of the store. */
typedef struct fill {
    atl_stack from;
    size_t n_taps; /* 0: floats */
    atl_dtype dtype;
    void *to;
    size_t first_tile, tile_rows;
} fill;

struct atl_packing {
    fill *fills;
    size_t n, capacity, n_tiles;
};

atl_status atl_packing_open(atl_packing **ret, atl_note *note)
{
    *ret = calloc(1, sizeof **ret);
    return *ret ? ATL_OK : atl_fail(note, ATL_NO_MEMORY, "no memory for a list of weights");
}

void atl_packing_close(atl_packing **packing)
{
    if (*packing)
        free((*packing)->fills);
    free(*packing);
    *packing = NULL;
}

static size_t stack_rows(const atl_stack *s)
{
    return (size_t)s->n * s->rows_each;
}

static atl_status add(atl_packing *packing, fill f, atl_note *note)
{
    fill *fills = atl_grown(packing->fills, packing->n, &packing->capacity, 512, sizeof *fills);
    if (!fills)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a list of weights");
    packing->fills = fills;
    const size_t unit = f.n_taps ? ATL_TILE_COLS : 1, elements = unit * f.from.row_elements;
    f.tile_rows = unit * (elements < TILE_ELEMENTS ? TILE_ELEMENTS / elements : 1);
    f.first_tile = packing->n_tiles;
    packing->n_tiles += (stack_rows(&f.from) + f.tile_rows - 1) / f.tile_rows;
    packing->fills[packing->n++] = f;
    return ATL_OK;
}

atl_status atl_packing_add_panels(atl_packing *packing, const atl_stack *from, size_t n_taps, atl_dtype dtype,
                                  void *panels, atl_note *note)
{
    return add(packing, (fill){.from = *from, .n_taps = n_taps, .dtype = dtype, .to = panels}, note);
}

atl_status atl_packing_add_floats(atl_packing *packing, const atl_stack *from, float *to, atl_note *note)
{
    return add(packing, (fill){.from = *from, .to = to}, note);
}

/* ---- tiles ---- */

/* Rows [first, first + n) of one region. */
typedef struct tile {
    const fill *of;
    size_t first, n;
} tile;

static tile tile_at(const atl_packing *packing, size_t index)
{
    size_t low = 0, high = packing->n; /* the last fill that begins at or before the tile */
    while (high - low > 1) {
        const size_t middle = (low + high) / 2;
        if (packing->fills[middle].first_tile <= index)
            low = middle;
        else
            high = middle;
    }
    const fill *f = &packing->fills[low];
    const size_t first = (index - f->first_tile) * f->tile_rows, rows = stack_rows(&f->from);
    return (tile){.of = f, .first = first, .n = rows - first < f->tile_rows ? rows - first : f->tile_rows};
}

/* Calls `each` for the parts of the tile that lie in one matrix: rows [row, row + n) of it, which are rows
 * from `at` on of the tile. Stops at the first that does not answer ATL_OK. */
typedef atl_status (*part_fn)(void *user, const atl_weight *weight, size_t row, size_t n, size_t at,
                              atl_note *note);
static atl_status each_part(const tile *t, part_fn each, void *user, atl_note *note)
{
    const atl_stack *s = &t->of->from;
    atl_status st = ATL_OK;
    for (size_t at = 0, n; st == ATL_OK && at < t->n; at += n) {
        const size_t which = (t->first + at) / s->rows_each, row = (t->first + at) % s->rows_each;
        n = t->n - at < s->rows_each - row ? t->n - at : s->rows_each - row;
        st = each(user, &s->weight[which], row, n, at, note);
    }
    return st;
}

typedef struct to_floats {
    size_t row_elements;
    float *out;
} to_floats;

static atl_status part_to_floats(void *user, const atl_weight *weight, size_t row, size_t n, size_t at,
                                 atl_note *note)
{
    const to_floats *to = user;
    return atl_fetch_rows(weight, to->row_elements, row, n, to->out + at * to->row_elements, note);
}

static atl_status tile_to_floats(const tile *t, float *out, atl_note *note)
{
    to_floats to = {.row_elements = t->of->from.row_elements, .out = out};
    return each_part(t, part_to_floats, &to, note);
}

/* Finds the tile's rows where the file has them. */
typedef struct row_finder {
    size_t row_elements;
    const void **row;
    int type; /* atl_dtype of all parts; -1: none yet */
} row_finder;

static int dtype_of_rows(const atl_weight *weight)
{
    switch (weight->tensor->dtype) {
    case ATL_ST_F32:
        return ATL_F32;
    case ATL_ST_F16:
        return ATL_F16;
    case ATL_ST_BF16:
        return ATL_BF16;
    default:
        return -1;
    }
}

/* ATL_UNSUPPORTED if kernels cannot read them there: other types, or a transposed matrix. */
static atl_status part_to_rows(void *user, const atl_weight *weight, size_t row, size_t n, size_t at,
                               atl_note *note)
{
    row_finder *finder = user;
    const int type = weight->transposed ? -1 : dtype_of_rows(weight);
    (void)note;
    if (type < 0 || (finder->type >= 0 && type != finder->type))
        return ATL_UNSUPPORTED;
    finder->type = type;
    const size_t row_bytes = finder->row_elements * atl_dtype_bytes((atl_dtype)type);
    for (size_t i = 0; i < n; i++)
        finder->row[at + i] = weight->tensor->data + (weight->first_row + row + i) * row_bytes;
    return ATL_OK;
}

static bool pack_panels(const tile *t, const atl_kernels *kernels, atl_dtype type, const void *const *row)
{
    const fill *f = t->of;
    atl_panel_rows rows = {.type = type, .c_in = f->from.row_elements / f->n_taps, .n_taps = f->n_taps};
    bool well = true;
    for (size_t at = 0; at < t->n; at += ATL_TILE_COLS) {
        rows.n = t->n - at < ATL_TILE_COLS ? (int)(t->n - at) : ATL_TILE_COLS;
        memcpy(rows.row, row + at, (size_t)rows.n * sizeof *row);
        well &= atl_panels_pack_one(kernels, &rows, f->dtype, (t->first + at) / ATL_TILE_COLS, f->to);
    }
    return well;
}

/* By way of f32 in memory, for types that the kernels do not read. */
static atl_status pack_converted(const tile *t, const atl_kernels *kernels, const void **row)
{
    const size_t row_elements = t->of->from.row_elements;
    float *rows = malloc(t->n * row_elements * sizeof *rows);
    if (!rows)
        return ATL_NO_MEMORY;
    const atl_status st = tile_to_floats(t, rows, NULL);
    for (size_t i = 0; i < t->n; i++)
        row[i] = rows + i * row_elements;
    if (st == ATL_OK)
        pack_panels(t, kernels, ATL_F32, row);
    free(rows);
    return st;
}

static atl_status pack_tile(const tile *t, const atl_kernels *kernels)
{
    const fill *f = t->of;
    if (f->n_taps == 0)
        return tile_to_floats(t, (float *)f->to + t->first * f->from.row_elements, NULL);
    const void **row = malloc(t->n * sizeof *row);
    if (!row)
        return ATL_NO_MEMORY;
    row_finder finder = {.row_elements = f->from.row_elements, .row = row, .type = -1};
    atl_status st;
    if (each_part(t, part_to_rows, &finder, NULL) != ATL_OK)
        st = pack_converted(t, kernels, row);
    else
        st = pack_panels(t, kernels, (atl_dtype)finder.type, row) ? ATL_OK : ATL_BAD_INPUT;
    free(row);
    return st;
}

/* ---- the run ---- */

typedef struct run {
    const atl_packing *packing;
    const atl_kernels *kernels;
    atomic_size_t trouble; /* the first tile that failed; n_tiles: none */
} run;

static atl_status part_wanted(void *user, const atl_weight *weight, size_t row, size_t n, size_t at,
                              atl_note *note)
{
    (void)at;
    (void)note;
    atl_fetch_want(weight, *(const size_t *)user, row, n);
    return ATL_OK;
}

static atl_status part_forgotten(void *user, const atl_weight *weight, size_t row, size_t n, size_t at,
                                 atl_note *note)
{
    (void)at;
    (void)note;
    atl_fetch_forget(weight, *(const size_t *)user, row, n);
    return ATL_OK;
}

/* So that each thread has the disk busy with what somebody packs next. */
static void want(const atl_packing *packing, size_t index)
{
    if (index >= packing->n_tiles)
        return;
    const tile t = tile_at(packing, index);
    size_t row_elements = t.of->from.row_elements;
    each_part(&t, part_wanted, &row_elements, NULL);
}

static void forget(const tile *t)
{
    size_t row_elements = t->of->from.row_elements;
    each_part(t, part_forgotten, &row_elements, NULL);
}

static void run_tile(void *job, size_t index, int thread)
{
    run *r = job;
    (void)thread;
    if (atomic_load_explicit(&r->trouble, memory_order_relaxed) < index)
        return;
    want(r->packing, index + TILES_AHEAD);
    const tile t = tile_at(r->packing, index);
    if (pack_tile(&t, r->kernels) != ATL_OK) {
        size_t before = atomic_load(&r->trouble);
        while (index < before && !atomic_compare_exchange_weak(&r->trouble, &before, index))
            ;
    }
    forget(&t);
}

/* In words what is wrong with a tile. */
static atl_status tell(const tile *t, atl_note *note)
{
    float *rows = malloc(t->n * t->of->from.row_elements * sizeof *rows);
    if (!rows)
        return atl_fail(note, ATL_NO_MEMORY, "no memory to convert %zu numbers",
                        t->n * t->of->from.row_elements);
    const atl_status st = tile_to_floats(t, rows, note);
    free(rows);
    return st != ATL_OK ? st : atl_fail(note, ATL_NO_MEMORY, "no memory to convert weights");
}

/* Pages that tiles share were kept. */
static void forget_all(const atl_packing *packing)
{
    for (size_t i = 0; i < packing->n; i++) {
        const fill *f = &packing->fills[i];
        for (int w = 0; w < f->from.n; w++)
            atl_fetch_forget_all(&f->from.weight[w]);
    }
}

atl_status atl_packing_run(const atl_packing *packing, atl_pool *pool, const atl_kernels *kernels,
                           atl_note *note)
{
    run r = {.packing = packing, .kernels = kernels};
    atomic_init(&r.trouble, packing->n_tiles);
    for (size_t i = 0; i < TILES_AHEAD; i++)
        want(packing, i);
    atl_pool_run(pool, packing->n_tiles, run_tile, &r);
    const size_t trouble = atomic_load(&r.trouble);
    atl_status st = ATL_OK;
    if (trouble < packing->n_tiles) {
        const tile t = tile_at(packing, trouble);
        st = tell(&t, note);
    }
    forget_all(packing);
    return st;
}
