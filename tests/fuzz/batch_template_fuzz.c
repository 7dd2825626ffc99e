/* batch_template_fuzz.c - variants in any text: what can be parsed can be drawn, and where all are counted,
 * each of the first hundred can be made. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
    if (!holds)
        abort();
}

static void make_some(atl_template *tree, size_t n_bytes)
{
    atl_text out = {0}, again = {0};
    atl_note note = {0};
    const atl_status st = atl_template_draw(tree, n_bytes, &out, &note);
    demand(st == ATL_OK || st == ATL_BAD_INPUT);
    demand(atl_template_draw(tree, n_bytes, &again, &note) == st && out.length == again.length);
    demand(out.length == 0 || memcmp(out.data, again.data, out.length) == 0);
    const uint64_t n = atl_template_count(tree);
    demand(n > 0);
    for (uint64_t i = 0; n < 1000000 && i < n && i < 100; i++) {
        out.length = 0;
        const atl_status made = atl_template_nth(tree, n - 1 - i, &out, &note);
        demand(made == ATL_OK || made == ATL_BAD_INPUT);
    }
    atl_text_done(&out);
    atl_text_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    demand(text);
    memcpy(text, data, size);
    text[size] = '\0';
    atl_wildcards *none = NULL;
    atl_template *tree = NULL;
    atl_note note = {0};
    demand(atl_wildcards_open(NULL, &none, &note) == ATL_OK);
    if (atl_template_parse(none, text, &tree, &note) == ATL_OK)
        make_some(tree, size);
    else
        demand(note.text[0] != '\0' && !tree);
    atl_template_close(&tree);
    atl_wildcards_close(&none);
    free(text);
    return 0;
}
