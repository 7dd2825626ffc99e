/* run_dir.h - what a run's directory says of the run: its first record. */
#ifndef ATL_CLI_RUN_DIR_H
#define ATL_CLI_RUN_DIR_H

#include <stdint.h>

#include "base/status.h"

typedef struct run_dir {
    int fd;
    char model[4096], model_name[128], model_hash[16], variant[64], tokenizer[4096], lora_dir[4096],
        policy[32], version[64];
    uint64_t n_jobs;
} run_dir;

/* Errors: ATL_NOT_FOUND (no directory, or no run in it), ATL_IO, ATL_BAD_INPUT. */
atl_status run_dir_open(const char *path, run_dir *ret, atl_note *note);
void run_dir_close(run_dir *dir);

#endif
