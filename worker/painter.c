/* painter.c - see painter.h.
 *
 * Opens the engine in the thread that will paint with it, says READY, then takes tasks: one, or as many of
 * one size as are there already, up to batch_size. Every denoising step is noted on the desk, so that a
 * compute loop that never ends is told from a slow one; where there is no desk the coordinator hears a BEAT,
 * and those of quick steps are thinned out. */
#include "painter.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "init_image.h"
#include "usage.h"

/* What is painted together. */
typedef struct batch {
    atl_painter *painter;
    atl_task *tasks[ATL_MAX_BATCH];
    atl_rgb inits[ATL_MAX_BATCH];
    atl_request requests[ATL_MAX_BATCH];
    size_t n;
} batch;

/* ---- words to the coordinator ---- */

static void post(atl_painter *p, const atl_message *message)
{
    atl_note nobody;
    if (atl_parcel_post(&p->shop->outbox, message, NULL, &nobody) != ATL_OK)
        return; /* signs of life may be lost: the next one says the same */
}

static void must_post(atl_painter *p, const atl_message *message)
{
    atl_note nobody;
    if (atl_parcel_post(&p->shop->outbox, message, NULL, &nobody) != ATL_OK)
        atomic_store(&p->shop->mute, true); /* the session looks several times a second */
}

static void say_about(atl_painter *p, atl_message_type type, atl_task *task, int step, int n_steps)
{
    task->told_ns = atl_clock_now_ns();
    post(
        p,
        &(atl_message){
            .type = type, .worker = p->shop->number, .lease = task->lease, .step = step, .n_steps = n_steps});
}

static bool on_progress(void *user, int step, int n_steps)
{
    batch *b = user;
    const int64_t now_ns = atl_clock_now_ns(), every_ns = (int64_t)b->painter->shop->word_every_ms * 1000000;
    atl_desk_step(b->painter->shop->desk, now_ns, step, n_steps);
    for (size_t i = 0; i < b->n && !b->painter->shop->is_read; i++)
        if (now_ns - b->tasks[i]->told_ns >= every_ns)
            say_about(b->painter, ATL_MSG_BEAT, b->tasks[i], step, n_steps);
    return !atomic_load(&b->painter->shop->stopping);
}

static void say_ready(atl_painter *p)
{
    const atl_engine_facts *facts = &p->encoder->facts;
    atl_text list = {0}, note = {0};
    atl_binding_report(p->binding, &list, &note);
    if (facts->pack_note[0])
        atl_text_printf(&note, "%spacked weights: %s", note.data && note.data[0] ? "; " : "",
                        facts->pack_note);
    must_post(p, &(atl_message){.type = ATL_MSG_READY,
                                .worker = p->shop->number,
                                .isa = (char *)(uintptr_t)facts->isa,
                                .policy = (char *)(uintptr_t)facts->policy,
                                .binding = list.data,
                                .note = note.data,
                                .packed_bytes = facts->packed_bytes,
                                .pss_bytes = atl_usage_pss_bytes()});
    atl_text_done(&list);
    atl_text_done(&note);
}

/* ---- one batch ---- */

static bool same_size(void *user, const atl_link *item)
{
    const atl_job *first = user, *next = &((const atl_task *)item)->job;
    return first->width == next->width && first->height == next->height;
}

static void gather(batch *b, atl_task *first)
{
    const int wanted = b->painter->options->batch_size;
    const size_t limit = wanted > ATL_MAX_BATCH ? ATL_MAX_BATCH : wanted > 1 ? (size_t)wanted : 1;
    b->tasks[b->n++] = first;
    while (b->n < limit) {
        atl_link *item = atl_channel_take_if(&b->painter->shop->inbox, same_size, &first->job);
        if (!item)
            return;
        b->tasks[b->n++] = (atl_task *)item;
    }
}

static void drop(batch *b, size_t i, atl_status status, const atl_note *note)
{
    atl_task_report_failed(b->painter->shop, b->tasks[i], status, note);
    atl_task_free(b->tasks[i]);
    b->tasks[i] = b->tasks[--b->n];
}

static atl_request request_of(atl_task *task, atl_rgb *init)
{
    const atl_job *job = &task->job;
    const bool from_image = task->init.pixels != NULL;
    *init = (atl_rgb){.width = task->init.width, .height = task->init.height, .pixels = task->init.pixels};
    return (atl_request){
        .prompt = job->prompt,
        .negative_prompt =
            job->negative_prompt[0] ? job->negative_prompt : NULL, /* "" is how a job says absent */
        .seed = job->seed,
        .n_steps = job->n_steps,
        .guidance_scale = job->guidance_scale,
        .width = from_image ? task->init.width : job->width,
        .height = from_image ? task->init.height : job->height,
        .sampler = job->sampler,
        .clip_skip = job->clip_skip,
        .init_image = from_image ? init : NULL,
        .strength = job->strength,
        .noise = job->noise == ATL_JOB_NOISE_CUDA ? ATL_NOISE_CUDA : ATL_NOISE_CPU,
        .guidance_from = job->guidance_from,
        .guidance_until = job->guidance_until,
        .deep_cache = job->deep_cache,
        .merge_tokens = job->merge_tokens,
    };
}

static void prepare(batch *b)
{
    atl_desk_step(b->painter->shop->desk, atl_clock_now_ns(), 0, 0);
    for (size_t i = 0; i < b->n;) {
        atl_note note = {0};
        say_about(b->painter, ATL_MSG_STARTED, b->tasks[i], 0, 0);
        const atl_status st = atl_task_load_init(b->tasks[i], b->painter->encoder->facts.vae_factor, &note);
        if (st != ATL_OK) {
            drop(b, i, st, &note);
            continue;
        }
        i++;
    }
    for (size_t i = 0; i < b->n; i++)
        b->requests[i] = request_of(b->tasks[i], &b->inits[i]);
}

static atl_span span(atl_stage_time t)
{
    return (atl_span){.wall_ns = t.wall_ns, .cpu_ns = t.cpu_ns};
}

static atl_status copy_timings(atl_task *task, atl_note *note)
{
    const atl_timings *from = &task->painting.timings;
    atl_job_timings *to = &task->timings;
    to->tokenize = span(from->tokenize);
    to->text_encode = span(from->text_encode);
    to->vae_encode = span(from->vae_encode);
    to->vae_decode = span(from->vae_decode);
    to->unet_step = calloc((size_t)from->n_unet_steps + 1, sizeof *to->unet_step);
    if (!to->unet_step)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for the times of %d steps", from->n_unet_steps);
    to->n_unet_steps = from->n_unet_steps;
    for (int i = 0; i < from->n_unet_steps; i++)
        to->unet_step[i] = span(from->unet_step[i]);
    return ATL_OK;
}

static void paint(batch *b, atl_status *statuses, atl_note *notes)
{
    atl_engine *engine = b->painter->engine;
    atl_painting paintings[ATL_MAX_BATCH] = {0};
    if (b->n == 1)
        statuses[0] = atl_engine_paint(engine, b->requests, on_progress, b, paintings, notes);
    else
        atl_engine_paint_batch(engine, b->requests, b->n, on_progress, b, paintings, statuses, notes);
    for (size_t i = 0; i < b->n; i++)
        if (statuses[i] == ATL_OK)
            b->tasks[i]->painting = paintings[i];
}

static void fill_timings(batch *b, int64_t begun_ns, const atl_usage *before)
{
    const int64_t ended_ns = atl_clock_now_ns();
    const atl_usage after = atl_usage_now();
    for (size_t i = 0; i < b->n; i++) {
        atl_job_timings *t = &b->tasks[i]->timings;
        t->begun_ns = begun_ns;
        t->ended_ns = ended_ns;
        t->waited_ns = begun_ns - b->tasks[i]->arrived_ns;
        t->minor_faults = after.minor_faults - before->minor_faults;
        t->major_faults = after.major_faults - before->major_faults;
        t->voluntary_switches = after.voluntary_switches - before->voluntary_switches;
        t->involuntary_switches = after.involuntary_switches - before->involuntary_switches;
        t->peak_rss_bytes = atl_peak_rss_bytes();
        t->batch_size = (int)b->n;
    }
}

/* Before anything of them is looked at: from here on they are who kills this process. */
static void put_on_desk(const batch *b)
{
    _Static_assert(ATL_MAX_BATCH <= ATL_DESK_LEASES, "a desk has room for a batch");
    uint64_t tokens[ATL_MAX_BATCH];
    for (size_t i = 0; i < b->n; i++)
        tokens[i] = b->tasks[i]->lease.token;
    atl_desk_put(&b->painter->shop->desk->painting, tokens, b->n);
}

static void serve(atl_painter *p, atl_task *first)
{
    batch b = {.painter = p};
    atl_status statuses[ATL_MAX_BATCH] = {ATL_OK};
    atl_note notes[ATL_MAX_BATCH] = {0};
    const int64_t begun_ns = atl_clock_now_ns();
    const atl_usage before = atl_usage_now();
    gather(&b, first);
    put_on_desk(&b);
    prepare(&b);
    if (b.n > 0)
        paint(&b, statuses, notes);
    fill_timings(&b, begun_ns, &before);
    for (size_t i = 0; i < b.n; i++) {
        atl_task *task = b.tasks[i];
        if (statuses[i] == ATL_OK)
            statuses[i] = copy_timings(task, &notes[i]);
        if (statuses[i] == ATL_OK) {
            atl_channel_push(&p->shop->painted, &task->link);
            continue;
        }
        atl_task_report_failed(p->shop, task, statuses[i], &notes[i]);
        atl_task_free(task);
    }
    atl_desk_put(&p->shop->desk->painting, NULL, 0);
}

/* ---- the thread ---- */

static atl_status open_engine(atl_painter *p)
{
    atl_engine_options options = p->options->engine;
    options.n_threads = p->options->n_threads;
    options.shared_weights_fd = p->options->weights_fd;
    options.thread_hook = p->binding ? atl_binding_take : NULL;
    options.hook_user = p->binding;
    const atl_status st = atl_engine_open(&options, &p->engine, &p->note);
    return st != ATL_OK ? st : atl_engine_facts_get(p->engine, &p->encoder->facts, &p->note);
}

void *atl_painter_main(void *painter)
{
    atl_painter *p = painter;
    p->status = open_engine(p);
    if (p->status != ATL_OK) {
        must_post(p, &(atl_message){.type = ATL_MSG_UNABLE,
                                    .worker = p->shop->number,
                                    .status = p->status,
                                    .note = p->note.text});
        atl_engine_close(&p->engine);
        return NULL;
    }
    say_ready(p);
    atl_link *item;
    while ((item = atl_channel_take(&p->shop->inbox)) != NULL)
        serve(p, (atl_task *)item);
    atl_engine_close(&p->engine);
    return NULL;
}
