/* job_check.h - a job of a batch against the rules of the model, before anything starts. */
#ifndef ATL_CLI_JOB_CHECK_H
#define ATL_CLI_JOB_CHECK_H

#include "engine/engine.h"
#include "schemas/job.h"

/* Samplers, sizes, steps, networks and the prompt grammar are the engine's business: a line that it would
 * refuse is an error of the batch. Errors: as atl_rules_check. */
atl_status job_check(atl_rules *rules, const atl_job *job, atl_note *note);

#endif
