/* bpe.h - byte-level byte pair encoding of one word (Sennrich et al. 2016; Radford et al. 2019, section 2.2).
 */
#ifndef ATL_TEXT_BPE_H
#define ATL_TEXT_BPE_H

#include "text/ints.h"
#include "text/vocab.h"

typedef struct atl_bpe atl_bpe;

/* `merges` is the text of merges.txt: a line a merge, "left right", strongest first; lines that begin with
 * "#version" are passed over. NULL: the merges are the vocabulary's own. `unknown` is the id of bytes that
 * the vocabulary lacks; `name` is for messages; `vocab` is needed for this call only. Errors: ATL_BAD_INPUT
 * (name and line), ATL_NO_MEMORY. Read-only afterwards. */
atl_status atl_bpe_open(const atl_vocab *vocab, const char *name, const char *merges, size_t n_bytes,
                        int32_t unknown, atl_bpe **ret, atl_note *note);
void atl_bpe_close(atl_bpe **bpe);

/* Room to work in, grown as needed and kept from word to word. Zero-initialise. */
typedef struct atl_bpe_room {
    struct atl_bpe_symbol *symbols;
    struct atl_bpe_candidate *heap;
    size_t capacity; /* bytes of a word that both suffice for */
    size_t n_heap;
} atl_bpe_room;
void atl_bpe_room_done(atl_bpe_room *room);

/* Appends the ids of the word bytes[n], n ≥ 1, to `ids`, in n·log n. False when memory is out. */
bool atl_bpe_append(const atl_bpe *bpe, atl_bpe_room *room, const char *bytes, size_t n, atl_ints *ids);

#endif
