/* compare.c - `atelier compare`: one core against many on a fixed batch, and the policies' pictures against
 * fp32's. What is measured is coordinator/compare.h's; the pictures are kept here, so that they can be looked
 * at. */
#include "coordinator/compare.h"

#include <stdio.h>

#include "commands.h"
#include "console.h"
#include "leave_row.h"
#include "results/compare.h"
#include "study_pictures.h"

/* ---- the command ---- */

static int print(const study_setup *s)
{
    const char *dir = s->options.dir;
    atl_note note = {0};
    atl_study study = {0};
    atl_text words = {0};
    const atl_status st = study_setup_read(s, &study, &note);
    if (st == ATL_OK && !s->args.run.no_history)
        leave_rows_of_comparison(dir, s->args.run.cpus);
    if (st == ATL_OK)
        atl_compare_put_text(&study, &words);
    if (words.data)
        fputs(words.data, stdout);
    if (st == ATL_OK)
        console_say("%s/report.html shows it all, %s/pictures the pictures", dir, dir);
    const int code = st == ATL_OK ? study_setup_code(&study) : console_fail(st, &note);
    atl_text_done(&words);
    atl_study_done(&study);
    return code;
}

static atl_status conclude(study_setup *s, atl_note *note)
{
    const atl_status st = study_pictures_judge(s, note);
    return st == ATL_OK ? atl_compare_finish(&s->options, note) : st;
}

static int run(study_setup *s, const char *prompts, int argc, char **argv)
{
    atl_note note = {0};
    atl_status st = study_setup_open(s, "compare", prompts, argc, argv, &note);
    s->options.picture = study_pictures_keep;
    if (st == ATL_OK)
        st = atl_compare_run(&s->options, &note);
    const bool stopped = st == ATL_CANCELLED; /* what was painted until then is worth a report, too */
    if (st == ATL_OK || stopped)
        st = conclude(s, &note);
    if (stopped && st == ATL_OK)
        st = ATL_CANCELLED;
    const int code = study_setup_end(s, st, &note);
    return st == ATL_OK ? print(s) : code;
}

int command_compare(int argc, char **argv)
{
    atl_option rows[RUN_MAX_ROWS];
    const atl_command command = {
        .name = "atelier compare",
        .operands = "PROMPTS",
        .summary =
            "Paints a batch with one core and with many, by W workers x T threads in all ways that use every "
            "core, again and\nagain in random order, and says what more cores buy, into a directory with a "
            "one-page report (report.html).\nWith fp32 among the policies it also says what the others cost "
            "in quality. Ctrl-C stops; the same command goes on.",
        .options = rows,
        .n_options = compare_rows(rows),
        .least_operands = 1,
        .most_operands = 1,
    };
    return study_setup_command(&command, argc, argv, run);
}
