/* nets_fixture.h - what the tests of nets/ share: networks without a checkpoint.
 *
 * Under the fp32 policy a store is floats and nothing else, so a store full of noise, bound as if it had been
 * packed before, is a network with random weights. What the weights mean is compared with diffusers elsewhere
 * (tests/golden); these tests ask what must hold whatever they are. */
#ifndef ATL_TESTS_NETS_FIXTURE_H
#define ATL_TESTS_NETS_FIXTURE_H

#include <stdio.h>

#include "unit/engine/ops/ops_fixture.h"

#include "model/loader.h"
#include "model/store.h"

/* Builds and frees one kind of network; `config` is its config. */
typedef void *(*net_maker)(atl_loader *loader, const void *config);

typedef struct names_seen {
    const char *const *expected; /* "name d0 d1 …" */
    size_t n_expected, n_seen;
} names_seen;

static inline void check_name(void *user, const atl_param *param)
{
    names_seen *names = user;
    char line[512];
    int n = snprintf(line, sizeof line, "%s", param->name);
    for (int i = 0; i < param->rank; i++)
        n += snprintf(line + n, sizeof line - (size_t)n, " %zu", param->shape[i]);
    names->n_seen++;
    for (size_t i = 0; i < names->n_expected; i++)
        if (strcmp(names->expected[i], line) == 0)
            return;
    fail_msg("the walk lists \"%s\", which diffusers does not have", line);
}

/* A network that knows its shapes and has no weights; for names, sizes and measuring. */
static inline void *net_listed_as(const char *policy, net_maker make, const void *config, names_seen *names,
                                  size_t *ret_bytes)
{
    atl_loader *loader = NULL;
    atl_note note = {0};
    assert_int_equal(
        atl_loader_open_list(atl_policy_find(policy), names ? check_name : NULL, names, &loader, &note),
        ATL_OK);
    atl_loader_component(loader, ATL_UNET);
    void *net = make(loader, config);
    if (!net)
        fail_msg("%s", note.text);
    if (ret_bytes)
        *ret_bytes = atl_loader_packed_bytes(loader);
    atl_loader_close(&loader);
    return net;
}

static inline void *net_listed(net_maker make, const void *config, names_seen *names, size_t *ret_bytes)
{
    return net_listed_as("fp32", make, config, names, ret_bytes);
}

/* The status with which a network is refused; the note is copied out. */
static inline atl_status net_refused(net_maker make, const void *config, atl_note *note)
{
    atl_loader *loader = NULL;
    assert_int_equal(atl_loader_open_list(atl_policy_find("fp32"), NULL, NULL, &loader, note), ATL_OK);
    atl_loader_component(loader, ATL_UNET);
    assert_null(make(loader, config));
    atl_status st = atl_loader_status(loader);
    atl_loader_close(&loader);
    return st;
}

/* A store of `bytes` of noise in [-0.2, 0.2), whose use starts anew. */
static inline atl_store noise_store(size_t bytes)
{
    atl_store store = {0};
    uint64_t state = 12345;
    assert_int_equal(atl_store_open(bytes + 4096, &store, NULL), ATL_OK);
    float *x = (float *)store.base;
    for (size_t i = 0; i < store.capacity_bytes / sizeof *x; i++)
        x[i] = 0.2f * fixture_number(&state, false);
    return store;
}

/* The same in bf16: and two of them are a float of about the second one's size. */
static inline atl_store noise_store_bf16(size_t bytes)
{
    atl_store store = noise_store(bytes);
    const float *x = (const float *)store.base;
    uint16_t *halves = (uint16_t *)store.base;
    for (size_t i = 0; i < store.capacity_bytes / sizeof *x; i++) {
        const uint16_t half = atl_bf16_from_f32(x[i]);
        halves[2 * i] = (uint16_t)(half ^ (i % 3 == 0 ? 0x8000u : 0u));
        halves[2 * i + 1] = half;
    }
    return store;
}

/* A network bound to `store`, from where its use stands. */
static inline void *net_bound_as(const char *policy, net_maker make, const void *config, atl_store *store)
{
    atl_loader *loader = NULL;
    atl_note note = {0};
    assert_int_equal(atl_loader_open_bind(atl_policy_find(policy), store, &loader, &note), ATL_OK);
    atl_loader_component(loader, ATL_UNET);
    void *net = make(loader, config);
    if (!net)
        fail_msg("%s", note.text);
    atl_loader_close(&loader);
    return net;
}

static inline void *net_bound(net_maker make, const void *config, atl_store *store)
{
    return net_bound_as("fp32", make, config, store);
}

/* A map over numbers of its own, freed by free(map.data). */
static inline atl_map numbers_map(int n, int h, int w, int c, uint64_t seed)
{
    size_t count = (size_t)n * (size_t)h * (size_t)w * (size_t)c;
    return atl_map_over(fixture_numbers(count, seed, false), ATL_F32, n, h, w, c);
}

/* The same rounded to bf16. */
static inline atl_map numbers_map_bf16(int n, int h, int w, int c, uint64_t seed)
{
    atl_map map = numbers_map(n, h, w, c, seed);
    for (size_t i = 0, count = atl_map_rows(&map) * (size_t)c; i < count; i++)
        ((uint16_t *)map.data)[i] = atl_bf16_from_f32(atl_map_f32(&map)[i]);
    map.dtype = ATL_BF16;
    return map;
}

static inline size_t map_bytes(const atl_map *map)
{
    return atl_map_rows(map) * (size_t)map->c * sizeof(float);
}

/* Numbers that are not all the same and none of them NaN or infinite: that something was computed. */
static inline void assert_alive(const atl_map *map)
{
    const float *x = atl_map_f32(map);
    size_t n = map_bytes(map) / sizeof *x, n_other = 0;
    for (size_t i = 0; i < n; i++) {
        assert_true(isfinite(x[i]));
        n_other += x[i] != x[0];
    }
    assert_true(n_other > 0 || n == 1);
}

#endif
