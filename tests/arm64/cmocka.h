/* cmocka.h - as much of cmocka as the checks of kernels use, for a cross build that has no library of it:
 * found before the real one by tests/arm64/kernels.sh alone. The first expectation that fails ends the
 * program. */
#ifndef ATL_TESTS_ARM64_CMOCKA_H
#define ATL_TESTS_ARM64_CMOCKA_H

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct CMUnitTest {
    const char *name;
    void (*test_func)(void **state);
};

#define cmocka_unit_test(function)                                                                           \
    {                                                                                                        \
#function, function                                                                                  \
    }

#define fail_msg(...)                                                                                        \
    do {                                                                                                     \
        fprintf(stderr, "%s:%d: ", __FILE__, __LINE__);                                                      \
        fprintf(stderr, __VA_ARGS__);                                                                        \
        fputc('\n', stderr);                                                                                 \
        exit(1);                                                                                             \
    } while (0)
#define print_message(...) printf(__VA_ARGS__)

#define assert_true(condition)                                                                               \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            fail_msg("%s does not hold", #condition);                                                        \
    } while (0)
#define assert_false(condition)  assert_true(!(condition))
#define assert_non_null(pointer) assert_true((pointer) != NULL)
#define assert_int_equal(a, b)                                                                               \
    do {                                                                                                     \
        const long long got_ = (long long)(a), want_ = (long long)(b);                                       \
        if (got_ != want_)                                                                                   \
            fail_msg("%s is %lld, not %lld", #a, got_, want_);                                               \
    } while (0)
#define assert_string_equal(a, b)                                                                            \
    do {                                                                                                     \
        if (strcmp(a, b) != 0)                                                                               \
            fail_msg("\"%s\" is not \"%s\"", a, b);                                                          \
    } while (0)
#define assert_memory_equal(a, b, size) assert_true(memcmp(a, b, size) == 0)

static inline int cmocka_run_tests(const struct CMUnitTest *tests, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        void *state = NULL;
        printf("[ RUN      ] %s\n", tests[i].name);
        tests[i].test_func(&state);
        printf("[       OK ] %s\n", tests[i].name);
    }
    return 0;
}
#define cmocka_run_group_tests(tests, setup, teardown)                                                       \
    cmocka_run_tests(tests, sizeof(tests) / sizeof((tests)[0]))

#endif
