/* init_image.h - the picture that a job begins with: where it is, and the digest of its bytes.
 *
 * A line's path is relative to its prompt file, the options' to the working directory; both become absolute,
 * so that a line of a .jsonl that is written elsewhere means the same file. The last few digests are kept:
 * prompt files name one picture again and again. */
#ifndef ATL_BATCHES_INIT_IMAGE_H
#define ATL_BATCHES_INIT_IMAGE_H

#include "schemas/job.h"

#define ATL_INIT_IMAGES_KEPT 8

typedef struct atl_init_images {
    char *dir; /* of the prompt file */
    struct {
        char *said, *path;
        bool own;
        uint8_t digest[32];
    } kept[ATL_INIT_IMAGES_KEPT];
    size_t next; /* the one to give up */
} atl_init_images;

/* Errors: ATL_NO_MEMORY. */
atl_status atl_init_images_init(const char *prompt_file, atl_init_images *ret, atl_note *note);
void atl_init_images_done(atl_init_images *images);

/* Settles job->init_image and init_digest; `own`: said by the line. Errors: ATL_NOT_FOUND, ATL_IO,
 * ATL_NO_MEMORY. */
atl_status atl_init_images_settle(atl_init_images *images, bool own, atl_job *job, atl_note *note);

#endif
