/* json_text.h - strings as JSON, in a text that is being written. */
#ifndef ATL_RESULTS_JSON_TEXT_H
#define ATL_RESULTS_JSON_TEXT_H

#include "base/text.h"

/* Appends the UTF-8 string in quotes. What could end a <script> element ("<") is escaped too, so that the
 * result may stand in a page. Bytes that are not UTF-8 become U+FFFD. */
void atl_json_put_string(atl_text *out, const char *string);

#endif
