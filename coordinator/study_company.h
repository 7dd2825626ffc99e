/* study_company.h - who runs beside the workers of a window: the memory probe, and streams. Private to the
 * room. */
#ifndef ATL_COORDINATOR_STUDY_COMPANY_H
#define ATL_COORDINATOR_STUDY_COMPANY_H

#include "probe.h"
#include "study_private.h"

typedef struct atl_study_company {
    atl_memory_probe *probe; /* NULL: none was wanted, or no core is free for it */
    atl_streams *streams;
} atl_study_company;

/* Starts what the window wants, on cores that its workers do not use; the last ones first. Errors: ATL_USAGE
 * (no cores for that many streams), ATL_NOT_FOUND, ATL_IO, ATL_NO_MEMORY. */
atl_status atl_study_company_start(const atl_studier *s, const atl_study_config *config,
                                   atl_study_company *ret, atl_note *note);
/* Forgets what the probe saw so far: the window opens. */
void atl_study_company_open(atl_study_company *company);
/* What it saw in the window goes into `ret`, and everything is ended. */
void atl_study_company_close(atl_study_company *company, atl_study_window *ret);

#endif
