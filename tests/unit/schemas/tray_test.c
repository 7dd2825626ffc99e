/* tray_test.c - what is laid on a tray is found once, whole, and stays as long as it is read. */
#include "schemas/tray.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { BYTES = 100000, PICTURE_BYTES = ATL_TRAY_SLOT_BYTES + ATL_TRAY_SLOTS };

typedef struct pair {
    atl_tray *coordinator, *worker;
    int fd;
    unsigned char *picture; /* [PICTURE_BYTES] */
} pair;

static int open_pair(void **state)
{
    pair *p = calloc(1, sizeof *p);
    assert_int_equal(atl_tray_open(&p->coordinator, &p->fd, NULL), ATL_OK);
    assert_int_equal(atl_tray_map(p->fd, &p->worker, NULL), ATL_OK);
    p->picture = malloc(PICTURE_BYTES);
    assert_non_null(p->picture);
    for (size_t i = 0; i < PICTURE_BYTES; i++)
        p->picture[i] = (unsigned char)(i * 2654435761u >> 24);
    *state = p;
    return 0;
}

static int close_pair(void **state)
{
    pair *p = *state;
    atl_tray_leave(&p->coordinator);
    atl_tray_leave(&p->worker);
    close(p->fd);
    free(p->picture);
    free(p);
    return 0;
}

static void what_is_put_is_taken_once_and_its_slot_is_free_again(void **state)
{
    const pair *p = *state;
    uint32_t slot = 99, other;
    for (uint64_t token = 1; token < 20; token++) {
        assert_true(atl_tray_put(p->worker, token, p->picture + token, BYTES));
        assert_null(atl_tray_take(p->coordinator, token + 1, BYTES, &other));
        const uint8_t *bytes = atl_tray_take(p->coordinator, token, BYTES, &slot);
        assert_non_null(bytes);
        assert_int_equal((uintptr_t)bytes % 4096, 0);
        assert_memory_equal(bytes, p->picture + token, BYTES);
        assert_null(atl_tray_take(p->coordinator, token, BYTES, &other)); /* said twice */
        atl_tray_give_back(p->coordinator, slot);
        assert_null(atl_tray_take(p->coordinator, token, BYTES, &other));
    }
}

static void a_full_tray_takes_no_more_until_something_is_given_back(void **state)
{
    const pair *p = *state;
    uint32_t slot[ATL_TRAY_SLOTS];
    for (uint64_t i = 0; i < ATL_TRAY_SLOTS; i++) {
        assert_true(atl_tray_put(p->worker, 10 + i, p->picture + i, ATL_TRAY_SLOT_BYTES));
        assert_non_null(atl_tray_take(p->coordinator, 10 + i, ATL_TRAY_SLOT_BYTES, &slot[i]));
    }
    assert_false(atl_tray_put(p->worker, 99, p->picture, BYTES));
    atl_tray_give_back(p->coordinator, slot[2]);
    assert_true(atl_tray_put(p->worker, 99, p->picture, BYTES));
    atl_tray_withdraw(p->worker, 99);
    assert_true(atl_tray_put(p->worker, 100, p->picture, BYTES));
    for (size_t i = 0; i < ATL_TRAY_SLOTS; i++)
        if (i != 2)
            atl_tray_give_back(p->coordinator, slot[i]);
}

static void what_does_not_fit_or_is_not_worth_it_is_refused(void **state)
{
    const pair *p = *state;
    uint32_t slot;
    assert_false(atl_tray_put(p->worker, 1, p->picture, ATL_TRAY_SLOT_BYTES + 1));
    assert_false(atl_tray_put(p->worker, 1, p->picture, ATL_TRAY_LEAST_BYTES - 1));
    assert_false(atl_tray_put(p->worker, 0, p->picture, BYTES)); /* 0 says that a slot is free */
    assert_false(atl_tray_put(NULL, 1, p->picture, BYTES));
    assert_null(atl_tray_take(p->coordinator, 0, BYTES, &slot));
    assert_true(atl_tray_put(p->worker, 1, p->picture, BYTES));
    assert_null(atl_tray_take(p->coordinator, 1, ATL_TRAY_SLOT_BYTES + 1, &slot)); /* whatever was said */
    assert_null(atl_tray_take(NULL, 1, BYTES, &slot));
}

static void a_picture_outlives_worker_and_tray(void **state)
{
    pair *p = *state;
    uint32_t slot;
    assert_true(atl_tray_put(p->worker, 7, p->picture, BYTES));
    atl_tray *coordinator = p->coordinator;
    const uint8_t *bytes = atl_tray_take(coordinator, 7, BYTES, &slot);
    atl_tray_leave(&p->worker);
    atl_tray_leave(&p->coordinator);
    assert_memory_equal(bytes, p->picture, BYTES);
    atl_tray_give_back(coordinator, slot);
}

static void the_file_cannot_shrink_under_a_reader(void **state)
{
    const pair *p = *state;
    assert_int_not_equal(ftruncate(p->fd, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_put_is_taken_once_and_its_slot_is_free_again, open_pair,
                                        close_pair),
        cmocka_unit_test_setup_teardown(a_full_tray_takes_no_more_until_something_is_given_back, open_pair,
                                        close_pair),
        cmocka_unit_test_setup_teardown(what_does_not_fit_or_is_not_worth_it_is_refused, open_pair,
                                        close_pair),
        cmocka_unit_test_setup_teardown(a_picture_outlives_worker_and_tray, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(the_file_cannot_shrink_under_a_reader, open_pair, close_pair),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
