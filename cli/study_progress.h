/* study_progress.h - how far a study is: one live line on a terminal, a plain one now and then elsewhere. */
#ifndef ATL_CLI_STUDY_PROGRESS_H
#define ATL_CLI_STUDY_PROGRESS_H

#include "coordinator/study.h"

typedef struct study_progress {
    bool quiet, live, drawn;
    int64_t said_ns;
} study_progress;

study_progress study_progress_new(bool quiet, bool plain);
void study_progress_watch(void *progress, const atl_study_view *view); /* an atl_study_options.watch */
void study_progress_clear(study_progress *progress);

#endif
