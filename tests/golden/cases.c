/* cases.c - see cases.h. */
#include "golden/cases.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "image/png_file.h"

static const char *string_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static int int_of(const json_t *object, const char *key)
{
    return (int)json_integer_value(json_object_get(object, key));
}

static void read_init_image(const char *folder, const char *name, golden_case *ret)
{
    char path[512];
    atl_note note = {0};
    atl_png_file *png = NULL;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (atl_png_read(path, &png, &note) != ATL_OK)
        fail_msg("%s", note.text);
    const size_t n_bytes = atl_picture_bytes(&png->picture);
    ret->init = (atl_rgb){.width = png->picture.width, .height = png->picture.height};
    ret->init.pixels = malloc(n_bytes);
    assert_non_null(ret->init.pixels);
    memcpy(ret->init.pixels, png->picture.pixels, n_bytes);
    atl_png_close(&png);
    ret->request.init_image = &ret->init;
}

static void read_case(const char *folder, const json_t *object, golden_case *ret)
{
    ret->name = string_of(object, "name");
    ret->part = string_of(object, "part");
    assert_non_null(ret->name);
    assert_non_null(ret->part);
    snprintf(ret->in, sizeof ret->in, "%s/%s.in.safetensors", folder, ret->name);
    snprintf(ret->out, sizeof ret->out, "%s/%s.out.safetensors", folder, ret->name);
    if (strcmp(ret->part, "pipeline") != 0)
        return;
    ret->request = (atl_request){
        .prompt = string_of(object, "prompt"),
        .negative_prompt = string_of(object, "negative_prompt"),
        .seed = (uint64_t)json_integer_value(json_object_get(object, "seed")),
        .n_steps = int_of(object, "steps"),
        .guidance_scale = json_number_value(json_object_get(object, "guidance_scale")),
        .width = int_of(object, "width"),
        .height = int_of(object, "height"),
        .sampler = string_of(object, "sampler"),
        .clip_skip = int_of(object, "clip_skip"),
        .strength = json_number_value(json_object_get(object, "strength")),
    };
    if (string_of(object, "init_image"))
        read_init_image(folder, string_of(object, "init_image"), ret);
}

void golden_set_open(const char *folder, golden_set *ret)
{
    char path[512];
    json_error_t error;
    snprintf(path, sizeof path, "%s/cases.json", folder);
    *ret = (golden_set){.json = json_load_file(path, JSON_REJECT_DUPLICATES, &error)};
    if (!ret->json)
        fail_msg("%s: line %d: %s", path, error.line, error.text);
    ret->n = json_array_size(ret->json);
    ret->at = calloc(ret->n, sizeof *ret->at);
    assert_non_null(ret->at);
    for (size_t i = 0; i < ret->n; i++)
        read_case(folder, json_array_get(ret->json, i), &ret->at[i]);
}

void golden_set_close(golden_set *set)
{
    for (size_t i = 0; i < set->n; i++)
        free(set->at[i].init.pixels);
    free(set->at);
    json_decref(set->json);
    *set = (golden_set){0};
}

const golden_case *golden_set_find(const golden_set *set, const char *name)
{
    for (size_t i = 0; i < set->n; i++)
        if (strcmp(set->at[i].name, name) == 0)
            return &set->at[i];
    fail_msg("no case \"%s\"", name);
    return NULL;
}
