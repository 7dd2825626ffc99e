/* weights.c - the table of tensors by component and diffusers' name. Where they come from is the business of
 * weights_dir.c (diffusers directories) and weights_ldm.c (single files). */
#include "model/weights.h"

#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "model/weights_table.h"

const char *atl_component_name(atl_component component)
{
    static const char *const names[] = {[ATL_TEXT_ENCODER] = "text_encoder",
                                        [ATL_TEXT_ENCODER_2] = "text_encoder_2",
                                        [ATL_UNET] = "unet",
                                        [ATL_VAE] = "vae"};
    return names[component];
}

atl_status atl_weights_add_file(atl_weights *weights, const char *path, atl_safetensors **ret_file,
                                atl_note *note)
{
    atl_safetensors **files = realloc(weights->files, (weights->n_files + 1) * sizeof(atl_safetensors *));
    if (!files)
        return atl_fail(note, ATL_NO_MEMORY, "%s: no memory to open it", path);
    weights->files = files;
    const atl_status st = atl_safetensors_open(path, &files[weights->n_files], note);
    if (st == ATL_OK)
        *ret_file = files[weights->n_files++];
    return st;
}

atl_status atl_weights_add_part(atl_weights *weights, atl_component component, const char *name,
                                const atl_weight *weight, atl_note *note)
{
    atl_weight_table *table = &weights->table[component];
    atl_weight_entry *at = atl_grown(table->at, table->n, &table->capacity, 512, sizeof *at);
    if (!at)
        return atl_fail(note, ATL_NO_MEMORY, "%s: no memory for its tensors' names", weights->path);
    table->at = at;
    char *copy = strdup(name);
    if (!copy)
        return atl_fail(note, ATL_NO_MEMORY, "%s: no memory for its tensors' names", weights->path);
    table->at[table->n++] = (atl_weight_entry){.name = copy, .weight = *weight};
    return ATL_OK;
}

atl_status atl_weights_add(atl_weights *weights, atl_component component, const char *name,
                           const atl_safetensors *file, const atl_st_tensor *tensor, atl_note *note)
{
    const atl_weight whole = {
        .file = file, .tensor = tensor, .first_row = 0, .n_rows = tensor->rank > 0 ? tensor->shape[0] : 1};
    return atl_weights_add_part(weights, component, name, &whole, note);
}

static int compare_entries(const void *a, const void *b)
{
    const atl_weight_entry *x = a, *y = b;
    return strcmp(x->name, y->name);
}

/* Two tensors may claim one name (two shards, or old and new spelling in one file): refused. */
static atl_status sort_tables(atl_weights *weights, atl_note *note)
{
    for (int c = 0; c < ATL_N_COMPONENTS; c++) {
        atl_weight_table *table = &weights->table[c];
        if (table->n > 0)
            qsort(table->at, table->n, sizeof *table->at, compare_entries);
        for (size_t i = 1; i < table->n; i++)
            if (strcmp(table->at[i - 1].name, table->at[i].name) == 0)
                return atl_fail(note, ATL_BAD_INPUT,
                                "%s: %s: two tensors are \"%s\" (\"%.100s\" and \"%.100s\")", weights->path,
                                atl_component_name((atl_component)c), table->at[i].name,
                                table->at[i - 1].weight.tensor->name, table->at[i].weight.tensor->name);
    }
    return ATL_OK;
}

static bool ends_with(const char *text, const char *tail)
{
    const size_t n = strlen(text), m = strlen(tail);
    return n >= m && strcmp(text + n - m, tail) == 0;
}

static atl_status refuse_pickle(const char *path, atl_note *note)
{
    return atl_fail(
        note, ATL_UNSUPPORTED,
        "%s: is a pickle file, which can run code when it is read; convert it to safetensors first, e.g. "
        "in Python: diffusers' StableDiffusionPipeline.from_single_file(FILE).save_pretrained(DIR)",
        path);
}

static atl_status read_any(atl_weights *weights, const char *path, const char *variant, atl_note *note)
{
    if (atl_is_dir(path))
        return atl_weights_read_dir(weights, variant, note);
    if (ends_with(path, ".ckpt") || ends_with(path, ".pt") || ends_with(path, ".pth") ||
        ends_with(path, ".bin"))
        return refuse_pickle(path, note);
    return atl_weights_read_ldm(weights, note);
}

atl_status atl_weights_open(const char *path, const char *variant, atl_weights **ret_weights, atl_note *note)
{
    atl_weights *weights = calloc(1, sizeof *weights);
    if (!weights || !(weights->path = strdup(path))) {
        free(weights);
        return atl_fail(note, ATL_NO_MEMORY, "%s: no memory to open it", path);
    }
    atl_status st = read_any(weights, path, variant, note);
    if (st == ATL_OK)
        st = sort_tables(weights, note);
    if (st != ATL_OK) {
        atl_weights_close(&weights);
        return st;
    }
    *ret_weights = weights;
    return ATL_OK;
}

void atl_weights_close(atl_weights **weights)
{
    atl_weights *w = *weights;
    if (!w)
        return;
    for (int c = 0; c < ATL_N_COMPONENTS; c++) {
        for (size_t i = 0; i < w->table[c].n; i++)
            free(w->table[c].at[i].name);
        free(w->table[c].at);
    }
    for (size_t i = 0; i < w->n_files; i++)
        atl_safetensors_close(&w->files[i]);
    free(w->files);
    atl_model_config_done(&w->config);
    free(w->tokenizer_dir[0]);
    free(w->tokenizer_dir[1]);
    free(w->path);
    free(w);
    *weights = NULL;
}

const atl_model_config *atl_weights_config(const atl_weights *weights)
{
    return &weights->config;
}

bool atl_weights_find(const atl_weights *weights, atl_component component, const char *name, atl_weight *ret)
{
    const atl_weight_table *table = &weights->table[component];
    const atl_weight_entry key = {.name = (char *)(uintptr_t)name};
    const atl_weight_entry *entry =
        table->n > 0 ? bsearch(&key, table->at, table->n, sizeof key, compare_entries) : NULL;
    if (!entry)
        return false;
    *ret = entry->weight;
    return true;
}

void atl_weights_visit(const atl_weights *weights, atl_component component, atl_weights_visitor visit,
                       void *user)
{
    const atl_weight_table *table = &weights->table[component];
    for (size_t i = 0; i < table->n; i++)
        visit(user, table->at[i].name, &table->at[i].weight);
}

const char *atl_weights_tokenizer_dir(const atl_weights *weights, int which)
{
    return weights->tokenizer_dir[which];
}

const char *atl_weights_path(const atl_weights *weights)
{
    return weights->path;
}
