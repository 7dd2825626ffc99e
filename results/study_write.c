/* study_write.c - a study's records as JSON text. Numbers have 17 digits: what is read is what was measured.
 */
#include <math.h>

#include "results/json_text.h"
#include "study_private.h"

/* What writes an object: a comma before each key but the first. */
typedef struct object {
    atl_text *out;
    bool begun;
} object;

static void put_key(object *o, const char *key)
{
    atl_text_puts(o->out, o->begun ? "," : "{");
    o->begun = true;
    atl_json_put_string(o->out, key);
    atl_text_putc(o->out, ':');
}

static void put_string(object *o, const char *key, const char *value)
{
    put_key(o, key);
    atl_json_put_string(o->out, value ? value : "");
}

void atl_study_put_number(double value, atl_text *out)
{
    if (isfinite(value))
        atl_text_printf(out, "%.17g", value);
    else
        atl_text_puts(out, "null");
}

static void put_number(object *o, const char *key, double value)
{
    put_key(o, key);
    atl_study_put_number(value, o->out);
}

static void put_int(object *o, const char *key, int64_t value)
{
    put_key(o, key);
    atl_text_printf(o->out, "%lld", (long long)value);
}

static void put_bool(object *o, const char *key, bool value)
{
    put_key(o, key);
    atl_text_puts(o->out, value ? "true" : "false");
}

static void put_span(object *o, const char *key, atl_span span)
{
    object inner = {.out = o->out};
    put_key(o, key);
    put_int(&inner, "wall_ns", span.wall_ns);
    put_int(&inner, "cpu_ns", span.cpu_ns);
    atl_text_putc(o->out, '}');
}

/* ---- windows ---- */

static void put_stages(object *o, const atl_study_window *w)
{
    object stages = {.out = o->out};
    put_key(o, "stage");
    for (int i = 0; i < ATL_N_STAGES; i++)
        put_span(&stages, atl_stage_name((atl_stage)i), w->stage[i]);
    atl_text_putc(o->out, '}');
    put_span(o, "unet_step", w->unet_step);
}

static void put_evidence(object *o, const atl_study_window *w)
{
    put_key(o, "evidence");
    atl_text_putc(o->out, '[');
    for (int i = 0; i < w->n_evidence; i++) {
        const atl_evidence *e = &w->evidence[i];
        object inner = {.out = o->out};
        if (i > 0)
            atl_text_putc(o->out, ',');
        put_string(&inner, "name", e->name);
        put_string(&inner, "unit", e->unit);
        put_number(&inner, "value", e->value);
        put_string(&inner, "why", e->why);
        atl_text_putc(o->out, '}');
    }
    atl_text_putc(o->out, ']');
}

static void put_config(object *o, const atl_study_config *c)
{
    put_string(o, "policy", c->policy);
    put_string(o, "order", c->order);
    put_int(o, "workers", c->workers);
    put_int(o, "threads", c->threads);
    put_int(o, "corunners", c->corunners);
    put_bool(o, "probe", c->probe);
}

void atl_study_put_window(const atl_study_window *w, atl_text *out)
{
    object o = {.out = out};
    put_int(&o, "sequence", w->sequence);
    put_int(&o, "round", w->round);
    put_int(&o, "attempt", w->attempt);
    put_config(&o, &w->config);
    put_bool(&o, "valid", w->valid);
    put_string(&o, "flaws", w->flaws);
    put_number(&o, "begun_s", w->begun_s);
    put_number(&o, "length_s", w->length_s);
    put_int(&o, "begun_ns", w->begun_ns);
    put_number(&o, "images", w->images);
    put_number(&o, "images_per_hour", w->images_per_hour);
    put_int(&o, "jobs", w->n_jobs);
    put_stages(&o, w);
    put_number(&o, "job_ms_p50", w->job_ms_p50);
    put_number(&o, "job_ms_p90", w->job_ms_p90);
    put_number(&o, "job_ms_p99", w->job_ms_p99);
    put_number(&o, "cpu_share", w->cpu_share);
    put_number(&o, "pss_mb", w->pss_mb);
    put_number(&o, "worker_pss_mb", w->worker_pss_mb);
    put_int(&o, "alive", w->n_alive);
    put_number(&o, "probe_gbps", w->probe_gbps);
    put_number(&o, "probe_ns", w->probe_ns);
    put_bool(&o, "same_pixels", w->same_pixels);
    put_evidence(&o, w);
    atl_text_putc(out, '}');
}

/* ---- the head ---- */

static void put_ceilings(object *o, const atl_study_ceilings *c)
{
    object inner = {.out = o->out};
    put_key(o, "ceilings");
    put_number(&inner, "triad_gbps_one", c->triad_gbps_one);
    put_number(&inner, "triad_gbps_all", c->triad_gbps_all);
    put_number(&inner, "latency_ns_idle", c->latency_ns_idle);
    put_number(&inner, "gflops_one", c->gflops_one);
    put_number(&inner, "gflops_all", c->gflops_all);
    put_string(&inner, "product", c->product);
    atl_text_putc(o->out, '}');
}

static void put_quality(object *o, const atl_study_head *head)
{
    put_key(o, "quality");
    atl_text_putc(o->out, '[');
    for (int i = 0; i < head->n_quality; i++) {
        const atl_study_quality *q = &head->quality[i];
        object inner = {.out = o->out};
        if (i > 0)
            atl_text_putc(o->out, ',');
        put_string(&inner, "policy", q->policy);
        put_int(&inner, "pictures", q->n_pictures);
        put_number(&inner, "psnr_db", q->psnr_db);
        put_number(&inner, "ssim", q->ssim);
        put_number(&inner, "entropy_bits", q->entropy_bits);
        put_number(&inner, "largest_difference", q->largest_difference);
        atl_text_putc(o->out, '}');
    }
    atl_text_putc(o->out, ']');
}

static void put_seatings(object *o, const atl_study_head *head)
{
    put_string(o, "core_map", head->cores);
    put_key(o, "seatings");
    atl_text_putc(o->out, '[');
    for (int i = 0; i < head->n_seatings; i++) {
        const atl_study_seating *s = &head->seating[i];
        object inner = {.out = o->out};
        if (i > 0)
            atl_text_putc(o->out, ',');
        put_string(&inner, "order", s->order);
        put_int(&inner, "threads", s->threads);
        put_bool(&inner, "planned", s->planned);
        put_string(&inner, "cpus", s->cpus);
        atl_text_putc(o->out, '}');
    }
    atl_text_putc(o->out, ']');
}

static void put_warnings(object *o, const atl_study_head *head)
{
    put_key(o, "warnings");
    atl_text_putc(o->out, '[');
    for (int i = 0; i < head->n_warnings; i++) {
        if (i > 0)
            atl_text_putc(o->out, ',');
        atl_json_put_string(o->out, head->warnings[i]);
    }
    atl_text_putc(o->out, ']');
}

static void put_provenance(object *o, const atl_study_head *head)
{
    put_string(o, "command", head->command);
    put_string(o, "version", head->version);
    put_string(o, "commit", head->commit);
    put_string(o, "compiler", head->compiler);
    put_string(o, "flags", head->flags);
    put_string(o, "machine", head->machine);
    put_string(o, "cpu_model", head->cpu_model);
    put_string(o, "kernel", head->kernel);
    put_string(o, "isa", head->isa);
    put_string(o, "model_name", head->model_name);
    put_string(o, "model_hash", head->model_hash);
    put_string(o, "prompts_sha256", head->prompts_sha256);
    if (head->networks)
        put_string(o, "networks", head->networks);
    put_string(o, "plan", head->plan);
    put_string(o, "started", head->started);
}

void atl_study_put_head(const atl_study_head *head, atl_text *out)
{
    object o = {.out = out};
    put_int(&o, "format", ATL_STUDY_FORMAT);
    put_provenance(&o, head);
    put_int(&o, "cores", head->n_cores);
    put_int(&o, "numa_nodes", head->n_numa_nodes);
    put_number(&o, "quota_cpus", head->quota_cpus);
    put_number(&o, "memory_gb", head->memory_gb);
    put_int(&o, "width", head->width);
    put_int(&o, "height", head->height);
    put_int(&o, "steps", head->n_steps);
    put_int(&o, "unet_calls", head->n_unet_calls);
    put_number(&o, "guidance_scale", head->guidance_scale);
    put_key(&o, "seed"); /* as text: it has all 64 bits */
    atl_text_printf(out, "\"%llu\"", (unsigned long long)head->seed);
    put_int(&o, "rounds", head->rounds);
    put_number(&o, "window_s", head->window_s);
    put_ceilings(&o, &head->ceilings);
    put_quality(&o, head);
    put_seatings(&o, head);
    put_warnings(&o, head);
    atl_text_putc(out, '}');
}
