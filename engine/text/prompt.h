/* prompt.h - the prompt grammar: weights, BREAK, switches between steps, and chunks of 75 tokens.
 *
 *   text ──switches──▶ one plain prompt a step range ──weights──▶ (text, weight) pieces ──tokens──▶ chunks of
 * 77 ids
 *
 * Grammar as AUTOMATIC1111's web UI reads it (see docs/FORMATS.md): (x) ×1.1, [x] ÷1.1, (x:1.3), nesting
 * multiplies, unclosed brackets reach the end, \( \) \[ \] \\ escape; [a:b:w], [a:w], [a::w], [a|b]; BREAK
 * ends a chunk. */
#ifndef ATL_TEXT_PROMPT_H
#define ATL_TEXT_PROMPT_H

#include "text/tokenizer.h"

/* ---- what is taken at all ---- */
#define ATL_MAX_PROMPT_BYTES  ((size_t)1 << 20)
#define ATL_MAX_BRACKET_DEPTH 256  /* weights: more brackets that are open at once are an error */
#define ATL_MAX_CHUNKS        1024 /* 76,800 tokens */

/* Whether a prompt can be painted at all. Errors: ATL_BAD_INPUT (not UTF-8, at which byte; too long),
 * ATL_UNSUPPORTED (asks for a network: those are to be taken out before, see networks.h).
 */
atl_status atl_prompt_check(const char *prompt, size_t n_bytes, atl_note *note);

/* ---- weights ---- */
typedef struct atl_piece {
    char *text;     /* owned; a NUL follows that n_bytes does not count */
    size_t n_bytes; /* the text may hold NULs itself */
    float weight;
    bool is_break; /* the word BREAK; text is "BREAK", weight -1 */
} atl_piece;

typedef struct atl_pieces {
    atl_piece *at;
    size_t n;
} atl_pieces;

/* Adjacent pieces of equal weight are merged. An empty prompt gives one empty piece. Errors: ATL_NO_MEMORY,
 * ATL_BAD_INPUT (not UTF-8, at which byte; too long; brackets too deep; a weight beyond f32). */
atl_status atl_pieces_parse(const char *prompt, size_t n_bytes, atl_pieces *ret, atl_note *note);
void atl_pieces_done(atl_pieces *pieces);

/* ---- switches ---- */
typedef struct atl_stretch {
    int until_step; /* the plain prompt holds for steps [previous until_step, until_step); 0-based */
    char *prompt;   /* owned: without switches, weights still in it; a NUL follows */
    size_t n_bytes; /* of prompt */
} atl_stretch;

typedef struct atl_prompt_schedule {
    atl_stretch *at; /* the last one's until_step is n_steps; at least one; neighbours differ */
    size_t n;
} atl_prompt_schedule;

/* Which plain prompt each of n_steps ≥ 1 steps uses. Errors: ATL_NO_MEMORY, ATL_BAD_INPUT (not UTF-8; too
 * long, also: all the prompts together). */
atl_status atl_prompt_schedule_parse(const char *prompt, size_t n_bytes, int n_steps,
                                     atl_prompt_schedule *ret, atl_note *note);
void atl_prompt_schedule_done(atl_prompt_schedule *schedule);

/* ---- chunks ---- */
typedef struct atl_chunks {
    int n;          /* ≥ 1 */
    int length;     /* 77: start, 75 tokens, end */
    int32_t *ids;   /* [n][length] */
    float *weights; /* [n][length]; 1 for start, end and padding */
    bool weighted;  /* whether any weight differs from 1: if not, embeddings are to be left as they are */
} atl_chunks;

/* Tokens of a plain prompt in chunks; at least `min_chunks` (so that the two prompts of a guided step are
 * equally long; further chunks are empty). Errors: those of the weights, and ATL_BAD_INPUT for more than
 * ATL_MAX_CHUNKS. */
atl_status atl_chunks_make(const atl_tokenizer *tokenizer, const char *prompt, size_t n_bytes, int min_chunks,
                           atl_chunks *ret, atl_note *note);
void atl_chunks_done(atl_chunks *chunks);

/* embedding[length][d] *= weight of its token, then all rescaled so that the mean of the chunk's embedding is
 * what it was (not where the weighted mean is too near 0 to say by how much). One call a chunk:
 * weights[length].
 */
void atl_chunk_apply_weights(const float *weights, int length, int d, float *embedding);

#endif
