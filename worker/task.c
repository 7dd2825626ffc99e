/* task.c - see task.h. */
#include "task.h"

#include <stdlib.h>

void atl_task_free(atl_task *task)
{
    if (!task)
        return;
    atl_job_done(&task->job);
    atl_picture_done(&task->init);
    atl_painting_done(&task->painting);
    atl_job_timings_done(&task->timings);
    free(task);
}

void atl_parcel_free(atl_parcel *parcel)
{
    if (!parcel)
        return;
    atl_text_done(&parcel->frame);
    atl_text_done(&parcel->picture);
    free(parcel);
}

atl_status atl_parcel_new(const atl_message *message, atl_parcel **ret, atl_note *note)
{
    atl_parcel *parcel = calloc(1, sizeof *parcel);
    if (!parcel)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a message");
    const atl_status st = atl_message_encode(message, &parcel->frame, note);
    if (st != ATL_OK) {
        atl_parcel_free(parcel);
        return st;
    }
    parcel->ends_task = message->type == ATL_MSG_RESULT || message->type == ATL_MSG_FAILED;
    parcel->last = message->type == ATL_MSG_UNABLE;
    parcel->can_wait = message->type == ATL_MSG_STARTED;
    *ret = parcel;
    return ATL_OK;
}

atl_status atl_parcel_post(atl_channel *outbox, const atl_message *message, atl_text *take_picture,
                           atl_note *note)
{
    atl_parcel *parcel = NULL;
    const atl_status st = atl_parcel_new(message, &parcel, note);
    if (st != ATL_OK)
        return st;
    if (take_picture) {
        parcel->picture = *take_picture;
        *take_picture = (atl_text){0};
    }
    atl_channel_push(outbox, &parcel->link);
    return ATL_OK;
}
