#include "scratch.h"

#include "sorter.h"

static uint64_t mixed(uint64_t i)
{
    return (i * 0x9E3779B97F4A7C15u) >> 32;
}

/* Whatever fits in memory, all pairs come back by key and value, twice. */
static void check(size_t n, size_t most_in_memory, uint64_t n_keys)
{
    atl_sorter sorter = {.spool_dir = scratch_dir, .most_in_memory = most_in_memory};
    uint64_t sum = 0;
    for (uint64_t i = 0; i < n; i++) {
        assert_int_equal(atl_sorter_add(&sorter, mixed(i) % n_keys, i, NULL), ATL_OK);
        sum += i;
    }
    for (int again = 0; again < 2; again++) {
        atl_pair pair, before = {0};
        bool end = false;
        uint64_t left = sum;
        size_t seen = 0;
        assert_int_equal(atl_sorter_begin(&sorter, NULL), ATL_OK);
        for (;; seen++) {
            assert_int_equal(atl_sorter_next(&sorter, &pair, &end, NULL), ATL_OK);
            if (end)
                break;
            assert_int_equal(pair.key, mixed(pair.value) % n_keys);
            if (seen > 0)
                assert_true(before.key < pair.key || (before.key == pair.key && before.value < pair.value));
            before = pair;
            left -= pair.value;
        }
        assert_int_equal(seen, n);
        assert_int_equal(left, 0);
    }
    atl_sorter_done(&sorter);
}

static void pairs_come_back_sorted_from_memory(void **state)
{
    (void)state;
    check(0, 0, 1);
    check(1, 0, 1);
    check(1000, 0, 7);
}

static void pairs_come_back_sorted_from_many_runs(void **state)
{
    (void)state;
    check(10, 10, 3);
    check(11, 10, 3);
    check(20, 10, 3);
    check(10007, 10, 1000000); /* over a thousand runs */
    check(10007, 4000, 100);   /* runs of several readings */
}

static void a_folder_that_cannot_be_written_is_an_error(void **state)
{
    (void)state;
    atl_sorter sorter = {.spool_dir = "/nonexistent-spool", .most_in_memory = 1};
    atl_note note = {0};
    assert_int_equal(atl_sorter_add(&sorter, 1, 1, &note), ATL_OK);
    assert_int_equal(atl_sorter_add(&sorter, 2, 2, &note), ATL_IO);
    assert_non_null(strstr(note.text, "/nonexistent-spool"));
    atl_sorter_done(&sorter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_come_back_sorted_from_memory),
        cmocka_unit_test(pairs_come_back_sorted_from_many_runs),
        cmocka_unit_test(a_folder_that_cannot_be_written_is_an_error),
    };
    return cmocka_run_group_tests(tests, scratch_open, scratch_close);
}
