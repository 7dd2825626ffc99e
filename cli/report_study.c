/* report_study.c - `atelier report`: writes the report of a study, or of a comparison, again from its
 * windows. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "console.h"
#include "coordinator/study.h"
#include "results/compare.h"

/* A record from before seats were kept: what cannot be worked out stays out of the page. */
static void plan_seats(const char *path, atl_study *study)
{
    char xml[4096];
    atl_note note = {0};
    snprintf(xml, sizeof xml, "%s/%s", path, ATL_STUDY_MACHINE_NAME);
    if (access(xml, R_OK) == 0 && atl_study_plan_seats(xml, study, &note) != ATL_OK)
        console_say("where the workers sat is not known: %s", note.text);
}

/* As the studies that come with the source are: a report of no windows would stand in the place of theirs. */
static bool is_packed(int dir, const atl_study *study)
{
    return study->n_windows == 0 && faccessat(dir, ATL_STUDY_WINDOWS_NAME ".xz", F_OK, 0) == 0;
}

static atl_status write_report(const char *path, atl_text *out, atl_note *note)
{
    const int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    atl_study study;
    if (dir < 0)
        return atl_fail(note, errno == ENOENT ? ATL_NOT_FOUND : ATL_IO, "%s: %s", path, strerror(errno));
    atl_status st = atl_study_read(dir, &study, note);
    if (st == ATL_OK && is_packed(dir, &study)) {
        st = atl_fail(note, ATL_USAGE,
                      "its windows are packed: unpack them first (xz -dk %s/*.xz); the report that is there "
                      "was not touched",
                      path);
        atl_study_done(&study);
    }
    if (st != ATL_OK)
        atl_note_prefix(note, "%s", path);
    if (st == ATL_OK) {
        plan_seats(path, &study);
        const bool compared = faccessat(dir, ATL_COMPARE_SAMPLES_NAME, F_OK, 0) == 0;
        st = compared ? atl_compare_report_write(dir, &study, note)
                      : atl_study_report_write(dir, &study, note);
        if (st == ATL_OK && compared)
            atl_compare_put_text(&study, out);
        else if (st == ATL_OK)
            atl_study_put_text(&study, out);
        atl_study_done(&study);
    }
    close(dir);
    return st == ATL_OK && out->failed ? ATL_NO_MEMORY : st;
}

int command_report(int argc, char **argv)
{
    static const atl_option none[1];
    const atl_command command = {
        .name = "atelier report",
        .operands = "DIR",
        .summary = "Writes DIR/report.html, .md, .csv and .json from the study or the comparison in DIR, as "
                   "each does\n"
                   "in the end, and says what it found.",
        .options = none,
        .n_options = 0,
        .least_operands = 1,
        .most_operands = 1,
    };
    struct {
        char nothing;
    } values = {0};
    atl_note note = {0};
    atl_text text = {0};
    char **operands;
    int n, code;
    if (!console_parse(&command, argc, argv, &values, &operands, &n, &code))
        return code;
    const atl_status st = write_report(operands[0], &text, &note);
    if (st == ATL_OK)
        printf("%s%s/report.html\n", text.data, operands[0]);
    atl_text_done(&text);
    return st == ATL_OK ? 0 : console_fail(st, &note);
}
