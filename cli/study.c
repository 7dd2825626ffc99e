/* study.c - `atelier study`: how many workers this machine should run, and why. The study itself is
 * coordinator/study.h's. */
#include <stdio.h>

#include "commands.h"
#include "console.h"
#include "leave_row.h"
#include "results/study.h"
#include "study_pictures.h"

enum { MAX_JUDGED = 16 }; /* pictures of each policy: their likeness differs by little from one to the next */

/* The recommendation, on stdout. */
static int study_print(const study_setup *s)
{
    const char *dir = s->options.dir;
    atl_note note = {0};
    atl_study study = {0};
    atl_text words = {0};
    const atl_status st = study_setup_read(s, &study, &note);
    if (st == ATL_OK && !s->args.run.no_history)
        leave_rows_of_study(dir, s->args.run.cpus);
    if (st == ATL_OK)
        atl_study_put_text(&study, &words);
    if (words.data)
        fputs(words.data, stdout);
    console_say("%s/report.html shows it all", dir);
    const int code = st == ATL_OK ? study_setup_code(&study) : console_fail(st, &note);
    atl_text_done(&words);
    atl_study_done(&study);
    return code;
}

/* Of several policies the first prompts' pictures are kept, to be held against fp32's. */
static void keep_picture(void *user, const char *policy, size_t job, const uint8_t *png, size_t n_bytes)
{
    if (job < MAX_JUDGED)
        study_pictures_keep(user, policy, job, png, n_bytes);
}

static atl_status judge(void *user, atl_note *note)
{
    return study_pictures_judge(user, note);
}

static int run(study_setup *s, const char *prompts, int argc, char **argv)
{
    atl_note note = {0};
    atl_status st = study_setup_open(s, "study", prompts, argc, argv, &note);
    s->options.picture = s->options.n_policies > 1 ? keep_picture : NULL;
    s->options.conclude = judge;
    if (st == ATL_OK)
        st = atl_study_run(&s->options, &note);
    const int code = study_setup_end(s, st, &note);
    return st == ATL_OK ? study_print(s) : code;
}

int command_study(int argc, char **argv)
{
    atl_option rows[RUN_MAX_ROWS];
    const atl_command command = {
        .name = "atelier study",
        .operands = "PROMPTS",
        .summary = "Measures how many workers this machine should run, and why: windows of N workers in "
                   "random order, with what\nlimits them, into a directory with a report "
                   "(report.html).\nCtrl-C stops; the same command goes on from there.",
        .options = rows,
        .n_options = study_rows(rows),
        .least_operands = 1,
        .most_operands = 1,
    };
    return study_setup_command(&command, argc, argv, run);
}
