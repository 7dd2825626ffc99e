/* condition.c - from the words of a job to what the UNet hears at each step.
 *
 *   prompt ──switches──▶ plain prompts ──chunks of 77 ids──▶ text encoder(s) ──weights──▶ one embedding each
 *
 * Equal plain prompts are encoded once, whichever side or step they belong to. Both sides of a guided step
 * must be equally long, so the shorter ones get empty chunks. */
#include "engine_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "text/prompt.h"

/* One plain prompt: its text, and its ids for each encoder. */
typedef struct plain_prompt {
    char *text;
    bool zeros; /* SDXL: the absent negative prompt is heard as nothing at all */
    int clip_skip;
    atl_chunks chunks[2];
} plain_prompt;

typedef struct prompt_list {
    plain_prompt *at;
    size_t n, capacity;
} prompt_list;

static void prompt_list_done(prompt_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        free(list->at[i].text);
        atl_chunks_done(&list->at[i].chunks[0]);
        atl_chunks_done(&list->at[i].chunks[1]);
    }
    free(list->at);
    *list = (prompt_list){0};
}

/* The place of that prompt in the list, appended if it is new; -1 when memory is out. */
static int prompt_list_place(prompt_list *list, const char *text, bool zeros, int clip_skip)
{
    for (size_t i = 0; i < list->n; i++)
        if (list->at[i].zeros == zeros && list->at[i].clip_skip == clip_skip &&
            strcmp(list->at[i].text, text) == 0)
            return (int)i;
    plain_prompt *at = atl_grown(list->at, list->n, &list->capacity, 4, sizeof *at);
    if (!at)
        return -1;
    list->at = at;
    char *copy = strdup(text);
    if (!copy)
        return -1;
    list->at[list->n] = (plain_prompt){.text = copy, .zeros = zeros, .clip_skip = clip_skip};
    return (int)list->n++;
}

/* Writes for each step which prompt of the list side `text` uses. */
static atl_status plan_side(prompt_list *list, const char *text, bool zeros, int clip_skip, int n_steps,
                            int *of_step, atl_note *note)
{
    atl_status st = atl_prompt_check(text, strlen(text), note);
    if (st != ATL_OK)
        return st;
    atl_prompt_schedule schedule = {0};
    st = atl_prompt_schedule_parse(text, strlen(text), n_steps, &schedule, note);
    if (st != ATL_OK)
        return st;
    int step = 0;
    for (size_t i = 0; i < schedule.n && st == ATL_OK; i++) {
        const int place = prompt_list_place(list, schedule.at[i].prompt, zeros, clip_skip);
        if (place < 0)
            st = atl_fail(note, ATL_NO_MEMORY, "no memory for a prompt");
        for (; place >= 0 && step < schedule.at[i].until_step && step < n_steps; step++)
            of_step[step] = place;
    }
    atl_prompt_schedule_done(&schedule);
    return st;
}

static atl_status tokenize_one(const atl_engine *engine, plain_prompt *prompt, int min_chunks, atl_note *note)
{
    for (int e = 0; e < engine->config->n_text_encoders; e++) {
        atl_chunks_done(&prompt->chunks[e]);
        const atl_status st = atl_chunks_make(engine->tokenizer[e], prompt->text, strlen(prompt->text),
                                              min_chunks, &prompt->chunks[e], note);
        if (st != ATL_OK)
            return st;
        if (prompt->chunks[e].length != engine->config->text[e].n_positions)
            return atl_fail(
                note, ATL_UNSUPPORTED,
                "%s: the text encoder has %d positions, but the tokenizer's model_max_length is %d",
                atl_weights_path(engine->weights), engine->config->text[e].n_positions,
                prompt->chunks[e].length);
    }
    return ATL_OK;
}

/* Tokenizes all, twice where lengths differ: the second time every prompt gets as many chunks as the longest.
 */
static atl_status tokenize_all(const atl_engine *engine, prompt_list *list, atl_note *note)
{
    int longest = 1;
    bool equal = false;
    while (!equal) {
        equal = true;
        for (size_t i = 0; i < list->n; i++) {
            const atl_status st = tokenize_one(engine, &list->at[i], longest, note);
            if (st != ATL_OK)
                return st;
            for (int e = 0; e < engine->config->n_text_encoders; e++)
                if (list->at[i].chunks[e].n > longest) {
                    longest = list->at[i].chunks[e].n;
                    equal = false;
                }
        }
    }
    return ATL_OK;
}

/* One encoder over one prompt's chunks. */
typedef struct encode_stage {
    const atl_clip *clip;
    const atl_chunks *chunks;
    atl_clip_output out;
} encode_stage;

static void run_encode(atl_engine *engine, const atl_bench *bench, void *user)
{
    (void)engine;
    const encode_stage *s = user;
    atl_clip_run(s->clip, bench, s->chunks->ids, s->chunks->n, &s->out);
}

/* Which of a text encoder's outputs the UNet hears: the last layer with the final norm; with clip skip an
 * earlier one with the final norm; in SDXL the penultimate one (or an earlier one) without it. */
static void choose_output(const atl_engine *engine, int clip_skip, int which, float *hidden, float *pooled,
                          atl_clip_output *out)
{
    const int n_layers = engine->config->text[which].n_layers;
    const int skip = clip_skip > 1 ? clip_skip - 1 : 0;
    if (engine->config->two_encoder_pipeline) {
        out->hidden[n_layers - 1 - skip] = hidden;
        out->pooled = which == 1 ? pooled : NULL;
    } else if (skip > 0) {
        out->skipped = hidden;
        out->skip_norm_layer = n_layers - skip;
    } else {
        out->last = hidden;
    }
}

/* Encodes a prompt with encoder `which` into columns [column, column + d) of the embedding's context. */
static atl_status encode_with(atl_engine *engine, const plain_prompt *prompt, int which, int column,
                              int width, atl_embedding *embedding, atl_note *note)
{
    const atl_chunks *chunks = &prompt->chunks[which];
    const atl_clip_config *config = &engine->config->text[which];
    const size_t d = (size_t)config->hidden_size, n_rows = (size_t)chunks->n * (size_t)chunks->length;
    const size_t pooled_width = config->with_projection ? (size_t)config->projection_dim : d;
    float *hidden = malloc(n_rows * d * sizeof *hidden);
    float *pooled = malloc((size_t)chunks->n * pooled_width * sizeof *pooled);
    atl_status st = ATL_OK;
    if (!hidden || !pooled) {
        st = atl_fail(note, ATL_NO_MEMORY, "no memory for a text embedding");
        goto done;
    }
    encode_stage stage = {.clip = engine->text[which], .chunks = chunks};
    choose_output(engine, prompt->clip_skip, which, hidden, pooled, &stage.out);
    st = atl_engine_run_stage(engine, "text_encode", run_encode, &stage, note);
    if (st != ATL_OK)
        goto done;
    for (int c = 0; chunks->weighted && c < chunks->n; c++) {
        const size_t first = (size_t)c * (size_t)chunks->length;
        atl_chunk_apply_weights(chunks->weights + first, chunks->length, (int)d, hidden + first * d);
    }
    for (size_t r = 0; r < n_rows; r++)
        memcpy(embedding->context + r * (size_t)width + column, hidden + r * d, d * sizeof *hidden);
    if (embedding->pooled && stage.out.pooled)
        memcpy(embedding->pooled, pooled, pooled_width * sizeof *pooled); /* the first chunk's */
done:
    free(hidden);
    free(pooled);
    return st;
}

/* Every encoder in turn, each into its own columns of the context. */
static atl_status encode_with_all(atl_engine *engine, const plain_prompt *prompt, int width,
                                  atl_embedding *embedding, atl_note *note)
{
    int column = 0;
    for (int e = 0; e < engine->config->n_text_encoders; e++) {
        const atl_status st = encode_with(engine, prompt, e, column, width, embedding, note);
        if (st != ATL_OK)
            return st;
        column += engine->config->text[e].hidden_size;
    }
    return ATL_OK;
}

static atl_status encode_prompt(atl_engine *engine, const plain_prompt *prompt, atl_embedding *embedding,
                                atl_note *note)
{
    const atl_model_config *config = engine->config;
    const int width = atl_model_text_width(config);
    embedding->n_tokens = prompt->chunks[0].n * prompt->chunks[0].length;
    const size_t n_context = (size_t)embedding->n_tokens * (size_t)width;
    const size_t n_pooled = config->two_encoder_pipeline ? (size_t)config->text[1].projection_dim : 0;
    embedding->context = calloc(n_context, sizeof *embedding->context);
    if (n_pooled > 0)
        embedding->pooled = calloc(n_pooled, sizeof *embedding->pooled);
    if (!embedding->context || (n_pooled > 0 && !embedding->pooled))
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a text embedding");
    const atl_embedding_key key = {.prompt = prompt->text,
                                   .networks = engine->beside ? engine->beside->key : "",
                                   .clip_skip = prompt->clip_skip,
                                   .n_tokens = embedding->n_tokens};
    if (prompt->zeros || atl_embedding_cache_get(&engine->embeddings, &key, embedding->context, n_context,
                                                 embedding->pooled, n_pooled))
        return ATL_OK;
    const atl_status st = encode_with_all(engine, prompt, width, embedding, note);
    if (st == ATL_OK)
        atl_embedding_cache_put(&engine->embeddings, &key, embedding->context, n_context, embedding->pooled,
                                n_pooled);
    return st;
}

static atl_status plan(const atl_engine *engine, const atl_condition_request *request, prompt_list *list,
                       atl_conditioning *c, atl_note *note)
{
    const char *prompt = request->prompt ? request->prompt : "";
    const char *negative = request->negative_prompt ? request->negative_prompt : "";
    for (int side = 0; side < 2; side++) {
        c->of_step[side] = calloc((size_t)request->n_steps, sizeof *c->of_step[side]);
        if (!c->of_step[side])
            return atl_fail(note, ATL_NO_MEMORY, "no memory for %d steps", request->n_steps);
    }
    atl_status st = plan_side(list, prompt, false, request->clip_skip, request->n_steps, c->of_step[0], note);
    if (st != ATL_OK)
        return st;
    if (request->guided) {
        const bool zeros = engine->config->force_zeros_for_empty_prompt && !request->negative_prompt;
        /* As in diffusers, whose clip_skip never applies to the negative prompt. */
        st = plan_side(list, negative, zeros, 0, request->n_steps, c->of_step[1], note);
        if (st != ATL_OK)
            atl_note_prefix(note, "negative prompt");
    }
    return st != ATL_OK ? st : tokenize_all(engine, list, note);
}

atl_status atl_condition(atl_engine *engine, const atl_condition_request *request, atl_conditioning *ret,
                         atl_timings *timings, atl_note *note)
{
    atl_conditioning c = {.n_steps = request->n_steps, .guided = request->guided};
    prompt_list list = {0};
    atl_stage_clock clock = atl_stage_begin();
    atl_status st = plan(engine, request, &list, &c, note);
    atl_stage_end(clock, &timings->tokenize);
    if (st != ATL_OK)
        goto fail;
    clock = atl_stage_begin();
    c.all = calloc(list.n, sizeof *c.all);
    if (!c.all) {
        st = atl_fail(note, ATL_NO_MEMORY, "no memory for %zu text embeddings", list.n);
        goto fail;
    }
    c.n = list.n;
    for (size_t i = 0; i < list.n; i++) {
        st = encode_prompt(engine, &list.at[i], &c.all[i], note);
        if (st != ATL_OK)
            goto fail;
    }
    atl_stage_end(clock, &timings->text_encode);
    prompt_list_done(&list);
    *ret = c;
    return ATL_OK;
fail:
    prompt_list_done(&list);
    atl_conditioning_done(&c);
    return st;
}

void atl_conditioning_done(atl_conditioning *conditioning)
{
    for (size_t i = 0; conditioning->all && i < conditioning->n; i++) {
        free(conditioning->all[i].context);
        free(conditioning->all[i].pooled);
    }
    free(conditioning->all);
    free(conditioning->of_step[0]);
    free(conditioning->of_step[1]);
    *conditioning = (atl_conditioning){0};
}
