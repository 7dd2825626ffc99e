/* engine.c - opens a model: reads its configs, packs its weights, starts the threads.
 *
 * The networks are walked twice by the loader: once to learn how many bytes their packed weights need, once
 * to pack them into one store of that size. What is done with an engine is in paint.c; which files a model
 * consists of is in model/. */
#include "engine_private.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "pack_cache.h"

/* Describes every network of `parts` to the loader. In LIST mode the networks are only scaffolding. */
static void walk(atl_engine *engine, unsigned parts, atl_loader *loader)
{
    const atl_model_config *config = engine->config;
    if (parts & ATL_PART_TEXT) {
        for (int i = 0; i < config->n_text_encoders; i++) {
            atl_loader_component(loader, i == 0 ? ATL_TEXT_ENCODER : ATL_TEXT_ENCODER_2);
            engine->text[i] = atl_clip_new(loader, &config->text[i]);
        }
    }
    if (parts & ATL_PART_UNET) {
        atl_loader_component(loader, ATL_UNET);
        engine->unet = atl_unet_new(loader, &config->unet);
    }
    if (parts & ATL_PART_VAE) {
        atl_loader_component(loader, ATL_VAE);
        engine->vae = atl_vae_new(loader, &config->vae);
    }
}

static void free_networks(atl_engine *engine)
{
    atl_clip_free(&engine->text[0]);
    atl_clip_free(&engine->text[1]);
    atl_unet_free(&engine->unet);
    atl_vae_free(&engine->vae);
}

static bool walked_all(const atl_engine *engine, unsigned parts)
{
    for (int i = 0; (parts & ATL_PART_TEXT) && i < engine->config->n_text_encoders; i++)
        if (!engine->text[i])
            return false;
    return (!(parts & ATL_PART_UNET) || engine->unet) && (!(parts & ATL_PART_VAE) || engine->vae);
}

/* Walks with an opened loader, and closes it; ret_bytes (or NULL): what packing needs. With a `packer`, packs
 * by its threads what was walked over. */
static atl_status walk_and_close(atl_engine *engine, unsigned parts, atl_loader *loader, atl_pool *packer,
                                 size_t *ret_bytes, atl_note *note)
{
    walk(engine, parts, loader);
    atl_status st = atl_loader_status(loader);
    if (st == ATL_OK && !walked_all(engine, parts))
        st = atl_fail(note, ATL_NO_MEMORY, "no memory to describe the model's networks");
    if (st == ATL_OK && packer)
        st = atl_loader_pack(loader, packer, engine->kernels);
    if (ret_bytes)
        *ret_bytes = atl_loader_packed_bytes(loader);
    atl_loader_close(&loader);
    return st;
}

static void hash_number(crypto_generichash_state *state, uint64_t number)
{
    unsigned char bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(number >> (8 * i));
    crypto_generichash_update(state, bytes, sizeof bytes);
}

static void hash_word(crypto_generichash_state *state, const char *word)
{
    crypto_generichash_update(state, (const unsigned char *)word, strlen(word) + 1);
}

/* What a store has to hold, as a digest: every tensor in the order of the walk, and every region, with its
 * type and layout. */
static void hash_param(void *user, const atl_param *param)
{
    hash_number(user, (uint64_t)param->component);
    hash_number(user, (uint64_t)param->kind);
    for (int i = 0; i < param->rank; i++)
        hash_number(user, param->shape[i]);
    hash_word(user, param->name);
}

static void hash_region(void *user, const atl_region *region)
{
    hash_number(user, (uint64_t)region->component);
    hash_word(user, region->name);
    hash_word(user, atl_dtype_name(region->dtype));
    hash_word(user, region->layout);
    hash_number(user, region->at);
    hash_number(user, region->bytes);
}

atl_status atl_engine_measure_store(atl_engine *engine, unsigned parts, size_t *ret_bytes,
                                    uint8_t ret_listing[32], atl_note *note)
{
    atl_loader *loader = NULL;
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, 32);
    free_networks(engine); /* the walk puts scaffolding in their place */
    atl_status st = atl_loader_open_list(engine->policy, hash_param, &state, &loader, note);
    if (st == ATL_OK) {
        atl_loader_list_regions(loader, hash_region);
        st = walk_and_close(engine, parts, loader, NULL, ret_bytes, note);
    }
    crypto_generichash_final(&state, ret_listing, 32);
    free_networks(engine);
    return st;
}

atl_status atl_engine_list_modules(atl_engine *engine, atl_lora_modules *ret, atl_note *note)
{
    atl_engine shadow = {.config = engine->config, .policy = engine->policy, .store = engine->store};
    atl_lora_modules modules = {.unet = &engine->config->unet};
    atl_loader *loader = NULL;
    shadow.store.used_bytes = 0; /* a second walk finds every layer where the first one put it */
    if (!shadow.policy)
        shadow.policy = atl_policy_find("fp32");
    atl_status st = shadow.store.base ? atl_loader_open_bind(shadow.policy, &shadow.store, &loader, note)
                                      : atl_loader_open_list(shadow.policy, NULL, NULL, &loader, note);
    if (st == ATL_OK) {
        atl_loader_visit_layers(loader, atl_lora_modules_add, &modules);
        st = walk_and_close(&shadow, ATL_PART_TEXT | ATL_PART_UNET, loader, NULL, NULL, note);
    }
    free_networks(&shadow);
    if (st == ATL_OK && modules.failed)
        st = atl_fail(note, ATL_NO_MEMORY, "no memory for the names of a model's layers");
    if (st == ATL_OK)
        *ret = modules;
    else
        atl_lora_modules_done(&modules);
    return st;
}

static atl_status pack(atl_engine *engine, unsigned parts, atl_note *note)
{
    atl_loader *loader = NULL;
    const atl_status st =
        atl_loader_open_pack(engine->policy, engine->weights, &engine->store, &loader, note);
    return st != ATL_OK ? st : walk_and_close(engine, parts, loader, engine->pool, NULL, note);
}

static atl_status bind(atl_engine *engine, unsigned parts, atl_note *note)
{
    atl_loader *loader = NULL;
    const atl_status st = atl_loader_open_bind(engine->policy, &engine->store, &loader, note);
    return st != ATL_OK ? st : walk_and_close(engine, parts, loader, NULL, NULL, note);
}

/* Packs into the memfd unless another process did, then binds to it; *ret_packed: whether it was this one. */
static atl_status load_shared(atl_engine *engine, unsigned parts, size_t bytes, int fd, bool *ret_packed,
                              atl_note *note)
{
    bool packed = false;
    atl_status st = atl_store_share_begin(fd, bytes, engine->pool, &engine->store, &packed, note);
    if (st != ATL_OK)
        return st;
    *ret_packed = !packed;
    if (!packed) {
        const atl_status packing = pack(engine, parts, note);
        free_networks(engine); /* they point into the mapping that goes now */
        st = atl_store_share_end(fd, packing == ATL_OK, &engine->store, packing == ATL_OK ? note : NULL);
        if (packing != ATL_OK)
            return packing;
    }
    return st != ATL_OK ? st : bind(engine, parts, note);
}

/* From the files, by way of the memfd if there is one. */
static atl_status load_packed_anew(atl_engine *engine, unsigned parts, size_t bytes, int fd, bool *ret_packed,
                                   atl_note *note)
{
    if (fd > 0)
        return load_shared(engine, parts, bytes, fd, ret_packed, note);
    *ret_packed = true;
    const atl_status st = atl_store_open(bytes, &engine->store, note);
    return st != ATL_OK ? st : pack(engine, parts, note);
}

/* Keeps what was packed for the next who opens this model. */
static void keep_packed(atl_engine *engine, const atl_pack_cache *cache, size_t bytes)
{
    atl_note trouble = {0};
    if (atl_pack_file_write(cache->path, cache->key, &engine->store, bytes, &trouble) == ATL_OK)
        return;
    if (engine->pack_note.text[0])
        atl_fail(&engine->pack_note, ATL_IO, "%.200s; and %.200s", engine->pack_note.text, trouble.text);
    else
        engine->pack_note = trouble;
}

/* From the cache if it has them. What is wrong with it is kept for the facts, and costs nothing but time. */
static atl_status load_cached(atl_engine *engine, unsigned parts, size_t bytes, const uint8_t listing[32],
                              const atl_engine_options *options, atl_note *note)
{
    atl_pack_cache cache = {0};
    bool packed = false;
    atl_status found = atl_pack_cache_find(options->pack_cache, engine, listing, &cache, &engine->pack_note);
    if (found == ATL_OK) {
        found =
            atl_pack_file_map(cache.path, cache.key, bytes, engine->pool, &engine->store, &engine->pack_note);
        if (found == ATL_NOT_FOUND)
            engine->pack_note = (atl_note){0};
    }
    atl_status st;
    if (found == ATL_OK)
        st = bind(engine, parts, note);
    else
        st = load_packed_anew(engine, parts, bytes, options->shared_weights_fd, &packed, note);
    if (st == ATL_OK && packed && cache.path)
        keep_packed(engine, &cache, bytes);
    atl_pack_cache_done(&cache);
    return st;
}

static atl_status load(atl_engine *engine, unsigned parts, const atl_engine_options *options, atl_note *note)
{
    size_t bytes = 0;
    uint8_t listing[32];
    bool packed;
    atl_status st = atl_engine_measure_store(engine, parts, &bytes, listing, note);
    if (st != ATL_OK)
        return st;
    if (parts & ATL_PART_UNPACKED) {
        st = atl_store_open(bytes, &engine->store, note); /* memory that is not touched is not taken */
        return st != ATL_OK ? st : bind(engine, parts, note);
    }
    if (options->pack_cache && options->pack_cache[0])
        return load_cached(engine, parts, bytes, listing, options, note);
    return load_packed_anew(engine, parts, bytes, options->shared_weights_fd, &packed, note);
}

/* The tokenizer of encoder `which`, from the checkpoint or, for a single file, from where the user says. */
static atl_status open_tokenizer(atl_engine *engine, const char *from, int which, atl_note *note)
{
    static const char *const folders[] = {"tokenizer", "tokenizer_2"};
    const char *dir = atl_weights_tokenizer_dir(engine->weights, which);
    char *joined = NULL;
    if (from && from[0] != '\0') {
        joined = atl_path_join(from, folders[which]);
        if (!joined)
            return atl_fail(note, ATL_NO_MEMORY, "no memory for a path");
        dir = joined;
    }
    if (!dir)
        return atl_fail(note, ATL_NOT_FOUND,
                        "%s: a single file carries no tokenizer: say with --tokenizer which directory holds "
                        "%s/vocab.json",
                        atl_weights_path(engine->weights), folders[which]);
    atl_status st =
        atl_tokenizer_open(dir, &engine->config->tokenizer[which], &engine->tokenizer[which], note);
    const int vocab = engine->config->text[which].vocab_size;
    if (st == ATL_OK && atl_tokenizer_vocab_size(engine->tokenizer[which]) > vocab)
        st = atl_fail(note, ATL_BAD_INPUT, "%s: has ids up to %d, but the text encoder knows %d", dir,
                      atl_tokenizer_vocab_size(engine->tokenizer[which]) - 1, vocab);
    free(joined);
    return st;
}

/* Kernels for this processor, and the table of the policy. */
static atl_status choose(atl_engine *engine, const atl_engine_options *options, atl_note *note)
{
    const atl_status st = atl_cpu_check_isa(note);
    if (st != ATL_OK)
        return st;
    const char *policy = atl_engine_policy_settle(options->policy, options->model, options->variant);
    engine->kernels = atl_kernels_choose(atl_cpu_flags());
    engine->policy = atl_policy_narrowed(atl_policy_find(policy), engine->kernels->narrow_in_bf16);
    if (!engine->policy)
        return atl_fail(note, ATL_USAGE, "policy: found \"%s\", wanted one of %s, auto", policy,
                        atl_policy_names());
    return ATL_OK;
}

atl_status atl_engine_open_parts(const atl_engine_options *options, unsigned parts, atl_engine **ret_engine,
                                 atl_note *note)
{
    const int64_t begun_ns = atl_clock_now_ns();
    atl_engine *engine = calloc(1, sizeof *engine);
    if (!engine)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for an engine");
    atl_status st = choose(engine, options, note);
    if (st != ATL_OK)
        goto fail;
    st = atl_weights_open(options->model, options->variant ? options->variant : "", &engine->weights, note);
    if (st != ATL_OK)
        goto fail;
    engine->config = atl_weights_config(engine->weights);
    if (parts == ATL_PART_ALL) {
        st = atl_model_config_check(engine->config, note);
        if (st != ATL_OK) {
            atl_note_prefix(note, "%s", options->model);
            goto fail;
        }
    }
    st = atl_pool_open(options->n_threads, options->thread_hook, options->hook_user, &engine->pool, note);
    for (int i = 0; st == ATL_OK && (parts & ATL_PART_TOKENIZER) && i < engine->config->n_text_encoders; i++)
        st = open_tokenizer(engine, options->tokenizer_dir, i, note);
    if (st == ATL_OK)
        st = load(engine, parts, options, note);
    if (st == ATL_OK)
        st = atl_lora_shelf_init(&engine->loras, options->lora_dir, options->networks, options->model, note);
    if (st != ATL_OK)
        goto fail;
    engine->load_ns = atl_clock_now_ns() - begun_ns;
    *ret_engine = engine;
    return ATL_OK;
fail:
    atl_engine_close(&engine);
    return st;
}

atl_status atl_engine_open(const atl_engine_options *options, atl_engine **ret_engine, atl_note *note)
{
    return atl_engine_open_parts(options, ATL_PART_ALL, ret_engine, note);
}

void atl_engine_close(atl_engine **engine)
{
    atl_engine *e = *engine;
    *engine = NULL;
    if (!e)
        return;
    free_networks(e);
    atl_tokenizer_close(&e->tokenizer[0]);
    atl_tokenizer_close(&e->tokenizer[1]);
    atl_embedding_cache_done(&e->embeddings);
    atl_lora_shelf_done(&e->loras);
    atl_arena_close(&e->arena);
    atl_store_close(&e->store);
    atl_pool_close(&e->pool);
    atl_weights_close(&e->weights);
    free(e);
}

atl_bench atl_engine_bench(atl_engine *engine)
{
    return (atl_bench){.pool = engine->pool,
                       .arena = &engine->arena,
                       .kernels = engine->kernels,
                       .policy = engine->policy,
                       .adapters = engine->beside ? &engine->beside->adapters : NULL};
}

atl_status atl_engine_reserve(atl_engine *engine, const char *name, atl_stage_fn run, void *stage,
                              atl_note *note)
{
    atl_arena measure = atl_arena_measure();
    atl_bench dry = atl_engine_bench(engine);
    dry.arena = &measure;
    run(engine, &dry, stage);
    if (measure.peak_bytes <= engine->arena.capacity_bytes)
        return ATL_OK;
    atl_arena_close(&engine->arena);
    const atl_status st = atl_arena_open(measure.peak_bytes, &engine->arena, note);
    if (st != ATL_OK)
        return atl_fail(note, ATL_NO_MEMORY,
                        "%s: wants %.1f MB of scratch memory, and the system has not so much", name,
                        (double)measure.peak_bytes / 1e6);
    return ATL_OK;
}

atl_status atl_engine_run_stage(atl_engine *engine, const char *name, atl_stage_fn run, void *stage,
                                atl_note *note)
{
    const atl_status st = atl_engine_reserve(engine, name, run, stage, note);
    if (st != ATL_OK)
        return st;
    const atl_bench bench = atl_engine_bench(engine);
    run(engine, &bench, stage);
    return ATL_OK;
}

atl_stage_clock atl_stage_begin(void)
{
    return (atl_stage_clock){.wall_ns = atl_clock_now_ns(), .cpu_ns = atl_clock_process_cpu_ns()};
}

void atl_stage_end(atl_stage_clock begun, atl_stage_time *add_to)
{
    add_to->wall_ns += atl_clock_now_ns() - begun.wall_ns;
    add_to->cpu_ns += atl_clock_process_cpu_ns() - begun.cpu_ns;
}
