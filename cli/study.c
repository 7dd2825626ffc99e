/* study.c - `atelier study`: how many workers this machine should run, and why. The study itself is
 * coordinator/study.h's. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "console.h"
#include "leave_row.h"
#include "results/study.h"
#include "study_setup.h"

/* The recommendation, on stdout. */
static int study_print(const study_setup *s)
{
    const char *dir = s->options.dir;
    atl_note note = {0};
    atl_study study = {0};
    atl_text words = {0};
    const int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const atl_status st =
        fd >= 0 ? atl_study_read(fd, &study, &note) : atl_fail(&note, ATL_IO, "%s: %s", dir, strerror(errno));
    if (st == ATL_OK && !s->args.run.no_history)
        leave_rows_of_study(dir, s->args.run.cpus);
    if (st == ATL_OK)
        atl_study_put_text(&study, &words);
    if (words.data)
        fputs(words.data, stdout);
    console_say("%s/report.html shows it all", dir);
    atl_text_done(&words);
    atl_study_done(&study);
    if (fd >= 0)
        close(fd);
    return st == ATL_OK ? 0 : console_fail(st, &note);
}

static int run(study_setup *s, const char *prompts, int argc, char **argv)
{
    atl_note note = {0};
    atl_status st = study_setup_open(s, "study", prompts, argc, argv, &note);
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
        .summary =
            "Measures how many workers this machine should run, and why: windows of N workers in random "
            "order, with what\nlimits them, into a directory with a report (report.html).\nCtrl-C stops; the "
            "same "
            "command goes on from there.",
        .options = rows,
        .n_options = study_rows(rows),
        .least_operands = 1,
        .most_operands = 1,
    };
    study_setup s = {.args = study_args_new()};
    char **operands, **words = calloc((size_t)argc + 1, sizeof *words); /* parsing moves operands about */
    int n, code = 1;
    if (!words)
        return console_fail(ATL_NO_MEMORY, NULL);
    memcpy(words, argv, (size_t)argc * sizeof *words);
    if (console_parse(&command, argc, argv, &s.args, &operands, &n, &code))
        code = run(&s, operands[0], argc, words);
    study_setup_close(&s);
    free(words);
    return code;
}
