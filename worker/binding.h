/* binding.h - compute threads on their hardware threads, and what was got. Private to the room.
 *
 * The only file of the room that knows hwloc. A wish that the system refuses is a sentence in the note, never
 * a failure: the worker then runs where the system puts it. */
#ifndef ATL_WORKER_BINDING_H
#define ATL_WORKER_BINDING_H

#include <stddef.h>

#include "base/text.h"

typedef struct atl_binding atl_binding;

/* Before any other thread is there: the process's threads inherit what is set here. One PU: the whole process
 * is bound to it, strictly. Several: the process is bound to all of them, and atl_binding_take then binds
 * each compute thread to its own. `pus` NULL: nothing is bound. NULL when hwloc or memory refuse. */
atl_binding *atl_binding_open(const int *pus, int n_threads);
void atl_binding_close(atl_binding **binding);

/* In compute thread `thread` (an atl_engine_options' thread_hook): binds it and reads the binding back. */
void atl_binding_take(void *binding, int thread);

/* Appends the PUs that the compute threads got, as a list ("0-3"); and sentences about what was refused.
 * After all of them called atl_binding_take. */
void atl_binding_report(const atl_binding *binding, atl_text *ret_list, atl_text *ret_note);

#endif
