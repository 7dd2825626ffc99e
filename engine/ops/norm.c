/* norm.c - GroupNorm with an activation, and LayerNorm; see layers.h.
 *
 * GroupNorm reads twice and writes once, or once and writes where the product before left the moments of what
 * it made (moments.h). The first reading finds them itself, piece by piece and channel by channel. Pieces and
 * channels are joined in double, in order, so the statistics depend on the picture alone. The second reading
 * applies y = act(x·scale + shift), one pair of numbers a channel: or, before a convolution in bf16, leaves
 * that to the one who copies rows for it.
 *
 * Packed: gamma [c], then beta [c]. */
#include <math.h>
#include <string.h>

#include "base/sizes.h"
#include "kernels/kernels.h"
#include "ops/account.h"
#include "ops/layers.h"
#include "ops/moments.h"
#include "ops/product.h"

#define CHUNK_ROWS 64
#define CHUNKS_A_RUN                                                                                         \
    16 /* at most: chunks that one thread takes one after the other, so that it can call the next near */

size_t atl_norm_packed_bytes(int c)
{
    return atl_round_up(2 * (size_t)c * sizeof(float), ATL_ARENA_ALIGN);
}

void atl_norm_pack(int c, const float *gamma, const float *beta, void *region)
{
    float *packed = region;
    for (int i = 0; i < c; i++) {
        packed[i] = gamma ? gamma[i] : 1.0f;
        packed[c + i] = beta ? beta[i] : 0.0f;
    }
}

void atl_norm_bind(atl_norm *norm, int c, int groups, float eps, const void *region)
{
    const float *packed = region;
    *norm = (atl_norm){.c = c, .groups = groups, .eps = eps, .gamma = packed, .beta = packed + c};
}

typedef struct norm_job {
    const atl_kernels *kernels;
    const atl_norm *norm;
    const atl_map *inputs[2]; /* x and x_more, whose channels follow x's */
    int n_inputs;
    atl_activation act;
    const atl_map *out;
    size_t n_chunks; /* a picture */
    size_t n_a_run;
    const float *pieces[2]; /* of each input's moments (moments.h) */
    float *own[2];          /* the same, where it is this op that sums them; or NULL */
    float *scale_shift;     /* [n][2][c] */
    double *totals;         /* [n][groups][3][c / groups]: of a channel Σ(x - p), Σ(x - p)² and p */
    float *rows;            /* [n_threads][2][c]: a row of another type than f32, widened */
} norm_job;

static size_t picture_rows(const atl_map *map)
{
    return (size_t)map->h * (size_t)map->w;
}

static size_t chunk_rows(const norm_job *job, size_t chunk)
{
    const size_t rows = atl_moments_rows(job->inputs[0]);
    return atl_least(picture_rows(job->inputs[0]) - chunk * rows, rows);
}

/* Rows from that one on. */
static atl_rows rows_of(const atl_map *map, size_t picture, size_t row)
{
    size_t at = atl_map_row_at(map, picture * picture_rows(map) + row);
    return (atl_rows){.data = (char *)map->data + at * atl_dtype_bytes(map->dtype),
                      .stride = map->stride,
                      .dtype = map->dtype};
}

static void sum_chunk(const norm_job *job, size_t tile)
{
    for (int i = 0; i < job->n_inputs; i++) {
        const size_t c = (size_t)job->inputs[i]->c;
        if (job->own[i])
            atl_moments_sum(job->kernels, job->inputs[i], tile / job->n_chunks, tile % job->n_chunks, c,
                            job->own[i] + tile * 2 * c);
    }
}

static void sum_chunks(void *user, size_t run, int thread)
{
    const norm_job *job = user;
    size_t n = (size_t)job->inputs[0]->n * job->n_chunks, end = atl_least((run + 1) * job->n_a_run, n);
    (void)thread;
    for (size_t tile = run * job->n_a_run; tile < end; tile++)
        sum_chunk(job, tile);
}

/* Chunks of a run: enough runs that threads share the work evenly. */
static size_t choose_run(const atl_bench *bench, size_t n_chunks)
{
    size_t n = n_chunks / (4 * (size_t)atl_pool_n_threads(bench->pool));
    return n < 1 ? 1 : atl_least(n, CHUNKS_A_RUN);
}

/* totals[3][size]: of channels [first, first + n) of an input, piece by piece, about the first one's mean. */
static void total_up(const norm_job *job, int input, size_t picture, size_t first, size_t n, size_t size,
                     double *totals)
{
    const size_t c = (size_t)job->inputs[input]->c;
    const float *mean = job->pieces[input] + picture * job->n_chunks * 2 * c + first, *squares = mean + c;
    double *sum = totals, *sum_sq = totals + size, *pivot = totals + 2 * size;
    for (size_t i = 0; i < n; i++) {
        sum[i] = sum_sq[i] = 0.0;
        pivot[i] = (double)mean[i];
    }
    for (size_t piece = 0; piece < job->n_chunks; piece++, mean += 2 * c, squares += 2 * c) {
        const double rows = (double)chunk_rows(job, piece);
        for (size_t i = 0; i < n; i++) {
            const double d = (double)mean[i] - pivot[i];
            sum[i] += rows * d;
            sum_sq[i] += rows * d * d + (double)squares[i];
        }
    }
}

/* Joined channels are counted through: a group may begin in one input and end in the other. */
static void total_up_group(const norm_job *job, size_t picture, size_t first, size_t size, double *totals)
{
    size_t before = 0, done = 0;
    for (int i = 0; i < job->n_inputs && done < size; i++) {
        const size_t c = (size_t)job->inputs[i]->c, at = first + done - before;
        if (first + done < before + c) {
            const size_t n = atl_least(c - at, size - done);
            total_up(job, i, picture, at, n, size, totals + done);
            done += n;
        }
        before += c;
    }
}

/* From sums about pivots to one mean and variance: Σ(x - m)² = Σ(x - p)² + 2(p - m)·Σ(x - p) + N(p - m)². */
static void join_group(void *user, size_t tile, int thread)
{
    const norm_job *job = user;
    const atl_norm *norm = job->norm;
    size_t picture = tile / (size_t)norm->groups;
    int size = norm->c / norm->groups, first = (int)(tile % (size_t)norm->groups) * size;
    double n = (double)picture_rows(job->inputs[0]), mean = 0.0, variance = 0.0;
    double *sum = job->totals + 3 * tile * (size_t)size, *sum_sq = sum + size, *pivot = sum_sq + size;
    (void)thread;
    total_up_group(job, picture, (size_t)first, (size_t)size, sum);
    for (int i = 0; i < size; i++)
        mean += sum[i] / n + pivot[i];
    mean /= size;
    for (int i = 0; i < size; i++) {
        double d = pivot[i] - mean;
        variance += sum_sq[i] / n + 2.0 * d * (sum[i] / n) + d * d;
    }
    double factor = 1.0 / sqrt(variance / size + (double)norm->eps);
    float *scale = job->scale_shift + picture * 2 * (size_t)norm->c, *shift = scale + norm->c;
    for (int c = first; c < first + size; c++) {
        double gamma = norm->gamma ? (double)norm->gamma[c] : 1.0,
               beta = norm->beta ? (double)norm->beta[c] : 0.0;
        scale[c] = (float)(gamma * factor);
        shift[c] = (float)(beta - mean * gamma * factor);
    }
}

static void apply_chunk(void *user, size_t tile, int thread)
{
    const norm_job *job = user;
    size_t picture = tile / job->n_chunks, chunk = tile % job->n_chunks;
    const float *scale = job->scale_shift + picture * 2 * (size_t)job->norm->c, *shift = scale + job->norm->c;
    (void)thread;
    atl_map out = *job->out;
    for (int i = 0; i < job->n_inputs; i++) {
        const atl_map *x = job->inputs[i];
        size_t row = chunk * atl_moments_rows(x), m = chunk_rows(job, chunk);
        atl_rows from = rows_of(x, picture, row), to = rows_of(&out, picture, row);
        if (x->dtype == ATL_F32 && out.dtype == ATL_F32)
            for (size_t r = 0; r < m; r++)
                job->kernels->affine_f32(job->act, x->c, (const float *)from.data + r * x->stride, scale,
                                         shift, (float *)to.data + r * out.stride);
        else
            job->kernels->affine_rows(job->act, (int)m, x->c, &from, scale, shift, &to);
        scale += x->c;
        shift += x->c;
        out.data = (char *)out.data + (size_t)x->c * atl_dtype_bytes(out.dtype);
    }
}

static norm_job group_norm_job(const atl_bench *bench, const atl_norm *norm, const atl_map *x,
                               const atl_map *x_more)
{
    return (norm_job){.kernels = bench->kernels,
                      .norm = norm,
                      .inputs = {x, x_more},
                      .n_inputs = x_more ? 2 : 1,
                      .n_chunks = atl_moments_pieces(x)};
}

/* Where an input's moments are, or will be. Room is taken even if they are known: how much an op takes must
 * not depend on what a product could do. */
static void find_pieces(const atl_bench *bench, norm_job *job, int input)
{
    const atl_map *x = job->inputs[input];
    const bool known = !bench->arena->measuring && atl_moments_known(x);
    float *own = atl_arena_take(bench->arena, atl_moments_bytes(x));
    job->own[input] = known ? NULL : own;
    job->pieces[input] = known ? x->moments->pieces : own;
}

/* Fills job->scale_shift. */
static void measure(const atl_bench *bench, norm_job *job)
{
    size_t mark = atl_arena_mark(bench->arena), n = (size_t)job->inputs[0]->n, c = (size_t)job->norm->c;
    for (int i = 0; i < job->n_inputs; i++)
        find_pieces(bench, job, i);
    job->totals = atl_arena_take(bench->arena, n * 3 * c * sizeof *job->totals);
    if (!bench->arena->measuring) {
        job->n_a_run = choose_run(bench, n * job->n_chunks);
        if (job->own[0] || job->own[1])
            atl_pool_run(bench->pool, (n * job->n_chunks + job->n_a_run - 1) / job->n_a_run, sum_chunks, job);
        atl_pool_run(bench->pool, n * (size_t)job->norm->groups, join_group, job);
    }
    atl_arena_release(bench->arena, mark);
}

static float *take_scale_shift(const atl_bench *bench, const norm_job *job)
{
    return atl_arena_take(bench->arena,
                          (size_t)job->inputs[0]->n * 2 * (size_t)job->norm->c * sizeof *job->scale_shift);
}

void atl_group_norm(const atl_bench *bench, const atl_norm *norm, const atl_map *x, const atl_map *x_more,
                    atl_activation act, const atl_map *out)
{
    size_t mark = atl_arena_mark(bench->arena);
    norm_job job = group_norm_job(bench, norm, x, x_more);
    atl_account_begin(bench);
    job.act = act;
    job.out = out;
    job.scale_shift = take_scale_shift(bench, &job);
    measure(bench, &job);
    if (!bench->arena->measuring)
        atl_pool_run(bench->pool, (size_t)x->n * job.n_chunks, apply_chunk, &job);
    atl_arena_release(bench->arena, mark);
    atl_account_end_norm(bench, "group_norm", x, x_more, out);
}

/* ---- a norm and the convolution behind it ---- */

atl_affine atl_group_norm_affine(const atl_bench *bench, const atl_norm *norm, atl_activation act,
                                 const atl_conv_input *in)
{
    norm_job job = group_norm_job(bench, norm, in->x, in->x_more);
    atl_account_begin(bench);
    job.scale_shift = take_scale_shift(bench, &job);
    measure(bench, &job);
    atl_account_end_norm(bench, "group_norm", in->x, in->x_more, NULL);
    return (atl_affine){.scale_shift = job.scale_shift, .act = act};
}

static void norm_then_conv(const atl_bench *bench, const atl_norm *norm, atl_activation act,
                           const atl_conv *conv, const atl_conv_input *in, const atl_map *normed,
                           const atl_epilogue *epilogue, const atl_map *out)
{
    size_t mark = atl_arena_mark(bench->arena);
    const atl_map *x = in->x;
    atl_map taken;
    if (!normed) {
        taken = atl_map_take(bench, out->dtype, x->n, x->h, x->w, norm->c);
        normed = &taken;
    }
    atl_group_norm(bench, norm, x, in->x_more, act, normed);
    atl_conv_run(bench, conv, &(atl_conv_input){.x = normed}, epilogue, out);
    atl_arena_release(bench->arena, mark);
}

void atl_group_norm_conv(const atl_bench *bench, const atl_norm *norm, atl_activation act,
                         const atl_conv *conv, const atl_conv_input *in, const atl_map *normed,
                         const atl_epilogue *epilogue, const atl_map *out)
{
    if (!atl_conv_takes_affine(conv, in)) {
        norm_then_conv(bench, norm, act, conv, in, normed, epilogue, out);
        return;
    }
    size_t mark = atl_arena_mark(bench->arena);
    const atl_affine affine = atl_group_norm_affine(bench, norm, act, in);
    atl_conv_input seen = *in;
    seen.affine = &affine;
    atl_conv_run(bench, conv, &seen, epilogue, out);
    atl_arena_release(bench->arena, mark);
}

static void layer_norm_row(const norm_job *job, size_t row, float *scratch)
{
    const atl_map *x = job->inputs[0];
    atl_rows from = rows_of(x, 0, row), to = rows_of(job->out, 0, row);
    float *wide = scratch + x->c, *out = to.dtype == ATL_F32 ? to.data : wide;
    if (from.dtype != ATL_F32) {
        job->kernels->bf16_to_f32((size_t)x->c, from.data, scratch);
        from.data = scratch;
    }
    job->kernels->layer_norm_f32(x->c, from.data, job->norm->gamma, job->norm->beta, job->norm->eps, out);
    if (to.dtype != ATL_F32)
        job->kernels->f32_to_bf16((size_t)x->c, wide, to.data);
}

static void layer_norm_chunk(void *user, size_t tile, int thread)
{
    const norm_job *job = user;
    size_t end = (tile + 1) * CHUNK_ROWS, n_rows = atl_map_rows(job->inputs[0]);
    for (size_t row = tile * CHUNK_ROWS; row < end && row < n_rows; row++)
        layer_norm_row(job, row, job->rows + (size_t)thread * 2 * (size_t)job->norm->c);
}

void atl_layer_norm(const atl_bench *bench, const atl_norm *norm, const atl_map *x, const atl_map *out)
{
    norm_job job = {.kernels = bench->kernels, .norm = norm, .inputs = {x}, .n_inputs = 1, .out = out};
    size_t mark = atl_arena_mark(bench->arena), n_threads = (size_t)atl_pool_n_threads(bench->pool);
    atl_account_begin(bench);
    job.rows = atl_arena_take(bench->arena, n_threads * 2 * (size_t)norm->c * sizeof *job.rows);
    if (!bench->arena->measuring)
        atl_pool_run(bench->pool, (atl_map_rows(x) + CHUNK_ROWS - 1) / CHUNK_ROWS, layer_norm_chunk, &job);
    atl_arena_release(bench->arena, mark);
    atl_account_end_norm(bench, "layer_norm", x, NULL, out);
}
