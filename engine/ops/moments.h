/* moments.h - what GroupNorm has to know of a map, left beside it by whoever made it.
 *
 * A map's pixels are cut into pieces; of each piece and channel there are the mean and Σ(x - mean)², in f32.
 * They depend on the picture alone, and are the same to the bit whoever sums them: a product in bf16 while
 * what it just wrote is in its cache, or GroupNorm in a pass of its own, where nobody did. How pieces are
 * joined is norm.c's business (Chan, Golub & LeVeque 1979, "Updating formulae and a pairwise algorithm for
 * computing sample variances").
 *
 * Whoever wants them to be left makes room for them (atl_moments_take). Products say whether they did; who
 * writes such a map in another way has to forget them. */
#ifndef ATL_OPS_MOMENTS_H
#define ATL_OPS_MOMENTS_H

#include <stdalign.h>

#include "ops/map.h"

struct atl_moments {
    size_t n_rows; /* pixels of the map whose moments were left; known where these are all */
    alignas(ATL_ARENA_ALIGN) float pieces[]; /* [n][pieces of a picture][2][c]: means, then sums of squares */
};

/* Pixels of a piece of a picture; its last piece may have fewer. */
size_t atl_moments_rows(const atl_map *map);
/* Pieces of a picture. */
size_t atl_moments_pieces(const atl_map *map);
/* Of the struct and all pieces of such a map. */
size_t atl_moments_bytes(const atl_map *map);

/* Room beside a map in bf16, for which nothing is known yet. Maps may share it where one is not normed any
 * more once the other is made: it is large enough for as many pieces and channels or fewer. Nothing for a map
 * in f32, whose moments nobody leaves. */
void atl_moments_take(const atl_bench *bench, atl_map *map);
/* What was left before is of another map. */
void atl_moments_forget(const atl_bench *bench, const atl_map *map);
/* Not while the arena measures. */
bool atl_moments_known(const atl_map *map);

/* Where the mean of channel `col` is of the piece that has this row, counted over all pictures, whose pieces
 * are whole: the other channels' follow, and map->c further on the sums of squares. */
float *atl_moments_at(const atl_map *map, size_t row, size_t col);

/* Of channels [0, map->c) of one piece: sums[c] the means, sums[n_c + c] the sums of squares. On one thread.
 */
void atl_moments_sum(const struct atl_kernels *kernels, const atl_map *map, size_t picture, size_t piece,
                     size_t n_c, float *sums);

/* Leaves what belongs to rows [first, end) and channels [first_c, first_c + n) of a map with room: rows are
 * counted over all pictures, whose pieces are whole, and `first` and `end` lie between two of them. Any
 * threads, each its own. */
void atl_moments_leave(const struct atl_kernels *kernels, const atl_map *map, size_t first, size_t end,
                       int first_c, int n);

#endif
