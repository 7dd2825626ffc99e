/* job.c - see job.h. */
#include "schemas/job.h"

#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "job_pack.h"

enum { MAX_NAME_BYTES = 4096, MAX_STEPS = 1 << 20, MAX_SIDE = 1 << 20 };

void atl_job_done(atl_job *job)
{
    free(job->prompt);
    free(job->negative_prompt);
    free(job->sampler);
    free(job->init_image);
    free(job->name);
    *job = (atl_job){0};
}

static char *copy_string(const char *string, bool *ok)
{
    char *copy = strdup(string ? string : "");
    *ok = *ok && copy;
    return copy;
}

atl_status atl_job_copy(const atl_job *from, atl_job *ret)
{
    bool ok = true;
    atl_job copy = *from;
    copy.prompt = copy_string(from->prompt, &ok);
    copy.negative_prompt = copy_string(from->negative_prompt, &ok);
    copy.sampler = copy_string(from->sampler, &ok);
    copy.init_image = copy_string(from->init_image, &ok);
    copy.name = copy_string(from->name, &ok);
    if (!ok) {
        atl_job_done(&copy);
        return ATL_NO_MEMORY;
    }
    *ret = copy;
    return ATL_OK;
}

/* "Not said" has one spelling in bytes: any NaN would do for isnan, but not for a digest. */
static double canonical(double value)
{
    return isnan(value) ? (double)NAN : value == 0.0 ? 0.0 : value;
}

void atl_job_pack_content(msgpack_packer *packer, const atl_job *job)
{
    atl_pack_string(packer, job->prompt);
    atl_pack_string(packer, job->negative_prompt);
    msgpack_pack_uint64(packer, job->seed);
    msgpack_pack_int(packer, job->n_steps);
    msgpack_pack_double(packer, canonical(job->guidance_scale));
    msgpack_pack_int(packer, job->width);
    msgpack_pack_int(packer, job->height);
    msgpack_pack_int(packer, job->clip_skip);
    atl_pack_string(packer, job->sampler);
    atl_pack_bytes(packer, job->init_digest, sizeof job->init_digest);
    msgpack_pack_double(packer, canonical(job->strength));
    msgpack_pack_int(packer, (int)job->noise);
    msgpack_pack_uint32(packer, job->repeat);
}

void atl_job_unpack_content(atl_unpack *in, atl_job *job)
{
    job->prompt = atl_unpack_string(in, "prompt", ATL_MAX_PROMPT_BYTES);
    job->negative_prompt = atl_unpack_string(in, "negative_prompt", ATL_MAX_PROMPT_BYTES);
    job->seed = atl_unpack_uint(in, "seed", UINT64_MAX);
    job->n_steps = (int)atl_unpack_int(in, "n_steps", 0, MAX_STEPS);
    job->guidance_scale = atl_unpack_double(in, "guidance_scale");
    job->width = (int)atl_unpack_int(in, "width", 0, MAX_SIDE);
    job->height = (int)atl_unpack_int(in, "height", 0, MAX_SIDE);
    job->clip_skip = (int)atl_unpack_int(in, "clip_skip", 0, 1000);
    job->sampler = atl_unpack_string(in, "sampler", 64);
    atl_unpack_bytes(in, "init_digest", job->init_digest, sizeof job->init_digest);
    job->strength = atl_unpack_double(in, "strength");
    job->noise = (atl_job_noise)atl_unpack_int(in, "noise", ATL_JOB_NOISE_CPU, ATL_JOB_NOISE_CUDA);
    job->repeat = (uint32_t)atl_unpack_uint(in, "repeat", UINT32_MAX);
}

void atl_job_pack_savings(msgpack_packer *packer, const atl_job *job)
{
    const double until = job->guidance_until < 1 ? job->guidance_until : 0; /* to the end, in one spelling */
    msgpack_pack_double(packer, canonical(job->guidance_from));
    msgpack_pack_double(packer, canonical(until));
    msgpack_pack_int(packer, job->deep_cache > 1 ? job->deep_cache : 0);
    msgpack_pack_double(packer, canonical(job->merge_tokens));
}

void atl_job_unpack_savings(atl_unpack *in, atl_job *job)
{
    job->guidance_from = atl_unpack_double(in, "guidance_from");
    job->guidance_until = atl_unpack_double(in, "guidance_until");
    job->deep_cache = (int)atl_unpack_int(in, "deep_cache", 0, MAX_STEPS);
    job->merge_tokens = atl_unpack_double(in, "merge_tokens");
}

static bool saves(const atl_job *job)
{
    return job->guidance_from > 0 || (job->guidance_until > 0 && job->guidance_until < 1) ||
           job->deep_cache > 1 || job->merge_tokens > 0;
}

atl_status atl_job_identify(atl_job *job, atl_note *note)
{
    atl_text text = {0};
    msgpack_packer packer;
    msgpack_packer_init(&packer, &text, atl_pack_write);
    atl_job_pack_content(&packer, job);
    if (saves(job)) /* ids without are what they were before there were savings */
        atl_job_pack_savings(&packer, job);
    atl_status st = ATL_OK;
    if (text.failed) {
        st = atl_fail(note, ATL_NO_MEMORY, "no memory for a job's id");
    } else {
        unsigned char digest[crypto_hash_sha256_BYTES];
        crypto_hash_sha256(digest, (const unsigned char *)text.data, text.length);
        memcpy(job->id.bytes, digest, sizeof job->id.bytes);
    }
    atl_text_done(&text);
    return st;
}

void atl_job_id_hex(const atl_job_id *id, char hex[2 * ATL_JOB_ID_BYTES + 1])
{
    sodium_bin2hex(hex, 2 * ATL_JOB_ID_BYTES + 1, id->bytes, sizeof id->bytes);
}

bool atl_job_id_parse(const char *hex, atl_job_id *ret)
{
    atl_job_id id;
    size_t n = 0;
    const char *end = NULL;
    if (strlen(hex) != 2 * ATL_JOB_ID_BYTES ||
        sodium_hex2bin(id.bytes, sizeof id.bytes, hex, strlen(hex), NULL, &n, &end) != 0 ||
        n != sizeof id.bytes)
        return false;
    *ret = id;
    return true;
}

void atl_job_timings_done(atl_job_timings *timings)
{
    free(timings->unet_step);
    *timings = (atl_job_timings){0};
}
