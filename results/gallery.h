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
#include "results/ledger.h"
#include "results/row.h"

#define ATL_GALLERY_NAME         "index.html"
#define ATL_GALLERY_MAX_PICTURES 20000 /* on one page */

/* Writes the page of the pictures from the job `first` on from the ledger in the directory. Errors:
 * ATL_NOT_FOUND (no ledger), ATL_IO, ATL_NO_MEMORY. */
atl_status atl_gallery_write(int dir_fd, uint64_t first, atl_note *note);

/* The same for who visits the ledger's last words (results/history.h) himself: begin; take each, with its
 * figures as atl_row_glance read them, or NULL where it could not; finish, which puts the page in place.
 * Errors: as above; then it is to be closed. */
typedef struct atl_gallery atl_gallery;
atl_status atl_gallery_begin(int dir_fd, uint64_t first, atl_gallery **ret, atl_note *note);
atl_status atl_gallery_take(atl_gallery *gallery, const atl_record *record, const atl_row *row,
                            atl_note *note);
atl_status atl_gallery_finish(atl_gallery *gallery, atl_note *note);
void atl_gallery_close(atl_gallery **gallery); /* accepts NULL inside; a page that was not finished goes */

#endif
