/* lora_shelf.h - the networks beside a model: files opened and checked once, and what prompts ask for
 * together made into adapters for the engine's layers. Private to the engine.
 *
 * A set of networks is packed when it is first asked for and kept for the next job that asks for the same; a
 * few sets that nobody uses stay, the least recently used goes first. */
#ifndef ATL_LORA_SHELF_H
#define ATL_LORA_SHELF_H

#include "model/lora.h"
#include "ops/adapter.h"
#include "text/networks.h"

struct atl_engine;

#define ATL_LORA_IDLE_SETS 4

typedef struct atl_lora_book {
    char *name; /* owned */
    atl_lora *lora;
} atl_lora_book;

typedef struct atl_lora_set {
    char *key;             /* owned: names and strengths, in order */
    atl_adapters adapters; /* whose packed matrices are theirs */
    int n_users;
    unsigned long used; /* the shelf's count when it was last taken */
} atl_lora_set;

/* Zero-initialised is a shelf without a directory. */
typedef struct atl_lora_shelf {
    char *dir, *wanted; /* owned; wanted: as atl_engine_options.networks */
    atl_lora_modules modules;
    atl_lora_book *books;
    size_t n_books;
    atl_lora_set **sets;
    size_t n_sets;
    unsigned long count;
} atl_lora_shelf;

/* `dir` NULL or "": "loras" beside the model; `wanted` may be NULL. Nothing is looked at yet. Errors:
 * ATL_NO_MEMORY. */
atl_status atl_lora_shelf_init(atl_lora_shelf *shelf, const char *dir, const char *wanted, const char *model,
                               atl_note *note);
void atl_lora_shelf_done(atl_lora_shelf *shelf);

/* Whether all of these networks are there and fit the model; an engine without weights will do. Errors:
 * ATL_NOT_FOUND, ATL_BAD_INPUT (it is not what was wanted), and atl_lora_open's. */
atl_status atl_lora_shelf_check(struct atl_engine *engine, const atl_networks *networks, atl_note *note);

/* What the largest of the opened files takes as f32, times the sets that there can be of it: one at work, and
 * those that are kept. */
size_t atl_lora_shelf_bytes(const atl_lora_shelf *shelf);

/* Appends "fur: 0123456789ab, light: …": of these networks, each once, those that were opened; NULL: of all
 * that were. */
void atl_lora_shelf_list(const atl_lora_shelf *shelf, const atl_networks *networks, atl_text *out);

/* The set of these networks, to be given back; NULL where none of them changes anything. Errors: as above,
 * and ATL_BAD_INPUT (NaN or Inf), ATL_NO_MEMORY. */
atl_status atl_lora_shelf_take(struct atl_engine *engine, const atl_networks *networks, atl_lora_set **ret,
                               atl_note *note);
void atl_lora_shelf_give_back(atl_lora_set *set); /* accepts NULL */

#endif
