/* report_text.h - what tests of a study's report share: its lines for a terminal, once all of its forms were
 * written and looked through for figures that are none. */
#ifndef ATL_TESTS_RESULTS_REPORT_TEXT_H
#define ATL_TESTS_RESULTS_REPORT_TEXT_H

#include <stdlib.h>
#include <unistd.h>

#include "report/fixture.h"
#include "unit/results/forms.h"

/* No figure that is none, as a word of its own. */
static inline void assert_no_word(const char *text, const char *word)
{
    for (const char *at = text; (at = strstr(at, word)) != NULL; at++) {
        const char before = at > text ? at[-1] : ' ', after = at[strlen(word)];
        const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-";
        if (!strchr(letters, before) && !(after && strchr(letters, after)))
            fail_msg("found '%s' at: %.40s", word, at > text + 20 ? at - 20 : text);
    }
}

/* Writes the report of what is left of the fixture, into the directory `room`, and returns the lines for a
 * terminal; free() them. */
static inline char *text_of(fixture *f, const char *room)
{
    static const char *const forms[] = {"report.html", "report.md", "report.csv", "report.json",
                                        "evidence.csv"};
    const int dir = room_open(room);
    atl_text text = {0};
    assert_int_equal(atl_study_report_write(dir, &f->study, NULL), ATL_OK);
    atl_study_put_text(&f->study, &text);
    assert_false(text.failed);
    assert_no_word(text.data, "nan");
    assert_no_word(text.data, "inf");
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        char *form;
        read_form(dir, forms[i], &form);
        assert_no_word(form, "nan");
        assert_no_word(form, "inf");
        free(form);
    }
    close(dir);
    return text.data;
}

#endif
