/* gallery.c - `atelier gallery`: writes a run's index.html again. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "commands.h"
#include "console.h"
#include "results/gallery.h"
#include "run_dir.h"

typedef struct gallery_args {
    int64_t from;
} gallery_args;

int command_gallery(int argc, char **argv)
{
    static const atl_option rows[] = {
        {"from", 0, ATL_OPTION_INT, offsetof(gallery_args, from), "N", NULL, 0, 9e15, NULL, "0",
         "begin the page with job N of the batch, from 0 on; it has room for 20000"},
    };
    const atl_command command = {
        .name = "atelier gallery",
        .operands = "DIR",
        .summary = "Writes DIR/index.html from the run's ledger, as every run does in the end.",
        .options = rows,
        .n_options = sizeof rows / sizeof rows[0],
        .least_operands = 1,
        .most_operands = 1,
    };
    gallery_args args = {0};
    atl_note note = {0};
    run_dir dir;
    char **operands;
    int n, code;
    if (!console_parse(&command, argc, argv, &args, &operands, &n, &code))
        return code;
    atl_status st = run_dir_open(operands[0], &dir, &note);
    if (st == ATL_OK) {
        st = atl_gallery_write(dir.fd, (uint64_t)args.from, &note);
        run_dir_close(&dir);
    }
    if (st != ATL_OK)
        return console_fail(st, &note);
    printf("%s/%s\n", operands[0], ATL_GALLERY_NAME);
    return 0;
}
