/* arena_test.c - a stack of bytes and a piece at the far end, measured and real. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ops/arena.h"

static void takes_are_aligned_and_apart(void **state)
{
    (void)state;
    atl_arena arena;
    assert_int_equal(atl_arena_open(10000, &arena, NULL), ATL_OK);
    uint8_t *a = atl_arena_take(&arena, 1), *b = atl_arena_take(&arena, 65), *c = atl_arena_take(&arena, 0);
    assert_int_equal((uintptr_t)a % ATL_ARENA_ALIGN, 0);
    assert_int_equal(b - a, 64);
    assert_int_equal(c - b, 128);
    memset(b, 1, 65);
    atl_arena_close(&arena);
    assert_null(arena.base);
    atl_arena_close(&arena);
    atl_arena_close(NULL);
}

static void release_gives_back_what_came_after_the_mark(void **state)
{
    (void)state;
    atl_arena arena;
    assert_int_equal(atl_arena_open(10000, &arena, NULL), ATL_OK);
    atl_arena_take(&arena, 100);
    size_t mark = atl_arena_mark(&arena);
    void *first = atl_arena_take(&arena, 500);
    atl_arena_release(&arena, mark);
    assert_ptr_equal(atl_arena_take(&arena, 8), first);
    assert_int_equal(arena.peak_bytes, 128 + 512);
    atl_arena_close(&arena);
}

static void the_far_piece_keeps_its_end(void **state)
{
    (void)state;
    atl_arena arena;
    assert_int_equal(atl_arena_open(10000, &arena, NULL), ATL_OK);
    uint8_t *near = atl_arena_take(&arena, 100), *far = atl_arena_far(&arena, 200);
    assert_ptr_equal(far + 256, arena.base + arena.capacity_bytes);
    assert_true(near + 128 < far);
    memset(far, 7, 256);
    uint8_t *more = atl_arena_far(&arena, 1000);
    assert_ptr_equal(more + 1024, far + 256); /* and what stands there stays */
    assert_int_equal(more[1023], 7);
    assert_int_equal(arena.peak_bytes, 128 + 1024);
    uint8_t *less = atl_arena_far(&arena, 64);
    assert_ptr_equal(less + 64, arena.base + arena.capacity_bytes);
    atl_arena_far(&arena, 0);
    assert_int_equal(arena.far_bytes, 0);
    assert_int_equal(arena.used_bytes, 128);
    atl_arena_close(&arena);
}

static void both_ends_count_when_measured(void **state)
{
    (void)state;
    atl_arena arena = atl_arena_measure();
    atl_arena_take(&arena, (size_t)1 << 40);
    void *far = atl_arena_far(&arena, (size_t)1 << 41);
    assert_non_null(far);
    assert_int_equal((uintptr_t)far % ATL_ARENA_ALIGN, 0);
    assert_int_equal(arena.peak_bytes, (size_t)3 << 40);
    atl_arena_release(&arena, 0);
    atl_arena_far(&arena, 0);
    assert_int_equal(arena.peak_bytes, (size_t)3 << 40);
}

static void measuring_counts_what_a_real_arena_needs(void **state)
{
    (void)state;
    atl_arena arena = atl_arena_measure();
    assert_true(arena.measuring);
    void *p = atl_arena_take(&arena, (size_t)1 << 40); /* never mapped */
    assert_non_null(p);
    assert_int_equal((uintptr_t)p % ATL_ARENA_ALIGN, 0);
    atl_arena_release(&arena, 0);
    atl_arena_take(&arena, 10);
    assert_int_equal(arena.peak_bytes, (size_t)1 << 40);
    assert_int_equal(arena.used_bytes, 64);
}

static void sizes_that_cannot_be_mapped_are_refused(void **state)
{
    (void)state;
    atl_arena arena;
    atl_note note = {0};
    assert_int_equal(atl_arena_open(SIZE_MAX, &arena, &note), ATL_NO_MEMORY);
    assert_int_equal(atl_arena_open((size_t)1 << 60, &arena, &note), ATL_NO_MEMORY);
    assert_non_null(strstr(note.text, "scratch"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_are_aligned_and_apart),
        cmocka_unit_test(release_gives_back_what_came_after_the_mark),
        cmocka_unit_test(the_far_piece_keeps_its_end),
        cmocka_unit_test(both_ends_count_when_measured),
        cmocka_unit_test(measuring_counts_what_a_real_arena_needs),
        cmocka_unit_test(sizes_that_cannot_be_mapped_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
