/* encoder.h - the thread that turns painted tasks into RESULTs. Private to the room. */
#ifndef ATL_WORKER_ENCODER_H
#define ATL_WORKER_ENCODER_H

#include "task.h"

typedef struct atl_encoder {
    atl_shop *shop;
    atl_engine_facts facts; /* written by the painter before its first task is passed on */
} atl_encoder;

void *atl_encoder_main(void *encoder); /* of the thread; until shop->painted is closed */

/* A FAILED for the task. */
void atl_task_report_failed(atl_shop *shop, const atl_task *task, atl_status status, const atl_note *note);

#endif
