/* leavings_test.c - which folders beside a pool's are removed, and which stay. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "leavings.h"

typedef struct place {
    char path[64];
    time_t now; /* long after everything in it was made */
} place;

static void in(const place *p, const char *name, char path[108])
{
    snprintf(path, 108, "%s/%s", p->path, name);
}

static place new_place(void)
{
    place p = {.now = time(NULL) + 100000};
    snprintf(p.path, sizeof p.path, "/tmp/leavings-XXXXXX");
    assert_non_null(mkdtemp(p.path));
    return p;
}

static void make_folder(const place *p, const char *name, mode_t mode)
{
    char path[108];
    in(p, name, path);
    assert_int_equal(mkdir(path, mode), 0);
}

/* A folder with a bound socket, as a coordinator makes it; closed by a caller who plays one that was killed.
 */
static int make_server(const place *p, const char *name, mode_t mode, bool listens)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    make_folder(p, name, mode);
    snprintf(address.sun_path, sizeof address.sun_path, "%s/%s/socket", p->path, name);
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    if (listens)
        assert_int_equal(listen(fd, 4), 0);
    return fd;
}

static bool is_there(const place *p, const char *name)
{
    char path[108];
    struct stat s;
    in(p, name, path);
    return lstat(path, &s) == 0;
}

static void remove_place(const place *p)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", p->path);
    assert_int_equal(system(command), 0);
}

static void a_dead_socket_goes_with_its_folder_and_a_live_one_stays(void **state)
{
    (void)state;
    const place p = new_place();
    const int live = make_server(&p, "atelier-aaaaaa", 0700, true);
    close(make_server(&p, "atelier-bbbbbb", 0700, true));
    assert_int_equal(atl_leavings_sweep(p.path, p.now), 1);
    assert_true(is_there(&p, "atelier-aaaaaa/socket"));
    assert_false(is_there(&p, "atelier-bbbbbb"));
    close(live);
    assert_int_equal(atl_leavings_sweep(p.path, p.now), 1);
    assert_false(is_there(&p, "atelier-aaaaaa"));
    remove_place(&p);
}

/* Between its bind and its listen a coordinator that starts refuses connections, too. */
static void what_is_young_may_be_starting(void **state)
{
    (void)state;
    const place p = new_place();
    const time_t now = time(NULL);
    const int starting = make_server(&p, "atelier-aaaaaa", 0700, false);
    make_folder(&p, "atelier-bbbbbb", 0700);
    assert_int_equal(atl_leavings_sweep(p.path, now), 0);
    assert_int_equal(atl_leavings_sweep(p.path, now + 1800), 1); /* the socket; the folder has its time */
    assert_true(is_there(&p, "atelier-bbbbbb"));
    assert_int_equal(atl_leavings_sweep(p.path, now + 7200), 1);
    assert_false(is_there(&p, "atelier-bbbbbb"));
    close(starting);
    remove_place(&p);
}

static void what_is_no_pools_stays(void **state)
{
    (void)state;
    const place p = new_place();
    char path[108], target[108];
    make_folder(&p, "atelier-short", 0700);
    make_folder(&p, "atelier-run-bench-aaaaaa", 0700);
    make_folder(&p, "atelier-a-bbbb", 0700);
    make_folder(&p, "atelier-aaaaaa", 0755); /* mkdtemp's are private */
    close(make_server(&p, "another-bbbbb", 0700, true));
    make_folder(&p, "atelier-cccccc", 0700); /* with a file of that name */
    in(&p, "atelier-cccccc/socket", path);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    in(&p, "another-bbbbb", target);
    in(&p, "atelier-dddddd", path);
    assert_int_equal(symlink(target, path), 0);
    assert_int_equal(atl_leavings_sweep(p.path, p.now), 0);
    assert_true(is_there(&p, "atelier-short") && is_there(&p, "atelier-run-bench-aaaaaa") &&
                is_there(&p, "atelier-a-bbbb") && is_there(&p, "atelier-aaaaaa") &&
                is_there(&p, "another-bbbbb/socket") && is_there(&p, "atelier-cccccc/socket"));
    remove_place(&p);
}

static void a_folder_that_holds_more_keeps_it(void **state)
{
    (void)state;
    const place p = new_place();
    char path[108];
    close(make_server(&p, "atelier-aaaaaa", 0700, true));
    in(&p, "atelier-aaaaaa/notes", path);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    assert_int_equal(atl_leavings_sweep(p.path, p.now), 0);
    assert_true(is_there(&p, "atelier-aaaaaa/notes"));
    remove_place(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dead_socket_goes_with_its_folder_and_a_live_one_stays),
        cmocka_unit_test(what_is_young_may_be_starting),
        cmocka_unit_test(what_is_no_pools_stays),
        cmocka_unit_test(a_folder_that_holds_more_keeps_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
