/* message.c - see message.h and PROTOCOL.md. Each type has its fields in one list for writing and one for
 * reading. */
#include "schemas/message.h"

#include <stdlib.h>
#include <string.h>

#include "job_pack.h"

enum { MAX_STEPS = 100000, MAX_TEXT_BYTES = 4096, MAX_SETTINGS_BYTES = 4 << 20, MAX_PATH_BYTES = 4096 };

void atl_message_done(atl_message *message)
{
    atl_job_done(&message->job);
    atl_job_timings_done(&message->timings);
    free(message->settings);
    free(message->note);
    free(message->isa);
    free(message->policy);
    free(message->binding);
    *message = (atl_message){0};
}

/* ---- parts ---- */

static void pack_lease(msgpack_packer *p, const atl_lease *lease)
{
    atl_pack_bytes(p, lease->run, sizeof lease->run);
    atl_pack_bytes(p, lease->job.bytes, sizeof lease->job.bytes);
    msgpack_pack_uint64(p, lease->index);
    msgpack_pack_uint32(p, lease->attempt);
    msgpack_pack_uint64(p, lease->token);
}

static void unpack_lease(atl_unpack *in, atl_lease *lease)
{
    atl_unpack_bytes(in, "run", lease->run, sizeof lease->run);
    atl_unpack_bytes(in, "job", lease->job.bytes, sizeof lease->job.bytes);
    lease->index = atl_unpack_uint(in, "index", UINT64_MAX);
    lease->attempt = (uint32_t)atl_unpack_uint(in, "attempt", UINT32_MAX);
    lease->token = atl_unpack_uint(in, "token", UINT64_MAX);
}

static void pack_span(msgpack_packer *p, const atl_span *span)
{
    msgpack_pack_int64(p, span->wall_ns);
    msgpack_pack_int64(p, span->cpu_ns);
}

static void unpack_span(atl_unpack *in, const char *place, atl_span *span)
{
    span->wall_ns = atl_unpack_int(in, place, 0, INT64_MAX);
    span->cpu_ns = atl_unpack_int(in, place, 0, INT64_MAX);
}

static void pack_timings(msgpack_packer *p, const atl_job_timings *t)
{
    const atl_span *spans[] = {&t->tokenize,   &t->text_encode, &t->vae_encode,
                               &t->vae_decode, &t->png_encode,  &t->send};
    for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++)
        pack_span(p, spans[i]);
    msgpack_pack_array(p, 2 * (size_t)t->n_unet_steps);
    for (int i = 0; i < t->n_unet_steps; i++)
        pack_span(p, &t->unet_step[i]);
    msgpack_pack_int64(p, t->begun_ns);
    msgpack_pack_int64(p, t->ended_ns);
    msgpack_pack_int64(p, t->waited_ns);
    msgpack_pack_int64(p, t->sent_ns);
    msgpack_pack_uint64(p, t->minor_faults);
    msgpack_pack_uint64(p, t->major_faults);
    msgpack_pack_uint64(p, t->voluntary_switches);
    msgpack_pack_uint64(p, t->involuntary_switches);
    msgpack_pack_uint64(p, t->peak_rss_bytes);
    msgpack_pack_int(p, t->batch_size);
}

static int64_t positive(const msgpack_object *o, bool *ok)
{
    *ok = *ok && o->type == MSGPACK_OBJECT_POSITIVE_INTEGER && o->via.u64 <= INT64_MAX;
    return *ok ? (int64_t)o->via.u64 : 0;
}

static void unpack_steps(atl_unpack *in, atl_job_timings *t)
{
    const msgpack_object *at = NULL;
    const size_t n = atl_unpack_array(in, "unet_step", 2 * (size_t)MAX_STEPS, &at) / 2;
    t->unet_step = n > 0 ? calloc(n, sizeof *t->unet_step) : NULL;
    if (n > 0 && !t->unet_step)
        in->status = atl_fail(in->note, ATL_NO_MEMORY, "message: no memory for %zu steps", n);
    bool ok = true;
    for (size_t i = 0; t->unet_step && i < n; i++) {
        t->unet_step[i].wall_ns = positive(&at[2 * i], &ok);
        t->unet_step[i].cpu_ns = positive(&at[2 * i + 1], &ok);
    }
    if (!ok && in->status == ATL_OK)
        in->status = atl_fail(in->note, ATL_BAD_INPUT, "message: unet_step: wanted times in ns");
    t->n_unet_steps = t->unet_step ? (int)n : 0;
}

static void unpack_timings(atl_unpack *in, atl_job_timings *t)
{
    unpack_span(in, "tokenize", &t->tokenize);
    unpack_span(in, "text_encode", &t->text_encode);
    unpack_span(in, "vae_encode", &t->vae_encode);
    unpack_span(in, "vae_decode", &t->vae_decode);
    unpack_span(in, "png_encode", &t->png_encode);
    unpack_span(in, "send", &t->send);
    unpack_steps(in, t);
    t->begun_ns = atl_unpack_int(in, "begun_ns", 0, INT64_MAX);
    t->ended_ns = atl_unpack_int(in, "ended_ns", 0, INT64_MAX);
    t->waited_ns = atl_unpack_int(in, "waited_ns", 0, INT64_MAX);
    t->sent_ns = atl_unpack_int(in, "sent_ns", 0, INT64_MAX);
    t->minor_faults = atl_unpack_uint(in, "minor_faults", UINT64_MAX);
    t->major_faults = atl_unpack_uint(in, "major_faults", UINT64_MAX);
    t->voluntary_switches = atl_unpack_uint(in, "voluntary_switches", UINT64_MAX);
    t->involuntary_switches = atl_unpack_uint(in, "involuntary_switches", UINT64_MAX);
    t->peak_rss_bytes = atl_unpack_uint(in, "peak_rss_bytes", UINT64_MAX);
    t->batch_size = (int)atl_unpack_int(in, "batch_size", 1, 1 << 16);
}

/* ---- messages: pack(p, m) and unpack(in, m) of each type, and how many fields there are ---- */

static void pack_hello(msgpack_packer *p, const atl_message *m)
{
    atl_pack_bytes(p, m->lease.run, sizeof m->lease.run);
    msgpack_pack_int64(p, m->pid);
}

static void unpack_hello(atl_unpack *in, atl_message *m)
{
    atl_unpack_bytes(in, "run", m->lease.run, sizeof m->lease.run);
    m->pid = atl_unpack_int(in, "pid", 1, INT64_MAX);
}

static void pack_ready(msgpack_packer *p, const atl_message *m)
{
    atl_pack_string(p, m->isa);
    atl_pack_string(p, m->policy);
    atl_pack_string(p, m->binding);
    atl_pack_string(p, m->note);
    msgpack_pack_uint64(p, m->packed_bytes);
    msgpack_pack_uint64(p, m->pss_bytes);
}

static void unpack_ready(atl_unpack *in, atl_message *m)
{
    m->isa = atl_unpack_string(in, "isa", MAX_TEXT_BYTES);
    m->policy = atl_unpack_string(in, "policy", MAX_TEXT_BYTES);
    m->binding = atl_unpack_string(in, "binding", MAX_TEXT_BYTES);
    m->note = atl_unpack_string(in, "note", MAX_TEXT_BYTES);
    m->packed_bytes = atl_unpack_uint(in, "packed_bytes", UINT64_MAX);
    m->pss_bytes = atl_unpack_uint(in, "pss_bytes", UINT64_MAX);
}

static void pack_leased(msgpack_packer *p, const atl_message *m)
{
    pack_lease(p, &m->lease);
}

static void unpack_leased(atl_unpack *in, atl_message *m)
{
    unpack_lease(in, &m->lease);
}

static void pack_beat(msgpack_packer *p, const atl_message *m)
{
    pack_lease(p, &m->lease);
    msgpack_pack_int(p, m->step);
    msgpack_pack_int(p, m->n_steps);
}

static void unpack_beat(atl_unpack *in, atl_message *m)
{
    unpack_lease(in, &m->lease);
    m->step = (int)atl_unpack_int(in, "step", 0, MAX_STEPS);
    m->n_steps = (int)atl_unpack_int(in, "n_steps", 0, MAX_STEPS);
}

static void pack_result(msgpack_packer *p, const atl_message *m)
{
    pack_lease(p, &m->lease);
    atl_pack_bytes(p, m->pixel_digest, sizeof m->pixel_digest);
    msgpack_pack_int(p, m->width);
    msgpack_pack_int(p, m->height);
    msgpack_pack_uint64(p, m->png_bytes);
    atl_pack_string(p, m->settings);
    pack_timings(p, &m->timings);
}

static void unpack_result(atl_unpack *in, atl_message *m)
{
    unpack_lease(in, &m->lease);
    atl_unpack_bytes(in, "pixel_digest", m->pixel_digest, sizeof m->pixel_digest);
    m->width = (int)atl_unpack_int(in, "width", 1, 1 << 20);
    m->height = (int)atl_unpack_int(in, "height", 1, 1 << 20);
    m->png_bytes = atl_unpack_uint(in, "png_bytes", ATL_MAX_FRAME_BYTES);
    m->settings = atl_unpack_string(in, "settings", MAX_SETTINGS_BYTES);
    unpack_timings(in, &m->timings);
}

static void pack_unable(msgpack_packer *p, const atl_message *m)
{
    msgpack_pack_int(p, (int)m->status);
    atl_pack_string(p, m->note);
}

static void unpack_unable(atl_unpack *in, atl_message *m)
{
    m->status = (atl_status)atl_unpack_int(in, "status", ATL_USAGE, ATL_CANCELLED);
    m->note = atl_unpack_string(in, "note", MAX_TEXT_BYTES);
}

static void pack_failed(msgpack_packer *p, const atl_message *m)
{
    pack_lease(p, &m->lease);
    pack_unable(p, m);
}

static void unpack_failed(atl_unpack *in, atl_message *m)
{
    unpack_lease(in, &m->lease);
    unpack_unable(in, m);
}

static void pack_job(msgpack_packer *p, const atl_message *m)
{
    pack_lease(p, &m->lease);
    atl_job_pack_content(p, &m->job);
    atl_job_pack_savings(p, &m->job);
    atl_pack_string(p, m->job.init_image);
    atl_pack_string(p, m->job.name);
}

static void unpack_job(atl_unpack *in, atl_message *m)
{
    unpack_lease(in, &m->lease);
    atl_job_unpack_content(in, &m->job);
    atl_job_unpack_savings(in, &m->job);
    m->job.init_image = atl_unpack_string(in, "init_image", MAX_PATH_BYTES);
    m->job.name = atl_unpack_string(in, "name", MAX_PATH_BYTES);
    m->job.index = m->lease.index;
    m->job.id = m->lease.job;
}

static void pack_nothing(msgpack_packer *p, const atl_message *m)
{
    (void)p;
    (void)m;
}

static void unpack_nothing(atl_unpack *in, atl_message *m)
{
    (void)in;
    (void)m;
}

enum { LEASE_FIELDS = 5, TIMINGS_FIELDS = 23, JOB_FIELDS = 19 };

typedef struct schema {
    size_t n_fields;
    void (*pack)(msgpack_packer *p, const atl_message *m);
    void (*unpack)(atl_unpack *in, atl_message *m);
} schema;

static const schema schemas[ATL_N_MESSAGE_TYPES] = {
    [ATL_MSG_HELLO] = {2, pack_hello, unpack_hello},
    [ATL_MSG_READY] = {6, pack_ready, unpack_ready},
    [ATL_MSG_ALIVE] = {0, pack_nothing, unpack_nothing},
    [ATL_MSG_STARTED] = {LEASE_FIELDS, pack_leased, unpack_leased},
    [ATL_MSG_BEAT] = {LEASE_FIELDS + 2, pack_beat, unpack_beat},
    [ATL_MSG_RESULT] = {LEASE_FIELDS + 5 + TIMINGS_FIELDS, pack_result, unpack_result},
    [ATL_MSG_FAILED] = {LEASE_FIELDS + 2, pack_failed, unpack_failed},
    [ATL_MSG_UNABLE] = {2, pack_unable, unpack_unable},
    [ATL_MSG_BYE] = {0, pack_nothing, unpack_nothing},
    [ATL_MSG_JOB] = {LEASE_FIELDS + JOB_FIELDS, pack_job, unpack_job},
    [ATL_MSG_DRAIN] = {0, pack_nothing, unpack_nothing},
    [ATL_MSG_STOP] = {0, pack_nothing, unpack_nothing},
    [ATL_MSG_RECALL] = {LEASE_FIELDS, pack_leased, unpack_leased},
    [ATL_MSG_RETURNED] = {LEASE_FIELDS, pack_leased, unpack_leased},
};

atl_status atl_message_encode(const atl_message *message, atl_text *out, atl_note *note)
{
    msgpack_packer packer;
    msgpack_packer_init(&packer, out, atl_pack_write);
    msgpack_pack_array(&packer, 3 + schemas[message->type].n_fields);
    msgpack_pack_int(&packer, ATL_PROTOCOL_VERSION);
    msgpack_pack_int(&packer, (int)message->type);
    msgpack_pack_uint32(&packer, message->worker);
    schemas[message->type].pack(&packer, message);
    return out->failed ? atl_fail(note, ATL_NO_MEMORY, "no memory for a message") : ATL_OK;
}

atl_status atl_message_decode(const void *bytes, size_t n_bytes, atl_message *ret, atl_note *note)
{
    atl_unpack in;
    atl_message message = {0};
    atl_unpack_open(&in, bytes, n_bytes, note);
    atl_unpack_int(&in, "version", ATL_PROTOCOL_VERSION, ATL_PROTOCOL_VERSION);
    message.type = (atl_message_type)atl_unpack_int(&in, "type", 0, ATL_N_MESSAGE_TYPES - 1);
    message.worker = (uint32_t)atl_unpack_uint(&in, "worker", UINT32_MAX);
    if (in.status == ATL_OK)
        schemas[message.type].unpack(&in, &message);
    atl_unpack_end(&in);
    const atl_status st = in.status;
    atl_unpack_close(&in);
    if (st == ATL_OK)
        *ret = message;
    else
        atl_message_done(&message);
    return st;
}
