/* run_dir.c - see run_dir.h. */
#include "run_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "results/history.h"

static atl_status take_run(void *user, const atl_record *record, atl_note *note)
{
    run_dir *dir = user;
    (void)note;
    if (record->type != ATL_RECORD_RUN)
        return ATL_OK;
    snprintf(dir->model, sizeof dir->model, "%s", atl_record_value(record, "model"));
    snprintf(dir->model_name, sizeof dir->model_name, "%s", atl_record_value(record, "model_name"));
    snprintf(dir->model_hash, sizeof dir->model_hash, "%s", atl_record_value(record, "model_hash"));
    snprintf(dir->variant, sizeof dir->variant, "%s", atl_record_value(record, "variant"));
    snprintf(dir->tokenizer, sizeof dir->tokenizer, "%s", atl_record_value(record, "tokenizer"));
    snprintf(dir->lora_dir, sizeof dir->lora_dir, "%s", atl_record_value(record, "lora_dir"));
    snprintf(dir->policy, sizeof dir->policy, "%s", atl_record_value(record, "policy"));
    snprintf(dir->version, sizeof dir->version, "%s", atl_record_value(record, "version"));
    dir->n_jobs = strtoull(atl_record_value(record, "jobs"), NULL, 10);
    return ATL_CANCELLED; /* it is the first: enough */
}

atl_status run_dir_open(const char *path, run_dir *ret, atl_note *note)
{
    run_dir dir = {.fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    atl_ledger_report report;
    if (dir.fd < 0)
        return atl_fail(note, errno == ENOENT ? ATL_NOT_FOUND : ATL_IO, "%s: %s", path, strerror(errno));
    atl_status st = atl_ledger_read(dir.fd, take_run, &dir, &report, note);
    if (st == ATL_OK)
        st = atl_fail(note, ATL_NOT_FOUND, "holds no run: its ledger is empty");
    if (st != ATL_CANCELLED) {
        atl_note_prefix(note, "%s", path);
        close(dir.fd);
        return st;
    }
    *ret = dir;
    return ATL_OK;
}

void run_dir_close(run_dir *dir)
{
    if (dir->fd >= 0)
        close(dir->fd);
    dir->fd = -1;
}
