/* marks_test.c - two bits a job. */
#include "results/marks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void marks_are_kept_and_counted(void **state)
{
    (void)state;
    atl_marks marks = {0};
    for (uint64_t i = 0; i < 1000; i++)
        assert_int_equal(atl_marks_set(&marks, i, (atl_mark)(i % 4), NULL), ATL_OK);
    for (uint64_t i = 0; i < 1000; i++)
        assert_int_equal(atl_marks_get(&marks, i), i % 4);
    assert_int_equal(marks.n[ATL_MARK_DONE], 250);
    assert_int_equal(atl_marks_set(&marks, 1, ATL_MARK_FAILED, NULL), ATL_OK);
    assert_int_equal(marks.n[ATL_MARK_DONE], 249);
    assert_int_equal(marks.n[ATL_MARK_FAILED], 251);
    assert_int_equal(atl_marks_get(&marks, 1 << 20), ATL_MARK_NONE);
    atl_marks_done(&marks);
}

static void ten_million_jobs_take_at_most_five_megabytes(void **state)
{
    (void)state;
    atl_marks marks = {0};
    assert_int_equal(atl_marks_set(&marks, 9999999, ATL_MARK_DONE, NULL), ATL_OK);
    assert_true(marks.n_bytes <= 5000000);
    atl_marks_done(&marks);
}

static void an_index_beyond_all_batches_is_refused(void **state)
{
    (void)state;
    atl_marks marks = {0};
    atl_note note = {0};
    assert_int_equal(atl_marks_set(&marks, UINT64_MAX, ATL_MARK_DONE, &note), ATL_BAD_INPUT);
    assert_null(marks.bits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(marks_are_kept_and_counted),
        cmocka_unit_test(ten_million_jobs_take_at_most_five_megabytes),
        cmocka_unit_test(an_index_beyond_all_batches_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
