/* leave_row.c - see leave_row.h. */
#include "leave_row.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "console.h"
#include "coordinator/placement.h"
#include "engine/engine.h"
#include "results/study.h"
#include "run_dir.h"

atl_status this_machine(const char *cpus, char ret[160], atl_note *note)
{
    const atl_machine_source source = {.cpus = cpus};
    atl_machine *machine = NULL;
    atl_text words = {0};
    atl_status st = atl_machine_load(&source, &machine, note);
    if (st != ATL_OK)
        return st;
    atl_machine_identity(machine, &words);
    atl_machine_free(&machine);
    if (!words.failed)
        snprintf(ret, 160, "%s", words.data);
    st = words.failed ? atl_fail(note, ATL_NO_MEMORY, "no memory for the machine's name") : ATL_OK;
    atl_text_done(&words);
    return st;
}

static void say_lost(const atl_note *note)
{
    console_say("the history has no row of this (%s)", note->text[0] ? note->text : "no memory");
}

void leave_row(atl_archive_entry *row, const char *cpus)
{
    atl_note note = {0};
    char *path = NULL;
    atl_status st = row->machine[0] ? ATL_OK : this_machine(cpus, row->machine, &note);
    if (!row->version[0])
        snprintf(row->version, sizeof row->version, "%s", atl_engine_version());
    if (!row->commit[0])
        snprintf(row->commit, sizeof row->commit, "%s", ATELIER_COMMIT);
    if (st == ATL_OK)
        st = atl_archive_path(NULL, &path, &note);
    if (st == ATL_OK)
        st = atl_archive_append(path, row, &note);
    if (st != ATL_OK)
        say_lost(&note);
    free(path);
}

static void set_place(atl_archive_entry *row, const char *dir)
{
    char *whole = realpath(dir, NULL);
    snprintf(row->place, sizeof row->place, "%s", whole ? whole : dir);
    free(whole);
}

void leave_row_of_run(const char *dir, const char *cpus)
{
    atl_archive_entry row = {.order = ""};
    atl_note note = {0};
    run_dir opened;
    set_place(&row, dir);
    atl_status st = run_dir_open(dir, &opened, &note);
    if (st == ATL_OK) {
        st = atl_archive_entry_of_run(opened.fd, &row, &note);
        run_dir_close(&opened);
    }
    if (st == ATL_OK)
        leave_row(&row, cpus);
    else if (st != ATL_NOT_FOUND)
        say_lost(&note);
}

typedef atl_status (*entries_fn)(const atl_study *study, atl_archive_entry ret[ATL_ARCHIVE_MAX_OF_STUDY],
                                 int *ret_n, atl_note *note);

static void leave_rows_of(entries_fn entries_of, const char *dir, const char *cpus)
{
    atl_archive_entry rows[ATL_ARCHIVE_MAX_OF_STUDY] = {0};
    atl_note note = {0};
    atl_study study;
    int n = 0;
    const int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    atl_status st =
        fd < 0 ? atl_fail(&note, ATL_IO, "%s: %s", dir, strerror(errno)) : atl_study_read(fd, &study, &note);
    if (st == ATL_OK) {
        st = entries_of(&study, rows, &n, &note);
        atl_study_done(&study);
    }
    if (fd >= 0)
        close(fd);
    for (int i = 0; i < n; i++) {
        set_place(&rows[i], dir);
        leave_row(&rows[i], cpus);
    }
    if (st != ATL_OK && st != ATL_NOT_FOUND)
        say_lost(&note);
}

void leave_rows_of_study(const char *dir, const char *cpus)
{
    leave_rows_of(atl_archive_entries_of_study, dir, cpus);
}

void leave_rows_of_comparison(const char *dir, const char *cpus)
{
    leave_rows_of(atl_archive_entries_of_comparison, dir, cpus);
}
