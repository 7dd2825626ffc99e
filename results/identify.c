/* identify.c - see identify.h. */
#include "results/identify.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json_load.h"
#include "image/png_file.h"

static atl_status fail_errno(atl_note *note, const char *name)
{
    return atl_fail(note, errno == ENOENT ? ATL_NOT_FOUND : ATL_IO, "%s: %s", name, strerror(errno));
}

static atl_status read_whole(int fd, const char *name, char **ret_bytes, size_t *ret_n, atl_note *note)
{
    struct stat s;
    if (fstat(fd, &s) != 0)
        return fail_errno(note, name);
    if (!S_ISREG(s.st_mode) || (uint64_t)s.st_size > ATL_PNG_MAX_BYTES)
        return atl_fail(note, ATL_BAD_INPUT, "%s: is no picture of ours", name);
    const size_t n = (size_t)s.st_size;
    char *bytes = malloc(n + 1);
    size_t done = 0;
    if (!bytes)
        return atl_fail(note, ATL_NO_MEMORY, "no memory to read %s", name);
    while (done < n) {
        const ssize_t got = read(fd, bytes + done, n - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            free(bytes);
            return fail_errno(note, name);
        }
        if (got == 0)
            break;
        done += (size_t)got;
    }
    *ret_bytes = bytes;
    *ret_n = done;
    return ATL_OK;
}

/* A text that is no JSON is none of ours, and says nothing. */
static atl_status read_own_text(const atl_png_file *file, atl_identity *identity, atl_note *note)
{
    json_error_t error = {.text = "there is none"};
    const char *text = atl_png_get(file, "atelier");
    json_t *o = text ? atl_json_load(text, strlen(text), JSON_REJECT_DUPLICATES, &error) : NULL;
    if (!o && error.text[0] == '\0')
        return atl_fail(note, ATL_NO_MEMORY, "no memory for the text of a picture");
    const char *job = json_string_value(json_object_get(o, "job"));
    const char *digest = json_string_value(json_object_get(o, "digest"));
    identity->has_job = job && atl_job_id_parse(job, &identity->job);
    identity->says_digest = digest && strcmp(digest, identity->digest) == 0;
    json_decref(o);
    const char *settings = atl_png_get(file, "parameters");
    atl_text_puts(&identity->settings, settings ? settings : "");
    return ATL_OK;
}

/* Looking at a picture does not make its inode go to the disk again, where the system lets us: a file's
 * first reading would, a million of them. */
static int open_picture(int dir_fd, const char *name)
{
    const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
#ifdef O_NOATIME
    const int fd = openat(dir_fd, name, flags | O_NOATIME);
    if (fd >= 0 || errno != EPERM)
        return fd;
#endif
    return openat(dir_fd, name, flags);
}

atl_status atl_picture_identify(int dir_fd, const char *name, atl_identity *ret, atl_note *note)
{
    const int fd = open_picture(dir_fd, name);
    if (fd < 0)
        return fail_errno(note, name);
    char *bytes = NULL;
    atl_identity identity = {0};
    size_t n = 0;
    atl_png_file *file = NULL;
    atl_status st = read_whole(fd, name, &bytes, &n, note);
    close(fd);
    if (st == ATL_OK)
        st = atl_png_decode(name, bytes, n, &file, note);
    free(bytes);
    if (st != ATL_OK)
        return st;
    identity.file_bytes = n;
    identity.width = file->picture.width;
    identity.height = file->picture.height;
    atl_picture_digest(&file->picture, identity.digest);
    st = read_own_text(file, &identity, note);
    atl_png_close(&file);
    if (st == ATL_OK)
        *ret = identity;
    return st;
}

void atl_identity_done(atl_identity *identity)
{
    atl_text_done(&identity->settings);
    *identity = (atl_identity){0};
}
