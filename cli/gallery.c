/* gallery.c - `atelier gallery`: writes a run's index.html again. */
#include <stdio.h>

#include "commands.h"
#include "console.h"
#include "results/gallery.h"
#include "run_dir.h"

int command_gallery(int argc, char **argv)
{
    static const atl_option none[1];
    const atl_command command = {
        .name = "atelier gallery",
        .operands = "DIR",
        .summary = "Writes DIR/index.html from the run's ledger, as every run does in the end.",
        .options = none,
        .n_options = 0,
        .least_operands = 1,
        .most_operands = 1,
    };
    struct {
        char nothing;
    } values = {0};
    atl_note note = {0};
    run_dir dir;
    char **operands;
    int n, code;
    if (!console_parse(&command, argc, argv, &values, &operands, &n, &code))
        return code;
    atl_status st = run_dir_open(operands[0], &dir, &note);
    if (st == ATL_OK) {
        st = atl_gallery_write(dir.fd, &note);
        run_dir_close(&dir);
    }
    if (st != ATL_OK)
        return console_fail(st, &note);
    printf("%s/%s\n", operands[0], ATL_GALLERY_NAME);
    return 0;
}
