/* json_depth.c - see json_depth.h. */
#include "model/json_depth.h"

bool atl_json_nests_deeper(const char *text, size_t n, int most)
{
    int depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < n; i++) {
        const char c = text[i];
        if (in_string && c == '\\')
            i++;
        else if (c == '"')
            in_string = !in_string;
        else if (!in_string && (c == '{' || c == '['))
            depth++;
        else if (!in_string && (c == '}' || c == ']'))
            depth--;
        if (depth > most)
            return true;
    }
    return false;
}
