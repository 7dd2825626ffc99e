/* study_setup.h - what `study` and `compare` do before they measure: prompts, facts, ceilings, options. */
#ifndef ATL_CLI_STUDY_SETUP_H
#define ATL_CLI_STUDY_SETUP_H

#include "coordinator/study.h"
#include "engine/engine.h"
#include "study_args.h"
#include "study_progress.h"

typedef struct study_setup {
    study_args args; /* filled in by the command */
    char *model, *policy_words;
    atl_rules *rules;  /* of the model: what every line is held against before anything is measured */
    atl_text networks; /* those that the prompts ask for, with their hashes, as the executor takes them */
    atl_job *jobs;
    size_t n_jobs;
    atl_study_head head;
    atl_study_options options; /* for the study; its user is this setup */
    study_progress progress;
} study_setup;

/* Everything from `args`; measures the machine's ceilings. `argv` are the command's words, for the record.
 * Errors: as the parts have them; close it in any case. */
atl_status study_setup_open(study_setup *s, const char *command, const char *prompts, int argc, char **argv,
                            atl_note *note);
void study_setup_close(study_setup *s);

/* What became of it, as an exit code; words are said. */
int study_setup_end(study_setup *s, atl_status st, const atl_note *note);

/* What was recorded in the output directory, for a summary. Errors: as atl_study_read. */
atl_status study_setup_read(const study_setup *s, atl_study *ret_study, atl_note *note);

/* The whole command: its one operand is the prompts' file; `run` gets a setup with the arguments, and the
 * command's words in their order. Returns the exit code. */
/* 0; 1 and its words on stderr where every window was flawed. */
int study_setup_code(const atl_study *study);
int study_setup_command(const atl_command *command, int argc, char **argv,
                        int (*run)(study_setup *s, const char *prompts, int argc, char **argv));

#endif
