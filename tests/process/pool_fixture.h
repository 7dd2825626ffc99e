/* pool_fixture.h - a pool of fake workers, a folder of its own, and what the pool said. For tests/process.
 *
 * Nothing sleeps: tests wait for futures and for events, each with a deadline that only a failure reaches. */
#ifndef POOL_FIXTURE_H
#define POOL_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "coordinator/executor.h"

enum { DEADLINE_MS = 20000, MAX_EVENTS = 4096 };
#define MILLISECONDS(n) ((int64_t)(n)*1000000)

typedef struct said {
    atl_pool_event_type type;
    uint32_t worker;
    atl_worker_phase phase;
    uint64_t index;
    uint32_t attempt;
    char text[256];
} said;

typedef struct pool {
    char folder[64], model[128];
    pthread_mutex_t mutex;
    pthread_cond_t spoke;
    said said[MAX_EVENTS];
    size_t n_said;
    atl_executor_options options;
    atl_executor *executor;
    int n_fds; /* open before the pool was */
} pool;

static inline int count_fds(void)
{
    int n = 0;
    DIR *dir = opendir("/proc/self/fd");
    assert_non_null(dir);
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

static inline void hear(void *user, const atl_pool_event *event)
{
    pool *p = user;
    pthread_mutex_lock(&p->mutex);
    if (p->n_said < MAX_EVENTS) {
        said *s = &p->said[p->n_said++];
        *s = (said){.type = event->type,
                    .worker = event->worker,
                    .phase = event->phase,
                    .index = event->index,
                    .attempt = event->attempt};
        snprintf(s->text, sizeof s->text, "%s", event->text ? event->text : "");
    }
    pthread_cond_broadcast(&p->spoke);
    pthread_mutex_unlock(&p->mutex);
}

/* A folder with an empty file as the model; the pool itself is opened by open_pool, after a test set options.
 */
static inline pool *new_pool(const char *model, const char *program)
{
    pool *p = calloc(1, sizeof *p);
    assert_non_null(p);
    snprintf(p->folder, sizeof p->folder, "/tmp/atelier-process-XXXXXX");
    assert_non_null(mkdtemp(p->folder));
    snprintf(p->model, sizeof p->model, "%s/%s", p->folder, model);
    FILE *file = fopen(p->model, "w");
    assert_non_null(file);
    fclose(file);
    pthread_mutex_init(&p->mutex, NULL);
    pthread_cond_init(&p->spoke, NULL);
    p->options = (atl_executor_options){
        .model = p->model, .worker_program = program, .n_workers = 2, .on_event = hear, .user = p};
    p->n_fds = count_fds();
    return p;
}

static inline void open_pool(pool *p)
{
    atl_note note = {0};
    if (atl_executor_open(&p->options, &p->executor, &note) != ATL_OK)
        fail_msg("%s", note.text);
}

static inline pool *a_pool(void)
{
    pool *p = new_pool("model", FAKE_WORKER);
    open_pool(p);
    return p;
}

static inline const char *path_in(const pool *p, const char *name, char text[128])
{
    snprintf(text, 128, "%s/%s", p->folder, name);
    return text;
}

/* Makes the file that prompts of `await` wait for. */
static inline void open_gate(const char *gate)
{
    FILE *file = fopen(gate, "w");
    assert_non_null(file);
    fclose(file);
}

/* Whether the pool left nothing: no process, no open file. */
static inline void check_nothing_left(const pool *p)
{
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    assert_int_equal(count_fds(), p->n_fds);
}

static inline void close_pool(pool *p, bool wait)
{
    atl_executor_shutdown(&p->executor, wait, false);
    check_nothing_left(p);
    DIR *dir = opendir(p->folder);
    for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;) {
        char path[400];
        snprintf(path, sizeof path, "%s/%s", p->folder, entry->d_name);
        unlink(path);
    }
    closedir(dir);
    assert_int_equal(rmdir(p->folder), 0);
    pthread_mutex_destroy(&p->mutex);
    pthread_cond_destroy(&p->spoke);
    free(p);
}

static inline atl_future *submit(pool *p, uint64_t index, const char *prompt)
{
    atl_future *future = NULL;
    atl_note note = {0};
    const atl_job job = {.index = index, .prompt = (char *)(uintptr_t)prompt, .seed = index};
    if (atl_executor_submit(p->executor, &job, &future, &note) != ATL_OK)
        fail_msg("%s", note.text);
    return future;
}

static inline const atl_result *ended(atl_future *future, atl_future_state state)
{
    if (!atl_future_wait(future, DEADLINE_MS))
        fail_msg("a future did not end");
    const atl_result *result = atl_future_result(future);
    if (atl_future_peek(future) != state)
        fail_msg("a future became %d: %s", (int)atl_future_peek(future), result->note.text);
    return result;
}

/* Waits until at least n events of that kind were said (phase < 0: whichever); the last of them. */
static inline said heard(pool *p, atl_pool_event_type type, int phase, size_t n)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += DEADLINE_MS / 1000;
    said last = {0};
    pthread_mutex_lock(&p->mutex);
    for (bool in_time = true;;) {
        size_t count = 0;
        for (size_t i = 0; i < p->n_said && count < n; i++)
            if (p->said[i].type == type && (phase < 0 || (int)p->said[i].phase == phase)) {
                count++;
                last = p->said[i];
            }
        if (count >= n || !in_time) {
            pthread_mutex_unlock(&p->mutex);
            if (count < n)
                fail_msg("event %d of phase %d was heard %zu times of %zu", (int)type, phase, count, n);
            return last;
        }
        in_time = pthread_cond_timedwait(&p->spoke, &p->mutex, &until) == 0;
    }
}

static inline size_t count_said(pool *p, atl_pool_event_type type, int phase)
{
    size_t count = 0;
    pthread_mutex_lock(&p->mutex);
    for (size_t i = 0; i < p->n_said; i++)
        count += p->said[i].type == type && (phase < 0 || (int)p->said[i].phase == phase);
    pthread_mutex_unlock(&p->mutex);
    return count;
}

#endif
