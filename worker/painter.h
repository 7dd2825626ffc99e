/* painter.h - the thread that owns the engine. Private to the room. */
#ifndef ATL_WORKER_PAINTER_H
#define ATL_WORKER_PAINTER_H

#include "binding.h"
#include "encoder.h"
#include "worker/worker.h"

typedef struct atl_painter {
    atl_shop *shop;
    const atl_worker_options *options;
    atl_binding *binding;
    atl_encoder *encoder; /* gets the engine's facts */
    atl_engine *engine;
    atl_status status; /* what kept it from starting */
    atl_note note;
} atl_painter;

void *atl_painter_main(void *painter); /* of the thread; until shop->inbox is closed */

#endif
