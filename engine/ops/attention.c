/* attention.c - attention by tiles, with an online softmax; see attention.h.
 *
 * A tile of the pool is 32 queries of one head. It walks the keys in blocks of BLOCK_KEYS and works
 * transposed:
 *
 *   S[key][32]  = K · Qᵀ          rows are keys, the 32 columns are queries
 *   softmax down the columns       every query in a lane of its own: no sums across lanes
 *   Oᵀ[c][32]  += Vᵀ · S           S is already laid out as the right-hand side, V as the left
 *
 * K is packed once for all tiles of a head; V only gets its head's rows side by side, so that they share
 * pages. A lane never sees its neighbours, and blocks follow each other upwards: a query's result does not
 * depend on who else is there.
 *
 * bf16 is attention_tiles.c's where there are tiles for it; elsewhere f32 is faster, and maps in bf16 are
 * copied. */
#include "ops/attention.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

#include "base/sizes.h"
#include "kernels/kernels.h"
#include "ops/account.h"
#include "ops/attention_parts.h"

#define BLOCK_STRIPS 16
#define BLOCK_KEYS   (BLOCK_STRIPS * ATL_TILE_ROWS)
#define QUERIES      ATL_TILE_COLS

typedef struct attention_job {
    const atl_kernels *kernels;
    const atl_map *q, *k, *v, *out;
    int heads;
    float scale;
    bool causal;
    size_t d, d_padded, t_q, t_k; /* d_padded: a multiple of 16 */
    size_t n_strips, n_query_tiles;
    float *packed_k; /* [n][heads][n_strips][d][16]; unused with OpenBLAS */
    float *dense_v;  /* [n][heads][n_strips · 14][d]; likewise */
    float *zeros;    /* [d_padded] */
    float *scratch;
    size_t thread_floats;
} attention_job;

/* One thread's tile. */
typedef struct attention_tile {
    const attention_job *job;
    size_t picture, head, first_query;
    float *q;    /* [d][32] */
    float *s;    /* [BLOCK_KEYS][32] */
    float *o;    /* [d][32] */
    float *rows; /* [32][d_padded]: o, turned */
    float max[QUERIES], sum[QUERIES], correction[QUERIES];
} attention_tile;

static const float *head_row(const attention_job *job, const atl_map *map, size_t picture, size_t head,
                             size_t token)
{
    size_t tokens = (size_t)map->h * (size_t)map->w;
    return atl_map_f32(map) + (picture * tokens + token) * map->stride + head * job->d;
}

static float *dense_value(const attention_job *job, size_t picture, size_t head, size_t key)
{
    size_t keys_a_head = job->n_strips * ATL_TILE_ROWS;
    return job->dense_v + ((picture * (size_t)job->heads + head) * keys_a_head + key) * job->d;
}

static void pack_head(void *user, size_t tile, int thread)
{
    const attention_job *job = user;
    size_t blocks = (job->n_strips + BLOCK_STRIPS - 1) / BLOCK_STRIPS;
    size_t head = tile / blocks % (size_t)job->heads, picture = tile / blocks / (size_t)job->heads;
    size_t first = tile % blocks * BLOCK_STRIPS, end = atl_least(first + BLOCK_STRIPS, job->n_strips);
    (void)thread;
    for (size_t strip = first; strip < end; strip++) {
        const float *rows[ATL_TILE_ROWS];
        size_t key = strip * ATL_TILE_ROWS, n = atl_least(ATL_TILE_ROWS, job->t_k - key);
        for (size_t i = 0; i < n; i++)
            rows[i] = head_row(job, job->k, picture, head, key + i);
        float *packed = job->packed_k + ((picture * (size_t)job->heads + head) * job->n_strips + strip) *
                                            job->d * ATL_STRIP_WIDTH;
        job->kernels->pack_f32((int)n, job->d, rows, packed, ATL_STRIP_WIDTH);
        for (size_t i = 0; i < n; i++)
            memcpy(dense_value(job, picture, head, key + i), head_row(job, job->v, picture, head, key + i),
                   job->d * sizeof(float));
    }
}

/* Queries past the end are rows of zeros: their lanes compute, and are not stored. */
static void load_queries(attention_tile *t)
{
    const attention_job *job = t->job;
    for (size_t half = 0; half < QUERIES; half += 16) {
        const float *rows[16];
        for (size_t i = 0; i < 16; i++) {
            size_t query = t->first_query + half + i;
            rows[i] = query < job->t_q ? head_row(job, job->q, t->picture, t->head, query) : job->zeros;
        }
        job->kernels->pack_f32(16, job->d, rows, t->q + half, QUERIES);
    }
}

/* S = K·Qᵀ for keys [first, first + n). */
static void multiply_keys(const attention_tile *t, size_t first, size_t n)
{
    const attention_job *job = t->job;
    if (job->kernels->gemm_by_blas) {
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)n, QUERIES, (int)job->d, 1.0f,
                    head_row(job, job->k, t->picture, t->head, first), (int)job->k->stride, t->q, QUERIES,
                    0.0f, t->s, QUERIES);
        return;
    }
    const float *packed = job->packed_k + ((t->picture * (size_t)job->heads + t->head) * job->n_strips +
                                           first / ATL_TILE_ROWS) *
                                              job->d * ATL_STRIP_WIDTH;
    for (size_t i = 0; i < n; i += ATL_TILE_ROWS, packed += job->d * ATL_STRIP_WIDTH)
        job->kernels->gemm_f32((int)atl_least(ATL_TILE_ROWS, n - i), job->d, packed, ATL_STRIP_WIDTH, t->q,
                               t->s + i * QUERIES, QUERIES, false, t->q);
}

/* Oᵀ = (add ? Oᵀ : 0) + Vᵀ·S for the same keys. */
static void multiply_values(const attention_tile *t, size_t first, size_t n, bool add)
{
    const attention_job *job = t->job;
    if (job->kernels->gemm_by_blas) {
        const float *v = head_row(job, job->v, t->picture, t->head, first);
        cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)job->d, QUERIES, (int)n, 1.0f, v,
                    (int)job->v->stride, t->s, QUERIES, add ? 1.0f : 0.0f, t->o, QUERIES);
        return;
    }
    const float *v = dense_value(job, t->picture, t->head, first);
    size_t n_passes = (job->d + ATL_TILE_ROWS - 1) / ATL_TILE_ROWS,
           height = (job->d + n_passes - 1) / n_passes;
    for (size_t c = 0; c < job->d; c += height)
        job->kernels->gemm_f32((int)atl_least(height, job->d - c), n, v + c, job->d, t->s, t->o + c * QUERIES,
                               QUERIES, add, t->s);
}

/* Keys after a query do not exist for it. */
static void hide_future(const attention_tile *t, size_t first, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < QUERIES && t->first_query + j < first + i; j++)
            t->s[i * QUERIES + j] = -INFINITY;
}

static void store_queries(const attention_tile *t)
{
    const attention_job *job = t->job;
    for (size_t c = 0; c < job->d; c += 16) {
        const float *rows[16];
        size_t n = atl_least(16, job->d - c);
        for (size_t i = 0; i < n; i++)
            rows[i] = t->o + (c + i) * QUERIES;
        job->kernels->pack_f32((int)n, QUERIES, rows, t->rows + c, job->d_padded);
    }
    for (size_t j = 0; j < QUERIES && t->first_query + j < job->t_q; j++) {
        size_t row = t->picture * job->t_q + t->first_query + j;
        atl_finish finish = {.scale = 1.0f / t->sum[j]};
        job->kernels->finish_f32(&finish, (int)job->d, t->rows + j * job->d_padded,
                                 atl_map_f32(job->out) + row * job->out->stride + t->head * job->d);
    }
}

static void run_tile(void *user, size_t index, int thread)
{
    const attention_job *job = user;
    attention_tile t = {.job = job};
    t.first_query = index % job->n_query_tiles * QUERIES;
    t.head = index / job->n_query_tiles % (size_t)job->heads;
    t.picture = index / job->n_query_tiles / (size_t)job->heads;
    t.q = job->scratch + (size_t)thread * job->thread_floats;
    t.s = t.q + job->d * QUERIES;
    t.o = t.s + BLOCK_KEYS * QUERIES;
    t.rows = t.o + job->d * QUERIES;
    for (int j = 0; j < QUERIES; j++)
        t.max[j] = -INFINITY;
    size_t n_keys = job->causal ? atl_least(job->t_k, t.first_query + QUERIES) : job->t_k;

    load_queries(&t);
    for (size_t key = 0; key < n_keys; key += BLOCK_KEYS) {
        size_t n = atl_least(BLOCK_KEYS, n_keys - key);
        multiply_keys(&t, key, n);
        if (job->causal)
            hide_future(&t, key, n);
        job->kernels->softmax_f32((int)n, job->scale, t.s, t.max, t.sum, t.correction);
        if (key > 0)
            job->kernels->scale_rows_f32((int)job->d, t.correction, t.o);
        multiply_values(&t, key, n, key > 0);
    }
    store_queries(&t);
}

/* Scratch of all threads, and what is packed for all tiles. */
static void take_scratch(const atl_bench *bench, attention_job *job, size_t n_heads)
{
    size_t n_threads = (size_t)atl_pool_n_threads(bench->pool);
    size_t n_keys = bench->kernels->gemm_by_blas ? 0 : n_heads * job->n_strips * ATL_TILE_ROWS;
    job->thread_floats = 2 * job->d * QUERIES + BLOCK_KEYS * QUERIES + QUERIES * job->d_padded;
    job->packed_k =
        atl_arena_take(bench->arena, n_keys / ATL_TILE_ROWS * job->d * ATL_STRIP_WIDTH * sizeof(float));
    job->dense_v = atl_arena_take(bench->arena, n_keys * job->d * sizeof(float));
    job->zeros = atl_arena_take(bench->arena, job->d_padded * sizeof *job->zeros);
    job->scratch = atl_arena_take(bench->arena, n_threads * job->thread_floats * sizeof *job->scratch);
}

static void attend(const atl_bench *bench, const atl_map *q, const atl_map *k, const atl_map *v, int heads,
                   float scale, bool causal, const atl_map *out)
{
    attention_job job = {.kernels = bench->kernels, .q = q, .k = k, .v = v, .out = out, .heads = heads};
    job.scale = scale;
    job.causal = causal;
    job.d = (size_t)q->c / (size_t)heads;
    job.d_padded = atl_round_up(job.d, 16);
    job.t_q = (size_t)q->h * (size_t)q->w;
    job.t_k = (size_t)k->h * (size_t)k->w;
    job.n_strips = (job.t_k + ATL_TILE_ROWS - 1) / ATL_TILE_ROWS;
    job.n_query_tiles = (job.t_q + QUERIES - 1) / QUERIES;
    size_t n_heads = (size_t)q->n * (size_t)heads,
           n_blocks = (job.n_strips + BLOCK_STRIPS - 1) / BLOCK_STRIPS;

    size_t mark = atl_arena_mark(bench->arena);
    take_scratch(bench, &job, n_heads);
    if (!bench->arena->measuring) {
        memset(job.zeros, 0, job.d_padded * sizeof *job.zeros);
        if (!bench->kernels->gemm_by_blas)
            atl_pool_run(bench->pool, n_heads * n_blocks, pack_head, &job);
        atl_pool_run(bench->pool, n_heads * job.n_query_tiles, run_tile, &job);
    }
    atl_arena_release(bench->arena, mark);
}

/* ---- maps in bf16: copied to f32 and back ---- */

typedef struct copy_job {
    const atl_kernels *kernels;
    const atl_map *from, *to;
} copy_job;

static void widen_row(void *user, size_t row, int thread)
{
    const copy_job *job = user;
    const uint16_t *from = (const uint16_t *)job->from->data + row * job->from->stride;
    (void)thread;
    job->kernels->bf16_to_f32((size_t)job->from->c, from, atl_map_f32(job->to) + row * job->to->stride);
}

static void narrow_row(void *user, size_t row, int thread)
{
    const copy_job *job = user;
    const float *from = atl_map_f32(job->from) + row * job->from->stride;
    uint16_t *to = (uint16_t *)job->to->data + row * job->to->stride;
    (void)thread;
    job->kernels->f32_to_bf16((size_t)job->to->c, from, to);
}

static atl_map as_f32(const atl_bench *bench, const atl_map *map, bool fill)
{
    if (map->dtype == ATL_F32)
        return *map;
    atl_map copy = atl_map_take(bench, ATL_F32, map->n, map->h, map->w, map->c);
    copy_job job = {.kernels = bench->kernels, .from = map, .to = &copy};
    if (fill && !bench->arena->measuring)
        atl_pool_run(bench->pool, atl_map_rows(map), widen_row, &job);
    return copy;
}

static void attend_in_f32(const atl_bench *bench, const atl_attention_maps *maps)
{
    size_t mark = atl_arena_mark(bench->arena);
    atl_map q = as_f32(bench, maps->q, true), k = as_f32(bench, maps->k, true),
            v = as_f32(bench, maps->v, true), out = as_f32(bench, maps->out, false);
    attend(bench, &q, &k, &v, maps->heads, maps->scale, maps->causal, &out);
    if (maps->out->dtype != ATL_F32 && !bench->arena->measuring) {
        copy_job job = {.kernels = bench->kernels, .from = &out, .to = maps->out};
        atl_pool_run(bench->pool, atl_map_rows(&out), narrow_row, &job);
    }
    atl_arena_release(bench->arena, mark);
}

void atl_attention(const atl_bench *bench, const atl_map *q, const atl_map *k, const atl_map *v, int heads,
                   float scale, bool causal, const atl_map *out)
{
    const atl_attention_maps maps = {
        .q = q, .k = k, .v = v, .out = out, .heads = heads, .scale = scale, .causal = causal};
    atl_layer_class layer = causal ? ATL_LAYER_TEXT : ATL_LAYER_ATTENTION;
    bool bf16 = bench->policy->layer[layer].store == ATL_BF16;
    atl_account_begin(bench);
    if (bf16 && bench->kernels->attend_bf16)
        atl_attention_in_tiles(bench, &maps);
    else
        attend_in_f32(bench, &maps);
    atl_account_end_attention(bench, q, k, heads);
}
