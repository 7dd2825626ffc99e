/* config_parts_fixture.h - one part's config from text, for config_vae_test.c and its neighbours. */
#ifndef ATL_TESTS_CONFIG_PARTS_FIXTURE_H
#define ATL_TESTS_CONFIG_PARTS_FIXTURE_H

#include "unit/engine/model/model_fixture.h"

#include "model/config_json.h"

typedef void (*part_reader)(atl_json *json, void *config);

static FIXTURE_UNUSED atl_status read_text(part_reader read, const char *text, void *config, atl_note *note)
{
    char *copy = strdup(text);
    atl_json json;
    atl_json_open_bytes(&json, "config.json", copy, strlen(copy), note);
    if (json.status == ATL_OK)
        read(&json, config);
    const atl_status st = atl_json_close(&json, NULL);
    free(copy);
    return st;
}

typedef struct refusal {
    const char *text;
    atl_status status;
    const char *phrase;
} refusal;

static FIXTURE_UNUSED void assert_refusals(part_reader read, void *config, const refusal *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        atl_note note = {0};
        const atl_status st = read_text(read, cases[i].text, config, &note);
        if (st != cases[i].status)
            fail_msg("%s: status %d, not %d (%s)", cases[i].text, (int)st, (int)cases[i].status, note.text);
        assert_note(&note, "config.json: ");
        assert_note(&note, cases[i].phrase);
    }
}

#endif
