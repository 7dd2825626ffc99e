/* run_command.h - what `run` and `retry` share: running, words, exit codes. */
#ifndef ATL_CLI_RUN_COMMAND_H
#define ATL_CLI_RUN_COMMAND_H

#include "coordinator/run.h"
#include "run_args.h"
#include "run_progress.h"

/* An atl_run_options.say; `user` is a run_progress. */
void run_say(void *user, const char *sentence);

/* Fills in what has to do with a person and runs; returns the exit code. */
int run_and_report(atl_run_options *options, const run_args *args);

#endif
