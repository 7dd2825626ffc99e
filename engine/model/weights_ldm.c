/* weights_ldm.c - single files with LDM keys. */
#include "model/weights_table.h"

atl_status atl_weights_read_ldm(atl_weights *weights, atl_note *note)
{
    return atl_fail(note, ATL_UNSUPPORTED, "%s: single files are not read yet", weights->path);
}
