/* template_make.c - one expansion of a tree: drawn, or the i-th of all.
 *
 * Draws come from SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014),
 * started at the job's seed, in the order of the text: for each choice first how many are taken, if that is
 * open, then each in turn. A number below n is the upper half of draw × n; a weighted one walks along the
 * weights of what was not taken yet. The same seed and text give the same expansion on every machine.
 *
 * The i-th of all: a choice of k counts ordered selections, k! · e_k(counts of its branches), where e_k is
 * the elementary symmetric polynomial, so that any number is found without listing those before it. */
#include <stdlib.h>
#include <string.h>

#include "template_tree.h"

#define MOST_COUNTED 20 /* 21! is over 2^64: so many selections are never counted out */

/* ---- counting; UINT64_MAX stands for "too many" ---- */

static uint64_t times(uint64_t a, uint64_t b)
{
    uint64_t product;
    return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

static uint64_t plus(uint64_t a, uint64_t b)
{
    uint64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

static uint64_t factorial(size_t n)
{
    uint64_t product = 1;
    for (size_t i = 2; i <= n; i++)
        product = times(product, i);
    return product;
}

static uint64_t count_sequence(atl_sequence *sequence);

/* e[0 … most] of the counts of the branches that are not taken. */
static void symmetric(const atl_branches *branches, const bool *taken, size_t most, uint64_t *e)
{
    memset(e, 0, (most + 1) * sizeof *e);
    e[0] = 1;
    for (size_t i = 0; i < branches->n; i++) {
        if (taken && taken[i])
            continue;
        const uint64_t count = count_sequence(branches->each[i].sequence);
        for (size_t k = most; k > 0; k--)
            e[k] = plus(e[k], times(e[k - 1], count));
    }
}

static uint64_t count_part(const atl_part *part)
{
    if (!part->branches)
        return 1;
    if (part->most > MOST_COUNTED)
        return UINT64_MAX;
    uint64_t e[MOST_COUNTED + 1], sum = 0;
    symmetric(part->branches, NULL, part->most, e);
    for (size_t k = part->least; k <= part->most; k++)
        sum = plus(sum, times(factorial(k), e[k]));
    return sum;
}

static uint64_t count_sequence(atl_sequence *sequence)
{
    if (sequence->count > 0)
        return sequence->count;
    uint64_t count = 1;
    for (const atl_part *part = sequence->first; part; part = part->next)
        count = times(count, count_part(part));
    sequence->count = count;
    return count;
}

uint64_t atl_template_count(atl_template *tree)
{
    return count_sequence(tree->root);
}

/* ---- making ---- */

typedef struct maker {
    bool draws;
    uint64_t state; /* SplitMix64's */
    size_t visits_left;
    size_t most; /* length of the output */
    atl_text *out;
    atl_note *note;
} maker;

static atl_status make_sequence(maker *m, atl_sequence *sequence, uint64_t i);

static uint64_t draw(maker *m)
{
    uint64_t z = m->state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static uint64_t draw_below(maker *m, uint64_t n)
{
    return (uint64_t)(((unsigned __int128)draw(m) * n) >> 64);
}

static atl_status visit(maker *m, size_t n)
{
    if (n > m->visits_left)
        return atl_fail(m->note, ATL_BAD_INPUT,
                        "found variants of over %d pieces in one prompt; wanted fewer",
                        ATL_TEMPLATE_MAX_VISITS);
    m->visits_left -= n;
    return ATL_OK;
}

static atl_status put(maker *m, const char *text, size_t n)
{
    if (m->out->length + n > m->most)
        return atl_fail(m->note, ATL_BAD_INPUT, "found variants that make over %u bytes; wanted at most that",
                        ATL_MAX_PROMPT_BYTES);
    atl_text_append(m->out, text, n);
    return m->out->failed ? atl_fail(m->note, ATL_NO_MEMORY, "no memory for a prompt") : ATL_OK;
}

/* One of the branches that are not taken yet (taken NULL: none is). */
static size_t draw_branch(maker *m, const atl_branches *branches, const bool *taken)
{
    if (branches->is_even && !taken)
        return (size_t)draw_below(m, branches->n);
    double total = 0, passed = 0;
    size_t last = branches->n;
    for (size_t i = 0; i < branches->n; i++)
        total += taken && taken[i] ? 0 : branches->each[i].weight;
    const double point = (double)(draw(m) >> 11) * 0x1p-53 * total;
    for (size_t i = 0; i < branches->n; i++) {
        if (taken && taken[i])
            continue;
        if (branches->each[i].weight > 0 || last == branches->n)
            last = i;
        passed += branches->each[i].weight;
        if (point < passed)
            break;
    }
    return last;
}

/* The branch, and which of its expansions, that a number below the count of ordered selections of `left` more
 * stands for; what is left of the number says the selections after it. */
static size_t nth_branch(const atl_branches *branches, const bool *taken, size_t left, uint64_t *i,
                         uint64_t *ret_inner)
{
    uint64_t e[MOST_COUNTED + 1];
    symmetric(branches, taken, left, e);
    for (size_t b = 0;; b++) {
        if (taken && taken[b])
            continue;
        const uint64_t count = count_sequence(branches->each[b].sequence);
        uint64_t without = 1; /* e_k of the others: (1 + count·x) divided out */
        for (size_t k = 1; k < left; k++)
            without = e[k] - count * without;
        const uint64_t rest = factorial(left - 1) * without;
        if (*i < count * rest) {
            *ret_inner = *i / rest;
            *i %= rest;
            return b;
        }
        *i -= count * rest;
    }
}

/* How many are taken; leaves in *i the number among the selections of that size. */
static size_t how_many(maker *m, const atl_part *part, uint64_t *i)
{
    if (part->least == part->most)
        return part->least;
    if (m->draws)
        return part->least + (size_t)draw_below(m, part->most - part->least + 1);
    uint64_t e[MOST_COUNTED + 1];
    symmetric(part->branches, NULL, part->most, e);
    size_t k = part->least;
    for (; k < part->most && *i >= factorial(k) * e[k]; k++)
        *i -= factorial(k) * e[k];
    return k;
}

static atl_status make_choice(maker *m, const atl_part *part, uint64_t i)
{
    const atl_branches *branches = part->branches;
    const size_t n = how_many(m, part, &i);
    bool *taken = n > 1 ? calloc(branches->n, sizeof *taken) : NULL;
    if (n > 1 && !taken)
        return atl_fail(m->note, ATL_NO_MEMORY, "no memory for a prompt");
    atl_status st = ATL_OK;
    for (size_t k = 0; st == ATL_OK && k < n; k++) {
        uint64_t inner = 0;
        st = visit(m, 1 + branches->n / 64);
        if (st == ATL_OK && k > 0)
            st = put(m, part->joiner, strlen(part->joiner));
        if (st != ATL_OK)
            break;
        const size_t b =
            m->draws ? draw_branch(m, branches, taken) : nth_branch(branches, taken, n - k, &i, &inner);
        if (taken)
            taken[b] = true;
        st = make_sequence(m, branches->each[b].sequence, inner);
    }
    free(taken);
    return st;
}

static atl_status make_sequence(maker *m, atl_sequence *sequence, uint64_t i)
{
    uint64_t rest = m->draws ? 1 : count_sequence(sequence);
    for (const atl_part *part = sequence->first; part; part = part->next) {
        atl_status st = visit(m, 1);
        if (st != ATL_OK)
            return st;
        if (!part->branches) {
            st = put(m, part->text, part->n_bytes);
        } else if (m->draws) {
            st = make_choice(m, part, 0);
        } else {
            rest /= count_part(part);
            st = make_choice(m, part, i / rest);
            i %= rest;
        }
        if (st != ATL_OK)
            return st;
    }
    return ATL_OK;
}

static atl_status make(atl_template *tree, bool draws, uint64_t seed, uint64_t i, atl_text *out,
                       atl_note *note)
{
    maker m = {.draws = draws,
               .state = seed,
               .visits_left = ATL_TEMPLATE_MAX_VISITS,
               .most = out->length + ATL_MAX_PROMPT_BYTES,
               .out = out,
               .note = note};
    return make_sequence(&m, tree->root, i);
}

atl_status atl_template_nth(atl_template *tree, uint64_t i, atl_text *out, atl_note *note)
{
    return make(tree, false, 0, i, out, note);
}

atl_status atl_template_draw(atl_template *tree, uint64_t seed, atl_text *out, atl_note *note)
{
    return make(tree, true, seed, 0, out, note);
}
