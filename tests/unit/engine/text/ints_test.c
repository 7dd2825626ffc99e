#include "text_fixture.h"

#include "text/ints.h"

static void what_was_pushed_is_there_in_order(void **state)
{
    (void)state;
    atl_ints ints = {0};
    for (int32_t i = 0; i < 1000; i++)
        atl_ints_push(&ints, -i);
    assert_int_equal(ints.n, 1000);
    assert_false(ints.failed);
    for (int32_t i = 0; i < 1000; i++)
        assert_int_equal(ints.at[i], -i);
    atl_ints_done(&ints);
    assert_null(ints.at);
    assert_int_equal(ints.n, 0);
}

static void an_array_that_cannot_grow_stays_as_it_is(void **state)
{
    (void)state;
    int32_t only = 7;
    atl_ints ints = {.at = &only, .n = SIZE_MAX / 4, .capacity = SIZE_MAX / 4};
    atl_ints_push(&ints, 1);
    atl_ints_push(&ints, 2);
    assert_true(ints.failed);
    assert_int_equal(ints.n, SIZE_MAX / 4);
    assert_ptr_equal(ints.at, &only);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_pushed_is_there_in_order),
        cmocka_unit_test(an_array_that_cannot_grow_stays_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
