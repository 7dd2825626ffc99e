/* bpe_table.h - the merges as bpe_open.c reads them and bpe.c looks them up. */
#ifndef ATL_TEXT_BPE_TABLE_H
#define ATL_TEXT_BPE_TABLE_H

#include "text/bpe.h"

typedef struct atl_bpe_merge {
    int32_t left, right; /* ids; left is -1 in an empty slot */
    int32_t merged;      /* the id of both together */
    uint32_t rank;       /* 0 is merged first */
} atl_bpe_merge;

struct atl_bpe {
    int32_t inner[256]; /* the id of each byte within a word */
    int32_t final[256]; /* and at its end ("</w>") */
    atl_bpe_merge *slots;
    size_t mask; /* n_slots - 1; a power of two, at most half full */
};

static inline size_t atl_bpe_slot(const atl_bpe *bpe, int32_t left, int32_t right)
{
    uint64_t key = (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
    key *= UINT64_C(0x9E3779B97F4A7C15); /* 2^64 / golden ratio: Knuth's multiplicative hash */
    return (size_t)(key >> 32) & bpe->mask;
}

/* The slot of that pair, or the empty one where it would go. */
static inline atl_bpe_merge *atl_bpe_probe(const atl_bpe *bpe, int32_t left, int32_t right)
{
    size_t i = atl_bpe_slot(bpe, left, right);
    while (bpe->slots[i].left >= 0 && (bpe->slots[i].left != left || bpe->slots[i].right != right))
        i = (i + 1) & bpe->mask;
    return &bpe->slots[i];
}

static inline const atl_bpe_merge *atl_bpe_find(const atl_bpe *bpe, int32_t left, int32_t right)
{
    const atl_bpe_merge *merge = atl_bpe_probe(bpe, left, right);
    return merge->left >= 0 ? merge : NULL;
}

#endif
