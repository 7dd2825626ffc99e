/* account.h - what each op of a network costs: its arithmetic and bytes, known from its shapes, and the time
 * that it took. For benchmarks: a bench without an account pays one comparison an op.
 *
 * Ops with the same shapes share an entry. An op that is made of ops is one entry: what is inside of a begun
 * op is not counted again. Used by the thread that runs the ops. */
#ifndef ATL_OPS_ACCOUNT_H
#define ATL_OPS_ACCOUNT_H

#include "ops/layers.h"

typedef struct atl_op_cost {
    char name[48]; /* "conv3x3 320>320 @64x64" */
    int n_calls;
    double flops; /* of all calls; 2 for a multiply-add. Norms count none: they are bytes */
    double bytes; /* that have to come and go at least: inputs, weights and results once each */
    int64_t ns;
} atl_op_cost;

enum { ATL_ACCOUNT_MOST = 512 };

typedef struct atl_account {
    atl_op_cost items[ATL_ACCOUNT_MOST]; /* further shapes go to the last one, called "others" */
    size_t n;
    int depth; /* ops that are begun and not ended */
    int64_t begun_ns;
} atl_account;

void atl_account_begin(const atl_bench *bench);

/* Each ends the op that was begun last. A norm without `out` only found its statistics, of
 * maps that have moments without reading them. */
void atl_account_end_product(const atl_bench *bench, const char *what, int kernel, const atl_conv_input *in,
                             int n_out, atl_dtype weights, const atl_map *residual, const atl_map *out);
void atl_account_end_attention(const atl_bench *bench, const atl_map *q, const atl_map *k, int heads);
void atl_account_end_norm(const atl_bench *bench, const char *what, const atl_map *x, const atl_map *x_more,
                          const atl_map *out);

#endif
