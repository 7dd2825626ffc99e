/* The store: alignment, and that it says when it is full. */
#include "unit/engine/model/model_fixture.h"

#include <sys/mman.h>
#include <unistd.h>

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

static void shared_store_is_packed_once_and_mapped_by_all(void **state)
{
    (void)state;
    enum { BYTES = 70 << 20 }; /* more than two chunks of pages */
    atl_note note = {0};
    atl_pool *pool;
    atl_store first, second;
    bool packed = true;
    const int fd = memfd_create("weights", MFD_ALLOW_SEALING);
    assert_true(fd > 0);
    assert_ok(atl_pool_open(2, NULL, NULL, &pool, &note), &note);
    assert_ok(atl_store_share_begin(fd, BYTES, pool, &first, &packed, &note), &note);
    assert_false(packed);
    assert_int_equal((uintptr_t)first.base % (2u << 20), 0);
    for (size_t at = 0; at < BYTES; at += 4096) {
        assert_int_equal(first.base[at], 0);
        first.base[at] = (uint8_t)(at >> 12);
    }
    assert_ok(atl_store_share_end(fd, true, &first, &note), &note);
    assert_ok(atl_store_share_begin(fd, BYTES, pool, &second, &packed, &note), &note);
    assert_true(packed);
    for (size_t at = 0; at < BYTES; at += 4096)
        assert_true(first.base[at] == (uint8_t)(at >> 12) && second.base[at] == (uint8_t)(at >> 12));
    atl_store_close(&first);
    atl_store_close(&second);
    assert_int_equal(atl_store_share_begin(fd, 2 * BYTES, pool, &second, &packed, &note), ATL_BAD_INPUT);
    atl_pool_close(&pool);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(regions_are_aligned_and_apart),
        cmocka_unit_test(full_store_gives_nothing),
        cmocka_unit_test(shared_store_is_packed_once_and_mapped_by_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
