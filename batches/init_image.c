/* init_image.c - see init_image.h. */
#include "init_image.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "image/png_file.h"

#define READ_BYTES ((size_t)64 << 10)

atl_status atl_init_images_init(const char *prompt_file, atl_init_images *ret, atl_note *note)
{
    *ret = (atl_init_images){0};
    const char *slash = strrchr(prompt_file, '/');
    ret->dir = slash ? strndup(prompt_file, (size_t)(slash - prompt_file) + 1) : strdup(".");
    return ret->dir ? ATL_OK : atl_fail(note, ATL_NO_MEMORY, "no memory for a path");
}

static void forget(atl_init_images *images, size_t i)
{
    free(images->kept[i].said);
    free(images->kept[i].path);
    images->kept[i].said = images->kept[i].path = NULL;
}

void atl_init_images_done(atl_init_images *images)
{
    for (size_t i = 0; i < ATL_INIT_IMAGES_KEPT; i++)
        forget(images, i);
    free(images->dir);
    *images = (atl_init_images){0};
}

/* A line whose picture is none is told of with the others, before anything starts; that it is whole, whoever
 * reads it says. */
static atl_status digest_file(const char *path, uint8_t digest[32], atl_note *note)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return atl_fail(note, ATL_IO, "init_image: %s cannot be opened: %s", path, strerror(errno));
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    unsigned char bytes[READ_BYTES];
    ssize_t got;
    bool is_png = false, any = false;
    while ((got = read(fd, bytes, sizeof bytes)) > 0 || (got < 0 && errno == EINTR))
        if (got > 0) {
            is_png = any ? is_png : atl_png_begins(bytes, (size_t)got);
            any = true;
            crypto_hash_sha256_update(&state, bytes, (unsigned long long)got);
        }
    const int error = errno;
    close(fd);
    if (got < 0)
        return atl_fail(note, ATL_IO, "init_image: %s cannot be read: %s", path, strerror(error));
    if (!is_png)
        return atl_fail(note, ATL_BAD_INPUT, "init_image: %s is not a PNG file; wanted one", path);
    crypto_hash_sha256_final(&state, digest);
    return ATL_OK;
}

static atl_status resolve(const char *dir, bool own, const char *said, char **ret, atl_note *note)
{
    char *joined = own && *said != '/' ? atl_path_join(dir, said) : strdup(said);
    if (!joined)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a path");
    char *path = realpath(joined, NULL);
    const int error = errno;
    if (path && !atl_is_file(path)) {
        free(path);
        free(joined);
        return atl_fail(note, ATL_IO, "init_image: %.200s is no file", said);
    }
    free(joined);
    if (!path)
        return atl_fail(note, error == ENOENT || error == ENOTDIR ? ATL_NOT_FOUND : ATL_IO,
                        "init_image: found \"%.200s\", which cannot be opened (%s); wanted a picture%s", said,
                        strerror(error), own ? ", beside the prompt file or with its whole path" : "");
    *ret = path;
    return ATL_OK;
}

static atl_status remember(atl_init_images *images, bool own, const char *said, size_t *ret, atl_note *note)
{
    char *path = NULL, *copy = strdup(said);
    uint8_t digest[32];
    atl_status st = copy ? resolve(images->dir, own, said, &path, note)
                         : atl_fail(note, ATL_NO_MEMORY, "no memory for a path");
    if (st != ATL_OK) {
        free(copy);
        return st;
    }
    st = digest_file(path, digest, note);
    if (st != ATL_OK) {
        free(copy);
        free(path);
        return st;
    }
    const size_t i = images->next;
    images->next = (i + 1) % ATL_INIT_IMAGES_KEPT;
    forget(images, i);
    images->kept[i].said = copy;
    images->kept[i].path = path;
    images->kept[i].own = own;
    memcpy(images->kept[i].digest, digest, sizeof digest);
    *ret = i;
    return ATL_OK;
}

atl_status atl_init_images_settle(atl_init_images *images, bool own, atl_job *job, atl_note *note)
{
    size_t i = 0;
    while (i < ATL_INIT_IMAGES_KEPT && !(images->kept[i].said && images->kept[i].own == own &&
                                         strcmp(images->kept[i].said, job->init_image) == 0))
        i++;
    const atl_status st =
        i < ATL_INIT_IMAGES_KEPT ? ATL_OK : remember(images, own, job->init_image, &i, note);
    if (st != ATL_OK)
        return st;
    char *path = strdup(images->kept[i].path);
    if (!path)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a path");
    free(job->init_image);
    job->init_image = path;
    memcpy(job->init_digest, images->kept[i].digest, sizeof job->init_digest);
    return ATL_OK;
}
