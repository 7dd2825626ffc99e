/* forms.h - what the tests of studies and reports share: a directory of their own, and a form of a report as
 * it was written there. */
#ifndef ATL_TESTS_RESULTS_FORMS_H
#define ATL_TESTS_RESULTS_FORMS_H

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "results/dir_file.h"

/* Below the test's working directory; made if it is not there, and what is in it stays. */
static inline int room_open(const char *name)
{
    mkdir(name, 0755);
    const int fd = open(name, O_RDONLY | O_DIRECTORY);
    assert_true(fd >= 0);
    return fd;
}

/* The whole text in *ret; free() it. */
static inline void read_form(int dir, const char *name, char **ret)
{
    size_t n;
    assert_int_equal(atl_dir_file_read(dir, name, 1u << 26, ret, &n, NULL), ATL_OK);
    assert_int_equal(strlen(*ret), n);
}

#endif
