/* encoder.c - see encoder.h.
 *
 * Digest, texts, PNG and message are made here, while the painter already paints: 15 to 40 ms for a picture
 * of 512 × 512 px. What the file says of its making is what is known when it is made; the time that encoding
 * took goes into the message. A file of some size fills whole blocks of the disk, so that the coordinator
 * writes it as it lies. */
#include "encoder.h"

#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "image/png_file.h"
#include "worker/picture_texts.h"

enum { BLOCK_BYTES = 4096, PADDED_FROM_BYTES = 64 << 10 /* where it is no longer a matter of size */ };

static atl_status encode_png(const atl_encoder *e, const atl_task *task, const atl_picture *picture,
                             const char digest[ATL_DIGEST_TEXT], atl_text *parameters, atl_text *png,
                             atl_note *note)
{
    char job[2 * ATL_JOB_ID_BYTES + 1];
    atl_job_id_hex(&task->job.id, job);
    const atl_picture_texts texts = {
        .prompt = task->job.prompt,
        .negative_prompt = task->job.negative_prompt,
        .noise = task->job.noise == ATL_JOB_NOISE_CUDA ? ATL_NOISE_CUDA : ATL_NOISE_CPU,
        .settings = &task->painting.settings,
        .timings = &task->painting.timings,
        .facts = &e->facts,
        .networks = task->painting.networks,
        .init_digest = task->init_digest[0] ? task->init_digest : NULL,
        .job = job,
        .digest = digest,
    };
    atl_text ours = {0};
    atl_picture_parameters(&texts, parameters);
    atl_picture_json(&texts, &ours);
    atl_status st = ATL_OK;
    if (parameters->failed || ours.failed)
        st = atl_fail(note, ATL_NO_MEMORY, "no memory for the picture's texts");
    if (st == ATL_OK) {
        const atl_png_text pair[] = {{"parameters", parameters->data}, {"atelier", ours.data}};
        st = atl_png_encode(picture, pair, 2, png, note);
    }
    if (st == ATL_OK && png->length >= PADDED_FROM_BYTES)
        atl_png_pad(png, BLOCK_BYTES);
    if (st == ATL_OK && png->failed)
        st = atl_fail(note, ATL_NO_MEMORY, "no memory for a PNG");
    atl_text_done(&ours);
    return st;
}

static void digest_bytes(const char digest[ATL_DIGEST_TEXT], uint8_t ret[32])
{
    size_t n = 0;
    sodium_hex2bin(ret, 32, digest, strlen(digest), NULL, &n, NULL);
}

static atl_status encode(const atl_encoder *e, atl_task *task, atl_note *note)
{
    const int64_t wall_ns = atl_clock_now_ns(), cpu_ns = atl_clock_thread_cpu_ns();
    const atl_rgb *rgb = &task->painting.image;
    const atl_picture picture = {.width = rgb->width, .height = rgb->height, .pixels = rgb->pixels};
    char digest[ATL_DIGEST_TEXT];
    atl_text parameters = {0}, png = {0};
    atl_picture_digest(&picture, digest);
    atl_status st = encode_png(e, task, &picture, digest, &parameters, &png, note);
    if (st == ATL_OK && png.length > ATL_MAX_FRAME_BYTES)
        st = atl_fail(note, ATL_UNSUPPORTED, "the PNG has %zu bytes, at most %u can be sent", png.length,
                      ATL_MAX_FRAME_BYTES);
    if (st == ATL_OK) {
        task->timings.png_encode =
            (atl_span){.wall_ns = atl_clock_now_ns() - wall_ns, .cpu_ns = atl_clock_thread_cpu_ns() - cpu_ns};
        task->timings.sent_ns = atl_clock_now_ns();
        atl_message message = {.type = ATL_MSG_RESULT,
                               .worker = e->shop->number,
                               .lease = task->lease,
                               .width = picture.width,
                               .height = picture.height,
                               .png_bytes = png.length,
                               .settings = parameters.data,
                               .timings = task->timings};
        digest_bytes(digest, message.pixel_digest);
        const bool laid = atl_tray_put(e->shop->tray, task->lease.token, png.data, png.length);
        st = atl_parcel_post(&e->shop->outbox, &message, laid ? NULL : &png, note);
        if (st != ATL_OK && laid)
            atl_tray_withdraw(e->shop->tray, task->lease.token);
    }
    atl_text_done(&parameters);
    atl_text_done(&png);
    return st;
}

void atl_task_report_failed(atl_shop *shop, const atl_task *task, atl_status status, const atl_note *note)
{
    atl_message message = {
        .type = ATL_MSG_FAILED, .worker = shop->number, .lease = task->lease, .status = status};
    message.note = (char *)(uintptr_t)note->text;
    atl_note nobody;
    if (atl_parcel_post(&shop->outbox, &message, NULL, &nobody) != ATL_OK)
        atomic_store(&shop->mute, true);
}

void *atl_encoder_main(void *encoder)
{
    const atl_encoder *e = encoder;
    atl_desk *desk = e->shop->desk;
    atl_link *item;
    atomic_store(&desk->encoder, gettid());
    while ((item = atl_channel_take(&e->shop->painted)) != NULL) {
        atl_task *task = (atl_task *)item;
        atl_note note = {0};
        atl_desk_put(&desk->encoding, &task->lease.token, 1);
        const atl_status st = encode(e, task, &note);
        if (st != ATL_OK)
            atl_task_report_failed(e->shop, task, st, &note);
        atl_desk_put(&desk->encoding, NULL, 0);
        atl_task_free(task);
    }
    return NULL;
}
