/* model_fixture.h - folders and small safetensors files for the tests of model/. */
#ifndef ATL_TESTS_MODEL_FIXTURE_H
#define ATL_TESTS_MODEL_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <ftw.h>
#include <unistd.h>

#include "base/file.h"
#include "base/status.h"
#include "base/text.h"
#include "model/safetensors.h"

#define FIXTURE_UNUSED __attribute__((unused))

/* A failed expectation shows the sentence. */
static FIXTURE_UNUSED void assert_note(const atl_note *note, const char *phrase)
{
    if (!strstr(note->text, phrase))
        fail_msg("\"%s\" is not in \"%s\"", phrase, note->text);
}

static FIXTURE_UNUSED void assert_ok(atl_status status, const atl_note *note)
{
    if (status != ATL_OK)
        fail_msg("status %d: %s", (int)status, note->text);
}

/* ---- folders ---- */

static FIXTURE_UNUSED char *folder_make(void)
{
    char pattern[] = "/tmp/atl-model-XXXXXX";
    assert_non_null(mkdtemp(pattern));
    char *folder = strdup(pattern);
    assert_non_null(folder);
    return folder;
}

static int folder_remove_one(const char *path, const struct stat *s, int type, struct FTW *ftw)
{
    (void)s;
    (void)type;
    (void)ftw;
    return remove(path);
}

static FIXTURE_UNUSED void folder_remove(char *folder)
{
    nftw(folder, folder_remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(folder);
}

/* The path of a file in the folder, in a buffer that the next call but three overwrites. */
static FIXTURE_UNUSED const char *in_folder(const char *folder, const char *name)
{
    static char paths[4][512];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static FIXTURE_UNUSED void put_file(const char *folder, const char *name, const char *text)
{
    atl_note note = {0};
    char *path = strdup(in_folder(folder, name)), *slash = strrchr(path, '/');
    *slash = '\0';
    assert_ok(atl_dir_make(path, &note), &note);
    *slash = '/';
    assert_ok(atl_file_write(path, text, strlen(text), &note), &note);
    free(path);
}

/* ---- safetensors ---- */

/* Length, header, data: a file's bytes in a block of exactly their size. */
static FIXTURE_UNUSED uint8_t *st_bytes(const char *header, const void *data, size_t n_data, size_t *ret_size)
{
    const size_t n = strlen(header);
    uint8_t *bytes = malloc(8 + n + n_data);
    assert_non_null(bytes);
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)((uint64_t)n >> (8 * i));
    memcpy(bytes + 8, header, n);
    if (n_data > 0)
        memcpy(bytes + 8 + n, data, n_data);
    *ret_size = 8 + n + n_data;
    return bytes;
}

/* Numbers that tell one tensor from another: value of element i of a tensor of that name. */
static FIXTURE_UNUSED float st_value(const char *name, size_t i)
{
    uint32_t h = 2166136261u;
    for (const char *p = name; *p; p++)
        h = (h ^ (uint8_t)*p) * 16777619u;
    h = (h ^ (uint32_t)i) * 2654435761u;
    return (float)(h >> 8) / 16777216.0f - 0.5f;
}

typedef struct st_named {
    const char *name;
    int rank;
    size_t shape[4];
} st_named;

static void st_fill_named(void *user, size_t first, size_t n, void *out)
{
    const st_named *tensor = user;
    for (size_t i = 0; i < n; i++)
        ((float *)out)[i] = st_value(tensor->name, first + i);
}

/* An f32 file of tensors filled with st_value. */
static FIXTURE_UNUSED void st_write(const char *path, st_named *tensors, size_t n)
{
    atl_note note = {0};
    atl_st_writer *writer;
    assert_ok(atl_st_writer_open(&writer, &note), &note);
    for (size_t i = 0; i < n; i++)
        atl_st_writer_add_stream(writer, tensors[i].name, ATL_ST_F32, tensors[i].rank, tensors[i].shape,
                                 st_fill_named, &tensors[i]);
    assert_ok(atl_st_writer_write(writer, path, &note), &note);
    atl_st_writer_close(&writer);
}

#endif
