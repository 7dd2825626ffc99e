/* bench_rows.c - see bench_rows.h. Every format walks the same table of columns. */
#include "bench_rows.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/sizes.h"

typedef enum column_kind { TEXT, INTEGER, REAL } column_kind;

#define ROW(field, kind, decimals)                                                                           \
    {                                                                                                        \
#field, kind, offsetof(bench_row, field), decimals, false                                            \
    }
#define ABOUT(field, kind, decimals)                                                                         \
    {                                                                                                        \
#field, kind, offsetof(bench_about, field), decimals, true                                           \
    }

static const struct column {
    const char *name;
    column_kind kind;
    size_t offset;
    int decimals;
    bool of_all; /* in bench_about */
} columns[] = {
    ROW(kind, TEXT, 0),         ROW(name, TEXT, 0),
    ROW(stage, TEXT, 0),        ROW(policy, TEXT, 0),
    ROW(isa, TEXT, 0),          ROW(threads, INTEGER, 0),
    ROW(width, INTEGER, 0),     ROW(height, INTEGER, 0),
    ROW(batch, INTEGER, 0),     ROW(n, INTEGER, 0),
    ROW(unit, TEXT, 0),         ROW(median, REAL, 4),
    ROW(mean, REAL, 4),         ROW(sd, REAL, 4),
    ROW(least, REAL, 4),        ROW(calls, INTEGER, 0),
    ROW(gflop, REAL, 4),        ROW(mb, REAL, 3),
    ROW(gflops, REAL, 2),       ROW(gbps, REAL, 2),
    ROW(peak_gflops, REAL, 2),  ROW(peak_gbps, REAL, 2),
    ROW(of_peak, REAL, 2),      ROW(of_bandwidth, REAL, 2),
    ROW(of_roof, REAL, 2),      ABOUT(started, TEXT, 0),
    ABOUT(version, TEXT, 0),    ABOUT(machine, TEXT, 0),
    ABOUT(n_cores, INTEGER, 0), ABOUT(model, TEXT, 0),
    ABOUT(model_hash, TEXT, 0), ABOUT(ceiling_drift, REAL, 2),
    ABOUT(steal, REAL, 2),      ABOUT(foreign_load, REAL, 2),
    ABOUT(run_delay, REAL, 2),  ABOUT(cpu_pressure, REAL, 2),
};

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void bench_summarise(double *values, int n, bench_row *row)
{
    double sum = 0, squares = 0;
    qsort(values, (size_t)n, sizeof *values, ascending);
    for (int i = 0; i < n; i++)
        sum += values[i];
    row->n = n;
    row->mean = sum / n;
    for (int i = 0; i < n; i++)
        squares += (values[i] - row->mean) * (values[i] - row->mean);
    row->sd = n > 1 ? sqrt(squares / (n - 1)) : NAN;
    row->median = n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
    row->least = values[0];
}

void bench_set_shares(bench_row *row)
{
    row->gflops = row->gflop > 0 ? row->gflop / row->median * 1e3 : NAN;
    row->gbps = row->mb / row->median;
    row->of_peak = 100 * row->gflops / row->peak_gflops;
    row->of_bandwidth = 100 * row->gbps / row->peak_gbps;
    const double by_memory = row->peak_gbps * row->gflop / (row->mb / 1e3);
    const bool is_known = isfinite(by_memory) && isfinite(row->peak_gflops);
    row->of_roof = is_known ? 100 * row->gflops / fmin(by_memory, row->peak_gflops) : NAN;
}

/* ---- one cell ---- */

static const void *cell(const struct column *column, const bench_about *about, const bench_row *row)
{
    return (const char *)(column->of_all ? (const void *)about : (const void *)row) + column->offset;
}

static const char *text_of(const struct column *column, const bench_about *about, const bench_row *row)
{
    const void *at = cell(column, about, row);
    const char *text = column->of_all ? *(const char *const *)at : (const char *)at;
    return text ? text : "";
}

/* A number as all formats write it; false: not known. */
static bool put_number(const struct column *column, const bench_about *about, const bench_row *row,
                       atl_text *out)
{
    const void *at = cell(column, about, row);
    if (column->kind == INTEGER)
        atl_text_printf(out, "%d", *(const int *)at);
    else if (isfinite(*(const double *)at))
        atl_text_printf(out, "%.*f", column->decimals, *(const double *)at);
    else
        return false;
    return true;
}

/* `quote` around the text, and doubled inside of it (CSV, SQL). */
static void put_quoted(const char *text, char quote, atl_text *out)
{
    atl_text_putc(out, quote);
    for (; *text; text++) {
        if (*text == quote)
            atl_text_putc(out, quote);
        atl_text_putc(out, *text);
    }
    atl_text_putc(out, quote);
}

static void put_json_string(const char *text, atl_text *out)
{
    atl_text_putc(out, '"');
    for (; *text; text++)
        if (*text == '"' || *text == '\\')
            atl_text_printf(out, "\\%c", *text);
        else if ((unsigned char)*text < 0x20)
            atl_text_printf(out, "\\u%04x", (unsigned)*text);
        else
            atl_text_putc(out, *text);
    atl_text_putc(out, '"');
}

/* ---- formats ---- */

static void put_csv(const bench_about *about, const bench_row *rows, size_t n, atl_text *out)
{
    for (size_t c = 0; c < ATL_COUNT(columns); c++)
        atl_text_printf(out, "%s%s", c ? "," : "", columns[c].name);
    atl_text_puts(out, "\n");
    for (size_t i = 0; i < n; i++) {
        for (size_t c = 0; c < ATL_COUNT(columns); c++) {
            atl_text_puts(out, c ? "," : "");
            if (columns[c].kind == TEXT)
                put_quoted(text_of(&columns[c], about, &rows[i]), '"', out);
            else
                put_number(&columns[c], about, &rows[i], out);
        }
        atl_text_puts(out, "\n");
    }
}

static void put_object(const bench_about *about, const bench_row *row, atl_text *out)
{
    for (size_t c = 0; c < ATL_COUNT(columns); c++) {
        atl_text_printf(out, "%s\"%s\":", c ? "," : "{", columns[c].name);
        if (columns[c].kind == TEXT)
            put_json_string(text_of(&columns[c], about, row), out);
        else if (!put_number(&columns[c], about, row, out))
            atl_text_puts(out, "null");
    }
    atl_text_puts(out, "}");
}

static void put_sql(const bench_about *about, const bench_row *rows, size_t n, atl_text *out)
{
    static const char *const types[] = {[TEXT] = "TEXT", [INTEGER] = "INTEGER", [REAL] = "REAL"};
    atl_text_puts(out, "CREATE TABLE IF NOT EXISTS bench (");
    for (size_t c = 0; c < ATL_COUNT(columns); c++)
        atl_text_printf(out, "%s%s %s", c ? ", " : "", columns[c].name, types[columns[c].kind]);
    atl_text_puts(out, ");\n");
    for (size_t i = 0; i < n; i++) {
        atl_text_puts(out, "INSERT INTO bench VALUES (");
        for (size_t c = 0; c < ATL_COUNT(columns); c++) {
            atl_text_puts(out, c ? ", " : "");
            if (columns[c].kind == TEXT)
                put_quoted(text_of(&columns[c], about, &rows[i]), '\'', out);
            else if (!put_number(&columns[c], about, &rows[i], out))
                atl_text_puts(out, "NULL");
        }
        atl_text_puts(out, ");\n");
    }
}

/* ---- for people ---- */

static void put_share(double value, atl_text *out)
{
    if (isfinite(value))
        atl_text_printf(out, " %.0f %% |", value);
    else
        atl_text_puts(out, " |");
}

/* "24.92 ± 0.08"; one repetition has no scatter. */
static void put_mean(const bench_row *row, atl_text *out)
{
    atl_text_printf(out, "%.2f", row->mean);
    if (isfinite(row->sd))
        atl_text_printf(out, " ± %.2f", row->sd);
}

static void put_measured_md(const bench_row *row, atl_text *out)
{
    if (strcmp(row->kind, "layer") == 0)
        atl_text_printf(out, "| %s: %s × %d |", row->stage, row->name, row->calls);
    else if (strcmp(row->stage, "text_encode") == 0)
        atl_text_printf(out, "| %s, batch %d |", row->name, row->batch);
    else
        atl_text_printf(out, "| %s %d × %d, batch %d |", row->name, row->width, row->height, row->batch);
    atl_text_printf(out, " %s | %s | %d | ", row->policy, row->isa, row->threads);
    put_mean(row, out);
    atl_text_printf(out, " | %.2f | %.2f |", row->median, row->least);
    if (isfinite(row->gflops))
        atl_text_printf(out, " %.2f | %.0f |", row->gflop, row->gflops);
    else
        atl_text_puts(out, " | |");
    atl_text_printf(out, " %.1f |", row->gbps);
    put_share(row->of_peak, out);
    put_share(row->of_bandwidth, out);
    put_share(row->of_roof, out);
    atl_text_puts(out, "\n");
}

static void put_ceilings_md(const bench_row *rows, size_t n, atl_text *out)
{
    bool any = false;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(rows[i].kind, "ceiling") != 0)
            continue;
        if (!any)
            atl_text_puts(out, "\n| ceiling | kernels | threads | median | mean ± sd | best | unit |\n"
                               "|---|---|--:|--:|--:|--:|---|\n");
        any = true;
        atl_text_printf(out, "| %s | %s | %d | %.2f | ", rows[i].name, rows[i].isa, rows[i].threads,
                        rows[i].median);
        put_mean(&rows[i], out);
        atl_text_printf(out, " | %.2f | %s |\n", rows[i].least, rows[i].unit);
    }
}

static void put_percent(const char *what, double value, atl_text *out)
{
    if (isfinite(value))
        atl_text_printf(out, "%s %.1f %%", what, value);
    else
        atl_text_printf(out, "%s not known", what);
}

static void put_md(const bench_about *about, const bench_row *rows, size_t n, atl_text *out)
{
    atl_text_printf(out, "%s, %d core%s · model %s (%s) · atelier %s · %s\n\n", about->machine,
                    about->n_cores, about->n_cores == 1 ? "" : "s", about->model, about->model_hash,
                    about->version, about->started);
    atl_text_puts(
        out,
        "| what | policy | kernels | threads | ms, mean ± sd | median | least | GFLOP | GFLOP/s | GB/s | "
        "of peak | of bandwidth | of roof |\n"
        "|---|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n");
    for (size_t i = 0; i < n; i++)
        if (strcmp(rows[i].kind, "ceiling") != 0)
            put_measured_md(&rows[i], out);
    put_ceilings_md(rows, n, out);
    put_percent("\nNoise: change of a ceiling from begin to end", about->ceiling_drift, out);
    put_percent("; while it ran, steal", about->steal, out);
    put_percent(", other programs", about->foreign_load, out);
    put_percent(" of these cores, waiting for a core", about->run_delay, out);
    put_percent(", some task on the machine waiting for one", about->cpu_pressure, out);
    atl_text_puts(out, ".\n");
}

void bench_write(const char *format, const bench_about *about, const bench_row *rows, size_t n, atl_text *out)
{
    const bool is_json = strcmp(format, "json") == 0;
    if (strcmp(format, "md") == 0) {
        put_md(about, rows, n, out);
    } else if (strcmp(format, "csv") == 0) {
        put_csv(about, rows, n, out);
    } else if (strcmp(format, "sql") == 0) {
        put_sql(about, rows, n, out);
    } else {
        atl_text_puts(out, is_json ? "[" : "");
        for (size_t i = 0; i < n; i++) {
            atl_text_puts(out, is_json && i ? ",\n" : "");
            put_object(about, &rows[i], out);
            atl_text_puts(out, is_json ? "" : "\n");
        }
        atl_text_puts(out, is_json ? "]\n" : "");
    }
}
