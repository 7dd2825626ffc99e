/* fake_engine.c - an engine behind engine.h that does what the prompt says. For tests only.
 *
 * A prompt is a list of words, done one after the other:
 *   sleep MS    paint for so long (steps of at most 20 ms, each with its beat)
 *   bytes N     the PNG has N bytes
 *   hang        compute for ever, without a beat
 *   stop        SIGSTOP to this process
 *   segv kill   end by that signal
 *   exit N      exit with that code
 *   fail        this worker cannot (no memory): another may
 *   bad         nobody can (a request at fault)
 *   await FILE  paint until FILE is there (steps of 20 ms, each with its beat)
 *   once FILE   the rest only if FILE is not there yet; it is made
 *   touch FILE  make FILE
 * Other words mean nothing. The model's file name says how opening goes: "bad-…" is no model, "hungry-…"
 * takes more memory than there is, "dying-…" ends the process with a word on stderr, "slow-…" never ends,
 * "stopping-…" is SIGSTOP to this process. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "engine/engine.h"

enum { SIDE = 8, STEP_MS = 20 };

struct atl_engine {
    char model_name[128];
};

static void sleep_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

atl_status atl_engine_open(const atl_engine_options *options, atl_engine **ret_engine, atl_note *note)
{
    const char *slash = strrchr(options->model, '/');
    const char *name = slash ? slash + 1 : options->model;
    if (begins(name, "bad-"))
        return atl_fail(note, ATL_BAD_INPUT, "%s: found a fake, wanted a model", options->model);
    if (begins(name, "hungry-"))
        return atl_fail(note, ATL_NO_MEMORY, "no memory for the weights of %s", options->model);
    if (begins(name, "dying-")) {
        fprintf(stderr, "a word before the end\natelier: the last word\n");
        exit(3);
    }
    if (begins(name, "stopping-"))
        raise(SIGSTOP);
    while (begins(name, "slow-"))
        sleep_ms(1000);
    atl_engine *engine = calloc(1, sizeof *engine);
    if (!engine)
        return ATL_NO_MEMORY;
    snprintf(engine->model_name, sizeof engine->model_name, "%s", name);
    for (int i = 0; options->thread_hook && i < options->n_threads; i++)
        options->thread_hook(options->hook_user, i);
    *ret_engine = engine;
    return ATL_OK;
}

void atl_engine_close(atl_engine **engine)
{
    free(*engine);
    *engine = NULL;
}

atl_status atl_engine_facts_get(atl_engine *engine, atl_engine_facts *ret, atl_note *note)
{
    (void)note;
    *ret = (atl_engine_facts){
        .packed_bytes = 1, .n_threads = 1, .vae_factor = 8, .policy = "fp32", .pack_note = "", .isa = "fake"};
    snprintf(ret->model_name, sizeof ret->model_name, "%.60s", engine->model_name);
    snprintf(ret->model_hash, sizeof ret->model_hash, "0123456789");
    return ATL_OK;
}

const char *atl_engine_version(void)
{
    return "0.0.0-fake";
}

/* What one prompt asked for, on its way. */
typedef struct play {
    atl_progress_fn progress;
    void *user;
    uint64_t png_bytes;
    atl_status status;
    bool over;
} play;

static void play_sleep(play *p, long ms)
{
    const int n_steps = (int)((ms + STEP_MS - 1) / STEP_MS);
    for (int step = 0; step < n_steps; step++) {
        sleep_ms(ms < STEP_MS ? ms : STEP_MS);
        if (p->progress && !p->progress(p->user, step + 1, n_steps)) {
            p->status = ATL_CANCELLED;
            p->over = true;
            return;
        }
    }
}

static void play_await(play *p, const char *path)
{
    while (!p->over && access(path, F_OK) != 0)
        play_sleep(p, STEP_MS);
}

static bool make_file(const char *path)
{
    const int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* Words with an argument, then words without. */
static bool play_pair(play *p, const char *word, const char *argument)
{
    if (!argument)
        return false;
    if (strcmp(word, "sleep") == 0)
        play_sleep(p, strtol(argument, NULL, 10));
    else if (strcmp(word, "await") == 0)
        play_await(p, argument);
    else if (strcmp(word, "bytes") == 0)
        p->png_bytes = strtoull(argument, NULL, 10);
    else if (strcmp(word, "exit") == 0)
        _exit((int)strtol(argument, NULL, 10));
    else if (strcmp(word, "once") == 0)
        p->over = !make_file(argument);
    else if (strcmp(word, "touch") == 0)
        make_file(argument);
    else
        return false;
    return true;
}

static void play_word(play *p, const char *word)
{
    if (strcmp(word, "hang") == 0)
        for (;;)
            sleep_ms(1000);
    if (strcmp(word, "stop") == 0)
        raise(SIGSTOP);
    if (strcmp(word, "kill") == 0)
        raise(SIGKILL);
    if (strcmp(word, "segv") == 0) {
        signal(SIGSEGV, SIG_DFL); /* a sanitizer's handler would make an exit of it */
        raise(SIGSEGV);
    }
    if (strcmp(word, "fail") == 0)
        p->status = ATL_NO_MEMORY;
    if (strcmp(word, "bad") == 0)
        p->status = ATL_USAGE;
    p->over = p->over || p->status != ATL_OK;
}

static void play_prompt(play *p, const char *prompt)
{
    char *words = strdup(prompt), *rest = words;
    char *word = words ? strtok_r(words, " ", &rest) : NULL;
    while (word && !p->over) {
        char *argument = strtok_r(NULL, " ", &rest);
        if (play_pair(p, word, argument)) {
            word = strtok_r(NULL, " ", &rest);
        } else {
            play_word(p, word);
            word = argument;
        }
    }
    free(words);
}

/* 8 × 8 px that follow from prompt and seed (FNV-1a, then an LCG); the first eight bytes say how long the PNG
 * is to be. */
static atl_status make_picture(const atl_request *request, uint64_t png_bytes, atl_rgb *ret)
{
    *ret = (atl_rgb){.width = SIDE, .height = SIDE, .pixels = malloc(SIDE * SIDE * 3)};
    if (!ret->pixels)
        return ATL_NO_MEMORY;
    uint64_t hash = 0xcbf29ce484222325u ^ request->seed;
    for (const char *c = request->prompt; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 0x100000001b3u;
    for (size_t i = 0; i < SIDE * SIDE * 3; i++) {
        hash = hash * 6364136223846793005u + 1442695040888963407u;
        ret->pixels[i] = (uint8_t)(hash >> 56);
    }
    memcpy(ret->pixels, &png_bytes, sizeof png_bytes);
    return ATL_OK;
}

atl_status atl_engine_paint(atl_engine *engine, const atl_request *request, atl_progress_fn progress,
                            void *user, atl_painting *ret_painting, atl_note *note)
{
    (void)engine;
    const int64_t begun_ns = atl_clock_now_ns();
    play p = {.progress = progress, .user = user};
    if (progress && !progress(user, 0, 1))
        return atl_fail(note, ATL_CANCELLED, "stopped");
    play_prompt(&p, request->prompt);
    if (p.status != ATL_OK)
        return atl_fail(note, p.status, "the prompt asked for it");
    atl_painting painting = {.settings = {.n_steps = 1,
                                          .width = SIDE,
                                          .height = SIDE,
                                          .guidance_scale = 7,
                                          .seed = request->seed,
                                          .sampler = "fake",
                                          .sampler_display = "Fake"}};
    painting.timings.unet_step = calloc(1, sizeof *painting.timings.unet_step);
    if (!painting.timings.unet_step || make_picture(request, p.png_bytes, &painting.image) != ATL_OK) {
        atl_painting_done(&painting);
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a picture");
    }
    painting.timings.n_unet_steps = 1;
    painting.timings.unet_step[0].wall_ns = atl_clock_now_ns() - begun_ns;
    *ret_painting = painting;
    return ATL_OK;
}

void atl_painting_done(atl_painting *painting)
{
    free(painting->image.pixels);
    free(painting->timings.unet_step);
    *painting = (atl_painting){0};
}

void atl_engine_paint_batch(atl_engine *engine, const atl_request *requests, size_t n,
                            atl_progress_fn progress, void *user, atl_painting *ret_paintings,
                            atl_status *ret_statuses, atl_note *notes)
{
    for (size_t i = 0; i < n; i++)
        ret_statuses[i] =
            atl_engine_paint(engine, &requests[i], progress, user, &ret_paintings[i], &notes[i]);
}
