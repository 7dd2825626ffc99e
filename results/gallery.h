/* gallery.h - index.html: all pictures of a run on one page that needs no network.
 *
 * One file beside the pictures: contact sheet, filter, settings to copy, timings, the workers' timeline. What
 * it shows stands in the page as JSON; how it shows it is gallery.html. A page holds so many pictures as a
 * browser filters at once (26 MB of it); of a larger run the first, by their place in the batch, and where
 * the others are is said on it: any other stretch can be asked for. */
#ifndef ATL_RESULTS_GALLERY_H
#define ATL_RESULTS_GALLERY_H

#include <stdint.h>

#include "base/status.h"

#define ATL_GALLERY_NAME         "index.html"
#define ATL_GALLERY_MAX_PICTURES 20000 /* on one page */

/* Writes the page of the pictures from the job `first` on from the ledger in the directory. Errors:
 * ATL_NOT_FOUND (no ledger), ATL_IO, ATL_NO_MEMORY. */
atl_status atl_gallery_write(int dir_fd, uint64_t first, atl_note *note);

#endif
