/* config_json.h - a sticky reader of one JSON object; private to model/.
 *
 * Each getter writes its default where the key is missing, checks type and range where it is there, and
 * remembers that the key is known. After the first failure every getter is a no-op; atl_json_close returns
 * what failed. So a config is read as a list of fields without an `if` a line. */
#ifndef ATL_MODEL_CONFIG_JSON_H
#define ATL_MODEL_CONFIG_JSON_H

#include <jansson.h>

#include "base/text.h"
#include "model/config.h"

#define ATL_MAX_JSON_KEYS 256
#define ATL_JSON_INFINITY 1e308 /* what Python's bare Infinity is read as: JSON has no word for it */

typedef struct atl_json {
    const char *file; /* for messages: "<dir>/unet/config.json" */
    json_t *owned;    /* the whole document */
    json_t *root;     /* the object that is read */
    atl_status status;
    atl_note *note;
    const char *known[ATL_MAX_JSON_KEYS]; /* keys asked for so far */
    int n_known;
} atl_json;

/* Reads a file of at most 16 MiB. `file` must outlive the reader. Errors are kept inside. */
void atl_json_open(atl_json *json, const char *file, atl_note *note);
/* The same from bytes in memory, which it may change. */
void atl_json_open_bytes(atl_json *json, const char *file, char *data, size_t size, atl_note *note);
/* Frees; returns the first failure. Keys that nobody asked for go, a line each, to `unread` (may be NULL),
 * except those that start with an underscore. */
atl_status atl_json_close(atl_json *json, atl_text *unread);

/* Sets the failure, if it is the first: "<file>: \"<key>\" is <value>; <wanted>". */
void atl_json_refuse(atl_json *json, atl_status status, const char *key, const char *wanted);
/* The same, with words of the caller's after "<file>: ". */
void atl_json_fail(atl_json *json, atl_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The value, or NULL if the key is missing; marks the key as known. */
json_t *atl_json_get(atl_json *json, const char *key);
/* Whether `value` is a whole number, however spelt (2, 2.0), within [least, most]. */
bool atl_json_whole(const json_t *value, int least, int most, int *ret);
/* Whether the key is there and not null. */
bool atl_json_has(atl_json *json, const char *key);

int atl_json_int(atl_json *json, const char *key, int missing, int least, int most);
/* null counts as `null_value`, and so does a missing key. */
int atl_json_int_or_null(atl_json *json, const char *key, int null_value, int least, int most);
double atl_json_double(atl_json *json, const char *key, double missing);
double atl_json_double_or_null(atl_json *json, const char *key, double null_value);
/* null counts as false, as Python takes it: published UNets have "upcast_attention": null. */
bool atl_json_bool(atl_json *json, const char *key, bool missing);
atl_tristate atl_json_tristate(atl_json *json, const char *key); /* null counts as not said */
/* Text, or NULL where the value is null; borrowed from the reader. */
const char *atl_json_string_or_null(atl_json *json, const char *key, const char *missing);
const char *atl_json_string(atl_json *json, const char *key, const char *missing);
/* Copies text into `out`; one that does not fit is refused. */
void atl_json_copy(atl_json *json, const char *key, const char *missing, char *out, size_t room);
/* Index of the text in `words` (NULL-terminated); refuses another with ATL_UNSUPPORTED. `missing` where the
 * key is not there. */
int atl_json_word(atl_json *json, const char *key, const char *const *words, int missing);

/* A list of whole numbers into out[most]; a single number gives a list of 1 if n_single is 1, or is repeated
 * n_single times. Returns how many; 0 and nothing written where the key is missing. */
int atl_json_ints(atl_json *json, const char *key, int n_single, int least, int largest,
                  int out[ATL_MAX_BLOCKS]);
/* The same, and where the key is missing `missing` n_single times. A list must have n_single entries. */
void atl_json_ints_each(atl_json *json, const char *key, int missing, int n_single, int least, int largest,
                        int out[ATL_MAX_BLOCKS]);

/* Refuses by name any value but null (or a missing key). */
void atl_json_only_null(atl_json *json, const char *key);
/* Refuses by name any value but `only` (or a missing key). */
void atl_json_only_bool(atl_json *json, const char *key, bool only);
/* diffusers' act_fn words (any case), or null where `missing` is what it means. */
atl_activation atl_json_diffusers_act(atl_json *json, const char *key, atl_activation missing);

/* The parts of config.c, one a component. Errors are kept in `json`. */
void atl_config_read_unet(atl_json *json, atl_unet_config *ret);
void atl_config_read_vae_kl(atl_json *json, atl_vae_config *ret);
void atl_config_read_vae_tiny(atl_json *json, atl_vae_config *ret);
void atl_config_read_clip(atl_json *json, bool with_projection, atl_clip_config *ret);
void atl_config_read_scheduler(atl_json *json, const char *class_name, atl_scheduler_config *ret);
/* tokenizer_config.json; then special_tokens_map.json over it, unless the former has added_tokens_decoder. */
void atl_config_read_tokenizer(atl_json *json, atl_tokenizer_config *ret, bool *ret_complete);
void atl_config_read_special_tokens(atl_json *json, atl_tokenizer_config *ret);

/* "Not said" in every field. */
void atl_scheduler_config_init(atl_scheduler_config *ret);
void atl_tokenizer_config_init(atl_tokenizer_config *ret);

#endif
