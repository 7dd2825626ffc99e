/* study_pool.c - one pool of workers that is always fed; see study_private.h.
 *
 * Windows of a series share a pool: as many processes as its largest count, of which the first N get jobs.
 * The plan for N workers is the beginning of the plan for N + 1, so the others are where they would be,
 * asleep. Nothing is drained between windows: what had begun when the limit changed is painted, and counts
 * for neither of them; what had not begun is painted by those that belong. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "study_private.h"

enum { TURN_MS = 100, JOBS_A_WORKER = 2, WARM_PICTURES = 3 };
#define SETTLED 0.02 /* two successive pictures whose steps differ by no more than that */
#define WARM_S  20   /* of painting, in whole pictures */

/* ---- pixels ---- */

static atl_status check_pixels(atl_studier *s, const atl_result *result, atl_note *note)
{
    const size_t prompt = (size_t)(result->index % s->options->n_jobs);
    atl_study_pixels *pixels = &s->pixels[atl_study_policy_index(s, s->pool.series->policy)][prompt];
    if (!pixels->known) {
        pixels->known = true;
        memcpy(pixels->digest, result->pixel_digest, sizeof pixels->digest);
        return ATL_OK;
    }
    if (memcmp(pixels->digest, result->pixel_digest, sizeof pixels->digest) == 0)
        return ATL_OK;
    return atl_fail(
        note, ATL_BAD_INPUT,
        "prompt %zu has other pixels beside %d workers (%s, worker %u) than it had before: pictures "
        "must not depend on who paints them, and no figure of this study would mean anything",
        prompt + 1, s->pool.limit, s->pool.series->policy, (unsigned)result->worker);
}

/* ---- samples ---- */

static bool grow(atl_study_pool *pool)
{
    const size_t capacity = pool->capacity ? 2 * pool->capacity : 256;
    atl_study_sample *samples = realloc(pool->samples, capacity * sizeof *samples);
    if (samples)
        pool->samples = samples;
    char **rows = samples ? realloc(pool->rows, capacity * sizeof *rows) : NULL;
    if (!rows)
        return false;
    pool->rows = rows;
    pool->capacity = capacity;
    return true;
}

static atl_status keep_sample(atl_study_pool *pool, const atl_result *result, atl_note *note)
{
    atl_text json = {0};
    atl_row row = {.index = result->index,
                   .width = result->width,
                   .height = result->height,
                   .png_bytes = result->png_bytes,
                   .worker = result->worker,
                   .attempt = result->attempt,
                   .queued_ms = atl_ns_to_ms(result->queued_ns),
                   .transfer_ms = atl_ns_to_ms(result->transfer_ns)};
    atl_row_set_timings(&row, &result->timings);
    atl_job_id_hex(&result->job, row.job);
    atl_row_put_json(&row, &json);
    if (json.failed || (pool->n_samples == pool->capacity && !grow(pool))) {
        atl_text_done(&json);
        return atl_fail(note, ATL_NO_MEMORY, "no memory for the times of %zu pictures", pool->n_samples);
    }
    atl_study_sample *sample = &pool->samples[pool->n_samples];
    *sample = (atl_study_sample){.worker = (int)result->worker,
                                 .begun_ns = row.begun_ns,
                                 .ended_ns = row.ended_ns,
                                 .n_unet_steps = row.n_unet_steps};
    memcpy(sample->stage, row.stage, sizeof sample->stage);
    pool->rows[pool->n_samples++] = json.data;
    return ATL_OK;
}

static void forget_samples(atl_study_pool *pool)
{
    while (pool->n_samples > 0)
        free(pool->rows[--pool->n_samples]);
}

/* How many steps the picture's own words say: the model's default is known to the engine alone. */
static int steps_of(const char *settings)
{
    static const char key[] = "\nSteps: ";
    int n_steps = 0;
    for (const char *at = settings ? strstr(settings, key) : NULL; at; at = strstr(at + 1, key))
        n_steps = (int)strtol(at + sizeof key - 1, NULL, 10); /* the last one: a prompt may say anything */
    return n_steps;
}

static atl_status take(atl_studier *s, atl_future *future, atl_note *note)
{
    const atl_result *result = atl_future_result(future);
    atl_study_pool *pool = &s->pool;
    atl_status st = result->status;
    size_t at = 0;
    while (pool->flight[at] != future)
        at++;
    pool->flight[at] = pool->flight[--pool->in_flight];
    if (st != ATL_OK)
        *note = result->note;
    if (st == ATL_OK)
        st = check_pixels(s, result, note);
    if (st == ATL_OK) {
        s->options->head->width = result->width;
        s->options->head->height = result->height;
        s->options->head->n_unet_calls = result->timings.n_unet_steps;
        s->options->head->n_steps = steps_of(result->settings);
        if (s->options->picture)
            s->options->picture(s->options->user, pool->series->policy,
                                (size_t)(result->index % s->options->n_jobs), result->png, result->png_bytes);
        st = keep_sample(pool, result, note);
    }
    atl_future_release(&future);
    return st;
}

static atl_status feed(atl_studier *s, atl_note *note)
{
    atl_study_pool *pool = &s->pool;
    const size_t n = s->options->n_jobs;
    atl_status st = ATL_OK;
    while (st == ATL_OK && pool->left > 0 && pool->in_flight < (size_t)(JOBS_A_WORKER * pool->limit)) {
        atl_job job = s->options->jobs[pool->next_index % n]; /* borrowed: submit copies */
        memset(&job.id, 0, sizeof job.id);
        job.index = pool->next_index;
        job.repeat = (uint32_t)(pool->next_index / n);
        st = atl_executor_submit(pool->executor, &job, &pool->flight[pool->in_flight], note);
        if (st == ATL_OK) {
            pool->next_index++;
            pool->in_flight++;
            pool->left--;
        }
    }
    return st;
}

atl_status atl_study_pool_turn(atl_studier *s, int timeout_ms, atl_note *note)
{
    if (atl_study_stopped(s))
        return atl_fail(note, ATL_CANCELLED, "stopped");
    atl_status st = feed(s, note);
    atl_future *future = st == ATL_OK ? atl_executor_next_completed(s->pool.executor, timeout_ms) : NULL;
    while (st == ATL_OK && future) {
        st = take(s, future, note);
        future = st == ATL_OK ? atl_executor_next_completed(s->pool.executor, 0) : NULL;
    }
    return st;
}

void atl_study_pool_limit(atl_studier *s, int n)
{
    atl_study_pool *pool = &s->pool;
    pool->limit = n;
    pool->switch_ns = atl_clock_now_ns();
    forget_samples(pool);
    pool->lost = atl_executor_counts(pool->executor).lost;
    atl_executor_limit(pool->executor, (uint32_t)n);
}

atl_status atl_study_pool_quieten(atl_studier *s, atl_note *note)
{
    atl_status st = ATL_OK;
    s->pool.left = 0;
    while (st == ATL_OK && s->pool.in_flight > 0)
        st = atl_study_pool_turn(s, TURN_MS, note);
    return st;
}

/* ---- opening ---- */

static atl_status open_pool(atl_studier *s, const atl_study_series *series, atl_note *note)
{
    atl_executor_options options = s->options->executor;
    atl_study_pool *pool = &s->pool;
    options.policy = series->policy;
    options.n_workers = series->counts[series->n_counts - 1];
    options.n_threads = series->threads;
    options.order = series->order;
    options.weights = s->weights[atl_study_policy_index(s, series->policy)];
    *pool = (atl_study_pool){.series = series, .n_workers = options.n_workers, .left = SIZE_MAX};
    pool->flight = calloc((size_t)(JOBS_A_WORKER * options.n_workers), sizeof(atl_future *));
    if (!pool->flight)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a pool of %d workers", options.n_workers);
    const atl_status st = atl_study_seats_open(pool->n_workers, &pool->seats, note);
    if (st != ATL_OK)
        return st;
    options.step_every_ms = -1;
    options.on_event = atl_study_seats_put;
    options.user = pool->seats;
    return atl_executor_open(&options, &pool->executor, note);
}

/* Whether that worker's last two pictures took the same, as far as steps go; or it painted enough of them, or
 * for long enough. */
static bool is_warm(const atl_study_pool *pool, int worker)
{
    double last = 0, before = 0, painted_s = 0;
    int n = 0;
    for (size_t i = 0; i < pool->n_samples; i++)
        if (pool->samples[i].worker == worker) {
            const atl_study_sample *p = &pool->samples[i];
            before = last;
            last = (double)p->stage[ATL_STAGE_UNET].wall_ns;
            painted_s += atl_ns_to_s(p->ended_ns - p->begun_ns);
            n++;
        }
    const double apart = last > before ? last - before : before - last;
    return n >= WARM_PICTURES || painted_s >= WARM_S || (n >= 2 && apart <= SETTLED * before);
}

static atl_status warm_up(atl_studier *s, atl_note *note)
{
    atl_status st = ATL_OK;
    bool warm = false;
    atl_study_pool_limit(s, s->pool.n_workers);
    while (st == ATL_OK && !warm) {
        atl_study_watch(s, atl_executor_counts(s->pool.executor).n_ready < s->pool.n_workers
                               ? ATL_STUDY_STARTING
                               : ATL_STUDY_WARMING);
        st = atl_study_pool_turn(s, TURN_MS, note);
        warm = true;
        for (int worker = 0; worker < s->pool.n_workers; worker++)
            warm = warm && is_warm(&s->pool, worker);
    }
    return st == ATL_OK ? atl_study_seats_record(s->pool.seats, s->pool.series->order,
                                                 s->pool.series->threads, s->options->head, note)
                        : st;
}

atl_status atl_study_pool_use(atl_studier *s, const atl_study_series *series, atl_note *note)
{
    const int n_workers = series->counts[series->n_counts - 1];
    if (s->pool.executor && s->pool.series == series && s->pool.n_workers == n_workers)
        return ATL_OK;
    atl_study_pool_close(s);
    const atl_status st = open_pool(s, series, note);
    return st == ATL_OK ? warm_up(s, note) : st;
}

void atl_study_pool_close(atl_studier *s)
{
    if (s->pool.executor)
        atl_executor_shutdown(&s->pool.executor, false, true); /* nobody wants what is being painted */
    while (s->pool.in_flight > 0)
        atl_future_release(&s->pool.flight[--s->pool.in_flight]);
    forget_samples(&s->pool);
    atl_study_seats_close(&s->pool.seats);
    free(s->pool.flight);
    free(s->pool.rows);
    free(s->pool.samples);
    s->pool = (atl_study_pool){0};
}
