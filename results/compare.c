/* compare.c - report.html, report.md, report.csv and report.json of a comparison. */
#include "base/sizes.h"
#include "compare_private.h"
#include "results/dir_file.h"

atl_status atl_compare_report_write(int dir_fd, const atl_study *study, atl_note *note)
{
    static const struct {
        const char *name;
        void (*put)(const comparison *c, atl_text *out);
    } forms[] = {
        {"report.json", atl_compare_put_json},
        {"report.csv", atl_compare_put_csv},
        {"report.md", atl_compare_put_markdown},
        {"report.html", atl_compare_put_html},
    };
    comparison *c;
    atl_status st = atl_comparison_work_out(dir_fd, study, &c, note);
    if (st != ATL_OK)
        return st;
    for (size_t i = 0; i < ATL_COUNT(forms) && st == ATL_OK; i++) {
        atl_text text = {0};
        forms[i].put(c, &text);
        if (text.failed)
            st = atl_fail(note, ATL_NO_MEMORY, "no memory for %s", forms[i].name);
        else
            st = atl_dir_file_write(dir_fd, forms[i].name, text.data, text.length, note);
        atl_text_done(&text);
    }
    atl_comparison_free(c);
    return st;
}
