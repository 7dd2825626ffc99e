/* message_fuzz.c - any bytes as a message: refused with words, or read, and then written and read again to
 * the same bytes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    atl_message message, again;
    atl_note note = {0};
    const atl_status st = atl_message_decode(data, size, &message, &note);
    if (st != ATL_OK) {
        demand(st == ATL_BAD_INPUT && note.text[0] != '\0');
        return 0;
    }
    atl_text once = {0}, twice = {0};
    demand(atl_message_encode(&message, &once, NULL) == ATL_OK);
    demand(atl_message_decode(once.data, once.length, &again, NULL) == ATL_OK);
    demand(atl_message_encode(&again, &twice, NULL) == ATL_OK);
    demand(once.length == twice.length && memcmp(once.data, twice.data, once.length) == 0);
    atl_message_done(&message);
    atl_message_done(&again);
    atl_text_done(&once);
    atl_text_done(&twice);
    return 0;
}
