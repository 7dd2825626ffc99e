/* file_tree.h - a directory of its own for a test of what is read from /proc and /sys: files as kernels and
 * containers show them. */
#ifndef ATL_TESTS_COORDINATOR_FILE_TREE_H
#define ATL_TESTS_COORDINATOR_FILE_TREE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"

/* Makes the directory and writes its name to `root`. */
static inline void make_root(char root[64])
{
    snprintf(root, 64, "/tmp/atelier_tree_XXXXXX");
    assert_non_null(mkdtemp(root));
}

static inline int remove_root(const char *root)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    return system(command);
}

/* Writes a file below the root, with the directories above it. */
static inline void put_file(const char *root, const char *path, const char *text)
{
    char whole[512], dir[512];
    snprintf(whole, sizeof whole, "%s%s", root, path);
    snprintf(dir, sizeof dir, "%s", whole);
    *strrchr(dir, '/') = '\0';
    assert_int_equal(atl_dir_make(dir, NULL), ATL_OK);
    FILE *file = fopen(whole, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

#endif
