/* token_merge.h - self-attention over fewer tokens: the most alike are averaged before it, and each gets its
 * group's answer after it (Bolya & Hoffman 2023, "Token Merging for Fast Stable Diffusion").
 *
 * Of each 2 × 2 pixels the first is a destination and the others are sources. Each source is held against all
 * destinations, by the cosine of their channels; the sources that found the most alike one are merged into
 * it. Which is which stands still (the paper draws the place in each 2 × 2): pictures depend on nothing but
 * their job. */
#ifndef ATL_NETS_TOKEN_MERGE_H
#define ATL_NETS_TOKEN_MERGE_H

#include <stdint.h>

#include "ops/map.h"

#define ATL_MOST_MERGED 0.75 /* of the tokens: all but the destinations */

/* What was decided, for n pictures of h × w tokens. Memory is the arena's. */
typedef struct atl_token_merge {
    int n, h, w;
    int n_kept;    /* rows of a picture after merging */
    int32_t *row;  /* [n][h·w]: in which row a token's answer stands */
    int32_t *head; /* [n][n_kept]: the first token of a row */
    int32_t *next; /* [n][h·w]: the next token of the same row, or -1 */
} atl_token_merge;

/* Decides for x[n][1][h·w][c] (f32 or bf16), of which the part `ratio` is merged away, or as many as there
 * are sources. What `ret` points to is taken from the arena and lives until the caller releases its mark. */
void atl_token_merge_plan(const atl_bench *bench, const atl_map *x, int h, int w, float ratio,
                          atl_token_merge *ret);

/* merged[n][1][n_kept][c] = the means of x[n][1][h·w][c]'s groups; one type. */
void atl_token_merge_in(const atl_bench *bench, const atl_token_merge *plan, const atl_map *x,
                        const atl_map *merged);

/* t[n][1][h·w][c] += answer[n][1][n_kept][c] of each token's group; answer is f32, t f32 or bf16. */
void atl_token_merge_out(const atl_bench *bench, const atl_token_merge *plan, const atl_map *answer,
                         const atl_map *t);

#endif
