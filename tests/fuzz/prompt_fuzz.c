/* prompt_fuzz.c - the prompt grammar on any bytes: switches, then the weights of every prompt they make.
 *
 * The first byte chooses the number of steps, the rest is the prompt. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "text/prompt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
    if (!holds)
        abort();
}

/* Neighbours differ in weight or one is a BREAK; texts are UTF-8; weights are numbers. */
static void check_pieces(const char *prompt, size_t n_bytes)
{
    atl_note note = {0};
    atl_pieces pieces = {0};
    if (atl_pieces_parse(prompt, n_bytes, &pieces, &note) != ATL_OK) {
        demand(note.text[0] != '\0' && pieces.at == NULL);
        return;
    }
    demand(pieces.n > 0);
    for (size_t i = 0; i < pieces.n; i++) {
        const atl_piece *piece = &pieces.at[i];
        demand(atl_utf8_first_bad(piece->text, piece->n_bytes) == piece->n_bytes);
        demand(piece->text[piece->n_bytes] == '\0' && isfinite(piece->weight));
    }
    atl_pieces_done(&pieces);
}

/* Stretches grow, end at the last step, and differ from their neighbours. */
static void check_schedule(const atl_prompt_schedule *schedule, int n_steps)
{
    int step = 0;
    for (size_t i = 0; i < schedule->n; i++) {
        const atl_stretch *s = &schedule->at[i];
        demand(s->until_step > step && s->prompt[s->n_bytes] == '\0');
        step = s->until_step;
        demand(i == 0 || s->n_bytes != s[-1].n_bytes || memcmp(s->prompt, s[-1].prompt, s->n_bytes) != 0);
        check_pieces(s->prompt, s->n_bytes);
    }
    demand(step == n_steps);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    int n_steps = data[0] % 32 + 1;
    const char *prompt = (const char *)data + 1;
    atl_note note = {0};
    atl_prompt_schedule schedule = {0};
    bool is_utf8 = atl_utf8_first_bad(prompt, size - 1) == size - 1;
    atl_status checked = atl_prompt_check(prompt, size - 1, &note);
    demand(is_utf8 ? checked == ATL_OK || checked == ATL_UNSUPPORTED : checked == ATL_BAD_INPUT);
    atl_status st = atl_prompt_schedule_parse(prompt, size - 1, n_steps, &schedule, &note);
    demand(st == (is_utf8 ? ATL_OK : ATL_BAD_INPUT));
    if (st == ATL_OK)
        check_schedule(&schedule, n_steps);
    atl_prompt_schedule_done(&schedule);
    return 0;
}
