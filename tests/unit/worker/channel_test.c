/* channel_test.c - queues between threads: order, waking, closing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>

#include "channel.h"

enum { N_ITEMS = 1000 };

typedef struct item {
    atl_link link;
    int number;
} item;

static item items[N_ITEMS];

static void *push_all(void *channel)
{
    for (int i = 0; i < N_ITEMS; i++) {
        items[i].number = i;
        atl_channel_push(channel, &items[i].link);
    }
    return NULL;
}

static void items_come_out_in_their_order(void **state)
{
    (void)state;
    atl_channel channel;
    pthread_t thread;
    assert_int_equal(atl_channel_open(&channel, false, NULL), ATL_OK);
    assert_int_equal(pthread_create(&thread, NULL, push_all, &channel), 0);
    for (int i = 0; i < N_ITEMS; i++)
        assert_int_equal(((const item *)atl_channel_take(&channel))->number, i);
    pthread_join(thread, NULL);
    atl_channel_close(&channel);
    assert_null(atl_channel_take(&channel));
    atl_channel_done(&channel);
}

static bool readable(const atl_channel *channel, int timeout_ms)
{
    return poll(&(struct pollfd){.fd = channel->event_fd, .events = POLLIN}, 1, timeout_ms) == 1;
}

static void the_event_is_raised_while_something_is_there(void **state)
{
    (void)state;
    atl_channel channel;
    pthread_t thread;
    assert_int_equal(atl_channel_open(&channel, true, NULL), ATL_OK);
    assert_false(readable(&channel, 0));
    assert_int_equal(pthread_create(&thread, NULL, push_all, &channel), 0);
    for (int seen = 0; seen < N_ITEMS;) {
        assert_true(readable(&channel, 20000));
        for (const atl_link *at = atl_channel_take_all(&channel); at; at = at->next)
            assert_int_equal(((const item *)at)->number, seen++);
    }
    pthread_join(thread, NULL);
    assert_null(atl_channel_take_all(&channel));
    assert_false(readable(&channel, 0));
    atl_channel_done(&channel);
}

static bool is_even(void *user, const atl_link *link)
{
    (void)user;
    return ((const item *)link)->number % 2 == 0;
}

static void only_what_is_wanted_and_first_is_taken(void **state)
{
    (void)state;
    atl_channel channel;
    item even = {.number = 2}, odd = {.number = 3};
    assert_int_equal(atl_channel_open(&channel, false, NULL), ATL_OK);
    assert_null(atl_channel_take_if(&channel, NULL, NULL));
    atl_channel_push(&channel, &even.link);
    atl_channel_push(&channel, &odd.link);
    assert_ptr_equal(atl_channel_take_if(&channel, is_even, NULL), &even.link);
    assert_null(atl_channel_take_if(&channel, is_even, NULL));
    assert_ptr_equal(atl_channel_take_if(&channel, NULL, NULL), &odd.link);
    atl_channel_done(&channel);
}

static void a_closed_channel_gives_nothing_but_to_who_clears_it(void **state)
{
    (void)state;
    atl_channel channel;
    item one = {.number = 1};
    assert_int_equal(atl_channel_open(&channel, false, NULL), ATL_OK);
    atl_channel_push(&channel, &one.link);
    atl_channel_close(&channel);
    assert_null(atl_channel_take(&channel));
    assert_null(atl_channel_take_if(&channel, NULL, NULL));
    assert_ptr_equal(atl_channel_take_all(&channel), &one.link);
    atl_channel_done(&channel);
    atl_channel_done(&channel); /* again: nothing happens */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_come_out_in_their_order),
        cmocka_unit_test(the_event_is_raised_while_something_is_there),
        cmocka_unit_test(only_what_is_wanted_and_first_is_taken),
        cmocka_unit_test(a_closed_channel_gives_nothing_but_to_who_clears_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
