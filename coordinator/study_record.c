/* study_record.c - a study's directory: opened once, held against what is asked for, appended to; see
 * study_private.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/file.h"
#include "results/dir_file.h"
#include "study_private.h"

/* How the warning begins that stays with a record. */
static const char several_builds[] = "More than one build measured this:";

static void hold_against(atl_text *words, const char *what, const char *found, const char *wanted)
{
    if (strcmp(found ? found : "", wanted ? wanted : "") != 0)
        atl_text_printf(words, "%s%s: '%s' there, '%s' now", words->length ? "; " : "", what,
                        found ? found : "", wanted ? wanted : "");
}

static void hold_number(atl_text *words, const char *what, double found, double wanted)
{
    if (found != wanted)
        atl_text_printf(words, "%s%s: %g there, %g now", words->length ? "; " : "", what, found, wanted);
}

/* The parts of two lists that differ: of plans, of networks; each is words with ", " between. */
static void hold_lists(atl_text *words, const char *what, const char *found, const char *wanted)
{
    while (*found || *wanted) {
        const char *end_found = strstr(found, ", "), *end_wanted = strstr(wanted, ", ");
        const size_t n = end_found ? (size_t)(end_found - found) : strlen(found);
        const size_t m = end_wanted ? (size_t)(end_wanted - wanted) : strlen(wanted);
        const char *and = words->length ? "; " : "";
        if (m == 0)
            atl_text_printf(words, "%s%s'%.*s' there alone", and, what, (int)n, found);
        else if (n == 0)
            atl_text_printf(words, "%s%s'%.*s' now alone", and, what, (int)m, wanted);
        else if (n != m || memcmp(found, wanted, n) != 0)
            atl_text_printf(words, "%s%s'%.*s' there, '%.*s' now", and, what, (int)n, found, (int)m, wanted);
        found += n + (end_found ? 2 : 0);
        wanted += m + (end_wanted ? 2 : 0);
    }
}

/* What a study that is taken up again must agree in. */
static atl_status compare_heads(const atl_study_head *there, const atl_study_head *now, const char *dir,
                                atl_note *note)
{
    const bool kind =
        (there->window_s > 0) != (now->window_s > 0); /* a comparison's batches have no length */
    atl_text words = {0};
    if (kind)
        atl_text_puts(&words,
                      there->window_s > 0 ? "a study, not a comparison" : "a comparison, not a study");
    hold_against(&words, "model", there->model_hash, now->model_hash);
    if (strcmp(there->prompts_sha256 ? there->prompts_sha256 : "",
               now->prompts_sha256 ? now->prompts_sha256 : "") != 0)
        atl_text_printf(&words, "%sthe prompts or their settings are others", words.length ? "; " : "");
    if (there->networks)
        hold_lists(&words, "network ", there->networks, now->networks ? now->networks : "");
    hold_against(&words, "version", there->version, now->version);
    hold_against(&words, "CPU", there->cpu_model, now->cpu_model);
    if (!kind)
        hold_lists(&words, "", there->plan ? there->plan : "", now->plan ? now->plan : "");
    hold_number(&words, "cores", there->n_cores, now->n_cores);
    atl_status st = words.failed ? ATL_NO_MEMORY : ATL_OK;
    if (words.length && !words.failed)
        st = atl_fail(note, ATL_USAGE,
                      "%s holds another study: %s. Go on with the same command, or name another directory",
                      dir, words.data);
    atl_text_done(&words);
    return st;
}

/* What was measured of the machine before the study's first window, and what the first pictures told: a
 * record that is whole is painted nothing for, and written anew. */
static atl_status take_over(atl_study_head *now, const atl_study_head *there, atl_note *note)
{
    char *isa = strdup(there->isa ? there->isa : ""), *started = strdup(there->started ? there->started : "");
    if (!isa || !started) {
        free(isa);
        free(started);
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a name");
    }
    free(now->isa);
    free(now->started);
    now->isa = isa;
    now->started = started;
    now->ceilings = there->ceilings;
    now->width = there->width;
    now->height = there->height;
    now->n_steps = there->n_steps;
    now->n_unet_calls = there->n_unet_calls;
    atl_status st = ATL_OK;
    for (int i = 0; st == ATL_OK && i < there->n_seatings; i++)
        st = atl_study_head_seat(now, &there->seating[i], note);
    return st;
}

/* What built the program. */
static void find_build(atl_study_head *head, char **ret[ATL_STUDY_BUILD])
{
    ret[0] = &head->commit;
    ret[1] = &head->compiler;
    ret[2] = &head->flags;
}

/* The head keeps the build that measured what is there until this one measures, too. */
static atl_status take_over_build(atl_studier *s, atl_note *note)
{
    char **now[ATL_STUDY_BUILD], **there[ATL_STUDY_BUILD];
    atl_status st = ATL_OK;
    find_build(s->options->head, now);
    find_build(&s->study.head, there);
    for (int i = 0; st == ATL_OK && s->study.n_windows > 0 && i < ATL_STUDY_BUILD; i++) {
        char *words = strdup(*there[i] ? *there[i] : "");
        if (!words)
            return atl_fail(note, ATL_NO_MEMORY, "no memory for a name");
        s->build[i] = *now[i];
        *now[i] = words;
    }
    for (int i = 0; st == ATL_OK && i < s->study.head.n_warnings; i++)
        if (strncmp(s->study.head.warnings[i], several_builds, strlen(several_builds)) == 0)
            st = atl_study_warn(s, note, "%s", s->study.head.warnings[i]);
    return st;
}

/* The version is the same; what was built of it may not be, nor how. */
static atl_status put_build(atl_studier *s, atl_note *note)
{
    static const char *const names[ATL_STUDY_BUILD] = {"commit", "compiler", "flags"};
    char **head[ATL_STUDY_BUILD];
    atl_text words = {0};
    find_build(s->options->head, head);
    for (int i = 0; i < ATL_STUDY_BUILD && s->build[i]; i++) {
        hold_against(&words, names[i], *head[i], s->build[i]);
        free(*head[i]);
        *head[i] = s->build[i];
        s->build[i] = NULL;
    }
    atl_status st = words.failed ? atl_fail(note, ATL_NO_MEMORY, "no memory for a warning") : ATL_OK;
    if (st == ATL_OK && words.length > 0)
        st = atl_study_warn(s, note, "%s the first %zu window%s, then others (%s).", several_builds,
                            s->study.n_windows, s->study.n_windows == 1 ? "" : "s", words.data);
    atl_text_done(&words);
    return st;
}

static atl_status begin_record(const atl_studier *s, atl_note *note)
{
    const atl_study_options *o = s->options;
    const atl_status st = o->prepare ? o->prepare(o->user, note) : ATL_OK;
    return st == ATL_OK ? atl_study_write_head(s->dir_fd, o->head, note) : st;
}

atl_status atl_study_record_open(atl_studier *s, atl_note *note)
{
    const char *dir = s->options->dir;
    atl_status st = atl_dir_make(dir, note);
    if (st != ATL_OK)
        return st;
    s->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->dir_fd < 0)
        return atl_fail(note, ATL_IO, "%s: %s", dir, strerror(errno));
    if (flock(s->dir_fd, LOCK_EX | LOCK_NB) != 0)
        return atl_fail(note, ATL_USAGE, "%s: another study is at work there", dir);
    st = atl_study_read(s->dir_fd, &s->study, note);
    if (st == ATL_OK) {
        st = compare_heads(&s->study.head, s->options->head, dir, note);
        if (st == ATL_OK)
            st = take_over(s->options->head, &s->study.head, note);
        if (st == ATL_OK)
            st = take_over_build(s, note);
        if (st == ATL_OK && s->study.n_windows > 0)
            atl_study_say(s, "%s holds %zu window%s of this study; the rest is measured now", dir,
                          s->study.n_windows, s->study.n_windows == 1 ? "" : "s");
        return st;
    }
    return st == ATL_NOT_FOUND ? begin_record(s, note) : st;
}

/* What the first pictures of a series told (their size, where its workers sit) goes into the head before the
 * first window: a study that is killed later has lost nothing that explains its windows. */
static atl_status tell_head(atl_studier *s, atl_note *note)
{
    const atl_status st = atl_study_write_head(s->dir_fd, s->options->head, note);
    if (st == ATL_OK)
        s->told = s->pool.series;
    return st;
}

atl_status atl_study_record_window(atl_studier *s, const atl_study_window *window, atl_note *note)
{
    atl_status st = put_build(s, note);
    if (st != ATL_OK)
        return st;
    atl_study_window *more = realloc(s->study.windows, (s->study.n_windows + 1) * sizeof *s->study.windows);
    if (!more)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for %zu windows", s->study.n_windows + 1);
    s->study.windows = more;
    s->study.windows[s->study.n_windows++] = *window;
    st = s->told == s->pool.series ? ATL_OK : tell_head(s, note);
    return st == ATL_OK ? atl_study_append(s->dir_fd, window, note) : st;
}

bool atl_study_record_has(const atl_studier *s, int sequence, int *ret_attempts)
{
    *ret_attempts = 0;
    for (size_t i = 0; i < s->study.n_windows; i++)
        if (s->study.windows[i].sequence == sequence) {
            ++*ret_attempts;
            if (s->study.windows[i].valid || *ret_attempts >= ATL_STUDY_MAX_ATTEMPTS)
                return true;
        }
    return false;
}

/* Not synced: the windows are the truth, these are what they were made from. */
atl_status atl_study_record_raw(const atl_studier *s, int sequence, atl_note *note)
{
    atl_text lines = {0};
    for (size_t i = 0; i < s->pool.n_samples; i++)
        atl_text_printf(&lines, "{\"window\":%d,\"row\":%s}\n", sequence, s->pool.rows[i]);
    const int fd =
        openat(s->dir_fd, ATL_STUDY_JOBS_NAME, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    const bool written = fd >= 0 && !lines.failed && atl_fd_write(fd, lines.data, lines.length);
    const int error = errno;
    if (fd >= 0)
        close(fd);
    atl_text_done(&lines);
    return written ? ATL_OK : atl_fail(note, ATL_IO, "%s: %s", ATL_STUDY_JOBS_NAME, strerror(error));
}

atl_study atl_study_record_view(const atl_studier *s)
{
    return (atl_study){
        .head = *s->options->head, .windows = s->study.windows, .n_windows = s->study.n_windows};
}
