/* claims.c - see claims.h. */
#include "claims.h"

void atl_claims_init(const char *spool_dir, atl_claims *ret)
{
    *ret = (atl_claims){.by_key.spool_dir = spool_dir, .by_index.spool_dir = spool_dir, .at_end = true};
}

void atl_claims_done(atl_claims *claims)
{
    atl_sorter_done(&claims->by_key);
    atl_sorter_done(&claims->by_index);
    claims->n_later = 0;
    claims->at_end = true;
}

atl_status atl_claims_add(atl_claims *claims, uint64_t key, uint64_t index, atl_note *note)
{
    return atl_sorter_add(&claims->by_key, key, index, note);
}

atl_status atl_claims_settle(atl_claims *claims, atl_note *note)
{
    atl_pair pair, before = {0};
    uint64_t rank = 0;
    bool end = false, any = false;
    atl_status st = atl_sorter_begin(&claims->by_key, note);
    while (st == ATL_OK) {
        st = atl_sorter_next(&claims->by_key, &pair, &end, note);
        if (st != ATL_OK || end)
            break;
        rank = any && pair.key == before.key ? rank + 1 : 0;
        any = true;
        before = pair;
        if (rank == 0)
            continue;
        claims->n_later++;
        st = atl_sorter_add(&claims->by_index, pair.value, rank, note);
    }
    atl_sorter_done(&claims->by_key);
    return st == ATL_OK ? atl_claims_rewind(claims, note) : st;
}

static atl_status advance(atl_claims *claims, atl_note *note)
{
    return atl_sorter_next(&claims->by_index, &claims->next, &claims->at_end, note);
}

atl_status atl_claims_rewind(atl_claims *claims, atl_note *note)
{
    const atl_status st = atl_sorter_begin(&claims->by_index, note);
    return st == ATL_OK ? advance(claims, note) : st;
}

atl_status atl_claims_rank(atl_claims *claims, uint64_t index, uint64_t *ret_rank, atl_note *note)
{
    while (!claims->at_end && claims->next.key < index) {
        const atl_status st = advance(claims, note);
        if (st != ATL_OK)
            return st;
    }
    *ret_rank = !claims->at_end && claims->next.key == index ? claims->next.value : 0;
    return ATL_OK;
}
