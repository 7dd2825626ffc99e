/* token_merge.c - see token_merge.h.
 *
 * A picture at a time: its tokens are scaled to length 1 and laid out anew, sources first, destinations
 * behind them. Destinations are packed as a linear layer's weights, so that the similarities are an ordinary
 * product, made a chunk of sources at a time; of each row only the largest is kept. Ties go to the token that
 * comes first, sums run in the tokens' order: nothing depends on threads or on the other pictures. */
#include "nets/token_merge.h"

#include <math.h>
#include <string.h>

#include "kernels/kernels.h"
#include "ops/layers.h"
#include "ops/panels.h"

#define CHUNK_ROWS 512 /* sources whose similarities wait at a time: 2 MB at 64 × 64 tokens */
#define WIDE       256 /* channels that are widened to f32 at a time */

typedef struct scratch {
    int n_tokens, n_sources, n_destinations;
    int32_t *order;  /* [n_tokens]: sources, then destinations */
    atl_map unit;    /* [1][1][n_tokens][c], in that order */
    void *panels;    /* of the destinations */
    atl_map scores;  /* [1][1][CHUNK_ROWS][n_destinations] */
    int32_t *target; /* [n_sources]: the most alike destination */
    uint64_t *keys;  /* [n_sources]: how alike, the most alike first */
    uint64_t *sorted;
} scratch;

typedef struct merge_job {
    const atl_kernels *kernels;
    const atl_token_merge *plan;
    const scratch *s;
    const atl_map *x, *out;
    int picture, first;
} merge_job;

static void *row_at(const atl_map *map, size_t row, int channel)
{
    return (char *)map->data + (row * map->stride + (size_t)channel) * atl_dtype_bytes(map->dtype);
}

static int least(int a, int b)
{
    return a < b ? a : b;
}

static void widen(const atl_kernels *kernels, const atl_map *map, size_t row, int channel, int n, float *out)
{
    if (map->dtype == ATL_BF16)
        kernels->bf16_to_f32((size_t)n, row_at(map, row, channel), out);
    else
        memcpy(out, row_at(map, row, channel), (size_t)n * sizeof *out);
}

static void narrow(const atl_kernels *kernels, const float *values, const atl_map *map, size_t row,
                   int channel, int n)
{
    if (map->dtype == ATL_BF16)
        kernels->f32_to_bf16((size_t)n, values, row_at(map, row, channel));
    else
        memcpy(row_at(map, row, channel), values, (size_t)n * sizeof *values);
}

/* ---- how alike ---- */

static bool is_destination(int token, int w)
{
    return token / w % 2 == 0 && token % w % 2 == 0;
}

static void lay_out(scratch *s, int w)
{
    int source = 0, destination = s->n_sources;
    for (int i = 0; i < s->n_tokens; i++)
        s->order[is_destination(i, w) ? destination++ : source++] = i;
}

static void scale_row(void *user, size_t place, int thread)
{
    const merge_job *job = user;
    const atl_map *x = job->x, *unit = &job->s->unit;
    const size_t row = (size_t)job->picture * (size_t)job->s->n_tokens + (size_t)job->s->order[place];
    double squares = 0;
    float part[WIDE];
    (void)thread;
    for (int c = 0; c < x->c; c += WIDE) {
        const int n = least(WIDE, x->c - c);
        widen(job->kernels, x, row, c, n, part);
        for (int i = 0; i < n; i++)
            squares += (double)part[i] * (double)part[i];
    }
    const float factor = squares > 0 ? (float)(1.0 / sqrt(squares)) : 0.0f;
    for (int c = 0; c < x->c; c += WIDE) {
        const int n = least(WIDE, x->c - c);
        widen(job->kernels, x, row, c, n, part);
        for (int i = 0; i < n; i++)
            part[i] *= factor;
        narrow(job->kernels, part, unit, place, c, n);
    }
}

static void pack_panel(void *user, size_t index, int thread)
{
    const merge_job *job = user;
    const scratch *s = job->s;
    const int first = (int)index * ATL_TILE_COLS;
    atl_panel_rows rows = {.n = least(ATL_TILE_COLS, s->n_destinations - first),
                           .type = s->unit.dtype,
                           .c_in = (size_t)s->unit.c,
                           .n_taps = 1};
    (void)thread;
    for (int i = 0; i < rows.n; i++)
        rows.row[i] = row_at(&s->unit, (size_t)(s->n_sources + first + i), 0);
    atl_panels_pack_one(job->kernels, &rows, s->unit.dtype, index, s->panels);
}

/* Unsigned numbers that sort as the floats do, the largest first. */
static uint32_t descending(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits >> 31 ? bits : ~bits & 0x7FFFFFFFu;
}

static void find_target(void *user, size_t row, int thread)
{
    const merge_job *job = user;
    const scratch *s = job->s;
    const float *scores = atl_map_f32(&s->scores) + row * s->scores.stride;
    const size_t source = (size_t)job->first + row;
    int best = 0;
    (void)thread;
    for (int i = 1; i < s->n_destinations; i++)
        if (scores[i] > scores[best])
            best = i;
    s->target[source] = best;
    s->keys[source] = (uint64_t)descending(scores[best]) << 32 | source;
}

static void find_targets(const atl_bench *bench, merge_job *job)
{
    const scratch *s = job->s;
    const atl_linear alike = {
        .n_in = s->unit.c, .n_out = s->n_destinations, .dtype = s->unit.dtype, .weight = s->panels};
    for (int first = 0; first < s->n_sources; first += CHUNK_ROWS) {
        const int n = least(CHUNK_ROWS, s->n_sources - first);
        const atl_map rows =
            atl_map_over(row_at(&s->unit, (size_t)first, 0), s->unit.dtype, 1, 1, n, s->unit.c);
        const atl_map scores = atl_map_over(s->scores.data, ATL_F32, 1, 1, n, s->n_destinations);
        atl_linear_run(bench, &alike, &rows, NULL, &scores);
        job->first = first;
        if (!bench->arena->measuring)
            atl_pool_run(bench->pool, (size_t)n, find_target, job);
    }
}

/* ---- which ---- */

/* The k-th smallest of n keys that all differ (Hoare 1961); reorders them. */
static uint64_t select_key(uint64_t *keys, int n, int k)
{
    int low = 0, high = n - 1;
    while (low < high) {
        const uint64_t pivot = keys[low + (high - low) / 2];
        int i = low, j = high;
        while (i <= j) {
            while (keys[i] < pivot)
                i++;
            while (keys[j] > pivot)
                j--;
            if (i <= j) {
                const uint64_t kept = keys[i];
                keys[i++] = keys[j];
                keys[j--] = kept;
            }
        }
        if (k <= j)
            high = j;
        else if (k >= i)
            low = i;
        else
            break;
    }
    return keys[k];
}

/* Rows are the sources that stay, then the destinations, each followed by what was merged into it. */
static void decide(const scratch *s, const atl_token_merge *plan, int picture)
{
    const int n_merged = s->n_tokens - plan->n_kept;
    const size_t tokens = (size_t)picture * (size_t)s->n_tokens;
    int32_t *row = plan->row + tokens, *next = plan->next + tokens;
    int32_t *head = plan->head + (size_t)picture * (size_t)plan->n_kept;
    memcpy(s->sorted, s->keys, (size_t)s->n_sources * sizeof *s->keys);
    const uint64_t last = n_merged > 0 ? select_key(s->sorted, s->n_sources, n_merged - 1) : 0;
    const int first_destination = s->n_sources - n_merged;
    for (int i = 0; i < s->n_destinations; i++) {
        const int32_t token = s->order[s->n_sources + i];
        head[first_destination + i] = token;
        row[token] = first_destination + i;
        next[token] = -1;
    }
    int n_stay = s->n_sources - n_merged;
    for (int i = s->n_sources - 1; i >= 0; i--) { /* backwards: each goes right behind its destination */
        const int32_t token = s->order[i];
        const bool merged = n_merged > 0 && s->keys[i] <= last;
        row[token] = merged ? first_destination + s->target[i] : --n_stay;
        int32_t *link = merged ? &next[head[row[token]]] : &head[row[token]];
        next[token] = merged ? *link : -1;
        *link = token;
    }
}

static scratch take_scratch(const atl_bench *bench, const atl_map *x, int h, int w)
{
    scratch s = {.n_tokens = h * w, .n_destinations = (h + 1) / 2 * ((w + 1) / 2)};
    s.n_sources = s.n_tokens - s.n_destinations;
    const size_t n = (size_t)s.n_tokens;
    s.order = atl_arena_take(bench->arena, n * sizeof *s.order);
    s.target = atl_arena_take(bench->arena, n * sizeof *s.target);
    s.keys = atl_arena_take(bench->arena, n * sizeof *s.keys);
    s.sorted = atl_arena_take(bench->arena, n * sizeof *s.sorted);
    s.panels = atl_arena_take(bench->arena, atl_panels_bytes((size_t)x->c, s.n_destinations, x->dtype));
    s.unit = atl_map_take(bench, x->dtype, 1, 1, s.n_tokens, x->c);
    s.scores = atl_map_take(bench, ATL_F32, 1, 1, least(CHUNK_ROWS, s.n_tokens), s.n_destinations);
    return s;
}

void atl_token_merge_plan(const atl_bench *bench, const atl_map *x, int h, int w, float ratio,
                          atl_token_merge *ret)
{
    const size_t all = (size_t)x->n * (size_t)(h * w);
    *ret = (atl_token_merge){.n = x->n, .h = h, .w = w};
    ret->row = atl_arena_take(bench->arena, all * sizeof *ret->row);
    ret->next = atl_arena_take(bench->arena, all * sizeof *ret->next);
    ret->head = atl_arena_take(bench->arena, all * sizeof *ret->head);
    const size_t mark = atl_arena_mark(bench->arena);
    scratch s = take_scratch(bench, x, h, w);
    ret->n_kept = s.n_tokens - least(s.n_sources, (int)((double)s.n_tokens * (double)ratio));
    merge_job job = {.kernels = bench->kernels, .plan = ret, .s = &s, .x = x};
    if (!bench->arena->measuring)
        lay_out(&s, w);
    for (job.picture = 0; job.picture < x->n; job.picture++) {
        if (!bench->arena->measuring) {
            atl_pool_run(bench->pool, (size_t)s.n_tokens, scale_row, &job);
            atl_pool_run(bench->pool, ((size_t)s.n_destinations + ATL_TILE_COLS - 1) / ATL_TILE_COLS,
                         pack_panel, &job);
        }
        find_targets(bench, &job);
        if (!bench->arena->measuring)
            decide(&s, ret, job.picture);
    }
    atl_arena_release(bench->arena, mark);
}

/* ---- in and out ---- */

static void merge_row(void *user, size_t index, int thread)
{
    const merge_job *job = user;
    const atl_token_merge *plan = job->plan;
    const size_t first = index / (size_t)plan->n_kept * (size_t)(plan->h * plan->w);
    float sum[WIDE], part[WIDE];
    (void)thread;
    for (int c = 0; c < job->x->c; c += WIDE) {
        const int n = least(WIDE, job->x->c - c);
        int32_t token = plan->head[index];
        int count = 1;
        widen(job->kernels, job->x, first + (size_t)token, c, n, sum);
        while ((token = plan->next[first + (size_t)token]) >= 0) {
            widen(job->kernels, job->x, first + (size_t)token, c, n, part);
            job->kernels->add_f32((size_t)n, sum, part, sum);
            count++;
        }
        for (int i = 0; i < n && count > 1; i++)
            sum[i] /= (float)count;
        narrow(job->kernels, sum, job->out, index, c, n);
    }
}

void atl_token_merge_in(const atl_bench *bench, const atl_token_merge *plan, const atl_map *x,
                        const atl_map *merged)
{
    merge_job job = {.kernels = bench->kernels, .plan = plan, .x = x, .out = merged};
    if (!bench->arena->measuring)
        atl_pool_run(bench->pool, (size_t)plan->n * (size_t)plan->n_kept, merge_row, &job);
}

static void hand_back_row(void *user, size_t index, int thread)
{
    const merge_job *job = user;
    const atl_token_merge *plan = job->plan;
    const size_t picture = index / (size_t)(plan->h * plan->w);
    const size_t from = picture * (size_t)plan->n_kept + (size_t)plan->row[index];
    float sum[WIDE];
    (void)thread;
    for (int c = 0; c < job->x->c; c += WIDE) {
        const int n = least(WIDE, job->x->c - c);
        widen(job->kernels, job->out, index, c, n, sum);
        job->kernels->add_f32((size_t)n, sum, row_at(job->x, from, c), sum);
        narrow(job->kernels, sum, job->out, index, c, n);
    }
}

void atl_token_merge_out(const atl_bench *bench, const atl_token_merge *plan, const atl_map *answer,
                         const atl_map *t)
{
    merge_job job = {.kernels = bench->kernels, .plan = plan, .x = answer, .out = t};
    if (!bench->arena->measuring)
        atl_pool_run(bench->pool, (size_t)plan->n * (size_t)(plan->h * plan->w), hand_back_row, &job);
}
