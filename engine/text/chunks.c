/* chunks.c - weighted pieces as chunks of 75 tokens, each as long as the text encoder reads.
 *
 *   start, up to 75 tokens, end, padding
 *
 * Each piece is tokenised by itself, as the web UI does; a prompt without weights is one piece, so that up to
 * 75 tokens its ids are those of the plain tokenizer. A chunk is full at 75 tokens, wherever that falls: the
 * web UI's wish to break at a comma ("word wrap") is not followed. */
#include <math.h>
#include <stdlib.h>

#include "text/prompt.h"

#define TOKENS 75
#define LENGTH (TOKENS + 2)
#define TINY   1e-12

typedef struct builder {
    const atl_tokenizer *tokenizer;
    int32_t *ids;   /* [capacity][LENGTH] */
    float *weights; /* [capacity][LENGTH] */
    int n, capacity;
    int filled; /* tokens in the last chunk, without its start */
    bool weighted;
} builder;

/* Begins a chunk: start, end, and padding; tokens move the end on as they come. */
static atl_status begin_chunk(builder *b, atl_note *note)
{
    if (b->n == ATL_MAX_CHUNKS)
        return atl_fail(note, ATL_BAD_INPUT, "the prompt is longer than %d chunks of %d tokens",
                        ATL_MAX_CHUNKS, TOKENS);
    if (b->n == b->capacity) {
        int capacity = b->capacity ? 2 * b->capacity : 2;
        int32_t *ids = realloc(b->ids, (size_t)capacity * LENGTH * sizeof *ids);
        b->ids = ids ? ids : b->ids;
        float *weights = realloc(b->weights, (size_t)capacity * LENGTH * sizeof *weights);
        b->weights = weights ? weights : b->weights;
        if (!ids || !weights)
            return atl_fail(note, ATL_NO_MEMORY, "out of memory for a prompt");
        b->capacity = capacity;
    }
    int32_t *ids = b->ids + (size_t)b->n * LENGTH;
    float *weights = b->weights + (size_t)b->n * LENGTH;
    for (int i = 0; i < LENGTH; i++) {
        ids[i] = atl_tokenizer_pad(b->tokenizer);
        weights[i] = 1;
    }
    ids[0] = atl_tokenizer_bos(b->tokenizer);
    ids[1] = atl_tokenizer_eos(b->tokenizer);
    b->n++;
    b->filled = 0;
    return ATL_OK;
}

static atl_status add_token(builder *b, int32_t id, float weight, atl_note *note)
{
    if (b->filled == TOKENS || b->n == 0) {
        atl_status st = begin_chunk(b, note);
        if (st != ATL_OK)
            return st;
    }
    size_t at = (size_t)(b->n - 1) * LENGTH + 1 + (size_t)b->filled++;
    b->ids[at] = id;
    b->ids[at + 1] = atl_tokenizer_eos(b->tokenizer);
    b->weights[at] = weight;
    b->weighted |= weight != 1;
    return ATL_OK;
}

static atl_status add_piece(builder *b, const atl_piece *piece, atl_note *note)
{
    int32_t *ids = NULL;
    size_t n = 0;
    atl_status st = atl_tokenizer_encode(b->tokenizer, piece->text, piece->n_bytes, &ids, &n, note);
    for (size_t i = 0; i < n && st == ATL_OK; i++)
        st = add_token(b, ids[i], piece->weight, note);
    free(ids);
    return st;
}

/* A BREAK ends the chunk at hand, an empty one too; what follows begins the next, if anything does. */
static atl_status add_pieces(builder *b, const atl_pieces *pieces, atl_note *note)
{
    atl_status st = ATL_OK;
    bool ended = true;
    for (size_t i = 0; i < pieces->n && st == ATL_OK; i++) {
        const atl_piece *piece = &pieces->at[i];
        if (piece->is_break) {
            if (ended)
                st = begin_chunk(b, note);
            ended = true;
            b->filled = TOKENS;
            continue;
        }
        int n_before = b->n;
        st = add_piece(b, piece, note);
        if (b->n > n_before)
            ended = false;
    }
    return st;
}

atl_status atl_chunks_make(const atl_tokenizer *tokenizer, const char *prompt, size_t n_bytes, int min_chunks,
                           atl_chunks *ret, atl_note *note)
{
    atl_pieces pieces = {0};
    atl_status st = atl_pieces_parse(prompt, n_bytes, &pieces, note);
    if (st != ATL_OK)
        return st;
    builder b = {.tokenizer = tokenizer};
    st = add_pieces(&b, &pieces, note);
    while (st == ATL_OK && (b.n == 0 || b.n < min_chunks))
        st = begin_chunk(&b, note);
    atl_pieces_done(&pieces);
    atl_chunks chunks = {
        .n = b.n, .length = LENGTH, .ids = b.ids, .weights = b.weights, .weighted = b.weighted};
    if (st == ATL_OK)
        *ret = chunks;
    else
        atl_chunks_done(&chunks);
    return st;
}

void atl_chunks_done(atl_chunks *chunks)
{
    free(chunks->ids);
    free(chunks->weights);
    *chunks = (atl_chunks){0};
}

static double sum(const float *x, size_t n)
{
    double total = 0;
    for (size_t i = 0; i < n; i++)
        total += (double)x[i];
    return total;
}

void atl_chunk_apply_weights(const float *weights, int length, int d, float *embedding)
{
    size_t n = (size_t)length * (size_t)d;
    double mean_before = sum(embedding, n) / (double)n;
    for (int t = 0; t < length; t++)
        for (int i = 0; i < d; i++)
            embedding[(size_t)t * (size_t)d + (size_t)i] *= weights[t];
    double mean_after = sum(embedding, n) / (double)n;
    if (fabs(mean_after) < TINY)
        return;
    float scale = (float)(mean_before / mean_after);
    for (size_t i = 0; i < n; i++)
        embedding[i] *= scale;
}
