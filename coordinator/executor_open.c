/* executor_open.c - makes a pool of what was asked for: options copied and completed, workers placed, limits,
 * queues, dispatch and the socket; and frees it. See executor_private.h. */
#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "executor_private.h"

enum { DEFAULT_CREDIT = 2, QUEUE_PER_CREDIT = 4, DEFAULT_ATTEMPTS = 3, MAX_UNLUCKY = 9 };
enum { STEP_EVERY_MS = 500 };
enum { FEWEST_WORKERS_TRIED = 2, MOST_NETWORKS_BYTES = 100000 /* Linux takes 131,072 a word */ };
enum { FAILURES_TO_QUARANTINE = 5, MAX_RESPAWNS = 5, SPARE_FDS = 64, FDS_A_WORKER = 4, LEAST_HIGH_WATER = 8 };
static const int64_t start_patience_ns = 600 * (int64_t)1000000000, silence_patience_ns = 5000000000,
                     compute_patience_ns = 600 * (int64_t)1000000000, compute_floor_ns = 30000000000;

static bool copy_string(const char *from, char **ret)
{
    *ret = from ? strdup(from) : NULL;
    return !from || *ret;
}

static bool copy_extra_args(const char *const *from, char ***ret)
{
    size_t n = 0;
    while (from && from[n])
        n++;
    *ret = calloc(n + 1, sizeof **ret);
    for (size_t i = 0; *ret && i < n; i++)
        if (!copy_string(from[i], &(*ret)[i]))
            return false;
    return *ret != NULL;
}

const char *atl_pool_find_program(char path[4096])
{
    const ssize_t n = readlink("/proc/self/exe", path, 4095);
    if (n > 0) {
        path[n] = '\0';
        const char *name = strrchr(path, '/');
        if (name && strcmp(name, "/atelier") == 0)
            return path;
    }
    return access(ATELIER_INSTALLED_PROGRAM, X_OK) == 0 ? ATELIER_INSTALLED_PROGRAM : "atelier";
}

static atl_status copy_options(atl_executor *x, const atl_executor_options *o, atl_note *note)
{
    char path[4096];
    struct stat there;
    if (!o->model || stat(o->model, &there) != 0)
        return atl_fail(note, o->model ? ATL_NOT_FOUND : ATL_USAGE, "the model '%s': %s",
                        o->model ? o->model : "", o->model ? strerror(errno) : "is not named");
    if (o->networks && strlen(o->networks) > MOST_NETWORKS_BYTES)
        return atl_fail(
            note, ATL_UNSUPPORTED,
            "the names of the networks beside the model take %zu bytes; wanted at most %d in one run",
            strlen(o->networks), MOST_NETWORKS_BYTES);
    if (!copy_string(o->model, &x->model) || !copy_string(o->variant, &x->variant) ||
        !copy_string(o->policy, &x->policy) || !copy_string(o->pack_cache, &x->pack_cache) ||
        !copy_string(o->tokenizer_dir, &x->tokenizer_dir) || !copy_string(o->lora_dir, &x->lora_dir) ||
        !copy_string(o->networks, &x->networks) ||
        !copy_string(o->worker_program ? o->worker_program : atl_pool_find_program(path), &x->program) ||
        !copy_extra_args(o->worker_args, &x->extra_args))
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a pool");
    x->bind = o->bind;
    x->batch_size = o->batch_size > 1 ? o->batch_size : 1;
    x->start_patience_ns = o->start_patience_ns > 0 ? o->start_patience_ns : start_patience_ns;
    x->silence_patience_ns = o->silence_patience_ns > 0 ? o->silence_patience_ns : silence_patience_ns;
    x->compute_patience_ns = o->compute_patience_ns > 0 ? o->compute_patience_ns : compute_patience_ns;
    x->on_event = o->on_event;
    x->user = o->user;
    const int step_every_ms = o->step_every_ms > 0 ? o->step_every_ms : STEP_EVERY_MS;
    x->step_every_ns = o->on_event && o->step_every_ms >= 0 ? (int64_t)step_every_ms * 1000000 : 0;
    x->nudge_fd = o->nudge_fd > 0 ? o->nudge_fd : -1;
    return ATL_OK;
}

static atl_status make_plan(atl_executor *x, const atl_executor_options *o, atl_note *note)
{
    const atl_machine_source source = {.cpus = o->cpus};
    atl_machine *machine = NULL;
    atl_status st = atl_machine_load(&source, &machine, note);
    if (st != ATL_OK)
        return st;
    const atl_plan_wish wish = {.n_workers = o->n_workers,
                                .n_threads = o->n_threads,
                                .order = o->order,
                                .shared_bytes = o->shared_bytes,
                                .worker_bytes = o->worker_bytes,
                                .reserve_core = o->reserve_core};
    st = atl_plan_for(machine, &wish, &x->plan, note);
    x->bind = x->bind && atl_machine_can_bind(machine);
    atl_machine_free(&machine);
    if (st == ATL_OK && o->reserve_core && !x->bind)
        st = atl_fail(note, ATL_USAGE,
                      "a core can be kept for the coordinator only where workers are bound to others");
    /* Before the socket and the pool's thread: their threads inherit it. */
    return st == ATL_OK && o->reserve_core ? atl_own_core_take(&x->own_core, x->plan.coordinator_pu, note)
                                           : st;
}

static uint32_t credit_of(const atl_executor *x, const atl_executor_options *o)
{
    return o->credit > 0 ? (uint32_t)o->credit : (uint32_t)(DEFAULT_CREDIT * x->batch_size);
}

static atl_status open_dispatch(atl_executor *x, const atl_executor_options *o, atl_note *note)
{
    atl_dispatch_options options = {
        .n_workers = (uint32_t)x->plan.n_workers,
        .credit = credit_of(x, o),
        .max_attempts = o->max_attempts > 0 ? (uint32_t)o->max_attempts : DEFAULT_ATTEMPTS,
        .max_unlucky = MAX_UNLUCKY,
        .min_workers_tried = FEWEST_WORKERS_TRIED,
        .quarantine_failures = FAILURES_TO_QUARANTINE,
        .max_respawns = MAX_RESPAWNS,
        .start_patience_ns = x->start_patience_ns,
        .silence_patience_ns = x->silence_patience_ns,
        .compute_patience_ns = x->compute_patience_ns,
        .compute_floor_ns =
            x->compute_patience_ns < compute_floor_ns ? x->compute_patience_ns : compute_floor_ns,
    };
    randombytes_buf(&options.seed, sizeof options.seed);
    return atl_dispatch_new(&options, &x->dispatch, note);
}

/* The caller's place for packed weights, or one of the pool's own; without one, each worker packs its own. */
static atl_status open_weights(atl_executor *x, const atl_executor_options *o, atl_note *note)
{
    if (o->weights)
        return atl_weights_file_use(o->weights, x, &x->weights_fd, note);
    atl_weights_file *own = NULL;
    if (atl_weights_file_open(&own, note) == ATL_OK &&
        atl_weights_file_use(own, x, &x->weights_fd, note) != ATL_OK)
        x->weights_fd = -1;
    atl_weights_file_close(&own);
    return ATL_OK;
}

static void raise_fd_limit(size_t n_workers)
{
    struct rlimit limit;
    const rlim_t wanted = SPARE_FDS + FDS_A_WORKER * (rlim_t)n_workers;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted + SPARE_FDS)
        return;
    limit.rlim_cur = limit.rlim_max; /* where even that is too little, opening says so */
    setrlimit(RLIMIT_NOFILE, &limit);
}

static atl_status open_thread_side(atl_executor *x, const atl_executor_options *o, atl_note *note)
{
    const size_t n = (size_t)x->plan.n_workers;
    const uint32_t credit = credit_of(x, o);
    if (sodium_init() < 0)
        return atl_fail(note, ATL_IO, "the system has no random numbers");
    randombytes_buf(x->run, sizeof x->run);
    sodium_bin2hex(x->run_hex, sizeof x->run_hex, x->run, sizeof x->run);
    raise_fd_limit(n);
    x->workers = calloc(n, sizeof *x->workers);
    x->fds = calloc(2 + 2 * n, sizeof *x->fds);
    x->readable = calloc(2 + 2 * n, sizeof *x->readable);
    if (!x->workers || !x->fds || !x->readable)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a pool of %zu workers", n);
    /* Twice what credit lets through, and twice that again, as ZeroMQ reports what was read in halves of it.
     */
    const int high_water = 4 * credit > LEAST_HIGH_WATER ? (int)(4 * credit) : LEAST_HIGH_WATER;
    const size_t queue = o->queue_limit > 0 ? o->queue_limit : QUEUE_PER_CREDIT * n * credit;
    atl_status st = open_weights(x, o, note);
    if (st == ATL_OK)
        st = atl_hall_open(queue, n, &x->hall, note);
    if (st == ATL_OK)
        st = open_dispatch(x, o, note);
    return st != ATL_OK ? st : atl_server_open(high_water, 2 + 2 * n, &x->server, note);
}

static atl_status start_thread(atl_executor *x, atl_note *note)
{
    sigset_t all, before; /* the program's handlers stay with the program's threads */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int rc = pthread_create(&x->thread, NULL, atl_pool_main, x);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc == 0 ? ATL_OK
                   : atl_fail(note, ATL_NO_MEMORY, "cannot start the pool's thread: %s", strerror(rc));
}

void atl_pool_free(atl_executor *x)
{
    for (char **arg = x->extra_args; arg && *arg; arg++)
        free(*arg);
    free(x->extra_args);
    free(x->model);
    free(x->variant);
    free(x->policy);
    free(x->pack_cache);
    free(x->tokenizer_dir);
    free(x->lora_dir);
    free(x->networks);
    free(x->program);
    atl_server_close(&x->server);
    atl_dispatch_free(&x->dispatch);
    if (x->weights_fd >= 0)
        close(x->weights_fd);
    for (int w = 0; x->workers && w < x->plan.n_workers; w++)
        atl_pool_clear_table(&x->workers[w]);
    free(x->workers);
    free(x->fds);
    free(x->readable);
    atl_plan_done(&x->plan);
    atl_own_core_leave(&x->own_core);
    if (x->hall)
        atl_hall_leave(x->hall);
    free(x);
}

atl_status atl_executor_open(const atl_executor_options *options, atl_executor **ret, atl_note *note)
{
    atl_executor *x = calloc(1, sizeof *x);
    if (!x)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a pool");
    x->weights_fd = -1;
    atl_status st = copy_options(x, options, note);
    if (st == ATL_OK)
        st = make_plan(x, options, note);
    if (st == ATL_OK)
        st = open_thread_side(x, options, note);
    if (st == ATL_OK)
        st = start_thread(x, note);
    if (st != ATL_OK) {
        atl_pool_free(x);
        return st;
    }
    *ret = x;
    return ATL_OK;
}
