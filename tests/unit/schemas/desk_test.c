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

static void steps_are_seen_once_and_of_many_the_latest(void **state)
{
    (void)state;
    uint32_t seen = 0;
    atl_desk desk = {0};
    assert_int_equal(atl_desk_look(&desk, &seen).n_took, 0);
    atl_desk_live(&desk, 90);
    atl_desk_step(&desk, 100, 0, 0);
    atl_desk_step(&desk, 107, 1, 3);
    atl_desk_step(&desk, 112, 2, 3);
    const atl_desk_life two = atl_desk_look(&desk, &seen);
    assert_true(two.alive_ns == 90 && two.step_ns == 112 && two.step == 2 && two.n_steps == 3);
    assert_int_equal(two.n_took, 2);
    assert_true(two.took_ns[0] == 7 && two.took_ns[1] == 5);
    assert_int_equal(atl_desk_look(&desk, &seen).n_took, 0);
    atl_desk_step(&desk, 200, 0, 0); /* what lay between two paintings was no step */
    for (int i = 1; i <= ATL_DESK_STEPS + 2; i++)
        atl_desk_step(&desk, 200 + 100 * i + i * (i + 1) / 2, i,
                      20); /* each 1 ns longer than the one before */
    const atl_desk_life many = atl_desk_look(&desk, &seen);
    assert_int_equal(many.n_took, ATL_DESK_STEPS);
    for (int i = 0; i < ATL_DESK_STEPS; i++)
        assert_true(many.took_ns[i] == 100 + 3 + i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_painted_is_suspected_before_what_is_encoded),
        cmocka_unit_test(an_encoder_that_fell_is_suspected_alone),
        cmocka_unit_test(a_number_that_a_crash_wrote_over_is_bounded),
        cmocka_unit_test(the_desk_of_a_killed_process_is_read_afterwards),
        cmocka_unit_test(steps_are_seen_once_and_of_many_the_latest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
