/* evidence_tree.h - what the tests of evidence share: a tree of files as kernels show them, with one process
 * that does not exist, watched while a test changes the files. */
#ifndef ATL_TESTS_COORDINATOR_EVIDENCE_TREE_H
#define ATL_TESTS_COORDINATOR_EVIDENCE_TREE_H

#include <math.h>
#include <unistd.h>

#include "evidence.h"
#include "file_tree.h"

typedef struct tree {
    char root[64];
    atl_evidence found[ATL_STUDY_MAX_EVIDENCE];
    size_t n;
} tree;

static inline int make_tree(void **state)
{
    tree *t = calloc(1, sizeof *t);
    assert_non_null(t);
    make_root(t->root);
    *state = t;
    return 0;
}

static inline int remove_tree(void **state)
{
    tree *t = *state;
    const int code = remove_root(t->root);
    free(t);
    return code;
}

static inline void put(const tree *t, const char *path, const char *text)
{
    put_file(t->root, path, text);
}

/* The tree's process has a number that no process can have, so that no counter of the real system finds it.
 */
#define PID       99999999
#define PROCESS   "/proc/99999999"
#define THREAD(n) PROCESS "/task/" n

static inline atl_evidence_watch *begin(tree *t)
{
    static const pid_t pid = PID;
    static const int cpus[] = {2, 3};
    const atl_evidence_scope scope = {.root = t->root, .pids = &pid, .n_pids = 1, .cpus = cpus, .n_cpus = 2};
    atl_evidence_watch *watch = NULL;
    assert_int_equal(atl_evidence_begin(&scope, &watch, NULL), ATL_OK);
    usleep(20000); /* rates are by the real length, which only has to be more than nothing */
    return watch;
}

static inline void end(tree *t, atl_evidence_watch *watch, double n_images)
{
    t->n = atl_evidence_end(&watch, n_images, t->found, ATL_STUDY_MAX_EVIDENCE);
    assert_null(watch);
}

static inline const atl_evidence *find(const tree *t, const char *name)
{
    const atl_evidence *found = atl_evidence_find(t->found, t->n, name);
    if (!found)
        fail_msg("no finding is called %s", name);
    return found;
}

static inline void assert_near(double found, double wanted, double most)
{
    if (!(fabs(found - wanted) <= most))
        fail_msg("found %.9g, wanted %.9g", found, wanted);
}

/* Rates are compared as ratios of two of them, which do not depend on the window's length. */
static inline void assert_ratio(const tree *t, const char *a, const char *b, double wanted)
{
    assert_near(find(t, a)->value / find(t, b)->value, wanted, 1e-6 * fabs(wanted));
}

static inline void assert_missing(const tree *t, const char *name, const char *words)
{
    const atl_evidence *found = find(t, name);
    if (!isnan(found->value) || !strstr(found->why, words))
        fail_msg("%s is %g, '%s'", name, found->value, found->why);
}

/* A file of pressure stall information: microseconds since the begin. */
static inline void put_pressure(const tree *t, const char *path, unsigned some, unsigned full)
{
    char text[256];
    snprintf(
        text, sizeof text,
        "some avg10=1.00 avg60=2.00 avg300=3.00 total=%u\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=%u\n",
        some, full);
    put(t, path, text);
}

#define IN_TREE(test) cmocka_unit_test_setup_teardown(test, make_tree, remove_tree)

#endif
