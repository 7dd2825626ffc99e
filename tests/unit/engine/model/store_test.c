/* The store: alignment, and that it says when it is full. */
#include "unit/engine/model/model_fixture.h"

#include "model/store.h"

static void regions_are_aligned_and_apart(void **state)
{
    (void)state;
    atl_note note = {0};
    atl_store store;
    assert_ok(atl_store_open(1000, &store, &note), &note);
    assert_int_equal((uintptr_t)store.base % (2u << 20), 0);
    uint8_t *a = atl_store_take(&store, 1), *b = atl_store_take(&store, 100);
    assert_ptr_equal(a, store.base);
    assert_ptr_equal(b, store.base + 64);
    memset(a, 0xff, 164);
    atl_store_close(&store);
    assert_null(store.base);
}

static void full_store_gives_nothing(void **state)
{
    (void)state;
    atl_note note = {0};
    atl_store store;
    assert_ok(atl_store_open(1, &store, &note), &note);
    const size_t all = store.capacity_bytes;
    assert_null(atl_store_take(&store, all + 1));
    assert_null(atl_store_take(&store, SIZE_MAX));
    assert_non_null(atl_store_take(&store, all));
    assert_null(atl_store_take(&store, 1));
    atl_store_close(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(regions_are_aligned_and_apart),
        cmocka_unit_test(full_store_gives_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
