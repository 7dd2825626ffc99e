/* ceilings.c - see ceilings.h: what there is to measure, and its statistics. ceilings_team.c does it. */
#include "ceilings.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/sizes.h"
#include "caches.h"
#include "ceilings_team.h"
#include "cpu_private.h"

/* Where a walk's data are. */
enum { IN_L1 = 1, IN_L2, IN_L3, IN_MEMORY };

static const struct row {
    const char *name, *unit;
    int product; /* atl_product, or 0 */
    int place;
    atl_walk_kind kind;
} rows[] = {
    {"gemm_f32", "GFLOP/s", ATL_PRODUCT_F32, 0, 0},
    {"gemm_bf16", "GFLOP/s", ATL_PRODUCT_BF16, 0, 0},
    {"gemm_s8", "GFLOP/s", ATL_PRODUCT_S8, 0, 0}, /* counted as such: two for a multiply-add */
    {"read_l1", "GB/s", 0, IN_L1, ATL_WALK_READ},
    {"read_l2", "GB/s", 0, IN_L2, ATL_WALK_READ},
    {"read_l3", "GB/s", 0, IN_L3, ATL_WALK_READ},
    {"read_memory", "GB/s", 0, IN_MEMORY, ATL_WALK_READ},
    {"copy", "GB/s", 0, IN_MEMORY, ATL_WALK_COPY},
    {"copy_streaming", "GB/s", 0, IN_MEMORY, ATL_WALK_COPY_STREAMING},
    {"triad", "GB/s", 0, IN_MEMORY, ATL_WALK_TRIAD},
    {"triad_streaming", "GB/s", 0, IN_MEMORY, ATL_WALK_TRIAD_STREAMING},
    {"latency_l1", "ns", 0, IN_L1, ATL_WALK_CHASE},
    {"latency_l2", "ns", 0, IN_L2, ATL_WALK_CHASE},
    {"latency_l3", "ns", 0, IN_L3, ATL_WALK_CHASE},
    {"latency_memory", "ns", 0, IN_MEMORY, ATL_WALK_CHASE},
};

#define MB ((size_t)1000000)

enum { MIN_MEMORY_MB = 64, MAX_MEMORY_MB = 8000, CHASE_MEMORY_MB = 1000 };

static bool is_wanted(const char *only, const char *name)
{
    for (const char *at = only; at; at = strchr(at, ',')) {
        at += *at == ',';
        const size_t n = strcspn(at, ",");
        if (n > 0 && strncmp(at, name, n) == 0)
            return true;
    }
    return !only;
}

static int cpu_of(const atl_ceilings_options *options, int thread)
{
    return options->cpus ? options->cpus[thread] : thread;
}

/* Of the last caches that the threads have between them. */
static size_t last_caches_bytes(const atl_ceilings_options *options)
{
    size_t sum = 0;
    for (int t = 0; t < options->n_threads; t++) {
        const atl_caches caches = atl_caches_of("", cpu_of(options, t));
        const atl_cache *last = atl_caches_last(&caches);
        bool is_new = true;
        for (int other = 0; other < t && is_new; other++) {
            const atl_caches seen = atl_caches_of("", cpu_of(options, other));
            is_new = atl_caches_last(&seen)->first != last->first;
        }
        sum += is_new ? last->bytes : 0;
    }
    return sum;
}

static size_t free_bytes(void)
{
    const long pages = sysconf(_SC_AVPHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    return pages > 0 && page > 0 ? (size_t)pages * (size_t)page : 0;
}

/* Threads of ours that share the third cache of thread 0. */
static int sharers(const atl_ceilings_options *options, const atl_caches *caches)
{
    int n = 0;
    for (int t = 0; t < options->n_threads; t++)
        n += atl_caches_of("", cpu_of(options, t)).level[3].first == caches->level[3].first;
    return n > 0 ? n : 1;
}

/* What each thread walks over; 0: there is no such place. A stream through memory is four times as large as
 * the caches (STREAM's rule); a chase twice, since it comes back to a line only after all others. */
static size_t walk_bytes(const struct row *row, const atl_ceilings_options *options)
{
    const atl_caches caches = atl_caches_of("", cpu_of(options, 0));
    const size_t l1 = caches.level[1].bytes, l2 = caches.level[2].bytes, l3 = caches.level[3].bytes;
    if (row->place == IN_L1)
        return l1 / 2;
    if (row->place == IN_L2)
        return l2 / 2 > 2 * l1 ? l2 / 2 : 0;
    if (row->place == IN_L3) {
        const size_t share = l3 / 2 / (size_t)sharers(options, &caches);
        return share < 2 * l2 ? 0 : share < 4 * l2 ? share : 4 * l2;
    }
    const bool is_chase = row->kind == ATL_WALK_CHASE;
    size_t all = last_caches_bytes(options) * (is_chase ? 2 : 4), most = free_bytes() / 4;
    most = is_chase && most > CHASE_MEMORY_MB * MB ? CHASE_MEMORY_MB * MB : most;
    most = most > MAX_MEMORY_MB * MB ? MAX_MEMORY_MB * MB : most;
    all = all > MIN_MEMORY_MB * MB ? all : MIN_MEMORY_MB * MB;
    return (all < most ? all : most) / (size_t)options->n_threads;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void fill_statistics(double *values, int n, bool less_is_better, atl_ceiling *ret)
{
    double sum = 0, squares = 0;
    qsort(values, (size_t)n, sizeof *values, ascending);
    for (int i = 0; i < n; i++)
        sum += values[i];
    ret->n = n;
    ret->mean = sum / n;
    for (int i = 0; i < n; i++)
        squares += (values[i] - ret->mean) * (values[i] - ret->mean);
    ret->sd = n > 1 ? sqrt(squares / (n - 1)) : 0;
    ret->median = n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
    ret->best = values[less_is_better ? 0 : n - 1];
}

/* Whose kernel it is: AVX-512's product of f32 is what a processor with AMX has, too. */
static const char *name_of(atl_product product, const atl_kernels *kernels)
{
    const atl_dtype store = product == ATL_PRODUCT_F32  ? ATL_F32
                            : product == ATL_PRODUCT_S8 ? ATL_S8
                                                        : ATL_BF16;
    const char *name = atl_cpu_product_isa(kernels, store);
    return strcmp(name, "blas") == 0 ? kernels->isa : name; /* what is measured here is ours */
}

static atl_status measure_one(const struct row *row, const atl_kernels *kernels,
                              const atl_ceilings_options *options, atl_ceiling *ret, size_t *n,
                              atl_note *note)
{
    const size_t bytes = row->product ? 0 : walk_bytes(row, options);
    if ((!row->product && bytes == 0) || *n == ATL_MAX_CEILINGS)
        return ATL_OK;
    const atl_team_task task = {.product = (atl_product)row->product,
                                .kernels = kernels,
                                .kind = row->kind,
                                .bytes = bytes,
                                .n_threads = options->n_threads,
                                .cpus = options->cpus,
                                .seconds = options->seconds > 0 ? options->seconds : 1};
    double rates[ATL_TEAM_REPETITIONS];
    int n_rates = 0;
    const atl_status st = atl_team_measure(&task, rates, &n_rates, note);
    if (st != ATL_OK)
        return st;
    const bool is_latency = !row->product && row->kind == ATL_WALK_CHASE;
    for (int i = 0; is_latency && i < n_rates; i++) /* loads of all threads per ns */
        rates[i] = options->n_threads / rates[i];
    atl_ceiling *one = &ret[(*n)++];
    *one = (atl_ceiling){.n_threads = options->n_threads, .bytes = bytes};
    snprintf(one->name, sizeof one->name, "%s", row->name);
    snprintf(one->isa, sizeof one->isa, "%s",
             row->product ? name_of((atl_product)row->product, kernels) : "");
    snprintf(one->unit, sizeof one->unit, "%s", row->unit);
    fill_statistics(rates, n_rates, is_latency, one);
    return ATL_OK;
}

static bool same_product(atl_product product, const atl_kernels *a, const atl_kernels *b)
{
    return product == ATL_PRODUCT_F32  ? a->gemm_f32 == b->gemm_f32
           : product == ATL_PRODUCT_S8 ? a->gemm_gathered_s8 == b->gemm_gathered_s8
                                       : a->gemm_bf16 == b->gemm_bf16;
}

/* A product on each set of kernels that has one of its own. */
static atl_status measure_products(const struct row *row, const atl_ceilings_options *options,
                                   atl_ceiling *ret, size_t *n, atl_note *note)
{
    const uint32_t mine = atl_cpu_flags(), avx512 = ATL_CPU_AVX2 | ATL_CPU_AVX512,
                   vnni = avx512 | ATL_CPU_AVX512_VNNI;
    const uint32_t sets[] = {
        mine, vnni | ATL_CPU_AVX512_BF16, vnni, avx512, ATL_CPU_AVX2 | ATL_CPU_AVX2_VNNI, ATL_CPU_AVX2, 0};
    const atl_kernels *seen[ATL_COUNT(sets)] = {NULL};
    atl_status st = ATL_OK;
    for (size_t i = 0; st == ATL_OK && i < (options->all_isas ? ATL_COUNT(sets) : 1); i++) {
        const atl_kernels *kernels = seen[i] = atl_kernels_choose(sets[i] & mine);
        bool is_new = true;
        for (size_t j = 0; j < i; j++)
            is_new = is_new && !same_product((atl_product)row->product, seen[j], kernels);
        if (is_new)
            st = measure_one(row, kernels, options, ret, n, note);
    }
    return st;
}

atl_status atl_ceilings_measure(const atl_ceilings_options *options, atl_ceiling *ret, size_t *ret_n,
                                atl_note *note)
{
    size_t n = 0;
    bool any = false;
    atl_status st = ATL_OK;
    for (size_t i = 0; st == ATL_OK && i < ATL_COUNT(rows); i++) {
        if (!is_wanted(options->only, rows[i].name))
            continue;
        any = true;
        st = rows[i].product ? measure_products(&rows[i], options, ret, &n, note)
                             : measure_one(&rows[i], NULL, options, ret, &n, note);
    }
    if (!any)
        return atl_fail(note, ATL_USAGE, "no ceiling is called '%s'", options->only);
    *ret_n = st == ATL_OK ? n : 0;
    return st;
}

const atl_ceiling *atl_ceiling_find(const atl_ceiling *list, size_t n, const char *name, const char *isa,
                                    int n_threads)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i].name, name) == 0 && list[i].n_threads == n_threads &&
            (!isa || strcmp(list[i].isa, isa) == 0))
            return &list[i];
    return NULL;
}
