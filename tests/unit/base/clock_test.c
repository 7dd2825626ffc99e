#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"

static void clocks_go_forward(void **state)
{
    (void)state;
    const int64_t now_ns = atl_clock_now_ns(), process_ns = atl_clock_process_cpu_ns(),
                  thread_ns = atl_clock_thread_cpu_ns();
    volatile unsigned sum = 0;
    while (atl_clock_thread_cpu_ns() - thread_ns < 1000000)
        sum = sum + 1;
    assert_true(atl_clock_now_ns() > now_ns);
    assert_true(atl_clock_process_cpu_ns() - process_ns >= 1000000);
}

static void nanoseconds_become_seconds_and_milliseconds(void **state)
{
    (void)state;
    assert_true(atl_ns_to_s(1500000000) == 1.5);
    assert_true(atl_ns_to_ms(1500000) == 1.5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clocks_go_forward),
        cmocka_unit_test(nanoseconds_become_seconds_and_milliseconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
