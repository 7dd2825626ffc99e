/* study_parse.c - a study's records from JSON text.
 *
 * A sticky reader: every key is asked for, the first one that is missing, of another type or out of bounds is
 * kept in words, and checked once at the end. Keys that are not known are passed over, so that a later
 * version may add some. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_load.h"
#include "base/utf8.h"
#include "study_private.h"

#define MAX_STRING    (1u << 16) /* bytes of a string of the head */
#define MAX_NETWORKS  (1u << 17) /* what fits into a word of a worker's command line */
#define MAX_DIMENSION 65536      /* px */
#define MAX_CORES     65536
#define MAX_ROUNDS    10000
#define MAX_STEPS     100000

typedef struct reader {
    bool bad, no_memory;
    char why[200];
} reader;

__attribute__((format(printf, 2, 3))) static void blame(reader *r, const char *format, ...)
{
    if (r->bad)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(r->why, sizeof r->why, format, args);
    va_end(args);
    r->bad = true;
}

static const json_t *get(reader *r, const json_t *o, const char *key)
{
    const json_t *value = json_object_get(o, key);
    if (!value)
        blame(r, "there is no \"%s\"", key);
    return value;
}

/* null is NAN. */
static double get_number(reader *r, const json_t *o, const char *key)
{
    const json_t *value = get(r, o, key);
    if (value && !json_is_number(value) && !json_is_null(value))
        blame(r, "\"%s\" is neither a number nor null", key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static int64_t get_int(reader *r, const json_t *o, const char *key, int64_t least, int64_t most)
{
    const json_t *value = get(r, o, key);
    if (value && !json_is_integer(value))
        blame(r, "\"%s\" is no whole number", key);
    const int64_t n = json_is_integer(value) ? json_integer_value(value) : least;
    if (n < least || n > most) {
        blame(r, "\"%s\" is %" PRId64 ", wanted %" PRId64 " to %" PRId64, key, n, least, most);
        return least;
    }
    return n;
}

static bool get_bool(reader *r, const json_t *o, const char *key)
{
    const json_t *value = get(r, o, key);
    if (value && !json_is_boolean(value))
        blame(r, "\"%s\" is neither true nor false", key);
    return json_is_true(value);
}

static const char *get_string(reader *r, const json_t *o, const char *key, size_t most)
{
    const json_t *value = get(r, o, key);
    if (value && !json_is_string(value))
        blame(r, "\"%s\" is no string", key);
    const char *s = json_is_string(value) ? json_string_value(value) : "";
    if (strlen(s) > most) {
        blame(r, "\"%s\" has more than %zu bytes", key, most);
        return "";
    }
    return s;
}

static void read_string(reader *r, const json_t *o, const char *key, char *out, size_t size)
{
    snprintf(out, size, "%s", get_string(r, o, key, size - 1));
}

/* Words for people are cut where they do not fit (bytes that were no UTF-8 grow on their way through JSON).
 */
static void read_words(reader *r, const json_t *o, const char *key, char *out, size_t size)
{
    const char *s = get_string(r, o, key, MAX_STRING);
    size_t n = 0, step;
    uint32_t c;
    while ((step = atl_utf8_next(s + n, strlen(s + n), &c)) > 0 && n + step < size)
        n += step;
    memcpy(out, s, n);
    out[n] = '\0';
}

static const json_t *get_object(reader *r, const json_t *o, const char *key)
{
    const json_t *value = get(r, o, key);
    if (value && !json_is_object(value))
        blame(r, "\"%s\" is no object", key);
    return json_is_object(value) ? value : NULL;
}

static const json_t *get_array(reader *r, const json_t *o, const char *key, size_t most)
{
    const json_t *value = get(r, o, key);
    if (value && !json_is_array(value))
        blame(r, "\"%s\" is no array", key);
    if (json_array_size(value) > most) {
        blame(r, "\"%s\" has %zu elements, at most %zu are wanted", key, json_array_size(value), most);
        return NULL;
    }
    return value;
}

static atl_span read_span(reader *r, const json_t *o, const char *key)
{
    const json_t *span = get_object(r, o, key);
    if (!span)
        return (atl_span){0};
    return (atl_span){.wall_ns = get_int(r, span, "wall_ns", 0, INT64_MAX),
                      .cpu_ns = get_int(r, span, "cpu_ns", 0, INT64_MAX)};
}

static json_t *load_object(reader *r, const char *json, size_t n)
{
    json_error_t error;
    json_t *o = atl_json_load(json, n, JSON_REJECT_DUPLICATES, &error);
    r->no_memory = !o && error.text[0] == '\0';
    if (r->no_memory)
        blame(r, "no memory to read it");
    else if (!o)
        blame(r, "%s (byte %d)", error.text, error.position);
    else if (!json_is_object(o))
        blame(r, "found no object");
    if (!r->bad)
        return o;
    json_decref(o);
    return NULL;
}

/* ---- windows ---- */

static void read_config(reader *r, const json_t *o, atl_study_config *c)
{
    read_string(r, o, "policy", c->policy, sizeof c->policy);
    read_string(r, o, "order", c->order, sizeof c->order);
    c->workers = (int)get_int(r, o, "workers", 1, ATL_STUDY_MAX_WORKERS);
    c->threads = (int)get_int(r, o, "threads", 1, ATL_STUDY_MAX_WORKERS);
    c->corunners = (int)get_int(r, o, "corunners", 0, ATL_STUDY_MAX_WORKERS);
    c->probe = get_bool(r, o, "probe");
}

static void read_evidence(reader *r, const json_t *o, atl_study_window *w)
{
    const json_t *list = get_array(r, o, "evidence", ATL_STUDY_MAX_EVIDENCE);
    w->n_evidence = (int)json_array_size(list);
    for (int i = 0; i < w->n_evidence; i++) {
        const json_t *e = json_array_get(list, (size_t)i);
        atl_evidence *to = &w->evidence[i];
        read_string(r, e, "name", to->name, sizeof to->name);
        read_string(r, e, "unit", to->unit, sizeof to->unit);
        to->value = get_number(r, e, "value");
        read_words(r, e, "why", to->why, sizeof to->why);
    }
}

static void read_stages(reader *r, const json_t *o, atl_study_window *w)
{
    const json_t *stages = get_object(r, o, "stage");
    for (int i = 0; i < ATL_N_STAGES && stages; i++)
        w->stage[i] = read_span(r, stages, atl_stage_name((atl_stage)i));
    w->unet_step = read_span(r, o, "unet_step");
}

static void read_figures(reader *r, const json_t *o, atl_study_window *w)
{
    w->begun_s = get_number(r, o, "begun_s");
    w->length_s = get_number(r, o, "length_s");
    w->begun_ns = get_int(r, o, "begun_ns", 0, INT64_MAX);
    w->images = get_number(r, o, "images");
    w->images_per_hour = get_number(r, o, "images_per_hour");
    w->n_jobs = (int)get_int(r, o, "jobs", 0, INT32_MAX);
    w->job_ms_p50 = get_number(r, o, "job_ms_p50");
    w->job_ms_p90 = get_number(r, o, "job_ms_p90");
    w->job_ms_p99 = get_number(r, o, "job_ms_p99");
    w->cpu_share = get_number(r, o, "cpu_share");
    w->pss_mb = get_number(r, o, "pss_mb");
    w->worker_pss_mb = get_number(r, o, "worker_pss_mb");
    if (json_object_get(o, "alive")) /* later than format 1's beginning, as what else is asked for so */
        w->n_alive = (int)get_int(r, o, "alive", 0, ATL_STUDY_MAX_WORKERS);
    w->probe_gbps = get_number(r, o, "probe_gbps");
    w->probe_ns = get_number(r, o, "probe_ns");
    w->same_pixels = get_bool(r, o, "same_pixels");
}

atl_status atl_study_parse_window(const char *json, size_t n, atl_study_window *ret, atl_note *note)
{
    reader r = {0};
    atl_study_window w = {0};
    json_t *o = load_object(&r, json, n);
    if (o) {
        w.sequence = (int)get_int(&r, o, "sequence", 0, INT32_MAX);
        w.round = (int)get_int(&r, o, "round", -1, MAX_ROUNDS);
        w.attempt = (int)get_int(&r, o, "attempt", 1, INT32_MAX);
        read_config(&r, o, &w.config);
        w.valid = get_bool(&r, o, "valid");
        read_words(&r, o, "flaws", w.flaws, sizeof w.flaws);
        read_figures(&r, o, &w);
        read_stages(&r, o, &w);
        read_evidence(&r, o, &w);
    }
    json_decref(o);
    if (r.bad)
        return atl_fail(note, r.no_memory ? ATL_NO_MEMORY : ATL_BAD_INPUT, "%s", r.why);
    *ret = w;
    return ATL_OK;
}

/* ---- the head ---- */

static void take_string(reader *r, const json_t *o, const char *key, char **ret)
{
    *ret = strdup(get_string(r, o, key, MAX_STRING)); /* NULL is seen at the end */
}

static void read_provenance(reader *r, const json_t *o, atl_study_head *h)
{
    take_string(r, o, "command", &h->command);
    take_string(r, o, "version", &h->version);
    take_string(r, o, "commit", &h->commit);
    take_string(r, o, "compiler", &h->compiler);
    take_string(r, o, "flags", &h->flags);
    take_string(r, o, "machine", &h->machine);
    take_string(r, o, "cpu_model", &h->cpu_model);
    take_string(r, o, "kernel", &h->kernel);
    take_string(r, o, "isa", &h->isa);
    take_string(r, o, "model_name", &h->model_name);
    take_string(r, o, "model_hash", &h->model_hash);
    take_string(r, o, "prompts_sha256", &h->prompts_sha256);
    if (json_object_get(o, "networks") &&
        !(h->networks = strdup(get_string(r, o, "networks", MAX_NETWORKS)))) {
        blame(r, "no memory for the networks' names");
        r->no_memory = true;
    }
    take_string(r, o, "plan", &h->plan);
    take_string(r, o, "started", &h->started);
}

static bool has_strings(const atl_study_head *h)
{
    bool all = h->command && h->version && h->commit && h->compiler && h->flags && h->machine &&
               h->cpu_model && h->kernel && h->isa && h->model_name && h->model_hash && h->prompts_sha256 &&
               h->plan && h->started && (h->n_warnings == 0 || h->warnings);
    for (int i = 0; i < h->n_warnings && all; i++)
        all = h->warnings[i] != NULL;
    for (int i = 0; i < h->n_seatings && all; i++)
        all = h->seating[i].cpus != NULL;
    return all;
}

static void read_ceilings(reader *r, const json_t *o, atl_study_ceilings *c)
{
    const json_t *from = get_object(r, o, "ceilings");
    if (!from)
        return;
    c->triad_gbps_one = get_number(r, from, "triad_gbps_one");
    c->triad_gbps_all = get_number(r, from, "triad_gbps_all");
    c->latency_ns_idle = get_number(r, from, "latency_ns_idle");
    c->gflops_one = get_number(r, from, "gflops_one");
    c->gflops_all = get_number(r, from, "gflops_all");
    read_string(r, from, "product", c->product, sizeof c->product);
}

static void read_quality(reader *r, const json_t *o, atl_study_head *h)
{
    const json_t *list = get_array(r, o, "quality", ATL_STUDY_MAX_POLICIES);
    h->n_quality = (int)json_array_size(list);
    for (int i = 0; i < h->n_quality; i++) {
        const json_t *from = json_array_get(list, (size_t)i);
        atl_study_quality *q = &h->quality[i];
        read_string(r, from, "policy", q->policy, sizeof q->policy);
        q->n_pictures = (int)get_int(r, from, "pictures", 0, INT32_MAX);
        q->psnr_db = get_number(r, from, "psnr_db");
        q->ssim = get_number(r, from, "ssim");
        q->entropy_bits = get_number(r, from, "entropy_bits");
        q->largest_difference = get_number(r, from, "largest_difference");
    }
}

static void read_seatings(reader *r, const json_t *o, atl_study_head *h)
{
    const json_t *list =
        json_object_get(o, "seatings") ? get_array(r, o, "seatings", ATL_STUDY_MAX_SEATINGS) : NULL;
    if (json_object_get(o, "core_map"))
        take_string(r, o, "core_map", &h->cores);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *from = json_array_get(list, i);
        atl_study_seating *s = &h->seating[h->n_seatings++];
        read_string(r, from, "order", s->order, sizeof s->order);
        s->threads = (int)get_int(r, from, "threads", 1, ATL_STUDY_MAX_WORKERS);
        s->planned = get_bool(r, from, "planned");
        take_string(r, from, "cpus", &s->cpus);
    }
}

static void read_warnings(reader *r, const json_t *o, atl_study_head *h)
{
    const json_t *list = get_array(r, o, "warnings", ATL_STUDY_MAX_WARNINGS);
    const size_t n = json_array_size(list);
    h->n_warnings = (int)n;
    h->warnings = n > 0 ? calloc(n, sizeof *h->warnings) : NULL;
    for (size_t i = 0; i < n && h->warnings; i++) {
        const json_t *s = json_array_get(list, i);
        if (!json_is_string(s) || json_string_length(s) > MAX_STRING)
            blame(r, "a warning is no string, or one of more than %u bytes", MAX_STRING);
        h->warnings[i] = strdup(json_is_string(s) ? json_string_value(s) : "");
    }
}

/* A seed has 64 bits, more than JSON's integers here: it is text. */
static uint64_t read_seed(reader *r, const json_t *o)
{
    const char *s = get_string(r, o, "seed", 20);
    char *end;
    errno = 0;
    const unsigned long long seed = strtoull(s, &end, 10);
    if (!r->bad && (*s < '0' || *s > '9' || *end || errno))
        blame(r, "\"seed\" is \"%s\", wanted a whole number from 0 to 2^64 - 1", s);
    return seed;
}

static void read_numbers(reader *r, const json_t *o, atl_study_head *h)
{
    h->n_cores = (int)get_int(r, o, "cores", 0, MAX_CORES);
    h->n_numa_nodes = (int)get_int(r, o, "numa_nodes", 0, MAX_CORES);
    h->quota_cpus = get_number(r, o, "quota_cpus");
    h->memory_gb = get_number(r, o, "memory_gb");
    h->width = (int)get_int(r, o, "width", 0, MAX_DIMENSION);
    h->height = (int)get_int(r, o, "height", 0, MAX_DIMENSION);
    h->n_steps = (int)get_int(r, o, "steps", 0, MAX_STEPS);
    if (json_object_get(o, "unet_calls")) {
        h->n_unet_calls = (int)get_int(r, o, "unet_calls", 0, MAX_STEPS);
    } else { /* records from before had the calls there */
        h->n_unet_calls = h->n_steps;
        h->n_steps = 0;
    }
    h->guidance_scale = get_number(r, o, "guidance_scale");
    h->seed = read_seed(r, o);
    h->rounds = (int)get_int(r, o, "rounds", 0, MAX_ROUNDS);
    h->window_s = get_number(r, o, "window_s");
}

atl_status atl_study_parse_head(const char *json, size_t n, atl_study_head *ret, atl_note *note)
{
    reader r = {0};
    atl_study_head head = {0};
    json_t *o = load_object(&r, json, n);
    if (o) {
        get_int(&r, o, "format", ATL_STUDY_FORMAT, ATL_STUDY_FORMAT);
        read_provenance(&r, o, &head);
        read_numbers(&r, o, &head);
        read_ceilings(&r, o, &head.ceilings);
        read_quality(&r, o, &head);
        read_seatings(&r, o, &head);
        read_warnings(&r, o, &head);
    }
    json_decref(o);
    atl_status st = ATL_OK;
    if (r.bad)
        st = atl_fail(note, r.no_memory ? ATL_NO_MEMORY : ATL_BAD_INPUT, "%s", r.why);
    else if (!has_strings(&head))
        st = atl_fail(note, ATL_NO_MEMORY, "no memory for a study");
    if (st != ATL_OK) {
        atl_study_head_done(&head);
        return st;
    }
    *ret = head;
    return ATL_OK;
}
