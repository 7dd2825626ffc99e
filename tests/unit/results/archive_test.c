/* archive_test.c - rows into the SQLite file and out of it, by several at once, and files that are none. */
#include "results/archive.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "results/archive_tell.h"

typedef struct room {
    char dir[64], path[128];
} room;

static int open_room(void **state)
{
    room *r = calloc(1, sizeof *r);
    snprintf(r->dir, sizeof r->dir, "/tmp/atelier-archive-XXXXXX");
    assert_non_null(mkdtemp(r->dir));
    snprintf(r->path, sizeof r->path, "%s/a/b/history.sqlite", r->dir);
    *state = r;
    return 0;
}

static int close_room(void **state)
{
    room *r = *state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", r->dir);
    assert_int_equal(system(command), 0);
    free(r);
    return 0;
}

static atl_archive_entry sample(const char *kind, double value)
{
    atl_archive_entry e = {.time_s = 1750000000, .workers = 4, .threads = 2};
    snprintf(e.kind, sizeof e.kind, "%s", kind);
    snprintf(e.machine, sizeof e.machine, "Some CPU, 8 cores, 32 GiB");
    snprintf(e.version, sizeof e.version, "1.2.3");
    snprintf(e.commit, sizeof e.commit, "abc123");
    snprintf(e.model_name, sizeof e.model_name, "It's \"a\" model");
    snprintf(e.model_hash, sizeof e.model_hash, "0123456789");
    snprintf(e.policy, sizeof e.policy, "bf16");
    snprintf(e.order, sizeof e.order, "scatter");
    snprintf(e.work, sizeof e.work, "64x64, 8 steps");
    snprintf(e.place, sizeof e.place, "/somewhere");
    atl_archive_figure_add(&e, "images_per_hour", "images/h", value, ATL_MORE_IS_BETTER);
    atl_archive_figure_add(&e, "picture_p50", "ms", 3.6e6 / value, ATL_LESS_IS_BETTER);
    return e;
}

static void what_goes_in_comes_out(void **state)
{
    const room *r = *state;
    const atl_archive_entry e = sample("run", 1234.5);
    atl_archive_list list = {0};
    assert_int_equal(atl_archive_append(r->path, &e, NULL), ATL_OK);
    assert_int_equal(atl_archive_read(r->path, &(atl_archive_filter){0}, &list, NULL), ATL_OK);
    assert_int_equal(list.n, 1);
    atl_archive_entry wanted = e;
    wanted.id = 1;
    assert_memory_equal(&list.entries[0], &wanted, sizeof wanted);
    atl_archive_list_done(&list);
}

static void a_file_that_is_not_there_is_an_empty_history(void **state)
{
    const room *r = *state;
    atl_archive_list list = {0};
    assert_int_equal(atl_archive_read(r->path, &(atl_archive_filter){0}, &list, NULL), ATL_OK);
    assert_int_equal(list.n, 0);
    assert_false(atl_is_file(r->path));
}

static void filters_choose_and_the_latest_stay(void **state)
{
    const room *r = *state;
    static const char *const kinds[] = {"run", "study", "bench"};
    for (int i = 0; i < 9; i++) {
        const atl_archive_entry e = sample(kinds[i % 3], 100 + i);
        assert_int_equal(atl_archive_append(r->path, &e, NULL), ATL_OK);
    }
    const struct {
        atl_archive_filter filter;
        int n;
    } cases[] = {
        {{.kind = "run"}, 3},      {{.kind = "run", .last = 2}, 2}, {{.machine = "some cpu"}, 9},
        {{.machine = "other"}, 0}, {{.model = "MODEL"}, 9},         {{.model = "0123"}, 9},
        {{.model = "1234"}, 0},    {{.policy = "bf16"}, 9},         {{.policy = "bf"}, 0},
        {{.last = 4}, 4},          {{.model = "' OR 1=1 --"}, 0},   {{.machine = "%"}, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        atl_archive_list list = {0};
        assert_int_equal(atl_archive_read(r->path, &cases[i].filter, &list, NULL), ATL_OK);
        assert_int_equal(list.n, cases[i].n);
        for (int k = 1; k < list.n; k++)
            assert_true(list.entries[k - 1].id < list.entries[k].id);
        if (cases[i].filter.last == 4)
            assert_int_equal(list.entries[3].id, 9);
        atl_archive_list_done(&list);
    }
}

static void figures_that_are_no_numbers_or_too_many_are_left_out(void **state)
{
    (void)state;
    atl_archive_entry e = {0};
    atl_archive_figure_add(&e, "a", "ms", (double)NAN, ATL_LESS_IS_BETTER);
    atl_archive_figure_add(&e, "a", "ms", (double)INFINITY, ATL_LESS_IS_BETTER);
    assert_int_equal(e.n_figures, 0);
    for (int i = 0; i < ATL_ARCHIVE_MAX_FIGURES + 5; i++)
        atl_archive_figure_add(&e, "a", "ms", i, ATL_LESS_IS_BETTER);
    assert_int_equal(e.n_figures, ATL_ARCHIVE_MAX_FIGURES);
}

static void many_processes_write_at_once_and_none_loses_a_row(void **state)
{
    const room *r = *state;
    enum { N_PROCESSES = 8, N_ROWS = 10 };
    for (int p = 0; p < N_PROCESSES; p++)
        if (fork() == 0) {
            int failed = 0;
            for (int i = 0; i < N_ROWS; i++) {
                const atl_archive_entry e = sample("run", 1000 * p + i + 1);
                failed += atl_archive_append(r->path, &e, NULL) != ATL_OK;
            }
            _exit(failed > 0);
        }
    for (int p = 0, status; p < N_PROCESSES; p++) {
        assert_true(wait(&status) > 0);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    atl_archive_list list = {0};
    assert_int_equal(atl_archive_read(r->path, &(atl_archive_filter){0}, &list, NULL), ATL_OK);
    assert_int_equal(list.n, N_PROCESSES * N_ROWS);
    for (int i = 0; i < list.n; i++)
        assert_int_equal(list.entries[i].n_figures, 2);
    atl_archive_list_done(&list);
}

/* A study that is called again has its row; a bench, which has no place, is measured anew each time. */
static void what_is_told_twice_of_one_place_is_one_row(void **state)
{
    const room *r = *state;
    atl_archive_entry e = sample("study", 100.0 / 3);
    atl_archive_list list = {0};
    assert_int_equal(atl_archive_append(r->path, &e, NULL), ATL_OK);
    e.time_s += 60;
    snprintf(e.version, sizeof e.version, "2.0.0");
    assert_int_equal(atl_archive_append(r->path, &e, NULL), ATL_OK);
    assert_int_equal(atl_archive_read(r->path, &(atl_archive_filter){0}, &list, NULL), ATL_OK);
    assert_int_equal(list.n, 1);
    assert_string_equal(list.entries[0].version, "1.2.3");
    atl_archive_list_done(&list);
    for (int i = 0; i < 5; i++) {
        atl_archive_entry other = sample(i == 0 ? "run" : "study", i == 1 ? 33.33 : 100.0 / 3);
        other.workers += i == 2;
        snprintf(other.place, sizeof other.place, "%s", i == 3 ? "/else" : e.place);
        snprintf(other.policy, sizeof other.policy, "%s", i == 4 ? "fp32" : e.policy);
        assert_int_equal(atl_archive_append(r->path, &other, NULL), ATL_OK);
    }
    e.place[0] = '\0';
    for (int i = 0; i < 2; i++)
        assert_int_equal(atl_archive_append(r->path, &e, NULL), ATL_OK);
    assert_int_equal(atl_archive_read(r->path, &(atl_archive_filter){0}, &list, NULL), ATL_OK);
    assert_int_equal(list.n, 1 + 5 + 2);
    atl_archive_list_done(&list);
}

static void the_latest_study_of_the_same_things_is_found(void **state)
{
    const room *r = *state;
    atl_archive_entry e = sample("study", 100), found;
    const atl_archive_wanted wanted = {e.machine, e.model_hash, e.policy, "scatter", 0};
    atl_note note = {0};
    assert_int_equal(atl_archive_latest_study(r->path, &wanted, &found, &note), ATL_NOT_FOUND);
    e.workers = 6;
    e.threads = 1;
    assert_int_equal(atl_archive_append(r->path, &e, NULL), ATL_OK);
    e.workers = 3;
    e.threads = 2;
    assert_int_equal(atl_archive_append(r->path, &e, NULL), ATL_OK);
    for (int i = 0; i < 5; i++) { /* later, and of something else */
        atl_archive_entry other = sample(i == 0 ? "run" : "study", 100);
        snprintf(other.machine, sizeof other.machine, "%s", i == 1 ? "another" : e.machine);
        snprintf(other.model_hash, sizeof other.model_hash, "%s", i == 2 ? "another" : e.model_hash);
        snprintf(other.policy, sizeof other.policy, "%s", i == 3 ? "fp32" : e.policy);
        snprintf(other.order, sizeof other.order, "%s", i == 4 ? "compact" : e.order);
        assert_int_equal(atl_archive_append(r->path, &other, NULL), ATL_OK);
    }
    assert_int_equal(atl_archive_latest_study(r->path, &wanted, &found, NULL), ATL_OK);
    assert_int_equal(found.workers, 3);
    atl_archive_wanted one_thread = wanted;
    one_thread.threads = 1;
    assert_int_equal(atl_archive_latest_study(r->path, &one_thread, &found, NULL), ATL_OK);
    assert_int_equal(found.workers, 6);
    one_thread.threads = 5;
    assert_int_equal(atl_archive_latest_study(r->path, &one_thread, &found, NULL), ATL_NOT_FOUND);
}

static void assert_refused(const room *r, const char *words)
{
    const atl_archive_entry e = sample("run", 1);
    atl_archive_list list = {0};
    atl_note note = {0};
    assert_int_equal(atl_archive_append(r->path, &e, &note), ATL_BAD_INPUT);
    assert_non_null(strstr(note.text, words));
    assert_int_equal(atl_archive_read(r->path, &(atl_archive_filter){0}, &list, &note), ATL_BAD_INPUT);
    assert_int_equal(list.n, 0);
}

static void a_file_of_another_kind_is_left_as_it_is(void **state)
{
    room *r = *state;
    char *bytes;
    size_t n;
    snprintf(r->path, sizeof r->path, "%s/text", r->dir);
    const char text[] = "These are words, and no database; long enough to be taken for a header of one.\n"
                        "These are words, and no database; long enough to be taken for a header of one.\n";
    assert_int_equal(atl_file_write(r->path, text, sizeof text - 1, NULL), ATL_OK);
    assert_refused(r, "file is not a database");
    assert_int_equal(atl_file_read(r->path, 1 << 20, &bytes, &n, NULL), ATL_OK);
    assert_int_equal(n, sizeof text - 1);
    assert_memory_equal(bytes, text, n);
    free(bytes);
}

static void damage_in_the_middle_is_an_error_with_words(void **state)
{
    const room *r = *state;
    char *bytes;
    size_t n;
    for (int i = 0; i < 50; i++) {
        const atl_archive_entry e = sample("run", i + 1);
        assert_int_equal(atl_archive_append(r->path, &e, NULL), ATL_OK);
    }
    assert_int_equal(atl_file_read(r->path, 1 << 24, &bytes, &n, NULL), ATL_OK);
    memset(bytes + n / 4, 0xA5, n / 2);
    assert_int_equal(atl_file_write(r->path, bytes, n, NULL), ATL_OK);
    free(bytes);
    atl_archive_list list = {0};
    atl_note note = {0};
    assert_int_equal(atl_archive_read(r->path, &(atl_archive_filter){0}, &list, &note), ATL_BAD_INPUT);
    assert_non_null(strstr(note.text, "history.sqlite: "));
}

static void a_place_that_cannot_be_written_is_an_error_with_words(void **state)
{
    room *r = *state;
    const atl_archive_entry e = sample("run", 1);
    atl_note note = {0};
    assert_int_equal(atl_archive_append("/proc/none/history.sqlite", &e, &note), ATL_IO);
    assert_non_null(strstr(note.text, "/proc/none"));
    assert_int_equal(atl_archive_append(r->dir, &e, &note), ATL_IO); /* a directory */
    assert_non_null(strstr(note.text, r->dir));
}

static void the_place_is_said_or_found(void **state)
{
    (void)state;
    char *path;
    unsetenv("ATELIER_HISTORY");
    setenv("XDG_DATA_HOME", "/data", 1);
    setenv("HOME", "/home/me", 1);
    assert_int_equal(atl_archive_path(NULL, &path, NULL), ATL_OK);
    assert_string_equal(path, "/data/atelier/history.sqlite");
    free(path);
    setenv("XDG_DATA_HOME", "not/absolute", 1);
    assert_int_equal(atl_archive_path(NULL, &path, NULL), ATL_OK);
    assert_string_equal(path, "/home/me/.local/share/atelier/history.sqlite");
    free(path);
    setenv("ATELIER_HISTORY", "there", 1);
    assert_int_equal(atl_archive_path(NULL, &path, NULL), ATL_OK);
    assert_string_equal(path, "there");
    free(path);
    assert_int_equal(atl_archive_path("here", &path, NULL), ATL_OK);
    assert_string_equal(path, "here");
    free(path);
    unsetenv("ATELIER_HISTORY");
    unsetenv("XDG_DATA_HOME");
    unsetenv("HOME");
    assert_int_equal(atl_archive_path(NULL, &path, NULL), ATL_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_goes_in_comes_out, open_room, close_room),
        cmocka_unit_test_setup_teardown(a_file_that_is_not_there_is_an_empty_history, open_room, close_room),
        cmocka_unit_test_setup_teardown(filters_choose_and_the_latest_stay, open_room, close_room),
        cmocka_unit_test(figures_that_are_no_numbers_or_too_many_are_left_out),
        cmocka_unit_test_setup_teardown(many_processes_write_at_once_and_none_loses_a_row, open_room,
                                        close_room),
        cmocka_unit_test_setup_teardown(what_is_told_twice_of_one_place_is_one_row, open_room, close_room),
        cmocka_unit_test_setup_teardown(the_latest_study_of_the_same_things_is_found, open_room, close_room),
        cmocka_unit_test_setup_teardown(a_file_of_another_kind_is_left_as_it_is, open_room, close_room),
        cmocka_unit_test_setup_teardown(damage_in_the_middle_is_an_error_with_words, open_room, close_room),
        cmocka_unit_test_setup_teardown(a_place_that_cannot_be_written_is_an_error_with_words, open_room,
                                        close_room),
        cmocka_unit_test(the_place_is_said_or_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
