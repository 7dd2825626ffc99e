/* identify.h - what a picture file says of itself: whose job it is, and whether its pixels are whole. */
#ifndef ATL_RESULTS_IDENTIFY_H
#define ATL_RESULTS_IDENTIFY_H

#include "base/text.h"
#include "image/picture.h"
#include "schemas/job.h"

typedef struct atl_identity {
    bool has_job; /* it carries a job's id */
    atl_job_id job;
    char digest[ATL_DIGEST_TEXT]; /* of the pixels that were read */
    bool says_digest;             /* its own text has that same digest */
    int width, height;
    uint64_t file_bytes;
    atl_text settings; /* the infotext; owned */
} atl_identity;

/* Reads the picture of that name in the directory, following no link. Errors: ATL_NOT_FOUND, ATL_BAD_INPUT
 * (no PNG, damaged), ATL_IO, ATL_NO_MEMORY. */
atl_status atl_picture_identify(int dir_fd, const char *name, atl_identity *ret, atl_note *note);
void atl_identity_done(atl_identity *identity);

#endif
