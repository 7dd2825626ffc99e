/* account.c - see account.h. */
#include "ops/account.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "ops/moments.h"

static bool counts(const atl_bench *bench)
{
    return bench->account && !bench->arena->measuring;
}

void atl_account_begin(const atl_bench *bench)
{
    if (counts(bench) && bench->account->depth++ == 0)
        bench->account->begun_ns = atl_clock_now_ns();
}

/* Whether the op that ends is one to be counted. */
static bool ends_outermost(const atl_bench *bench)
{
    return counts(bench) && --bench->account->depth == 0;
}

static void add(atl_account *account, const char *name, double flops, double bytes)
{
    const int64_t ns = atl_clock_now_ns() - account->begun_ns;
    size_t i = 0;
    while (i < account->n && strcmp(account->items[i].name, name) != 0)
        i++;
    if (i == ATL_ACCOUNT_MOST)
        i--;
    atl_op_cost *cost = &account->items[i];
    if (i == account->n) {
        *cost = (atl_op_cost){0};
        snprintf(cost->name, sizeof cost->name, "%s", i + 1 < ATL_ACCOUNT_MOST ? name : "others");
        account->n++;
    }
    cost->n_calls++;
    cost->flops += flops;
    cost->bytes += bytes;
    cost->ns += ns;
}

static double map_bytes(const atl_map *map)
{
    return map ? (double)atl_map_rows(map) * map->c * (double)atl_dtype_bytes(map->dtype) : 0;
}

void atl_account_end_product(const atl_bench *bench, const char *what, int kernel, const atl_conv_input *in,
                             int n_out, atl_dtype weights, const atl_map *residual, const atl_map *out)
{
    if (!ends_outermost(bench))
        return;
    const int c_in = in->x->c + (in->x_more ? in->x_more->c : 0);
    const double n_weights = (double)kernel * kernel * c_in * n_out;
    char name[48];
    if (out->h == 1)
        snprintf(name, sizeof name, "%s %d>%d x%d", what, c_in, n_out, out->n * out->w);
    else
        snprintf(name, sizeof name, "%s %d>%d @%dx%d", what, c_in, n_out, out->w, out->h);
    add(bench->account, name, 2 * n_weights * (double)atl_map_rows(out),
        n_weights * (double)atl_dtype_bytes(weights) + map_bytes(in->x) + map_bytes(in->x_more) +
            map_bytes(residual) + map_bytes(out));
}

void atl_account_end_attention(const atl_bench *bench, const atl_map *q, const atl_map *k, int heads)
{
    if (!ends_outermost(bench))
        return;
    const int n_queries = q->h * q->w, n_keys = k->h * k->w;
    char name[48];
    snprintf(name, sizeof name, "attention %dx%d %d heads of %d", n_queries, n_keys, heads, q->c / heads);
    add(bench->account, name, 4.0 * (double)atl_map_rows(q) * n_keys * q->c,
        2 * map_bytes(q) + 2 * map_bytes(k));
}

/* What finding a map's statistics has to read. */
static double summed_bytes(const atl_map *map)
{
    return map && atl_moments_known(map) ? 0.0 : map_bytes(map);
}

void atl_account_end_norm(const atl_bench *bench, const char *what, const atl_map *x, const atl_map *x_more,
                          const atl_map *out)
{
    if (!ends_outermost(bench))
        return;
    char name[48];
    snprintf(name, sizeof name, "%s %d @%dx%d", what, x->c + (x_more ? x_more->c : 0), x->w, x->h);
    add(bench->account, name, 0,
        out ? map_bytes(x) + map_bytes(x_more) + map_bytes(out) : summed_bytes(x) + summed_bytes(x_more));
}
