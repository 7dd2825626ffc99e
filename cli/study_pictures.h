/* study_pictures.h - the pictures that a study or a comparison painted anyway, kept once for each policy, and
 * each policy's held against fp32's. */
#ifndef ATL_CLI_STUDY_PICTURES_H
#define ATL_CLI_STUDY_PICTURES_H

#include "study_setup.h"

/* The options' `picture`, with a study_setup for `user`: keeps each prompt's, the first time that it is
 * painted under a policy, as pictures/<policy>/<prompt>.png below the output. Trouble is said. */
void study_pictures_keep(void *user, const char *policy, size_t job, const uint8_t *png, size_t n_bytes);
/* Fills in the head's `quality` from the prompts that fp32 and a policy have both; nothing where fp32 is not
 * among the policies, or is alone. Errors: ATL_IO, ATL_BAD_INPUT, ATL_NO_MEMORY. */
atl_status study_pictures_judge(study_setup *s, atl_note *note);

#endif
