/* gallery_page.h - the bytes of gallery.html, as the build makes them; private to the room. */
#ifndef ATL_RESULTS_GALLERY_PAGE_H
#define ATL_RESULTS_GALLERY_PAGE_H

#include <stddef.h>

extern const unsigned char atl_gallery_page[];
extern const size_t atl_gallery_page_bytes;

#endif
