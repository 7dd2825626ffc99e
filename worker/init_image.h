/* init_image.h - the picture that a job begins from. Private to the room. */
#ifndef ATL_WORKER_INIT_IMAGE_H
#define ATL_WORKER_INIT_IMAGE_H

#include "task.h"

/* Reads the job's init image, sees that it is still the file that was planned with, and brings it to the
 * job's size; where the job says none, to its own, cut down to multiples of vae_factor. Nothing is done
 * without one. Errors: ATL_BAD_INPUT (not a PNG; changed meanwhile), ATL_NOT_FOUND, ATL_IO, ATL_NO_MEMORY. */
atl_status atl_task_load_init(atl_task *task, int vae_factor, atl_note *note);

#endif
