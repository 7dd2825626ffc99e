/* report.c - report.html, report.md, report.csv and report.json of a study: the same figures four times, and
 * evidence.csv, what the machine told beside them. */
#include "base/sizes.h"
#include "report_private.h"
#include "results/dir_file.h"

static atl_status write_form(int dir_fd, const char *name, atl_text *text, atl_note *note)
{
    atl_status st = ATL_OK;
    if (text->failed)
        st = atl_fail(note, ATL_NO_MEMORY, "no memory for %s", name);
    else
        st = atl_dir_file_write(dir_fd, name, text->data, text->length, note);
    atl_text_done(text);
    return st;
}

atl_status atl_study_report_write(int dir_fd, const atl_study *study, atl_note *note)
{
    static const struct {
        const char *name;
        void (*put)(const report *r, atl_text *out);
    } forms[] = {
        {"report.json", atl_report_put_json},
        {"report.csv", atl_report_put_csv},
        {"evidence.csv", atl_report_put_evidence_csv},
        {"report.md", atl_report_put_markdown},
    };
    report r;
    atl_status st = atl_study_report_work_out(study, &r, note);
    if (st != ATL_OK)
        return st;
    for (size_t i = 0; i < ATL_COUNT(forms) && st == ATL_OK; i++) {
        atl_text text = {0};
        forms[i].put(&r, &text);
        st = write_form(dir_fd, forms[i].name, &text, note);
    }
    if (st == ATL_OK) {
        atl_text text = {0};
        atl_report_put_html(&r, dir_fd, &text);
        st = write_form(dir_fd, "report.html", &text, note);
    }
    atl_study_report_done(&r);
    return st;
}

void atl_study_put_text(const atl_study *study, atl_text *out)
{
    report r;
    if (atl_study_report_work_out(study, &r, NULL) != ATL_OK) {
        out->failed = true;
        return;
    }
    atl_report_put_text(&r, out);
    atl_study_report_done(&r);
}
