/* report_page_private.h - the shell of the reports' pages (report_page.html), which the build turns into
 * bytes: @TITLE@ and @BODY@ are to be filled in. */
#ifndef ATL_RESULTS_REPORT_PAGE_PRIVATE_H
#define ATL_RESULTS_REPORT_PAGE_PRIVATE_H

#include <stddef.h>

#include "base/text.h"

extern const unsigned char atl_report_page[]; /* with a NUL behind it */
extern const size_t atl_report_page_bytes;

/* The page with its title (escaped here) and its body. */
void atl_report_put_page(const char *title, const atl_text *body, atl_text *out);

#endif
