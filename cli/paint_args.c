/* paint_args.c - see paint_args.h. */
#include "paint_args.h"

#include <math.h>
#include <sched.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/sizes.h"
#include "base/utf8.h"
#include "image/png_file.h"
#include "image/resize.h"
#include "shared_options.h"

#define AT(field)      offsetof(paint_args, field)
#define DEFAULT_FACTOR 8 /* of every published VAE; for a probe, which has not opened the model yet */

static const atl_option settings_rows[] = {
    {"prompt", 'p', ATL_OPTION_STRING, AT(prompt), "TEXT", NULL, 0, 0, NULL, NULL,
     "the prompt, for those who like to name it"},
    {"negative-prompt", 'n', ATL_OPTION_STRING, AT(negative_prompt), "TEXT", NULL, 0, 0,
     "ATELIER_NEGATIVE_PROMPT", NULL, "what the picture is to keep away from"},
    {"seed", 's', ATL_OPTION_SEED, AT(seed), "N", NULL, 0, 0, "ATELIER_SEED", NULL,
     "where the noise comes from; the same seed gives the same picture; otherwise a random one, which is "
     "printed"},
    {"steps", 0, ATL_OPTION_INT, AT(steps), "N", NULL, 1, MAX_STEPS, "ATELIER_STEPS", NULL,
     "denoising steps; otherwise the model's own number, or 20"},
    {"guidance-scale", 'g', ATL_OPTION_REAL, AT(guidance_scale), "X", NULL, 0, 1000, "ATELIER_GUIDANCE_SCALE",
     NULL, "how strongly the prompt pulls; 0 and 1 switch guidance off; otherwise the model's own, or 7"},
    {"width", 'W', ATL_OPTION_INT, AT(width), "PX", NULL, 1, ATL_PICTURE_MAX_SIDE, "ATELIER_WIDTH", NULL,
     "otherwise the init image's, or the model's own"},
    {"height", 'H', ATL_OPTION_INT, AT(height), "PX", NULL, 1, ATL_PICTURE_MAX_SIDE, "ATELIER_HEIGHT", NULL,
     "otherwise the init image's, or the model's own"},
    {"sampler", 0, ATL_OPTION_STRING, AT(sampler), "NAME", NULL, 0, 0, "ATELIER_SAMPLER", NULL,
     "its name (atelier paint --help lists them), or as AUTOMATIC1111 shows it (\"Euler a\"); otherwise "
     "the checkpoint's own"},
    {"clip-skip", 0, ATL_OPTION_INT, AT(clip_skip), "N", NULL, 1, MAX_CLIP_SKIP, "ATELIER_CLIP_SKIP", NULL,
     "which of the text encoder's layers is used: 1 is the last, 2 the one before"},
    {"init-image", 'i', ATL_OPTION_STRING, AT(init_image), "FILE", NULL, 0, 0, NULL, NULL,
     "a PNG to begin from; it is resized where its size is not the one asked for"},
    {"strength", 0, ATL_OPTION_REAL, AT(strength), "X", NULL, LEAST_STRENGTH, 1, NULL, NULL,
     "how far to go from the init image: near 0 keeps it, 1 forgets it; otherwise 0.75"},
    {"guidance-from", 0, ATL_OPTION_REAL, AT(guidance_from), "X", NULL, 0, 1, "ATELIER_GUIDANCE_FROM", NULL,
     "guide only from this part of the steps on (0.2: after a fifth); changes pictures"},
    {"guidance-until", 0, ATL_OPTION_REAL, AT(guidance_until), "X", NULL, 0, 1, "ATELIER_GUIDANCE_UNTIL",
     NULL, "guide only until this part of the steps (0.8); each step without guidance takes half the time"},
    {"deep-cache", 0, ATL_OPTION_INT, AT(deep_cache), "K", NULL, 1, MAX_STEPS, "ATELIER_DEEP_CACHE", NULL,
     "all of the denoiser at each K-th step alone, its outermost layers between; changes pictures"},
    {"merge-tokens", 0, ATL_OPTION_REAL, AT(merge_tokens), "R", NULL, 0, MAX_MERGED, "ATELIER_MERGE_TOKENS",
     NULL, "merge this part of the tokens before the largest self-attentions (0.5: half); changes pictures"},
    {"rng", 0, ATL_OPTION_CHOICE, AT(rng), "NAME", "cpu|cuda", 0, 0, "ATELIER_RNG", "cpu",
     "whose noise: torch's generator on the CPU, or that on CUDA devices"},
    {"variant", 0, ATL_OPTION_STRING, AT(variant), "NAME", NULL, 0, 0, "ATELIER_VARIANT", NULL,
     "which files of a checkpoint: fp16 takes *.fp16.safetensors"},
    {"tokenizer", 0, ATL_OPTION_STRING, AT(tokenizer), "DIR", NULL, 0, 0, "ATELIER_TOKENIZER", NULL,
     "for a single-file checkpoint, which carries none: a folder that holds tokenizer/"},
    {"lora-dir", 0, ATL_OPTION_STRING, AT(lora_dir), "DIR", NULL, 0, 0, "ATELIER_LORA_DIR", NULL,
     "where <lora:name:0.8> in a prompt finds name.safetensors; otherwise the folder loras beside the model"},
    {"policy", 0, ATL_OPTION_CHOICE, AT(policy), "NAME", POLICY_CHOICES, 0, 0, "ATELIER_POLICY", "fp32",
     POLICY_WORDS},
    {"pack-cache", 0, ATL_OPTION_STRING, AT(pack_cache), "DIR", NULL, 0, 0, "ATELIER_PACK_CACHE", NULL,
     "keep packed weights in this directory, and begin at once where they are there; files of gigabytes, "
     "yours to delete"},
    {"threads", 't', ATL_OPTION_INT, AT(threads), "N", NULL, 1, MAX_THREADS, "ATELIER_THREADS", NULL,
     "otherwise one for each CPU that this process may run on; pictures do not depend on it"},
};

static const atl_option paint_only_rows[] = {
    {"model", 'm', ATL_OPTION_STRING, AT(model), "PATH", NULL, 0, 0, "ATELIER_MODEL", NULL,
     "a diffusers folder, or one .safetensors file; otherwise the model that came with the program"},
    {"output", 'o', ATL_OPTION_STRING, AT(output), "FILE", NULL, 0, 0, NULL, NULL,
     "the PNG to write; otherwise <seed>.png"},
    {"force", 'f', ATL_OPTION_FLAG, AT(force), NULL, NULL, 0, 0, NULL, NULL,
     "replace the output file if it is there; otherwise that is an error"},
    {"json", 0, ATL_OPTION_FLAG, AT(json), NULL, NULL, 0, 0, "ATELIER_JSON", NULL,
     "print settings, timings, memory and digest as one JSON object"},
    {"quiet", 'q', ATL_OPTION_FLAG, AT(quiet), NULL, NULL, 0, 0, "ATELIER_QUIET", NULL,
     "no words while all goes well"},
};

static const atl_option probe_only_rows[] = {
    {"in", 0, ATL_OPTION_STRING, AT(in), "FILE", NULL, 0, 0, NULL, NULL, "safetensors to read"},
    {"out", 0, ATL_OPTION_STRING, AT(out), "FILE", NULL, 0, 0, NULL, NULL, "safetensors to write"},
};

static uint64_t random_seed(void)
{
    uint32_t seed; /* 32 bits, which every program that reads our pictures can take */
    if (getrandom(&seed, sizeof seed, 0) != sizeof seed)
        seed = (uint32_t)atl_clock_now_ns();
    return seed;
}

static int64_t count_cpus(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

paint_args paint_args_new(void)
{
    return (paint_args){.seed = random_seed(), .guidance_scale = NAN, .threads = count_cpus()};
}

size_t paint_rows(bool probe, atl_option rows[PAINT_MAX_ROWS])
{
    const atl_option *own = probe ? probe_only_rows : paint_only_rows;
    const size_t n_own = probe ? ATL_COUNT(probe_only_rows) : ATL_COUNT(paint_only_rows);
    memcpy(rows, own, n_own * sizeof *rows);
    memcpy(rows + n_own, settings_rows, sizeof settings_rows);
    return n_own + ATL_COUNT(settings_rows);
}

static atl_status check_utf8(const char *what, const char *text, atl_note *note)
{
    const size_t n = text ? strlen(text) : 0;
    const size_t bad = text ? atl_utf8_first_bad(text, n) : 0;
    if (bad < n)
        return atl_fail(note, ATL_BAD_INPUT, "%s: is not UTF-8: byte %zu is 0x%02x", what, bad,
                        (unsigned)(unsigned char)text[bad]);
    return ATL_OK;
}

atl_status paint_args_check(const paint_args *args, atl_note *note)
{
    if (args->strength > 0 && !args->init_image)
        return atl_fail(note, ATL_USAGE, "--strength: is about an init image, and there is no --init-image");
    const atl_status st = check_utf8("the prompt", args->prompt, note);
    return st != ATL_OK ? st : check_utf8("the negative prompt", args->negative_prompt, note);
}

atl_engine_options paint_engine_options(const paint_args *args, const char *model)
{
    return (atl_engine_options){.model = model,
                                .variant = args->variant,
                                .policy = args->policy,
                                .pack_cache = args->pack_cache,
                                .n_threads = (int)args->threads,
                                .tokenizer_dir = args->tokenizer,
                                .lora_dir = args->lora_dir};
}

static int cut_down(int side_px, int factor)
{
    const int cut = side_px / factor * factor;
    return cut > 0 ? cut : factor;
}

atl_status paint_init_read(const paint_args *args, atl_picture *ret, atl_note *note)
{
    if (!args->init_image)
        return ATL_OK;
    atl_png_file *file = NULL;
    const atl_status st = atl_png_read(args->init_image, &file, note);
    if (st != ATL_OK)
        return st;
    *ret = file->picture;
    file->picture = (atl_picture){0};
    atl_png_close(&file);
    return ATL_OK;
}

atl_status paint_init_fit(const paint_args *args, int vae_factor, atl_picture *picture, atl_note *note)
{
    if (!picture->pixels)
        return ATL_OK;
    const int factor = vae_factor > 0 ? vae_factor : DEFAULT_FACTOR;
    const int width = args->width ? (int)args->width : cut_down(picture->width, factor);
    const int height = args->height ? (int)args->height : cut_down(picture->height, factor);
    if (width == picture->width && height == picture->height)
        return ATL_OK;
    atl_picture fitted;
    const atl_status st = atl_resize(picture, width, height, &fitted, note);
    if (st != ATL_OK)
        return st;
    atl_picture_done(picture);
    *picture = fitted;
    return ATL_OK;
}

atl_request paint_request(const paint_args *args, const atl_picture *init, atl_rgb *rgb)
{
    *rgb = (atl_rgb){.width = init->width, .height = init->height, .pixels = init->pixels};
    return (atl_request){
        .prompt = args->prompt,
        .negative_prompt = args->negative_prompt,
        .seed = args->seed,
        .n_steps = (int)args->steps,
        .guidance_scale = args->guidance_scale,
        .width = init->pixels ? init->width : (int)args->width,
        .height = init->pixels ? init->height : (int)args->height,
        .sampler = args->sampler,
        .clip_skip = (int)args->clip_skip,
        .init_image = init->pixels ? rgb : NULL,
        .strength = args->strength,
        .guidance_from = args->guidance_from,
        .guidance_until = args->guidance_until,
        .deep_cache = (int)args->deep_cache,
        .merge_tokens = args->merge_tokens,
        .noise = strcmp(args->rng, "cuda") == 0 ? ATL_NOISE_CUDA : ATL_NOISE_CPU,
    };
}
