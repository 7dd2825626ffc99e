/* mistakes.c - see mistakes.h. */
#include "mistakes.h"

void atl_mistakes_begin(atl_mistakes *mistakes)
{
    mistakes->n = 0;
    mistakes->status = ATL_OK;
    mistakes->first = (atl_note){0};
}

void atl_mistakes_add(atl_mistakes *mistakes, atl_status status, const atl_note *note)
{
    if (++mistakes->n == 1) {
        mistakes->status = status;
        mistakes->first = *note;
        return;
    }
    if (mistakes->n == 2)
        mistakes->tell(mistakes->user, mistakes->first.text);
    if (mistakes->n <= ATL_BATCH_MAX_MISTAKES)
        mistakes->tell(mistakes->user, note->text);
}

atl_status atl_mistakes_conclude(atl_mistakes *mistakes, atl_status ended, const char *name, atl_note *note)
{
    const unsigned long long n = mistakes->n;
    if (ended != ATL_OK) {
        if (n == 1)
            mistakes->tell(mistakes->user, mistakes->first.text);
        return ended;
    }
    if (n == 0)
        return ATL_OK;
    if (n == 1)
        return atl_fail(note, mistakes->status, "%s", mistakes->first.text);
    if (n <= ATL_BATCH_MAX_MISTAKES)
        return atl_fail(note, mistakes->status, "%s: %llu lines have mistakes; wanted none", name, n);
    return atl_fail(note, mistakes->status, "%s: and %llu more: %llu lines have mistakes; wanted none", name,
                    n - ATL_BATCH_MAX_MISTAKES, n);
}
