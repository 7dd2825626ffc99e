/* synth_files.c - the text files of a synthetic checkpoint: configs and tokenizers.
 *
 * CLIP's own vocabulary is not ours to give away, so the tokenizer is made up: 256 byte symbols, the same at
 * a word's end, and merges of letters in order. It has CLIP's form, sizes and special ids (the end of text
 * being the highest), so that every reader takes it; only its words are other ones. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json_load.h"
#include "base/sizes.h"
#include "base/text.h"
#include "model/synth.h"

#define MERGES_VERSION "#version: 0.2\n"
#define N_BYTES        256
#define LETTERS        26

static atl_status write_text(const char *dir, const char *name, const atl_text *text, atl_note *note)
{
    char *path = atl_path_join(dir, name);
    atl_status st = ATL_NO_MEMORY;
    if (!path || text->failed)
        atl_fail(note, st, "%s/%s: no memory to write it", dir, name);
    else
        st = atl_file_write(path, text->data, text->length, note);
    free(path);
    return st;
}

static atl_status write_json(const char *dir, const char *name, const json_t *root, atl_note *note)
{
    char *data = root ? json_dumps(root, JSON_INDENT(2)) : NULL;
    atl_text text = {0};
    if (data)
        atl_text_puts(&text, data);
    text.failed |= !data;
    atl_text_putc(&text, '\n');
    const atl_status st = write_text(dir, name, &text, note);
    atl_text_done(&text);
    free(data);
    return st;
}

/* JSON with ' for ", and "_class_name" if there is one. */
static atl_status write_config(const char *dir, const char *name, const char *quoted, const char *class_name,
                               atl_note *note)
{
    char *text = strdup(quoted);
    for (char *p = text; p && *p; p++)
        if (*p == '\'')
            *p = '"';
    json_t *root = text ? atl_json_load(text, strlen(text), JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (class_name)
        json_object_set_new(root, "_class_name", json_string(class_name));
    const atl_status st = write_json(dir, name, root, note);
    json_decref(root);
    free(text);
    return st;
}

static void set_part(json_t *index, const char *key, const char *library, const char *class_name)
{
    json_object_set_new(index, key, json_pack("[s, s]", library, class_name));
}

static atl_status write_index(const atl_family *family, const char *dir, atl_note *note)
{
    json_t *index = json_pack("{s:s, s:[n, n], s:[n, n]}", "_class_name", family->pipeline,
                              "feature_extractor", "image_encoder");
    const bool two = family->text[1] != NULL;
    set_part(index, "unet", "diffusers", "UNet2DConditionModel");
    set_part(index, "vae", "diffusers", family->vae_class);
    set_part(index, "scheduler", "diffusers", family->scheduler_class);
    set_part(index, "text_encoder", "transformers", "CLIPTextModel");
    set_part(index, "tokenizer", "transformers", "CLIPTokenizer");
    if (two) {
        set_part(index, "text_encoder_2", "transformers", "CLIPTextModelWithProjection");
        set_part(index, "tokenizer_2", "transformers", "CLIPTokenizer");
        json_object_set_new(index, "force_zeros_for_empty_prompt", json_true());
    } else {
        json_object_set_new(index, "safety_checker", json_pack("[n, n]"));
        json_object_set_new(index, "requires_safety_checker", json_false());
    }
    const atl_status st = write_json(dir, "model_index.json", index, note);
    json_decref(index);
    return st;
}

atl_status atl_synth_configs(const atl_family *family, const char *dir, atl_note *note)
{
    static const char *const folders[] = {"unet",           "vae",       "scheduler",  "text_encoder",
                                          "text_encoder_2", "tokenizer", "tokenizer_2"};
    atl_status st = atl_dir_make(dir, note);
    for (size_t i = 0; st == ATL_OK && i < ATL_COUNT(folders); i++) {
        if (!family->text[1] && strstr(folders[i], "_2"))
            continue;
        char *path = atl_path_join(dir, folders[i]);
        st = path ? atl_dir_make(path, note) : atl_fail(note, ATL_NO_MEMORY, "%s: no memory", dir);
        free(path);
    }
    if (st == ATL_OK)
        st = write_config(dir, "unet/config.json", family->unet, "UNet2DConditionModel", note);
    if (st == ATL_OK)
        st = write_config(dir, "vae/config.json", family->vae, family->vae_class, note);
    if (st == ATL_OK)
        st = write_config(dir, "scheduler/scheduler_config.json", family->scheduler, family->scheduler_class,
                          note);
    if (st == ATL_OK)
        st = write_config(dir, "text_encoder/config.json", family->text[0], NULL, note);
    if (st == ATL_OK && family->text[1])
        st = write_config(dir, "text_encoder_2/config.json", family->text[1], NULL, note);
    if (st == ATL_OK)
        st = write_config(dir, "atelier.json", family->own, NULL, note);
    if (st == ATL_OK)
        st = write_index(family, dir, note);
    return st;
}

/* ---- tokenizer ---- */

/* GPT-2's map from bytes to printable characters: those that are printable first, in order, stand for
 * themselves; the rest become U+0100 and up. `i` counts in CLIP's order of ids. */
static void byte_symbol(int i, char out[4])
{
    static const int ranges[][2] = {{'!', '~'}, {0xa1, 0xac}, {0xae, 0xff}};
    int rest = i, code = -1;
    for (size_t r = 0; r < ATL_COUNT(ranges) && code < 0; r++) {
        const int count = ranges[r][1] - ranges[r][0] + 1;
        if (rest < count)
            code = ranges[r][0] + rest;
        rest -= count;
    }
    if (code < 0)
        code = N_BYTES + rest;
    if (code < 0x80)
        snprintf(out, 4, "%c", code);
    else
        snprintf(out, 4, "%c%c", 0xc0 | code >> 6, 0x80 | (code & 0x3f));
}

/* Two parts that become one token: merge number `i`. Letters in order: all pairs (plain, then at a word's
 * end), then a pair and a letter, then two pairs. */
static void merge_parts(int i, char left[8], char right[8])
{
    const int pairs = LETTERS * LETTERS, triples = pairs * LETTERS;
    static const struct {
        int left, right;
    } letters[] = {{1, 1}, {1, 1}, {2, 1}, {2, 1}, {2, 2}, {2, 2}};
    const int counts[] = {pairs, pairs, triples, triples, pairs * pairs, pairs * pairs};
    int kind = 0;
    while (i >= counts[kind])
        i -= counts[kind++];
    char word[5] = {0};
    const int n = letters[kind].left + letters[kind].right;
    for (int k = n - 1; k >= 0; k--) {
        word[k] = (char)('a' + i % LETTERS);
        i /= LETTERS;
    }
    snprintf(left, 8, "%.*s", letters[kind].left, word);
    snprintf(right, 8, "%s%s", word + letters[kind].left, kind % 2 ? "</w>" : "");
}

static void put_token(atl_text *vocab, const char *token, const char *tail, int id)
{
    json_t *whole = json_sprintf("%s%s", token, tail);
    char *quoted = json_dumps(whole, JSON_ENCODE_ANY);
    if (quoted)
        atl_text_printf(vocab, "%s%s: %d", id ? ", " : "{", quoted, id);
    vocab->failed |= !quoted;
    free(quoted);
    json_decref(whole);
}

static atl_status write_vocabulary(const char *dir, int vocab_size, atl_note *note)
{
    atl_text vocab = {0}, merges = {0};
    char symbol[4], left[8], right[8], both[16];
    int id = 0;
    for (int end = 0; end < 2; end++)
        for (int i = 0; i < N_BYTES; i++) {
            byte_symbol(i, symbol);
            put_token(&vocab, symbol, end ? "</w>" : "", id++);
        }
    atl_text_puts(&merges, MERGES_VERSION);
    for (int i = 0; id < vocab_size - 2; i++) {
        merge_parts(i, left, right);
        snprintf(both, sizeof both, "%s%s", left, right);
        atl_text_printf(&merges, "%s %s\n", left, right);
        put_token(&vocab, both, "", id++);
    }
    put_token(&vocab, "<|startoftext|>", "", id++);
    put_token(&vocab, "<|endoftext|>", "", id++);
    atl_text_puts(&vocab, "}\n");
    atl_status st = write_text(dir, "vocab.json", &vocab, note);
    if (st == ATL_OK)
        st = write_text(dir, "merges.txt", &merges, note);
    atl_text_done(&vocab);
    atl_text_done(&merges);
    return st;
}

atl_status atl_synth_tokenizer(const char *dir, int which, int vocab_size, const char *pad, atl_note *note)
{
    char *folder = atl_path_join(dir, which == 0 ? "tokenizer" : "tokenizer_2");
    json_t *map = json_pack("{s:s, s:s, s:s, s:s}", "bos_token", "<|startoftext|>", "eos_token",
                            "<|endoftext|>", "unk_token", "<|endoftext|>", "pad_token", pad);
    atl_status st = ATL_NO_MEMORY;
    if (!folder || !map)
        atl_fail(note, st, "%s: no memory for a tokenizer", dir);
    else
        st = write_json(folder, "special_tokens_map.json", map, note);
    json_object_set_new(map, "tokenizer_class", json_string("CLIPTokenizer"));
    json_object_set_new(map, "model_max_length", json_integer(77));
    json_object_set_new(map, "do_lower_case", json_true());
    if (st == ATL_OK)
        st = write_json(folder, "tokenizer_config.json", map, note);
    if (st == ATL_OK)
        st = write_vocabulary(folder, vocab_size, note);
    json_decref(map);
    free(folder);
    return st;
}
