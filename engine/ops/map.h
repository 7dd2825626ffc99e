/* map.h - an activation: n pictures of h × w pixels with c channels, NHWC.
 *
 * A matrix of tokens x[n][t][c] is a map with h = 1 and w = t. Rows (one pixel's or token's channels)
 * are `stride` elements apart, so that a map can also be a slice of channels of a wider one
 * (q, k and v inside a fused projection; two halves of a concatenation). Image lines may be further apart
 * than their rows: only where atl_map_may_gap says so, and only GroupNorm and convolutions in bf16 know of
 * it. */
#ifndef ATL_OPS_MAP_H
#define ATL_OPS_MAP_H

#include <stdbool.h>
#include <stddef.h>

#include "ops/arena.h"
#include "ops/pool.h"
#include "ops/types.h"

struct atl_kernels;
struct atl_account;
struct atl_adapters;
struct atl_moments;

/* Where ops run: threads, scratch, kernels of one instruction set. Passed to every op. */
typedef struct atl_bench {
    atl_pool *pool;
    atl_arena *arena;
    const struct atl_kernels *kernels;
    const atl_policy *policy;
    struct atl_account *account;         /* counts what ops cost (account.h); NULL: nobody wants to know */
    const struct atl_adapters *adapters; /* what stands beside layers (adapter.h); NULL: nothing does */
} atl_bench;

typedef struct atl_map {
    void *data;
    atl_dtype dtype;
    int n, h, w, c;
    size_t stride;               /* elements from one row to the next; c when dense */
    size_t gap;                  /* elements between an image line and the next; 0 when dense */
    struct atl_moments *moments; /* NULL, or room for what GroupNorm wants to know (moments.h) */
} atl_map;

/* A dense map from the arena, uninitialised. */
atl_map atl_map_take(const atl_bench *bench, atl_dtype dtype, int n, int h, int w, int c);

/* A dense map over memory that someone else owns. */
atl_map atl_map_over(void *data, atl_dtype dtype, int n, int h, int w, int c);

/* Channels [first, first + count) of `map`, sharing its memory, but not its moments. */
atl_map atl_map_channels(const atl_map *map, int first, int count);

/* Pictures [first, first + count) of `map`, sharing its memory, but not its moments. */
atl_map atl_map_pictures(const atl_map *map, int first, int count);

/* Image rows [first, first + n) of each picture. */
typedef struct atl_lines {
    int first, n;
} atl_lines;

/* Those lines of a map of one picture, sharing its memory, but not its moments. */
atl_map atl_map_lines(const atl_map *map, atl_lines lines);

/* Bytes from one line to the next. */
size_t atl_map_line_bytes(const atl_map *map);

/* The same memory seen as n pictures of h × w; h·w must stay what it was. */
atl_map atl_map_reshaped(const atl_map *map, int h, int w);

static inline size_t atl_map_rows(const atl_map *map)
{
    return (size_t)map->n * (size_t)map->h * (size_t)map->w;
}

static inline bool atl_map_dense(const atl_map *map)
{
    return map->stride == (size_t)map->c && map->gap == 0;
}

/* Where a row begins, in elements from the map's beginning. */
static inline size_t atl_map_row_at(const atl_map *map, size_t row)
{
    return row * map->stride + (map->gap ? row / (size_t)map->w * map->gap : 0);
}

/* Whether lines of that map may be apart: what ops read and write at once lies within one. */
static inline bool atl_map_may_gap(const atl_map *map)
{
    return map->n == 1 && map->w % 64 == 0;
}

static inline float *atl_map_f32(const atl_map *map)
{
    return (float *)map->data;
}

#endif
