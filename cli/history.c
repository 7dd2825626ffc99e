/* history.c - `atelier history`: what was measured over time, as a table, as data, as a plot. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/sizes.h"
#include "commands.h"
#include "console.h"
#include "results/archive_tell.h"

typedef struct history_args {
    const char *db, *machine, *model, *policy, *kind, *plot, *figure;
    int64_t last;
    bool json, csv;
} history_args;

#define AT(field) offsetof(history_args, field)

static const atl_option rows[] = {
    {"db", 0, ATL_OPTION_STRING, AT(db), "FILE", NULL, 0, 0, "ATELIER_HISTORY", NULL,
     "the SQLite file; otherwise $XDG_DATA_HOME/atelier/history.sqlite"},
    {"kind", 0, ATL_OPTION_CHOICE, AT(kind), "KIND", "run|study|compare|bench", 0, 0, NULL, NULL,
     "only those"},
    {"machine", 0, ATL_OPTION_STRING, AT(machine), "TEXT", NULL, 0, 0, NULL, NULL,
     "only machines whose name holds this"},
    {"model", 0, ATL_OPTION_STRING, AT(model), "TEXT", NULL, 0, 0, NULL, NULL,
     "only models whose name holds this, or whose hash begins so"},
    {"policy", 0, ATL_OPTION_STRING, AT(policy), "NAME", NULL, 0, 0, NULL, NULL, "only that precision"},
    {"last", 0, ATL_OPTION_INT, AT(last), "N", NULL, 1, ATL_ARCHIVE_MAX_ROWS, NULL, "20",
     "how many of the latest rows to show; trends look at all"},
    {"json", 0, ATL_OPTION_FLAG, AT(json), NULL, NULL, 0, 0, "ATELIER_JSON", NULL,
     "print rows and trends as one JSON object"},
    {"csv", 0, ATL_OPTION_FLAG, AT(csv), NULL, NULL, 0, 0, NULL, NULL, "print the rows' figures as CSV"},
    {"plot", 0, ATL_OPTION_STRING, AT(plot), "FILE", NULL, 0, 0, NULL, NULL,
     "write the trends as an SVG picture, too; - prints it instead"},
    {"figure", 0, ATL_OPTION_STRING, AT(figure), "NAME", NULL, 0, 0, NULL, NULL,
     "plot that figure; otherwise the first one of each kind"},
};

static const atl_command command = {
    .name = "atelier history",
    .operands = "",
    .summary =
        "What runs, studies, comparisons and benches measured over time. The latest figure of each machine, "
        "model, policy, workers\nand work is held against the median of those before (5 or more), and named "
        "where noise does not explain it;\nwhat was measured on a disturbed machine is left out.",
    .options = rows,
    .n_options = ATL_COUNT(rows),
    .least_operands = 0,
    .most_operands = 0,
};

static atl_status plot(const history_args *args, const atl_trends *trends, atl_text *out, atl_note *note)
{
    atl_text svg = {0};
    const bool is_stdout = strcmp(args->plot, "-") == 0;
    atl_status st = ATL_OK;
    if (!atl_trends_put_svg(trends, args->figure, is_stdout ? out : &svg))
        st = args->figure ? atl_fail(note, ATL_NOT_FOUND, "no figure '%s' is there to plot", args->figure)
                          : atl_fail(note, ATL_NOT_FOUND, "nothing is there to plot");
    else if (!is_stdout)
        st = svg.failed ? ATL_NO_MEMORY : atl_file_write(args->plot, svg.data, svg.length, note);
    atl_text_done(&svg);
    return st;
}

static atl_status tell(const history_args *args, const atl_archive_list *list, atl_note *note)
{
    atl_trends trends = {0};
    atl_text out = {0};
    atl_status st = atl_trends_find(list, &trends, note);
    if (st == ATL_OK && args->plot)
        st = plot(args, &trends, &out, note);
    if (st == ATL_OK && !(args->plot && strcmp(args->plot, "-") == 0)) {
        if (args->json)
            atl_archive_put_json(list, (int)args->last, &trends, &out);
        else if (args->csv)
            atl_archive_put_csv(list, (int)args->last, &out);
        else
            atl_archive_put_text(list, (int)args->last, &trends, &out);
    }
    if (st == ATL_OK && out.failed)
        st = atl_fail(note, ATL_NO_MEMORY, "no memory for the history");
    if (st == ATL_OK)
        fputs(out.data ? out.data : "", stdout);
    atl_text_done(&out);
    atl_trends_done(&trends);
    return st;
}

int command_history(int argc, char **argv)
{
    history_args args = {0};
    char **operands, *path = NULL;
    int n, code;
    if (!console_parse(&command, argc, argv, &args, &operands, &n, &code))
        return code;
    atl_note note = {0};
    atl_archive_list list = {0};
    const atl_archive_filter filter = {
        .machine = args.machine, .model = args.model, .policy = args.policy, .kind = args.kind};
    atl_status st = args.json && args.csv ? atl_fail(&note, ATL_USAGE, "--json and --csv: wanted one of them")
                                          : atl_archive_path(args.db, &path, &note);
    if (st == ATL_OK && args.db && !atl_is_file(path))
        st = atl_fail(&note, ATL_NOT_FOUND, "%s: No such file", path);
    if (st == ATL_OK)
        st = atl_archive_read(path, &filter, &list, &note);
    const bool asked = args.machine || args.model || args.policy || args.kind;
    if (st == ATL_OK && list.n == 0 && asked && !args.json && !args.csv && !args.plot)
        console_say("no row is of that machine, model, policy and kind");
    else if (st == ATL_OK)
        st = tell(&args, &list, &note);
    atl_archive_list_done(&list);
    free(path);
    return st == ATL_OK ? 0 : console_fail(st, &note);
}
