/* lora_shelf.c - see lora_shelf.h. How a set is packed is lora_pack.c's. */
#include "lora_shelf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "engine_private.h"
#include "lora_pack.h"

/* ---- where the files are ---- */

/* "loras" in the folder that the model is in. */
static char *beside_model(const char *model)
{
    size_t n = strlen(model);
    while (n > 1 && model[n - 1] == '/')
        n--;
    while (n > 0 && model[n - 1] != '/')
        n--;
    char *dir = malloc(n + sizeof "loras");
    if (dir) {
        memcpy(dir, model, n);
        memcpy(dir + n, "loras", sizeof "loras");
    }
    return dir;
}

atl_status atl_lora_shelf_init(atl_lora_shelf *shelf, const char *dir, const char *wanted, const char *model,
                               atl_note *note)
{
    *shelf = (atl_lora_shelf){.dir = dir && dir[0] ? strdup(dir) : beside_model(model),
                              .wanted = strdup(wanted ? wanted : "")};
    return shelf->dir && shelf->wanted ? ATL_OK : atl_fail(note, ATL_NO_MEMORY, "no memory for a path");
}

static void set_free(atl_lora_set *set)
{
    atl_lora_unpack(&set->adapters);
    free(set->key);
    free(set);
}

void atl_lora_shelf_done(atl_lora_shelf *shelf)
{
    for (size_t i = 0; i < shelf->n_sets; i++)
        set_free(shelf->sets[i]);
    for (size_t i = 0; i < shelf->n_books; i++) {
        free(shelf->books[i].name);
        atl_lora_close(&shelf->books[i].lora);
    }
    free(shelf->sets);
    free(shelf->books);
    free(shelf->dir);
    free(shelf->wanted);
    atl_lora_modules_done(&shelf->modules);
    *shelf = (atl_lora_shelf){0};
}

/* ---- files ---- */

/* Whether `wanted` has nothing of that name, or that hash. A name may hold what stands between two: of
 * several places that look like it, one is its own. */
static bool is_wanted(const char *wanted, const char *name, const char *hash)
{
    const size_t n = strlen(name);
    bool named = false;
    for (const char *at = wanted; (at = strstr(at, name)) != NULL; at++) {
        const bool begins = at == wanted || (at - wanted >= 2 && at[-2] == ',' && at[-1] == ' ');
        if (!begins || strncmp(at + n, ": ", 2) != 0)
            continue;
        if (strncmp(at + n + 2, hash, strlen(hash)) == 0)
            return true;
        named = true;
    }
    return !named;
}

static atl_status open_book(const atl_lora_shelf *shelf, const char *name, atl_lora **ret, atl_note *note)
{
    static const char ending[] = ".safetensors";
    char file[ATL_MAX_NETWORK_NAME + sizeof ending];
    snprintf(file, sizeof file, "%s%s", name, ending);
    char *path = atl_path_join(shelf->dir, file);
    if (!path)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a path");
    atl_status st = ATL_OK;
    if (!atl_is_file(path))
        st =
            atl_fail(note, ATL_NOT_FOUND,
                     "the prompt asks for the network \"%s\", and there is no file %s; --lora-dir says which "
                     "folder has it",
                     name, path);
    else
        st = atl_lora_open(path, &shelf->modules, ret, note);
    if (st == ATL_OK && !is_wanted(shelf->wanted, name, (*ret)->hash)) {
        st = atl_fail(note, ATL_BAD_INPUT, "%s: was exchanged since the run began (%s now, of %s)", path,
                      (*ret)->hash, shelf->wanted);
        atl_lora_close(ret);
    }
    free(path);
    return st;
}

/* The file of that name, opened if it was not yet. */
static atl_status find_book(atl_engine *engine, const char *name, const atl_lora **ret, atl_note *note)
{
    atl_lora_shelf *shelf = &engine->loras;
    for (size_t i = 0; i < shelf->n_books; i++)
        if (strcmp(shelf->books[i].name, name) == 0) {
            *ret = shelf->books[i].lora;
            return ATL_OK;
        }
    atl_status st = shelf->modules.n > 0 ? ATL_OK : atl_engine_list_modules(engine, &shelf->modules, note);
    atl_lora_book book = {0}, *books;
    if (st == ATL_OK)
        st = open_book(shelf, name, &book.lora, note);
    if (st != ATL_OK)
        return st;
    book.name = strdup(name);
    books = realloc(shelf->books, (shelf->n_books + 1) * sizeof *books);
    if (books)
        shelf->books = books;
    if (!books || !book.name) {
        free(book.name);
        atl_lora_close(&book.lora);
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a network");
    }
    shelf->books[shelf->n_books++] = book;
    *ret = book.lora;
    return ATL_OK;
}

atl_status atl_lora_shelf_check(atl_engine *engine, const atl_networks *networks, atl_note *note)
{
    const atl_lora *lora;
    atl_status st = ATL_OK;
    for (size_t i = 0; i < networks->n && st == ATL_OK; i++)
        st = find_book(engine, networks->at[i].name, &lora, note);
    return st;
}

static size_t book_bytes(const atl_lora_modules *modules, const atl_lora *lora)
{
    size_t n = 0;
    for (size_t i = 0; i < lora->n; i++) {
        const atl_layer_site *site = &modules->at[i].site;
        const size_t n_in = (size_t)site->n_in * (size_t)site->kernel * (size_t)site->kernel;
        n += lora->pairs[i].rank * (n_in + (size_t)site->n_out_all) * sizeof(float);
    }
    return n;
}

size_t atl_lora_shelf_bytes(const atl_lora_shelf *shelf)
{
    size_t most = 0;
    for (size_t i = 0; i < shelf->n_books; i++) {
        const size_t n = book_bytes(&shelf->modules, shelf->books[i].lora);
        most = n > most ? n : most;
    }
    return (ATL_LORA_IDLE_SETS + 1) * most;
}

static bool asks_for(const atl_networks *networks, const char *name)
{
    for (size_t i = 0; i < networks->n; i++)
        if (strcmp(networks->at[i].name, name) == 0)
            return true;
    return false;
}

void atl_lora_shelf_list(const atl_lora_shelf *shelf, const atl_networks *networks, atl_text *out)
{
    const char *between = "";
    for (size_t i = 0; i < shelf->n_books; i++) {
        const atl_lora_book *book = &shelf->books[i];
        if (networks && !asks_for(networks, book->name))
            continue;
        atl_text_printf(out, "%s%s: %s", between, book->name, book->lora->hash);
        between = ", ";
    }
}

/* ---- sets ---- */

/* Names hold no '/'. NULL when memory is out. */
static char *make_key(const atl_networks *networks)
{
    atl_text key = {0};
    for (size_t i = 0; i < networks->n; i++)
        if (networks->at[i].text != 0 || networks->at[i].unet != 0)
            atl_text_printf(&key, "%s/%.17g/%.17g/", networks->at[i].name, networks->at[i].text,
                            networks->at[i].unet);
    char *copy = key.failed ? NULL : strdup(key.data ? key.data : "");
    atl_text_done(&key);
    return copy;
}

static atl_lora_set *find_set(const atl_lora_shelf *shelf, const char *key)
{
    for (size_t i = 0; i < shelf->n_sets; i++)
        if (strcmp(shelf->sets[i]->key, key) == 0)
            return shelf->sets[i];
    return NULL;
}

/* Lets go of the set that nobody used for longest, if there are too many. */
static void tidy(atl_lora_shelf *shelf)
{
    size_t n_idle = 0, oldest = 0;
    for (size_t i = 0; i < shelf->n_sets; i++) {
        if (shelf->sets[i]->n_users > 0)
            continue;
        if (n_idle++ == 0 || shelf->sets[i]->used < shelf->sets[oldest]->used)
            oldest = i;
    }
    if (n_idle < ATL_LORA_IDLE_SETS)
        return;
    set_free(shelf->sets[oldest]);
    shelf->sets[oldest] = shelf->sets[--shelf->n_sets];
}

/* Packs a new set; `key` is the set's from then on, whatever happens. */
static atl_status make_set(atl_engine *engine, const atl_networks *networks, char *key, atl_lora_set **ret,
                           atl_note *note)
{
    atl_lora_shelf *shelf = &engine->loras;
    const atl_lora *loras[ATL_MAX_NETWORKS];
    atl_status st = ATL_OK;
    for (size_t i = 0; i < networks->n && st == ATL_OK; i++)
        st = find_book(engine, networks->at[i].name, &loras[i], note);
    atl_lora_set *set = calloc(1, sizeof *set), **sets;
    sets = realloc(shelf->sets, (shelf->n_sets + 1) * sizeof(atl_lora_set *));
    if (sets)
        shelf->sets = sets;
    if (!set || !sets) {
        free(set);
        free(key);
        return st != ATL_OK ? st : atl_fail(note, ATL_NO_MEMORY, "no memory for a network");
    }
    set->key = key;
    if (st == ATL_OK)
        st = atl_lora_pack(&shelf->modules, networks, loras, &set->adapters, note);
    if (st != ATL_OK) {
        set_free(set);
        return st;
    }
    shelf->sets[shelf->n_sets++] = set;
    *ret = set;
    return ATL_OK;
}

atl_status atl_lora_shelf_take(atl_engine *engine, const atl_networks *networks, atl_lora_set **ret,
                               atl_note *note)
{
    atl_lora_shelf *shelf = &engine->loras;
    *ret = NULL;
    if (networks->n == 0)
        return ATL_OK;
    atl_status st = atl_lora_shelf_check(engine, networks, note);
    if (st != ATL_OK)
        return st;
    char *key = make_key(networks);
    if (!key)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a network");
    atl_lora_set *set = find_set(shelf, key);
    if (set || key[0] == '\0') {
        free(key);
    } else {
        tidy(shelf);
        st = make_set(engine, networks, key, &set, note);
        if (st != ATL_OK)
            return st;
    }
    if (set) {
        set->n_users++;
        set->used = ++shelf->count;
    }
    *ret = set;
    return ATL_OK;
}

void atl_lora_shelf_give_back(atl_lora_set *set)
{
    if (set)
        set->n_users--;
}
