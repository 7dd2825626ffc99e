/* desk_test.c - what a process leaves on its desk when it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "schemas/desk.h"

static void what_is_painted_is_suspected_before_what_is_encoded(void **state)
{
    (void)state;
    const uint64_t painted[] = {11, 12}, encoded = 7;
    uint64_t found[ATL_DESK_LEASES];
    atl_desk desk = {0};
    assert_int_equal(atl_desk_suspects(&desk, found), 0);
    atl_desk_put(&desk.encoding, &encoded, 1);
    assert_int_equal(atl_desk_suspects(&desk, found), 1);
    assert_int_equal(found[0], 7);
    atl_desk_put(&desk.painting, painted, 2);
    assert_int_equal(atl_desk_suspects(&desk, found), 2);
    assert_true(found[0] == 11 && found[1] == 12);
    atl_desk_put(&desk.painting, NULL, 0);
    assert_int_equal(atl_desk_suspects(&desk, found), 1);
}

static void an_encoder_that_fell_is_suspected_alone(void **state)
{
    (void)state;
    const uint64_t painted = 11, encoded = 7;
    uint64_t found[ATL_DESK_LEASES];
    atl_desk desk = {0};
    atl_desk_put(&desk.painting, &painted, 1);
    atl_desk_put(&desk.encoding, &encoded, 1);
    atomic_store(&desk.encoder_fell, 1);
    assert_int_equal(atl_desk_suspects(&desk, found), 1);
    assert_int_equal(found[0], 7);
}

static void a_number_that_a_crash_wrote_over_is_bounded(void **state)
{
    (void)state;
    uint64_t found[ATL_DESK_LEASES];
    atl_desk desk = {0};
    atomic_store(&desk.painting.n, UINT32_MAX);
    assert_int_equal(atl_desk_suspects(&desk, found), ATL_DESK_LEASES);
}

static void the_desk_of_a_killed_process_is_read_afterwards(void **state)
{
    (void)state;
    const uint64_t token = UINT64_MAX - 5;
    uint64_t found[ATL_DESK_LEASES];
    atl_desk *desk = NULL;
    int fd = -1, status = 0;
    assert_int_equal(atl_desk_open(&desk, &fd, NULL), ATL_OK);
    const pid_t child = fork();
    if (child == 0) {
        atl_desk *mapped = NULL;
        if (atl_desk_map(fd, &mapped, NULL) == ATL_OK)
            atl_desk_put(&mapped->painting, &token, 1);
        raise(SIGKILL);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    close(fd);
    assert_int_equal(atl_desk_suspects(desk, found), 1);
    assert_true(found[0] == token);
    atl_desk_close(&desk);
    assert_null(desk);
    atl_desk_close(&desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_painted_is_suspected_before_what_is_encoded),
        cmocka_unit_test(an_encoder_that_fell_is_suspected_alone),
        cmocka_unit_test(a_number_that_a_crash_wrote_over_is_bounded),
        cmocka_unit_test(the_desk_of_a_killed_process_is_read_afterwards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
