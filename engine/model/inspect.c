/* inspect.c - compares what the networks ask for with what is there.
 *
 * The networks list their tensors (list.h); each is looked up, its shape checked and its values read once
 * (NaN, Inf). What is left over is noted, not counted as a fault: diffusers leaves it out, too. */
#include "model/inspect.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/grow.h"
#include "model/fetch.h"
#include "model/inspect_report.h"
#include "model/list.h"

#define MAX_LINES      200 /* of a kind; the rest is counted */
#define CHUNK_ELEMENTS ((size_t)1 << 20)

__attribute__((format(printf, 3, 4))) static void add_line(atl_report *report, atl_report_lines *lines,
                                                           const char *format, ...)
{
    char **at = atl_grown(lines->at, lines->n, &lines->capacity, 16, sizeof *at);
    if (!at) {
        report->out_of_memory = true;
        return;
    }
    lines->at = at;
    va_list args;
    va_start(args, format);
    char *line = NULL;
    const int n = vasprintf(&line, format, args);
    va_end(args);
    if (n < 0)
        report->out_of_memory = true;
    else
        lines->at[lines->n++] = line;
}

static void free_lines(atl_report_lines *lines)
{
    for (size_t i = 0; i < lines->n; i++)
        free(lines->at[i]);
    free(lines->at);
}

static void report_done(atl_report *report)
{
    free_lines(&report->faults);
    free_lines(&report->notes);
    if (report->has_config)
        atl_model_config_done(&report->config);
}

/* ---- tensors ---- */

/* Names that the networks asked for, to tell what is left over. */
typedef struct survey {
    atl_report *report;
    const atl_weights *weights;
    float *chunk;
    char **wanted[ATL_N_COMPONENTS];
    size_t n_wanted[ATL_N_COMPONENTS], capacity[ATL_N_COMPONENTS];
    atl_component leftover_of;
} survey;

static void remember(survey *s, const atl_param *param)
{
    const atl_component c = param->component;
    char **names = atl_grown(s->wanted[c], s->n_wanted[c], &s->capacity[c], 1024, sizeof *names);
    if (!names) {
        s->report->out_of_memory = true;
        return;
    }
    s->wanted[c] = names;
    char *name = strdup(param->name);
    if (name)
        s->wanted[c][s->n_wanted[c]++] = name;
    else
        s->report->out_of_memory = true;
}

/* Every value once, in pieces. */
static atl_status check_values(const survey *s, const atl_weight *weight, size_t n_elements, atl_note *note)
{
    const size_t row = weight->n_rows > 0 ? n_elements / weight->n_rows : 0;
    atl_status st = ATL_OK;
    for (size_t first = 0; st == ATL_OK && first < n_elements; first += CHUNK_ELEMENTS) {
        const size_t n = n_elements - first < CHUNK_ELEMENTS ? n_elements - first : CHUNK_ELEMENTS;
        st = atl_st_to_f32(weight->tensor, weight->first_row * row + first, n, s->chunk, note);
    }
    if (st != ATL_OK)
        atl_note_prefix(note, "%s", atl_safetensors_path(weight->file));
    atl_fetch_forget_all(weight);
    return st;
}

static void visit_wanted(void *user, const atl_param *param)
{
    survey *s = user;
    atl_component_report *c = &s->report->component[param->component];
    atl_note note = {0};
    atl_weight weight;
    remember(s, param);
    const bool matrix = param->kind == ATL_PARAM_WEIGHT && (param->rank == 2 || param->shape[2] == 1);
    atl_status st = atl_fetch_find(s->weights, param, matrix, &weight, &note);
    if (st == ATL_OK) {
        size_t n = 1;
        for (int i = 0; i < param->rank; i++)
            n *= param->shape[i];
        c->present = true;
        c->n_tensors++;
        c->n_elements += n;
        c->n_bytes += n * atl_st_dtype_bytes(weight.tensor->dtype);
        c->n_of_type[weight.tensor->dtype]++;
        st = check_values(s, &weight, n, &note);
    }
    if (st != ATL_OK)
        add_line(s->report, &s->report->faults, "%s", note.text);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void visit_found(void *user, const char *name, const atl_weight *weight)
{
    survey *s = user;
    const atl_component c = s->leftover_of;
    (void)weight;
    if (strstr(name, "position_ids") ||
        (s->n_wanted[c] > 0 && bsearch(&name, s->wanted[c], s->n_wanted[c], sizeof name, compare_names)))
        return;
    add_line(s->report, &s->report->notes, "%s: tensor \"%s\" is not used", atl_component_name(c), name);
}

static void check_tensors(atl_report *report, const atl_weights *weights)
{
    survey s = {.report = report, .weights = weights, .chunk = malloc(CHUNK_ELEMENTS * sizeof(float))};
    atl_note note = {0};
    if (!s.chunk) {
        report->out_of_memory = true;
        return;
    }
    if (atl_model_list(&report->config, atl_policy_find("fp32"), visit_wanted, &s, &report->packed_bytes,
                       &note) != ATL_OK)
        add_line(report, &report->faults, "%s", note.text);
    for (int c = 0; c < ATL_N_COMPONENTS; c++) {
        if (s.n_wanted[c] > 0)
            qsort(s.wanted[c], s.n_wanted[c], sizeof(char *), compare_names);
        s.leftover_of = (atl_component)c;
        atl_weights_visit(weights, (atl_component)c, visit_found, &s);
        for (size_t i = 0; i < s.n_wanted[c]; i++)
            free(s.wanted[c][i]);
        free(s.wanted[c]);
    }
    free(s.chunk);
}

/* ---- the rest ---- */

static void check_tokenizers(atl_report *report, const char *path)
{
    static const char *const files[] = {"tokenizer/vocab.json", "tokenizer/merges.txt",
                                        "tokenizer_2/vocab.json", "tokenizer_2/merges.txt"};
    for (int i = 0; i < 2 * report->config.n_text_encoders; i++) {
        char *file = atl_path_join(path, files[i]);
        if (!file || !atl_is_file(file))
            add_line(report, &report->faults, "%s: is missing", file ? file : files[i]);
        free(file);
    }
}

static void note_unread_keys(atl_report *report)
{
    const char *at = report->config.unread_keys.data;
    while (at && *at) {
        const size_t n = strcspn(at, "\n");
        add_line(report, &report->notes, "%.*s: not a key that diffusers knows", (int)n, at);
        at += n + (at[n] == '\n');
    }
}

/* The config, also where weights are missing. The report gets a copy of its own. */
static void read_config(atl_report *report, const char *path, const atl_weights *weights)
{
    atl_note note = {0};
    if (atl_is_dir(path)) {
        report->has_config = atl_model_config_read(path, &report->config, &note) == ATL_OK;
        return;
    }
    if (!weights)
        return;
    report->config = *atl_weights_config(weights);
    report->config.unread_keys = (atl_text){0}; /* a deduced config has none, and no list of betas */
    report->has_config = true;
}

static void check_all(atl_report *report, const char *path, const char *variant)
{
    atl_note note = {0};
    atl_weights *weights = NULL;
    if (atl_weights_open(path, variant, &weights, &note) != ATL_OK)
        add_line(report, &report->faults, "%s", note.text);
    read_config(report, path, weights);
    if (report->has_config) {
        snprintf(report->family, sizeof report->family, "%s", atl_family_words(&report->config));
        if (atl_model_config_check(&report->config, &note) != ATL_OK)
            add_line(report, &report->faults, "%s: %s", path, note.text);
        note_unread_keys(report);
        if (report->config.single_file)
            add_line(report, &report->notes, "a single file carries no tokenizer");
        else
            check_tokenizers(report, path);
    }
    if (weights)
        check_tensors(report, weights);
    atl_weights_close(&weights);
}

static void cut_lines(atl_report *report, atl_report_lines *lines)
{
    if (lines->n <= MAX_LINES)
        return;
    const size_t more = lines->n - MAX_LINES;
    while (lines->n > MAX_LINES)
        free(lines->at[--lines->n]);
    add_line(report, lines, "… and %zu more", more);
}

atl_status atl_model_inspect(const char *path, const char *variant, bool json, atl_text *out,
                             size_t *ret_n_faults, atl_note *note)
{
    if (!atl_is_dir(path) && !atl_is_file(path))
        return atl_fail(note, ATL_NOT_FOUND, "%s: there is no such file or directory", path);
    atl_report report = {.path = path, .family = "unknown"};
    check_all(&report, path, variant);
    const size_t n_faults = report.faults.n;
    cut_lines(&report, &report.faults);
    cut_lines(&report, &report.notes);
    if (json)
        atl_report_print_json(&report, out);
    else
        atl_report_print(&report, out);
    const bool failed = report.out_of_memory || out->failed;
    report_done(&report);
    if (failed)
        return atl_fail(note, ATL_NO_MEMORY, "%s: no memory for the report", path);
    *ret_n_faults = n_faults;
    return ATL_OK;
}
