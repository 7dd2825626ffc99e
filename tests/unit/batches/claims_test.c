#include "scratch.h"

#include "claims.h"

static void those_that_come_later_are_told_in_order(void **state)
{
    (void)state;
    static const uint64_t keys[] = {5, 7, 5, 9, 5, 7, 1};
    static const uint64_t wanted[] = {0, 0, 1, 0, 2, 1, 0};
    atl_claims claims;
    atl_claims_init(NULL, &claims);
    for (uint64_t i = 0; i < 7; i++)
        assert_int_equal(atl_claims_add(&claims, keys[i], i, NULL), ATL_OK);
    assert_int_equal(atl_claims_settle(&claims, NULL), ATL_OK);
    assert_int_equal(claims.n_later, 3);
    for (int again = 0; again < 2; again++) {
        for (uint64_t i = 0; i < 7; i++) {
            uint64_t rank = 99;
            assert_int_equal(atl_claims_rank(&claims, i, &rank, NULL), ATL_OK);
            assert_int_equal(rank, wanted[i]);
        }
        assert_int_equal(atl_claims_rewind(&claims, NULL), ATL_OK);
    }
    atl_claims_done(&claims);
}

static void nobody_comes_later_where_nobody_claims(void **state)
{
    (void)state;
    atl_claims claims;
    uint64_t rank = 99;
    atl_claims_init(NULL, &claims);
    assert_int_equal(atl_claims_settle(&claims, NULL), ATL_OK);
    assert_int_equal(atl_claims_rank(&claims, 0, &rank, NULL), ATL_OK);
    assert_int_equal(rank, 0);
    atl_claims_done(&claims);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(those_that_come_later_are_told_in_order),
        cmocka_unit_test(nobody_comes_later_where_nobody_claims),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
