/* gallery.h - index.html: all pictures of a run on one page that needs no network.
 *
 * One file beside the pictures: contact sheet, filter, settings to copy, timings, the workers' timeline. What
 * it shows stands in the page as JSON; how it shows it is gallery.html. */
#ifndef ATL_RESULTS_GALLERY_H
#define ATL_RESULTS_GALLERY_H

#include "base/status.h"

#define ATL_GALLERY_NAME         "index.html"
#define ATL_GALLERY_MAX_PICTURES 100000 /* the first so many; more than a browser should hold */

/* Writes the page from the ledger in the directory. Errors: ATL_NOT_FOUND (no ledger), ATL_IO, ATL_NO_MEMORY.
 */
atl_status atl_gallery_write(int dir_fd, atl_note *note);

#endif
