/* json_depth.h - a cap on nesting, before a recursive parser sees the text; private to model/. */
#ifndef ATL_MODEL_JSON_DEPTH_H
#define ATL_MODEL_JSON_DEPTH_H

#include <stdbool.h>
#include <stddef.h>

/* Whether brackets nest deeper than `most`; those within strings do not count. */
bool atl_json_nests_deeper(const char *text, size_t n, int most);

#endif
