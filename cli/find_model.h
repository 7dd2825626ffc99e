/* find_model.h - the model that is painted with when nobody names one. */
#ifndef ATL_CLI_FIND_MODEL_H
#define ATL_CLI_FIND_MODEL_H

#include "base/status.h"

/* One rule: of the directories in <folder of the program>/../share/atelier/models that hold a
 * model_index.json, the one named "default"; otherwise the first by name that does not end in "-fast";
 * otherwise the first. (A build tree has a link of that name to the sources' models/.) *ret_path is to be
 * freed. Errors: ATL_NOT_FOUND (none; the note says where it was looked for), ATL_IO, ATL_NO_MEMORY. */
atl_status find_model(char **ret_path, atl_note *note);

#endif
