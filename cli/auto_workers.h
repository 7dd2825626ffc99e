/* auto_workers.h - `--workers auto`: what the latest study of this machine, model and policy recommends. */
#ifndef ATL_CLI_AUTO_WORKERS_H
#define ATL_CLI_AUTO_WORKERS_H

#include "run_args.h"

/* Where --workers says auto and there is such a study, fills in workers and threads (the threads unless
 * --threads says them), and says in one line which study. Otherwise leaves the options as they are, for the
 * plan to decide. */
void auto_workers(const run_args *args, const char *model_hash, atl_executor_options *options);

#endif
