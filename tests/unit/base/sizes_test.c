#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/sizes.h"

static void overflow_is_seen(void **state)
{
    (void)state;
    size_t n = 0;
    assert_true(atl_size_mul(SIZE_MAX / 2, 2, &n));
    assert_int_equal(n, SIZE_MAX - 1);
    assert_false(atl_size_mul(SIZE_MAX / 2 + 1, 2, &n));
    assert_true(atl_size_add(SIZE_MAX - 1, 1, &n));
    assert_int_equal(n, SIZE_MAX);
    assert_false(atl_size_add(SIZE_MAX, 1, &n));
}

static void rounding_up_reaches_the_next_multiple(void **state)
{
    (void)state;
    assert_int_equal(atl_round_up(0, 64), 0);
    assert_int_equal(atl_round_up(1, 64), 64);
    assert_int_equal(atl_round_up(64, 64), 64);
    assert_int_equal(atl_round_up(65, 64), 128);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(overflow_is_seen),
        cmocka_unit_test(rounding_up_reaches_the_next_multiple),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
