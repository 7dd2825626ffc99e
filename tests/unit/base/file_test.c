#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"

/* A directory of its own for each test. */
static char dir[64];

static int make_dir(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/atelier_file_test_XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    (void)state;
    char command[256];
    snprintf(command, sizeof command, "chmod -R u+w '%s' && rm -rf '%s'", dir, dir);
    return system(command);
}

static char *in_dir(const char *name)
{
    static char paths[4][640];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", dir, name);
    return path;
}

static size_t count_entries(void)
{
    size_t n = 0;
    DIR *d = opendir(dir);
    assert_non_null(d);
    for (struct dirent *entry; (entry = readdir(d));)
        n += entry->d_name[0] != '.';
    closedir(d);
    return n;
}

static void expect_content(const char *path, const char *wanted)
{
    char *data;
    size_t size;
    assert_int_equal(atl_file_read(path, 1000, &data, &size, NULL), ATL_OK);
    assert_string_equal(data, wanted);
    assert_int_equal(size, strlen(wanted));
    free(data);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    const char *path = in_dir("f");
    assert_int_equal(atl_file_write(path, "abc", 3, NULL), ATL_OK);
    expect_content(path, "abc");
    assert_int_equal(atl_file_write(path, "", 0, NULL), ATL_OK);
    expect_content(path, "");
    assert_int_equal(count_entries(), 1);
}

static void writing_a_new_file_leaves_an_old_one_alone(void **state)
{
    (void)state;
    const char *path = in_dir("f");
    atl_note note = {0};
    assert_int_equal(atl_file_write_new(path, "old", 3, &note), ATL_OK);
    assert_int_equal(atl_file_write_new(path, "new", 3, &note), ATL_IO);
    assert_non_null(strstr(note.text, path));
    expect_content(path, "old");
    assert_int_equal(count_entries(), 1); /* no temporary file is left */
}

static void a_write_that_fails_leaves_nothing_behind(void **state)
{
    (void)state;
    assert_int_equal(mkdir(in_dir("d"), 0777), 0);
    assert_int_equal(atl_file_write(in_dir("d"), "x", 1, NULL),
                     ATL_IO); /* a file cannot replace a directory */
    assert_int_equal(count_entries(), 1);
    assert_int_equal(atl_file_write(in_dir("none/f"), "x", 1, NULL), ATL_IO);
}

/* Makes a file that was last written so many seconds ago. */
static void leave(const char *name, long age_s)
{
    const struct timespec at = {.tv_sec = time(NULL) - age_s};
    FILE *file = fopen(in_dir(name), "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(utimensat(AT_FDCWD, in_dir(name), (const struct timespec[2]){at, at}, 0), 0);
}

static void what_dead_writers_left_is_swept_and_nothing_else(void **state)
{
    (void)state;
    char name[7][64];
    const pid_t dead = fork();
    if (dead == 0)
        _exit(0);
    assert_int_equal(waitpid(dead, NULL, 0), dead);
    snprintf(name[0], 64, "out.png.%d.tmp", (int)dead);
    snprintf(name[1], 64, "out.png.%d.tmp", (int)getpid()); /* of an earlier process of this number */
    snprintf(name[2], 64, "out.png.%d.tmp", (int)getppid());
    snprintf(name[3], 64, "other.png.%d.tmp", (int)dead);
    snprintf(name[4], 64, "out.png.%d.tmp2", (int)dead);
    snprintf(name[5], 64, "out.png.0%d.tmp", (int)dead);
    snprintf(name[6], 64, "out.png.%d", (int)dead);
    for (int i = 0; i < 7; i++)
        leave(name[i], i == 1 ? 0 : 1000);
    leave("out.png.tmp", 1000);
    assert_int_equal(atl_file_write(in_dir("out.png"), "abc", 3, NULL), ATL_OK);
    expect_content(in_dir("out.png"), "abc");
    for (int i = 0; i < 7; i++)
        assert_int_equal(atl_is_file(in_dir(name[i])), i >= 2);
    assert_true(atl_is_file(in_dir("out.png.tmp")));
    assert_int_equal(count_entries(), 7);
    leave(name[0], 20); /* it may be of a process that cannot be seen from here */
    assert_int_equal(atl_file_write(in_dir("out.png"), "de", 2, NULL), ATL_OK);
    assert_true(atl_is_file(in_dir(name[0])));
    assert_int_equal(unlink(in_dir(name[0])), 0);
    assert_int_equal(mkdir(in_dir(name[0]), 0777), 0); /* nobody wrote it that way */
    assert_int_equal(atl_file_write_new(in_dir("new.png"), "f", 1, NULL), ATL_OK);
    assert_int_equal(atl_file_write(in_dir("out.png"), "g", 1, NULL), ATL_OK);
    assert_true(atl_is_dir(in_dir(name[0])));
}

static void a_file_beyond_the_bound_is_refused(void **state)
{
    (void)state;
    const char *path = in_dir("f");
    assert_int_equal(atl_file_write(path, "abcd", 4, NULL), ATL_OK);
    char *data = NULL;
    size_t size;
    atl_note note = {0};
    assert_int_equal(atl_file_read(path, 3, &data, &size, &note), ATL_BAD_INPUT);
    assert_non_null(strstr(note.text, "4 bytes"));
    assert_null(data);
    assert_int_equal(atl_file_read(path, 4, &data, &size, &note), ATL_OK);
    free(data);
}

static void what_is_missing_or_no_file_is_told_apart(void **state)
{
    (void)state;
    char *data;
    size_t size;
    atl_mapping mapping;
    assert_int_equal(atl_file_read(in_dir("none"), 9, &data, &size, NULL), ATL_NOT_FOUND);
    assert_int_equal(atl_mapping_open(in_dir("none"), &mapping, NULL), ATL_NOT_FOUND);
    assert_int_equal(atl_file_read(dir, 9, &data, &size, NULL), ATL_IO);
    assert_int_equal(atl_mapping_open(dir, &mapping, NULL), ATL_IO);
}

static void a_mapping_shows_the_file(void **state)
{
    (void)state;
    const size_t n = 3 * 4096 + 17;
    char *bytes = malloc(n);
    memset(bytes, 'm', n);
    const char *path = in_dir("f");
    assert_int_equal(atl_file_write(path, bytes, n, NULL), ATL_OK);
    atl_mapping mapping;
    assert_int_equal(atl_mapping_open(path, &mapping, NULL), ATL_OK);
    assert_int_equal(mapping.size_bytes, n);
    assert_memory_equal(mapping.data, bytes, n);
    atl_mapping_forget(&mapping, 1, n); /* what was forgotten comes back from the file */
    assert_memory_equal(mapping.data, bytes, n);
    atl_mapping_close(&mapping);
    atl_mapping_close(&mapping);
    free(bytes);
    assert_int_equal(atl_file_write(path, "", 0, NULL), ATL_OK);
    assert_int_equal(atl_mapping_open(path, &mapping, NULL), ATL_OK);
    assert_null(mapping.data);
    atl_mapping_forget(&mapping, 0, 0);
    atl_mapping_close(&mapping);
}

static void directories_are_made_with_their_parents(void **state)
{
    (void)state;
    assert_int_equal(atl_dir_make(in_dir("a/b/c"), NULL), ATL_OK);
    assert_true(atl_is_dir(in_dir("a/b/c")));
    assert_int_equal(atl_dir_make(in_dir("a/b/c/"), NULL), ATL_OK);
    assert_int_equal(atl_file_write(in_dir("a/f"), "x", 1, NULL), ATL_OK);
    assert_int_equal(atl_dir_make(in_dir("a/f"), NULL), ATL_IO);
    assert_int_equal(atl_dir_make(in_dir("a/f/g"), NULL), ATL_IO);
    assert_true(atl_is_file(in_dir("a/f")));
    assert_false(atl_is_dir(in_dir("a/f")));
    assert_false(atl_is_file(in_dir("a")));
}

static void a_target_is_judged_before_the_work(void **state)
{
    (void)state;
    const char *path = in_dir("f");
    assert_int_equal(atl_file_check_target(path, false, NULL), ATL_OK);
    assert_int_equal(count_entries(), 0);
    assert_int_equal(atl_file_write(path, "x", 1, NULL), ATL_OK);
    assert_int_equal(atl_file_check_target(path, false, NULL), ATL_IO);
    assert_int_equal(atl_file_check_target(path, true, NULL), ATL_OK);
    assert_int_equal(atl_file_check_target(dir, true, NULL), ATL_IO);
    assert_int_equal(atl_file_check_target(in_dir("none/f"), true, NULL), ATL_IO);
    assert_int_equal(symlink("nowhere", in_dir("l")), 0); /* a link that leads nowhere is there, too */
    assert_int_equal(atl_file_check_target(in_dir("l"), false, NULL), ATL_IO);
}

static void paths_are_joined_with_one_slash(void **state)
{
    (void)state;
    const char *const cases[][3] = {{"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"", "b", "b"}, {"/", "b", "/b"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *path = atl_path_join(cases[i][0], cases[i][1]);
        assert_string_equal(path, cases[i][2]);
        free(path);
    }
}

static void peak_memory_counts_what_was_touched(void **state)
{
    (void)state;
    const size_t n = (size_t)64 << 20;
    char *bytes = malloc(n);
    assert_non_null(bytes);
    memset(bytes, 1, n);
    assert_int_equal(bytes[n / 2], 1);
    free(bytes);
    assert_true(atl_peak_rss_bytes() >= n);
}

#define IN_A_DIR(test) cmocka_unit_test_setup_teardown(test, make_dir, remove_dir)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_DIR(what_is_written_is_read),
        IN_A_DIR(writing_a_new_file_leaves_an_old_one_alone),
        IN_A_DIR(a_write_that_fails_leaves_nothing_behind),
        IN_A_DIR(what_dead_writers_left_is_swept_and_nothing_else),
        IN_A_DIR(a_file_beyond_the_bound_is_refused),
        IN_A_DIR(what_is_missing_or_no_file_is_told_apart),
        IN_A_DIR(a_mapping_shows_the_file),
        IN_A_DIR(directories_are_made_with_their_parents),
        IN_A_DIR(a_target_is_judged_before_the_work),
        cmocka_unit_test(paths_are_joined_with_one_slash),
        cmocka_unit_test(peak_memory_counts_what_was_touched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
