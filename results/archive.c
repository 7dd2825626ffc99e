/* archive.c - the SQLite file of archive.h: its tables, rows in, rows out.
 *
 * The ordinary rollback journal, not WAL: homes lie on network file systems, where WAL does not work. A row
 * is one transaction. user_version says which tables there are; a file of a newer program is left alone. */
#include "results/archive.h"

#include <errno.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"

enum { FORMAT = 1, PATIENCE_MS = 5000 };

static const char tables[] =
    "CREATE TABLE IF NOT EXISTS entries(id INTEGER PRIMARY KEY AUTOINCREMENT, time_s INTEGER NOT NULL,"
    " kind TEXT NOT NULL, machine TEXT NOT NULL, version TEXT NOT NULL, commit_id TEXT NOT NULL,"
    " model_name TEXT NOT NULL, model_hash TEXT NOT NULL, policy TEXT NOT NULL, worker_order TEXT NOT NULL,"
    " workers INTEGER NOT NULL, threads INTEGER NOT NULL, work TEXT NOT NULL, place TEXT NOT NULL);"
    "CREATE TABLE IF NOT EXISTS figures(entry INTEGER NOT NULL REFERENCES entries(id), rank INTEGER NOT NULL,"
    " name TEXT NOT NULL, unit TEXT NOT NULL, value REAL NOT NULL, better INTEGER NOT NULL,"
    " PRIMARY KEY(entry, rank)) WITHOUT ROWID;"
    "PRAGMA user_version = 1;";

#define COLUMNS                                                                                              \
    "id, time_s, kind, machine, version, commit_id, model_name, model_hash, policy, worker_order, workers, " \
    "threads, work, place"

void atl_archive_figure_add(atl_archive_entry *entry, const char *name, const char *unit, double value,
                            atl_better better)
{
    if (!isfinite(value) || entry->n_figures == ATL_ARCHIVE_MAX_FIGURES)
        return;
    atl_archive_figure *figure = &entry->figures[entry->n_figures++];
    *figure = (atl_archive_figure){.value = value, .better = better};
    snprintf(figure->name, sizeof figure->name, "%s", name);
    snprintf(figure->unit, sizeof figure->unit, "%s", unit);
}

bool atl_archive_finds_workers(const atl_archive_entry *entry)
{
    return strcmp(entry->kind, "study") == 0 || strcmp(entry->kind, "compare") == 0;
}

/* ---- the file ---- */

static char *join(const char *dir, const char *rest)
{
    char *path = NULL;
    return asprintf(&path, "%s/%s", dir, rest) < 0 ? NULL : path;
}

atl_status atl_archive_path(const char *said, char **ret_path, atl_note *note)
{
    const char *set = getenv("ATELIER_HISTORY"), *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    char *path;
    if (!said && set && set[0])
        said = set;
    if (said)
        path = strdup(said);
    else if (data && data[0] == '/')
        path = join(data, "atelier/history.sqlite");
    else if (home && home[0])
        path = join(home, ".local/share/atelier/history.sqlite");
    else
        return atl_fail(note, ATL_NOT_FOUND,
                        "history: no place for it: neither --db, ATELIER_HISTORY, "
                        "XDG_DATA_HOME nor HOME is set");
    if (!path)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a path");
    *ret_path = path;
    return ATL_OK;
}

/* What SQLite says, as a status and a sentence. */
static atl_status refuse(sqlite3 *db, const char *path, atl_note *note)
{
    const int code = db ? sqlite3_errcode(db) : SQLITE_NOMEM;
    const char *words = db ? sqlite3_errmsg(db) : "no memory";
    atl_status st = ATL_IO;
    if (code == SQLITE_NOMEM)
        st = ATL_NO_MEMORY;
    else if (code == SQLITE_NOTADB || code == SQLITE_CORRUPT || code == SQLITE_ERROR)
        st = ATL_BAD_INPUT;
    else if (code == SQLITE_BUSY)
        words = "another process has been writing to it for 5 seconds";
    return atl_fail(note, st, "%s: %s", path, words);
}

static bool run_sql(sqlite3 *db, const char *sql)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

/* −1: it cannot be read. */
static int number_of(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *q = NULL;
    int number = -1;
    if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW)
        number = sqlite3_column_int(q, 0);
    sqlite3_finalize(q);
    return number;
}

/* 0: nothing is in it yet. */
static int format_of(sqlite3 *db)
{
    return number_of(db, "PRAGMA user_version");
}

static atl_status open_file(const char *path, bool write, sqlite3 **ret, atl_note *note)
{
    sqlite3 *db = NULL;
    const int flags = write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
    atl_status st = ATL_OK;
    int n_things = -1, format = -1; /* in that order: another process may be making the tables just now */
    if (sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK ||
        sqlite3_busy_timeout(db, PATIENCE_MS) != SQLITE_OK ||
        (n_things = number_of(db, "SELECT count(*) FROM sqlite_master")) < 0 || (format = format_of(db)) < 0)
        st = refuse(db, path, note);
    else if (format > FORMAT)
        st = atl_fail(note, ATL_BAD_INPUT, "%s: was made by a newer atelier (format %d; this one knows %d)",
                      path, format, (int)FORMAT);
    else if (format == 0 && n_things > 0)
        st = atl_fail(note, ATL_BAD_INPUT, "%s: is another program's database", path);
    if (st == ATL_OK)
        *ret = db;
    else
        sqlite3_close(db);
    return st;
}

static atl_status make_folder(const char *path, atl_note *note)
{
    char *dir = strdup(path), *slash = dir ? strrchr(dir, '/') : NULL;
    atl_status st = dir ? ATL_OK : ATL_NO_MEMORY;
    if (slash && slash != dir) {
        *slash = '\0';
        st = atl_dir_make(dir, note) == ATL_OK ? ATL_OK : ATL_IO;
    }
    free(dir);
    return st;
}

/* ---- rows in ---- */

static bool bind_text(sqlite3_stmt *q, int at, const char *text)
{
    return sqlite3_bind_text(q, at, text, -1, SQLITE_STATIC) == SQLITE_OK;
}

static bool insert_entry(sqlite3 *db, const atl_archive_entry *e)
{
    const char *const texts[] = {e->kind,       e->machine,    e->version, e->commit,
                                 e->model_name, e->model_hash, e->policy,  e->order};
    sqlite3_stmt *q = NULL;
    bool ok =
        sqlite3_prepare_v2(db, "INSERT INTO entries(" COLUMNS ") VALUES(NULL,?,?,?,?,?,?,?,?,?,?,?,?,?)", -1,
                           &q, NULL) == SQLITE_OK &&
        sqlite3_bind_int64(q, 1, e->time_s ? e->time_s : (int64_t)time(NULL)) == SQLITE_OK;
    for (int i = 0; i < 8 && ok; i++)
        ok = bind_text(q, 2 + i, texts[i]);
    ok = ok && sqlite3_bind_int(q, 10, e->workers) == SQLITE_OK &&
         sqlite3_bind_int(q, 11, e->threads) == SQLITE_OK && bind_text(q, 12, e->work) &&
         bind_text(q, 13, e->place) && sqlite3_step(q) == SQLITE_DONE;
    return sqlite3_finalize(q) == SQLITE_OK && ok;
}

static bool insert_figures(sqlite3 *db, const atl_archive_entry *e)
{
    const sqlite3_int64 id = sqlite3_last_insert_rowid(db);
    sqlite3_stmt *q = NULL;
    bool ok = sqlite3_prepare_v2(db, "INSERT INTO figures VALUES(?,?,?,?,?,?)", -1, &q, NULL) == SQLITE_OK;
    for (int i = 0; i < e->n_figures && ok; i++) {
        const atl_archive_figure *f = &e->figures[i];
        ok = sqlite3_bind_int64(q, 1, id) == SQLITE_OK && sqlite3_bind_int(q, 2, i) == SQLITE_OK &&
             bind_text(q, 3, f->name) && bind_text(q, 4, f->unit) &&
             sqlite3_bind_double(q, 5, f->value) == SQLITE_OK &&
             sqlite3_bind_int(q, 6, (int)f->better) == SQLITE_OK && sqlite3_step(q) == SQLITE_DONE &&
             sqlite3_reset(q) == SQLITE_OK;
    }
    return sqlite3_finalize(q) == SQLITE_OK && ok;
}

/* 1: it is; −1: that cannot be told. */
static int is_there(sqlite3 *db, const atl_archive_entry *e)
{
    static const char sql[] =
        "SELECT count(*) FROM entries JOIN figures ON entry = id AND rank = 0 WHERE kind = ? AND place = ?"
        " AND machine = ? AND model_hash = ? AND policy = ? AND worker_order = ? AND work = ? AND name = ?"
        " AND value = ? AND workers = ? AND threads = ?";
    if (!e->place[0] || e->n_figures == 0)
        return 0;
    const char *const texts[] = {e->kind,   e->place, e->machine, e->model_hash,
                                 e->policy, e->order, e->work,    e->figures[0].name};
    sqlite3_stmt *q = NULL;
    bool ok = sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK &&
              sqlite3_bind_double(q, 9, e->figures[0].value) == SQLITE_OK &&
              sqlite3_bind_int(q, 10, e->workers) == SQLITE_OK &&
              sqlite3_bind_int(q, 11, e->threads) == SQLITE_OK;
    for (int i = 0; i < 8 && ok; i++)
        ok = bind_text(q, 1 + i, texts[i]);
    ok = ok && sqlite3_step(q) == SQLITE_ROW;
    const int found = ok ? sqlite3_column_int(q, 0) > 0 : -1;
    sqlite3_finalize(q);
    return found;
}

atl_status atl_archive_append(const char *path, const atl_archive_entry *entry, atl_note *note)
{
    sqlite3 *db = NULL;
    atl_status st = make_folder(path, note);
    if (st == ATL_OK)
        st = open_file(path, true, &db, note);
    if (st != ATL_OK)
        return st;
    int there = -1;
    if (!run_sql(db, "BEGIN IMMEDIATE") || (format_of(db) == 0 && !run_sql(db, tables)) ||
        (there = is_there(db, entry)) < 0 ||
        (there == 0 && (!insert_entry(db, entry) || !insert_figures(db, entry))) || !run_sql(db, "COMMIT"))
        st = refuse(db, path, note);
    sqlite3_close(db); /* what was not committed is rolled back */
    return st;
}

/* ---- rows out ---- */

static void take_text(sqlite3_stmt *q, int column, char *ret, size_t size)
{
    const unsigned char *text = sqlite3_column_text(q, column);
    snprintf(ret, size, "%s", text ? (const char *)text : "");
}

static void take_entry(sqlite3_stmt *q, atl_archive_entry *e)
{
    *e = (atl_archive_entry){.id = sqlite3_column_int64(q, 0),
                             .time_s = sqlite3_column_int64(q, 1),
                             .workers = sqlite3_column_int(q, 10),
                             .threads = sqlite3_column_int(q, 11)};
    take_text(q, 2, e->kind, sizeof e->kind);
    take_text(q, 3, e->machine, sizeof e->machine);
    take_text(q, 4, e->version, sizeof e->version);
    take_text(q, 5, e->commit, sizeof e->commit);
    take_text(q, 6, e->model_name, sizeof e->model_name);
    take_text(q, 7, e->model_hash, sizeof e->model_hash);
    take_text(q, 8, e->policy, sizeof e->policy);
    take_text(q, 9, e->order, sizeof e->order);
    take_text(q, 12, e->work, sizeof e->work);
    take_text(q, 13, e->place, sizeof e->place);
}

static bool take_figures(sqlite3_stmt *q, atl_archive_entry *e)
{
    int code = sqlite3_bind_int64(q, 1, e->id);
    while (code == SQLITE_OK || code == SQLITE_ROW) {
        code = sqlite3_step(q);
        if (code != SQLITE_ROW || e->n_figures == ATL_ARCHIVE_MAX_FIGURES)
            break;
        atl_archive_figure *f = &e->figures[e->n_figures++];
        const int better = sqlite3_column_int(q, 3);
        take_text(q, 0, f->name, sizeof f->name);
        take_text(q, 1, f->unit, sizeof f->unit);
        f->value = sqlite3_column_double(q, 2);
        f->better = better > 0 ? ATL_MORE_IS_BETTER : better < 0 ? ATL_LESS_IS_BETTER : ATL_NEITHER_IS_BETTER;
    }
    return (code == SQLITE_DONE || code == SQLITE_ROW) && sqlite3_reset(q) == SQLITE_OK;
}

static bool grow(atl_archive_list *list)
{
    if (list->n > 0 && (list->n & (list->n - 1)) != 0)
        return true;
    atl_archive_entry *more = realloc(list->entries, (list->n > 0 ? 2 * (size_t)list->n : 1) * sizeof *more);
    if (more)
        list->entries = more;
    return more != NULL;
}

/* `q` gives entries, the latest first. */
static atl_status take_list(sqlite3 *db, const char *path, sqlite3_stmt *q, atl_archive_list *list,
                            atl_note *note)
{
    sqlite3_stmt *figures = NULL;
    atl_status st = ATL_OK;
    int code =
        sqlite3_prepare_v2(db, "SELECT name, unit, value, better FROM figures WHERE entry = ? ORDER BY rank",
                           -1, &figures, NULL);
    while (code == SQLITE_OK && st == ATL_OK) {
        code = sqlite3_step(q);
        if (code != SQLITE_ROW)
            break;
        if (!grow(list)) {
            st = atl_fail(note, ATL_NO_MEMORY, "no memory for the history");
            break;
        }
        take_entry(q, &list->entries[list->n]);
        code = take_figures(figures, &list->entries[list->n++]) ? SQLITE_OK : SQLITE_IOERR;
    }
    if (st == ATL_OK && code != SQLITE_DONE)
        st = refuse(db, path, note);
    sqlite3_finalize(figures);
    return st;
}

static void turn_round(atl_archive_list *list)
{
    for (int i = 0; i < list->n / 2; i++) {
        const atl_archive_entry e = list->entries[i];
        list->entries[i] = list->entries[list->n - 1 - i];
        list->entries[list->n - 1 - i] = e;
    }
}

/* Runs a query of entries with up to `n` texts to bind, and a number after them. A file of no tables yet has
 * no rows. */
static atl_status query(const char *path, const char *sql, const char *const *texts, int n, int number,
                        atl_archive_list *list, atl_note *note)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *q = NULL;
    if (access(path, F_OK) != 0 && errno == ENOENT)
        return ATL_OK;
    atl_status st = open_file(path, false, &db, note);
    if (st != ATL_OK)
        return st;
    if (format_of(db) > 0) {
        bool ok = sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK;
        for (int i = 0; i < n && ok; i++)
            ok = texts[i] ? bind_text(q, i + 1, texts[i]) : sqlite3_bind_null(q, i + 1) == SQLITE_OK;
        ok = ok && sqlite3_bind_int(q, n + 1, number) == SQLITE_OK;
        st = ok ? take_list(db, path, q, list, note) : refuse(db, path, note);
    }
    sqlite3_finalize(q);
    sqlite3_close(db);
    return st;
}

atl_status atl_archive_read(const char *path, const atl_archive_filter *filter, atl_archive_list *ret,
                            atl_note *note)
{
    static const char sql[] =
        "SELECT " COLUMNS " FROM entries WHERE (?1 IS NULL OR instr(lower(machine), lower(?1)) > 0)"
        " AND (?2 IS NULL OR instr(lower(model_name), lower(?2)) > 0 OR instr(model_hash, lower(?2)) = 1)"
        " AND (?3 IS NULL OR policy = ?3) AND (?4 IS NULL OR kind = ?4) ORDER BY id DESC LIMIT ?5";
    const char *const texts[] = {filter->machine, filter->model, filter->policy, filter->kind};
    const bool bounded = filter->last > 0 && filter->last < ATL_ARCHIVE_MAX_ROWS;
    atl_archive_list list = {0};
    const atl_status st =
        query(path, sql, texts, 4, bounded ? filter->last : ATL_ARCHIVE_MAX_ROWS, &list, note);
    if (st != ATL_OK) {
        atl_archive_list_done(&list);
        return st;
    }
    turn_round(&list);
    *ret = list;
    return ATL_OK;
}

void atl_archive_list_done(atl_archive_list *list)
{
    free(list->entries);
    *list = (atl_archive_list){0};
}

atl_status atl_archive_latest_study(const char *path, const atl_archive_wanted *wanted,
                                    atl_archive_entry *ret, atl_note *note)
{
    static const char sql[] =
        "SELECT " COLUMNS
        " FROM entries WHERE kind = 'study' AND workers > 0 AND machine = ?1 AND model_hash = ?2"
        " AND policy = ?3 AND worker_order IN ('', ?4) AND (?5 = 0 OR threads = ?5) ORDER BY id DESC LIMIT 1";
    const char *const texts[] = {wanted->machine, wanted->model_hash, wanted->policy, wanted->order};
    atl_archive_list list = {0};
    atl_status st = query(path, sql, texts, 4, wanted->threads, &list, note);
    if (st == ATL_OK && list.n == 0)
        st = atl_fail(note, ATL_NOT_FOUND, "no study of this machine, model and policy is in %s", path);
    if (st == ATL_OK)
        *ret = list.entries[0];
    atl_archive_list_done(&list);
    return st;
}
