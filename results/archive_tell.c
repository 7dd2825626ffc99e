/* archive_tell.c - see archive_tell.h. */
#include "results/archive_tell.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "json_text.h"
#include "results/archive_noise.h"

enum { SPARKLINE = 24 };

const char *atl_trend_verdict_name(atl_trend_verdict verdict)
{
    static const char *const names[] = {"unknown", "same", "better", "worse", "disturbed"};
    return names[verdict];
}

static int first_of(const atl_archive_list *list, int n_last)
{
    return list->n > n_last ? list->n - n_last : 0;
}

static void put_time(int64_t time_s, const char *format, atl_text *out)
{
    const time_t t = (time_t)time_s;
    struct tm parts;
    char words[32] = "?";
    if (gmtime_r(&t, &parts))
        strftime(words, sizeof words, format, &parts);
    atl_text_puts(out, words);
}

/* ---- for a terminal ---- */

/* Four digits; of large ones all before the point. */
static void put_value(double value, int width, atl_text *out)
{
    atl_text_printf(out, fabs(value) >= 1000 && fabs(value) < 1e15 ? "%*.0f" : "%*.4g", width, value);
}

static void put_part(const char *part, atl_text *out)
{
    if (part[0])
        atl_text_printf(out, ", %s", part);
}

/* "run, pochade, bf16, 2 × 1, 64x64, 8 steps"; what was found of workers is of a row, not of its series. */
static void put_series(const atl_archive_entry *e, bool with_found, atl_text *out)
{
    atl_text_puts(out, e->kind);
    put_part(e->model_name, out);
    put_part(e->policy, out);
    put_part(e->order, out);
    if (e->workers > 0 && (with_found || !atl_archive_finds_workers(e)))
        atl_text_printf(out, ", %d × %d", e->workers, e->threads);
    put_part(e->work, out);
}

static bool one_machine(const atl_archive_list *list)
{
    for (int i = 1; i < list->n; i++)
        if (strcmp(list->entries[i].machine, list->entries[0].machine) != 0)
            return false;
    return true;
}

static void put_row(const atl_archive_entry *e, bool with_machine, atl_text *out)
{
    atl_text_printf(out, "%5lld  ", (long long)e->id);
    put_time(e->time_s, "%Y-%m-%d %H:%M", out);
    atl_text_puts(out, "  ");
    if (e->n_figures > 0)
        put_value(e->figures[0].value, 9, out);
    else
        atl_text_printf(out, "%9s", "-");
    atl_text_printf(out, " %-11s ", e->n_figures > 0 ? e->figures[0].unit : "");
    put_series(e, true, out);
    if (e->version[0])
        atl_text_printf(out, "; %s%s%s", e->version, e->commit[0] ? " " : "", e->commit);
    if (with_machine)
        atl_text_printf(out, "; %s", e->machine);
    char why[128];
    if (e->n_figures > 0 && atl_archive_disturbed(e, e->figures[0].name, why))
        atl_text_printf(out, "; disturbed: %s", why);
    atl_text_putc(out, '\n');
}

static double change_percent(const atl_trend *t)
{
    return 100 * (t->values[t->n - 1] / t->median - 1);
}

static void put_trend(const atl_trend *t, bool with_machine, atl_text *out)
{
    const int shown = t->n < SPARKLINE ? t->n : SPARKLINE;
    atl_text_puts(out, "  ");
    atl_trend_put_sparkline(t, SPARKLINE, out);
    atl_text_printf(out, "%*s %s ", SPARKLINE - shown, "", t->figure->name);
    put_value(t->figure->value, 0, out);
    atl_text_printf(out, " %s", t->figure->unit);
    if (t->median > 0)
        atl_text_printf(out, " (%+.1f %% against the median of those before)", change_percent(t));
    atl_text_puts(out, ": ");
    put_series(t->latest, false, out);
    if (with_machine)
        atl_text_printf(out, "; %s", t->latest->machine);
    atl_text_putc(out, '\n');
}

/* How many it was held against. */
static int n_before(const atl_trend *t)
{
    const int n = t->n - 1 - t->n_disturbed + t->disturbed[t->n - 1];
    return n < ATL_TREND_MOST ? n : ATL_TREND_MOST;
}

static void put_doubt(const atl_trend *t, bool with_machine, atl_text *out)
{
    atl_text_printf(out, "not judged: %s is ", t->figure->name);
    put_value(t->figure->value, 0, out);
    atl_text_printf(out, " %s (the median of %d before: ", t->figure->unit, n_before(t));
    put_value(t->median, 0, out);
    atl_text_printf(out, "), but while it was measured %s; ", t->why);
    put_series(t->latest, false, out);
    if (with_machine)
        atl_text_printf(out, "; %s", t->latest->machine);
    atl_text_putc(out, '\n');
}

static void put_alarm(const atl_trend *t, bool with_machine, atl_text *out)
{
    atl_text_printf(out, "%s: %s is ", t->verdict == ATL_TREND_WORSE ? "WORSE" : "better", t->figure->name);
    put_value(t->figure->value, 0, out);
    atl_text_printf(out, " %s, and was ", t->figure->unit);
    put_value(t->median, 0, out);
    atl_text_printf(out, " (the median of %d before): ", n_before(t));
    if (t->median > 0)
        atl_text_printf(out, "%+.1f %%, ", change_percent(t));
    atl_text_printf(out, "%.1f times their scatter, where noise stays below %.3g; ", fabs(t->distance),
                    t->limit);
    put_series(t->latest, false, out);
    if (with_machine)
        atl_text_printf(out, "; %s", t->latest->machine);
    atl_text_putc(out, '\n');
}

void atl_archive_put_text(const atl_archive_list *list, int n_last, const atl_trends *trends, atl_text *out)
{
    const bool with_machine = !one_machine(list);
    bool headed = false;
    if (list->n == 0) {
        atl_text_puts(out, "Nothing was measured yet: run, study, compare and bench leave a row each.\n");
        return;
    }
    if (!with_machine)
        atl_text_printf(out, "%s\n", list->entries[0].machine);
    for (int i = first_of(list, n_last); i < list->n; i++)
        put_row(&list->entries[i], with_machine, out);
    for (int i = 0; i < trends->n; i++)
        if (trends->items[i].headline && trends->items[i].n > 1) {
            atl_text_puts(out, headed ? "" : "Trends, the latest at the right:\n");
            headed = true;
            put_trend(&trends->items[i], with_machine, out);
        }
    for (int i = 0; i < trends->n; i++)
        if (trends->items[i].verdict == ATL_TREND_WORSE || trends->items[i].verdict == ATL_TREND_BETTER)
            put_alarm(&trends->items[i], with_machine, out);
    for (int i = 0; i < trends->n; i++)
        if (trends->items[i].verdict == ATL_TREND_DISTURBED)
            put_doubt(&trends->items[i], with_machine, out);
}

/* ---- for programs ---- */

static void put_string(const char *key, const char *value, atl_text *out)
{
    atl_text_printf(out, "\"%s\":", key);
    if (value[0])
        atl_json_put_string(out, value);
    else
        atl_text_puts(out, "null");
    atl_text_putc(out, ',');
}

static void put_number(const char *key, double value, const char *after, atl_text *out)
{
    if (isfinite(value))
        atl_text_printf(out, "\"%s\":%.10g%s", key, value, after);
    else
        atl_text_printf(out, "\"%s\":null%s", key, after);
}

/* What rows and trends have in common. */
static void put_keys(const atl_archive_entry *e, atl_text *out)
{
    put_string("kind", e->kind, out);
    put_string("machine", e->machine, out);
    put_string("model", e->model_name, out);
    put_string("model_hash", e->model_hash, out);
    put_string("policy", e->policy, out);
    put_string("order", e->order, out);
    put_number("workers", e->workers > 0 ? e->workers : (double)NAN, ",", out);
    put_number("threads", e->threads > 0 ? e->threads : (double)NAN, ",", out);
    put_string("work", e->work, out);
}

static void put_row_json(const atl_archive_entry *e, atl_text *out)
{
    atl_text_printf(out, "{\"id\":%lld,\"time\":\"", (long long)e->id);
    put_time(e->time_s, "%Y-%m-%dT%H:%M:%SZ", out);
    atl_text_puts(out, "\",");
    put_keys(e, out);
    put_string("version", e->version, out);
    put_string("commit", e->commit, out);
    put_string("place", e->place, out);
    atl_text_puts(out, "\"figures\":[");
    for (int i = 0; i < e->n_figures; i++) {
        atl_text_puts(out, i > 0 ? ",{" : "{");
        put_string("name", e->figures[i].name, out);
        put_string("unit", e->figures[i].unit, out);
        put_number("value", e->figures[i].value, "}", out);
    }
    atl_text_puts(out, "]}");
}

static void put_trend_json(const atl_trend *t, atl_text *out)
{
    atl_text_putc(out, '{');
    put_keys(t->latest, out);
    put_string("figure", t->figure->name, out);
    put_string("unit", t->figure->unit, out);
    put_string("verdict", atl_trend_verdict_name(t->verdict), out);
    put_string("disturbed_by", t->why, out);
    put_number("disturbed", t->n_disturbed, ",", out);
    put_number("median_before", t->median, ",", out);
    put_number("scatter", t->scatter, ",", out);
    put_number("distance", t->distance, ",", out);
    put_number("limit", t->limit, ",\"values\":[", out);
    for (int i = 0; i < t->n; i++)
        atl_text_printf(out, "%s%.10g", i > 0 ? "," : "", t->values[i]);
    atl_text_puts(out, "]}");
}

void atl_archive_put_json(const atl_archive_list *list, int n_last, const atl_trends *trends, atl_text *out)
{
    const int first = first_of(list, n_last);
    atl_text_puts(out, "{\"rows\":[");
    for (int i = first; i < list->n; i++) {
        atl_text_puts(out, i > first ? ",\n" : "\n");
        put_row_json(&list->entries[i], out);
    }
    atl_text_puts(out, "],\n\"trends\":[");
    for (int i = 0; i < trends->n; i++) {
        atl_text_puts(out, i > 0 ? ",\n" : "\n");
        put_trend_json(&trends->items[i], out);
    }
    atl_text_puts(out, "]}\n");
}

static void put_field(const char *text, atl_text *out)
{
    const bool quoted = strpbrk(text, ",\"\r\n") != NULL;
    if (quoted)
        atl_text_putc(out, '"');
    for (const char *c = text; *c; c++) {
        if (*c == '"')
            atl_text_putc(out, '"');
        atl_text_putc(out, *c);
    }
    atl_text_puts(out, quoted ? "\"," : ",");
}

void atl_archive_put_csv(const atl_archive_list *list, int n_last, atl_text *out)
{
    atl_text_puts(
        out, "id,time,kind,machine,version,commit,model,model_hash,policy,order,workers,threads,work,place,"
             "figure,unit,value\n");
    for (int i = first_of(list, n_last); i < list->n; i++)
        for (int k = 0; k < list->entries[i].n_figures; k++) {
            const atl_archive_entry *e = &list->entries[i];
            const char *const before[] = {e->kind,       e->machine,    e->version, e->commit,
                                          e->model_name, e->model_hash, e->policy,  e->order};
            atl_text_printf(out, "%lld,", (long long)e->id);
            put_time(e->time_s, "%Y-%m-%dT%H:%M:%SZ,", out);
            for (size_t f = 0; f < sizeof before / sizeof *before; f++)
                put_field(before[f], out);
            atl_text_printf(out, "%d,%d,", e->workers, e->threads);
            put_field(e->work, out);
            put_field(e->place, out);
            put_field(e->figures[k].name, out);
            put_field(e->figures[k].unit, out);
            atl_text_printf(out, "%.10g\n", e->figures[k].value);
        }
}
