/* auto_workers.c - see auto_workers.h. */
#include "auto_workers.h"

#include <stdlib.h>
#include <time.h>

#include "console.h"
#include "leave_row.h"

static void say(const atl_archive_entry *study)
{
    const time_t then = (time_t)study->time_s;
    struct tm parts;
    char date[32] = "an unknown day";
    if (localtime_r(&then, &parts))
        strftime(date, sizeof date, "%Y-%m-%d %H:%M", &parts);
    console_say("--workers auto: %d × %d thread%s, as the study of %s recommends%s%s%s%s", study->workers,
                study->threads, study->threads == 1 ? "" : "s", date, study->work[0] ? ", " : "", study->work,
                study->place[0] ? ", in " : "", study->place);
}

void auto_workers(const run_args *args, const char *model_hash, atl_executor_options *options)
{
    char machine[160], *path = NULL;
    atl_archive_entry study;
    if (options->n_workers != 0)
        return;
    const atl_archive_wanted wanted = {.machine = machine,
                                       .model_hash = model_hash,
                                       .policy = options->policy ? options->policy : "fp32",
                                       .order = args->order,
                                       .threads = (int)args->threads};
    if (atl_archive_path(NULL, &path, NULL) == ATL_OK && this_machine(args->cpus, machine, NULL) == ATL_OK &&
        atl_archive_latest_study(path, &wanted, &study, NULL) == ATL_OK) {
        options->n_workers = study.workers;
        options->n_threads = study.threads;
        if (!args->quiet)
            say(&study);
    }
    free(path);
}
