/* attention_tiles.c - attention in bf16, by a kernel that keeps scores and powers to itself
 * (kernels/attend.h).
 *
 * First every head's keys and values are packed, 32 keys (a unit) at a time, and with the keys the largest
 * |k|. A tile of the pool is then up to 256 queries of one head against all its keys: they are packed, and by
 * Cauchy and Schwarz |f·q·k| ≤ f·|q|·|k| says for each 16 of them whether powers can do without a maximum.
 * Which 16 queries share a tile depends on their place in the picture alone; so then does the result.
 *
 * v gets one column more, of ones: the sum of powers comes out beside what it divides, made of the very
 * powers that were rounded. */
#include <math.h>
#include <string.h>

#include "base/sizes.h"
#include "kernels/kernels.h"
#include "ops/attention_parts.h"

#define QUERIES     (ATL_ATTEND_TILES * ATL_ATTEND_QUERIES)
#define STRIP       ATL_BF16_TILE_ROWS
#define BLOCK_BYTES 24576   /* of a block of keys and values: half of L1 */
#define HEADS_BYTES 1048576 /* of keys and values: half of L2 */
#define ONE         0x3f80u /* in bf16 */
#define ROUNDING    1.02f   /* |q|·|k| after rounding to bf16, and what the sums of squares lose */

typedef struct tiles_job {
    const atl_attention_maps *maps;
    const atl_kernels *kernels;
    size_t d, d_k, v_tiles, v_panels;
    size_t t_q, t_k, n_units, n_chunks, keys_a_block, heads, heads_a_task;
    uint16_t *k;      /* [head of picture][unit][d_k/2][32][2] */
    uint16_t *v;      /* [head of picture][unit][v_panels][16][32][2] */
    float *k_squares; /* [head of picture][unit]: the largest |k|² */
    uint8_t *scratch;
    size_t thread_bytes, strip_bytes, o_bytes;
} tiles_job;

/* One thread's memory. */
typedef struct workplace {
    uint16_t *strips; /* of queries; while packing, one of keys */
    float *o;
    float *attend;
} workplace;

static workplace workplace_of(const tiles_job *job, int thread)
{
    uint8_t *at = job->scratch + (size_t)thread * job->thread_bytes;
    return (workplace){.strips = (void *)at,
                       .o = (void *)(at + job->strip_bytes),
                       .attend = (void *)(at + job->strip_bytes + job->o_bytes)};
}

/* Where a token's channels of one head are in a map: the element's number. */
static size_t place_of(const tiles_job *job, const atl_map *map, size_t nth_head, size_t token)
{
    size_t picture = nth_head / job->heads, head = nth_head % job->heads;
    return (picture * (size_t)map->h * (size_t)map->w + token) * map->stride + head * job->d;
}

/* Up to 32 numbers, in sizes that a compiler copies in place: heads have 40, 64, 80 or 160 channels. */
static void copy_block(uint16_t *to, const uint16_t *from, size_t n)
{
    switch (n) {
    case 8:
        memcpy(to, from, 8 * sizeof *to);
        break;
    case 16:
        memcpy(to, from, 16 * sizeof *to);
        break;
    case ATL_BLOCK_K:
        memcpy(to, from, ATL_BLOCK_K * sizeof *to);
        break;
    default:
        memcpy(to, from, n * sizeof *to);
    }
}

/* Tokens [first, first + n ≤ 32) as a strip; zeros in further rows and in channels past the head's last. */
static void pack_strip(const tiles_job *job, const atl_map *map, size_t nth_head, size_t first, size_t n,
                       uint16_t *strip)
{
    size_t whole = n < STRIP ? 0 : job->d / ATL_BLOCK_K * ATL_BLOCK_K; /* channels of blocks without zeros */
    if (whole < job->d_k)
        memset(strip + whole * STRIP, 0, STRIP * (job->d_k - whole) * sizeof *strip);
    size_t at = place_of(job, map, nth_head, first);
    if (map->dtype == ATL_F32) {
        const float *rows[STRIP];
        for (size_t i = 0; i < n; i++)
            rows[i] = atl_map_f32(map) + at + i * map->stride;
        job->kernels->pack_bf16((int)n, 0, job->d, rows, strip);
        return;
    }
    const uint16_t *from = (const uint16_t *)map->data + at;
    for (size_t i = 0; i < n; i++, from += map->stride)
        for (size_t c = 0; c < job->d; c += ATL_BLOCK_K)
            copy_block(strip + c * STRIP + i * ATL_BLOCK_K, from + c,
                       job->d - c < ATL_BLOCK_K ? job->d - c : ATL_BLOCK_K);
}

/* Pairs of channels of a strip, moved as if they were floats: [key][pair] becomes [pair][key], even keys
 * first. */
static void turn_keys(const tiles_job *job, const uint16_t *strip, uint16_t *k)
{
    for (size_t c = 0; c < job->d_k; c += ATL_BLOCK_K, strip += STRIP * ATL_BLOCK_K, k += STRIP * ATL_BLOCK_K)
        for (size_t odd = 0; odd < 2; odd++) {
            const float *rows[STRIP / 2];
            for (size_t i = 0; i < STRIP / 2; i++)
                rows[i] = (const float *)(const void *)(strip + (2 * i + odd) * ATL_BLOCK_K);
            job->kernels->pack_f32(STRIP / 2, ATL_BLOCK_K / 2, rows, (float *)(void *)k + odd * (STRIP / 2),
                                   STRIP);
        }
}

/* Columns [first, first + 32) of v for n keys from `at` on, in bf16: column d is ones, others past it are 0.
 */
static void gather_values(const tiles_job *job, size_t first, size_t n, size_t at,
                          uint16_t x[ATL_ATTEND_KEYS][ATL_TILE_COLS])
{
    const atl_map *map = job->maps->v;
    size_t n_columns = job->d < first ? 0 : job->d - first;
    if (n_columns > ATL_TILE_COLS)
        n_columns = ATL_TILE_COLS;
    if (n < ATL_ATTEND_KEYS || n_columns < ATL_TILE_COLS)
        memset(x, 0, ATL_ATTEND_KEYS * sizeof *x);
    at += first;
    for (size_t i = 0; i < n; i++, at += map->stride) {
        if (map->dtype == ATL_F32)
            job->kernels->f32_to_bf16(n_columns, atl_map_f32(map) + at, x[i]);
        else
            copy_block(x[i], (const uint16_t *)map->data + at, n_columns);
        if (n_columns < ATL_TILE_COLS && job->d >= first)
            x[i][n_columns] = ONE;
    }
}

static void pack_values(const tiles_job *job, size_t first, size_t n, size_t at, uint16_t *panel)
{
    uint16_t x[ATL_ATTEND_KEYS][ATL_TILE_COLS];
    gather_values(job, first, n, at, x);
    for (size_t pair = 0; pair < ATL_ATTEND_KEYS / 2; pair++)
        for (size_t column = 0; column < ATL_TILE_COLS; column++, panel += 2) {
            panel[0] = x[2 * pair][column];
            panel[1] = x[2 * pair + 1][column];
        }
}

static float largest(const float *x, size_t n)
{
    float most = x[0];
    for (size_t i = 1; i < n; i++)
        if (!isnan(most) && !(x[i] <= most)) /* NaN stays */
            most = x[i];
    return most;
}

/* The heads of a unit follow each other: their channels do in memory. */
static void pack_unit(void *user, size_t index, int thread)
{
    const tiles_job *job = user;
    size_t picture = index / job->heads / job->n_units, head = index % job->heads;
    size_t nth_head = picture * job->heads + head, unit = index / job->heads % job->n_units;
    size_t first = unit * ATL_ATTEND_KEYS, at = nth_head * job->n_units + unit;
    size_t n = job->t_k - first < ATL_ATTEND_KEYS ? job->t_k - first : ATL_ATTEND_KEYS;
    workplace w = workplace_of(job, thread);
    float squares[STRIP];
    pack_strip(job, job->maps->k, nth_head, first, n, w.strips);
    job->kernels->squares_bf16(job->d_k, w.strips, squares);
    job->k_squares[at] = largest(squares, STRIP);
    turn_keys(job, w.strips, job->k + at * STRIP * job->d_k);

    size_t place = place_of(job, job->maps->v, nth_head, first);
    for (size_t panel = 0; panel < job->v_panels; panel++)
        pack_values(job, panel * ATL_TILE_COLS, n, place,
                    job->v + (at * job->v_panels + panel) * ATL_ATTEND_KEYS * ATL_TILE_COLS);
}

/* Packs n queries, and finds which tiles of 16 need their peaks. `doubt` is 0 where all of q and k is finite,
 * or NaN, which powers would lose. */
static void load_queries(const tiles_job *job, size_t nth_head, size_t first, size_t n, float factor,
                         const workplace *w, bool *by_peak, float *doubt)
{
    float k_square = largest(job->k_squares + nth_head * job->n_units, job->n_units);
    for (size_t i = 0; i < n; i += STRIP) {
        float squares[STRIP];
        uint16_t *strip = w->strips + i * job->d_k;
        pack_strip(job, job->maps->q, nth_head, first + i, n - i < STRIP ? n - i : STRIP, strip);
        job->kernels->squares_bf16(job->d_k, strip, squares);
        for (size_t half = 0; half < 2; half++) {
            float square = largest(squares + half * ATL_ATTEND_QUERIES, ATL_ATTEND_QUERIES);
            float bound = factor * ROUNDING * sqrtf(square) * sqrtf(k_square);
            size_t tile = i / ATL_ATTEND_QUERIES + half;
            by_peak[tile] = job->maps->causal || !(bound <= ATL_ATTEND_SAFE);
            doubt[tile] = bound - bound;
        }
    }
}

static void run_chunk(const tiles_job *job, size_t nth_head, size_t chunk, int thread)
{
    size_t first = chunk * QUERIES;
    size_t n = job->t_q - first < QUERIES ? job->t_q - first : QUERIES;
    workplace w = workplace_of(job, thread);
    bool by_peak[ATL_ATTEND_TILES + 1];
    float doubt[ATL_ATTEND_TILES + 1];
    float factor = job->maps->scale * 1.44269504f;
    load_queries(job, nth_head, first, n, factor, &w, by_peak, doubt);
    atl_attend attend = {.n_tiles = (n + ATL_ATTEND_QUERIES - 1) / ATL_ATTEND_QUERIES,
                         .n_keys = job->t_k,
                         .keys_a_block = job->keys_a_block,
                         .d_k = job->d_k,
                         .v_tiles = job->v_tiles,
                         .factor = factor,
                         .causal = job->maps->causal,
                         .first_query = first,
                         .q = w.strips,
                         .k = job->k + nth_head * job->n_units * ATL_ATTEND_KEYS * job->d_k,
                         .v = job->v +
                              nth_head * job->n_units * job->v_panels * ATL_ATTEND_KEYS * ATL_TILE_COLS,
                         .by_peak = by_peak,
                         .o = w.o,
                         .scratch = w.attend};
    job->kernels->bf16_begin();
    job->kernels->attend_bf16(&attend);
    job->kernels->bf16_end();
    for (size_t i = 0; i < n; i += ATL_ATTEND_QUERIES) {
        const atl_map *map = job->maps->out;
        const size_t at = place_of(job, map, nth_head, first + i), left = n - i;
        const atl_rows out = {.data = (char *)map->data + at * atl_dtype_bytes(map->dtype),
                              .stride = map->stride,
                              .dtype = map->dtype};
        job->kernels->attended_rows((int)(left < ATL_ATTEND_QUERIES ? left : ATL_ATTEND_QUERIES), (int)job->d,
                                    w.o + i * job->v_tiles * 16, job->v_tiles * 16,
                                    doubt[i / ATL_ATTEND_QUERIES], &out);
    }
}

/* The queries of a chunk, of some heads: channels of one head follow another's in the lines of q and out. */
static void run_heads(void *user, size_t index, int thread)
{
    const tiles_job *job = user;
    size_t first = index / job->n_chunks * job->heads_a_task, chunk = index % job->n_chunks;
    for (size_t head = first; head < first + job->heads_a_task; head++)
        run_chunk(job, head, chunk, thread);
}

/* All heads of a picture, if their keys and values stay in L2 and threads get enough to share evenly. */
static size_t choose_heads(const tiles_job *job, const atl_bench *bench)
{
    size_t bytes = job->heads * job->n_units * (job->d_k + job->v_panels * ATL_TILE_COLS) * ATL_ATTEND_KEYS *
                   sizeof(uint16_t);
    size_t tasks = (size_t)job->maps->q->n * job->n_chunks;
    return bytes <= HEADS_BYTES && tasks >= 4 * (size_t)atl_pool_n_threads(bench->pool) ? job->heads : 1;
}

/* As many keys as half of L1 holds, in whole units, of a head's size: not more than there are. */
static size_t choose_block(const tiles_job *job)
{
    size_t units = BLOCK_BYTES / ((job->d_k + job->v_tiles * 16) * ATL_ATTEND_KEYS * sizeof(uint16_t));
    units = units < 1 ? 1 : units;
    return (units < job->n_units ? units : job->n_units) * ATL_ATTEND_KEYS;
}

static void take_scratch(const atl_bench *bench, tiles_job *job, size_t n_heads)
{
    size_t n_threads = (size_t)atl_pool_n_threads(bench->pool), n_units = n_heads * job->n_units;
    size_t n_queries = atl_round_up(job->t_q < QUERIES ? job->t_q : QUERIES, STRIP);
    job->strip_bytes = n_queries * job->d_k * sizeof(uint16_t);
    job->o_bytes = n_queries * job->v_tiles * 16 * sizeof(float);
    job->thread_bytes =
        job->strip_bytes + job->o_bytes + atl_attend_floats(job->keys_a_block) * sizeof(float);
    job->k = atl_arena_take(bench->arena, n_units * ATL_ATTEND_KEYS * job->d_k * sizeof *job->k);
    job->v = atl_arena_take(bench->arena,
                            n_units * job->v_panels * ATL_ATTEND_KEYS * ATL_TILE_COLS * sizeof *job->v);
    job->k_squares = atl_arena_take(bench->arena, n_units * sizeof *job->k_squares);
    job->scratch = atl_arena_take(bench->arena, n_threads * job->thread_bytes);
}

void atl_attention_in_tiles(const atl_bench *bench, const atl_attention_maps *maps)
{
    tiles_job job = {.maps = maps, .kernels = bench->kernels, .heads = (size_t)maps->heads};
    job.d = (size_t)maps->q->c / job.heads;
    job.d_k = atl_round_up(job.d, ATL_BLOCK_K);
    job.v_tiles = job.d / 16 + 1;
    job.v_panels = (job.v_tiles + 1) / 2;
    job.t_q = (size_t)maps->q->h * (size_t)maps->q->w;
    job.t_k = (size_t)maps->k->h * (size_t)maps->k->w;
    job.n_units = (job.t_k + ATL_ATTEND_KEYS - 1) / ATL_ATTEND_KEYS;
    job.n_chunks = (job.t_q + QUERIES - 1) / QUERIES;
    job.keys_a_block = choose_block(&job);
    size_t n_heads = (size_t)maps->q->n * job.heads, mark = atl_arena_mark(bench->arena);
    take_scratch(bench, &job, n_heads);
    if (!bench->arena->measuring) {
        atl_pool_run(bench->pool, n_heads * job.n_units, pack_unit, &job);
        job.heads_a_task = choose_heads(&job, bench);
        atl_pool_run(bench->pool, n_heads / job.heads_a_task * job.n_chunks, run_heads, &job);
    }
    atl_arena_release(bench->arena, mark);
}
