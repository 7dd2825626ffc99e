/* inspect_report.h - what inspection found, before it is put into words; private to model/. */
#ifndef ATL_MODEL_INSPECT_REPORT_H
#define ATL_MODEL_INSPECT_REPORT_H

#include "base/text.h"
#include "model/weights.h"

/* Lines, a list a kind. */
typedef struct atl_report_lines {
    char **at;
    size_t n, capacity;
} atl_report_lines;

typedef struct atl_component_report {
    bool present;
    size_t n_tensors, n_elements, n_bytes; /* of what is loaded */
    size_t n_of_type[ATL_ST_F8_E5M2 + 1];  /* tensors by their type */
} atl_component_report;

typedef struct atl_report {
    const char *path;
    bool has_config;
    atl_model_config config;
    char family[96];
    atl_component_report component[ATL_N_COMPONENTS];
    size_t packed_bytes; /* in memory at fp32 */
    atl_report_lines faults, notes;
    bool out_of_memory;
} atl_report;

/* "Stable Diffusion 1.x" and the like, for people. */
const char *atl_family_words(const atl_model_config *config);
void atl_report_print(const atl_report *report, atl_text *out);
void atl_report_print_json(const atl_report *report, atl_text *out);

#endif
