/* init_image.c - see init_image.h. */
#include "init_image.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "image/png_file.h"
#include "image/resize.h"

static int cut_down(int side_px, int factor)
{
    const int cut = side_px / factor * factor;
    return cut > 0 ? cut : factor;
}

static atl_status check_digest(const atl_job *job, const char *bytes, size_t n, atl_note *note)
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(digest, (const unsigned char *)bytes, n);
    if (memcmp(digest, job->init_digest, sizeof digest) != 0)
        return atl_fail(note, ATL_BAD_INPUT, "%s: is not the file any more that the job was made with",
                        job->init_image);
    return ATL_OK;
}

static atl_status fit(atl_task *task, atl_picture *picture, int vae_factor, atl_note *note)
{
    const int factor = vae_factor > 0 ? vae_factor : 1;
    const int width = task->job.width ? task->job.width : cut_down(picture->width, factor);
    const int height = task->job.height ? task->job.height : cut_down(picture->height, factor);
    if (width != picture->width || height != picture->height)
        return atl_resize(picture, width, height, &task->init, note);
    task->init = *picture;
    *picture = (atl_picture){0};
    return ATL_OK;
}

atl_status atl_task_load_init(atl_task *task, int vae_factor, atl_note *note)
{
    const atl_job *job = &task->job;
    if (job->init_image[0] == '\0')
        return ATL_OK;
    char *bytes = NULL;
    size_t n = 0;
    atl_png_file *file = NULL;
    atl_status st = atl_file_read(job->init_image, ATL_PNG_MAX_BYTES, &bytes, &n, note);
    if (st == ATL_OK)
        st = check_digest(job, bytes, n, note);
    if (st == ATL_OK)
        st = atl_png_decode(job->init_image, bytes, n, &file, note);
    if (st == ATL_OK)
        st = fit(task, &file->picture, vae_factor, note);
    if (st == ATL_OK)
        atl_picture_digest(&task->init, task->init_digest);
    atl_png_close(&file);
    free(bytes);
    return st;
}
