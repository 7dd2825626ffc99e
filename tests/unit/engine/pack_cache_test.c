/* pack_cache_test.c - packed weights are found by what lies where in them, in which type and layout. */
#include "unit/engine/model/small_model_fixture.h"

#include "pack_cache.h"

enum { PARTS = ATL_PART_TEXT | ATL_PART_UNET | ATL_PART_VAE };

typedef struct bench {
    char *folder, *packs;
    atl_engine *engine;
    atl_note note;
} bench;

static void bench_open(bench *b)
{
    *b = (bench){.folder = small_model(), .packs = folder_make()};
    setenv("XDG_CACHE_HOME", b->packs, 1);
    const atl_engine_options options = {.model = b->folder, .n_threads = 1};
    assert_ok(atl_engine_open_parts(&options, PARTS | ATL_PART_UNPACKED, &b->engine, &b->note), &b->note);
}

static void bench_close(bench *b)
{
    atl_engine_close(&b->engine);
    folder_remove(b->folder);
    folder_remove(b->packs);
}

/* What the model's packed weights need by that table of types, and where they are kept. */
static atl_pack_cache find(bench *b, const atl_policy *policy, size_t *ret_bytes)
{
    const atl_policy *own = b->engine->policy;
    uint8_t listing[32];
    atl_pack_cache cache = {0};
    b->engine->policy = policy;
    assert_ok(atl_engine_measure_store(b->engine, PARTS, ret_bytes, listing, &b->note), &b->note);
    assert_ok(atl_pack_cache_find(b->packs, b->engine, listing, &cache, &b->note), &b->note);
    b->engine->policy = own;
    return cache;
}

static void the_same_table_has_the_same_file(void **state)
{
    (void)state;
    bench b;
    size_t bytes;
    bench_open(&b);
    const atl_policy copy = *atl_policy_find("bf16");
    atl_pack_cache first = find(&b, atl_policy_find("bf16"), &bytes), second = find(&b, &copy, &bytes);
    assert_string_equal(first.path, second.path);
    assert_memory_equal(first.key, second.key, sizeof first.key);
    atl_pack_cache_done(&first);
    atl_pack_cache_done(&second);
    bench_close(&b);
}

static void each_class_of_layers_is_told_by_its_type(void **state)
{
    (void)state;
    bench b;
    size_t bytes, others_bytes;
    bench_open(&b);
    atl_pack_cache own = find(&b, atl_policy_find("fp32"), &bytes);
    for (int class = 0; class < ATL_N_LAYER_CLASSES; class ++) {
        atl_policy other = *atl_policy_find("fp32");
        other.layer[class].store = ATL_BF16;
        atl_pack_cache theirs = find(&b, &other, &others_bytes);
        /* so small a model has no linear layers but narrow ones */
        const bool has_weights = class != ATL_LAYER_ATTENTION && class != ATL_LAYER_LINEAR;
        assert_int_equal(strcmp(theirs.path, own.path) != 0, has_weights);
        assert_int_equal(memcmp(theirs.key, own.key, sizeof own.key) != 0, has_weights);
        atl_pack_cache_done(&theirs);
    }
    atl_pack_cache_done(&own);
    bench_close(&b);
}

/* Their file in the place of ours and as long as ours: only what it says of its regions tells them apart. */
static void another_tables_weights_are_refused_and_packed_anew(void **state)
{
    (void)state;
    bench b;
    size_t bytes;
    atl_store store, mapped;
    bench_open(&b);
    atl_policy other = *atl_policy_find("fp32");
    other.layer[ATL_LAYER_NARROW].store = ATL_BF16;
    atl_pack_cache theirs = find(&b, &other, &bytes), own = find(&b, atl_policy_find("fp32"), &bytes);
    assert_ok(atl_store_open(bytes, &store, &b.note), &b.note);
    assert_ok(atl_pack_file_write(own.path, theirs.key, &store, bytes, &b.note), &b.note);
    assert_int_equal(atl_pack_file_map(own.path, own.key, bytes, b.engine->pool, &mapped, &b.note),
                     ATL_BAD_INPUT);
    assert_note(&b.note, "packed by another policy");
    const atl_engine_options options = {.model = b.folder, .n_threads = 1, .pack_cache = b.packs};
    atl_engine *engine = NULL;
    assert_ok(atl_engine_open_parts(&options, PARTS, &engine, &b.note), &b.note);
    assert_note(&engine->pack_note, "packed by another policy");
    atl_engine_close(&engine);
    assert_ok(atl_pack_file_map(own.path, own.key, bytes, b.engine->pool, &mapped, &b.note), &b.note);
    atl_store_close(&mapped);
    atl_store_close(&store);
    atl_pack_cache_done(&own);
    atl_pack_cache_done(&theirs);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_table_has_the_same_file),
        cmocka_unit_test(each_class_of_layers_is_told_by_its_type),
        cmocka_unit_test(another_tables_weights_are_refused_and_packed_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
