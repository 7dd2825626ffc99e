/* study.c - see study.h: a study's files. Their text is study_write.c's and study_parse.c's.
 *
 * windows.jsonl only grows. A line is one write, then fdatasync; a line without its newline was torn by a
 * crash: whoever reads leaves it out, whoever appends cuts it off, so that both see the same windows. */
#include "results/study.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "results/dir_file.h"
#include "study_private.h"

#define MAX_HEAD_BYTES    (1u << 22)
#define MAX_WINDOWS_BYTES ((size_t)1 << 28)
#define MAX_LINE_BYTES    (1u << 17) /* what the bounds of a window come to, and more */

void atl_study_head_done(atl_study_head *h)
{
    char *strings[] = {h->command,   h->version, h->commit, h->compiler,   h->flags,      h->machine,
                       h->cpu_model, h->kernel,  h->isa,    h->model_name, h->model_hash, h->prompts_sha256,
                       h->plan,      h->started, h->cores,  h->networks};
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++)
        free(strings[i]);
    for (int i = 0; i < h->n_warnings && h->warnings; i++)
        free(h->warnings[i]);
    free(h->warnings);
    for (int i = 0; i < h->n_seatings; i++)
        free(h->seating[i].cpus);
    *h = (atl_study_head){0};
}

atl_status atl_study_head_seat(atl_study_head *head, const atl_study_seating *seating, atl_note *note)
{
    atl_study_seating *at = head->seating, *end = head->seating + head->n_seatings;
    while (at < end && (at->threads != seating->threads || strcmp(at->order, seating->order) != 0))
        at++;
    if (at < end && strlen(at->cpus) >= strlen(seating->cpus))
        return ATL_OK;
    if (at == head->seating + ATL_STUDY_MAX_SEATINGS)
        return atl_fail(note, ATL_USAGE, "more than %d ways to seat workers", (int)ATL_STUDY_MAX_SEATINGS);
    char *cpus = strdup(seating->cpus);
    if (!cpus)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for where the workers sit");
    if (at < end)
        free(at->cpus);
    else
        head->n_seatings++;
    *at = *seating;
    at->cpus = cpus;
    return ATL_OK;
}

void atl_study_put_steps(const atl_study_head *h, atl_text *out)
{
    if (h->n_steps > 0)
        atl_text_printf(out, "%d step%s", h->n_steps, h->n_steps == 1 ? "" : "s");
    if (h->n_steps == h->n_unet_calls || h->n_unet_calls == 0)
        return;
    atl_text_printf(out, "%s%d calls of the UNet%s", h->n_steps > 0 ? " (" : "", h->n_unet_calls,
                    h->n_steps > 0 ? ")" : "");
}

void atl_study_put_work(const atl_study_head *h, atl_text *out)
{
    if (h->width <= 0 || h->height <= 0) {
        atl_text_puts(out, "pictures of unrecorded size");
        return;
    }
    atl_text_printf(out, "%d × %d px", h->width, h->height);
    if (h->n_steps > 0 || h->n_unet_calls > 0)
        atl_text_puts(out, ", ");
    atl_study_put_steps(h, out);
}

void atl_study_done(atl_study *study)
{
    atl_study_head_done(&study->head);
    free(study->windows);
    *study = (atl_study){0};
}

bool atl_study_has_valid(const atl_study *study)
{
    for (size_t i = 0; i < study->n_windows; i++)
        if (study->windows[i].valid && study->windows[i].round >= 0)
            return true;
    return false;
}

bool atl_study_config_equal(const atl_study_config *a, const atl_study_config *b)
{
    return strcmp(a->policy, b->policy) == 0 && strcmp(a->order, b->order) == 0 && a->workers == b->workers &&
           a->threads == b->threads && a->corunners == b->corunners && a->probe == b->probe;
}

/* ---- reading ---- */

static atl_status add_window(atl_study *study, size_t *room, const char *line, size_t n, atl_note *note)
{
    if (study->n_windows == ATL_STUDY_MAX_WINDOWS)
        return atl_fail(note, ATL_BAD_INPUT, "more than %d windows", ATL_STUDY_MAX_WINDOWS);
    if (n > MAX_LINE_BYTES)
        return atl_fail(note, ATL_BAD_INPUT, "has %zu bytes, at most %u are wanted", n, MAX_LINE_BYTES);
    if (study->n_windows == *room) {
        const size_t more = *room ? 2 * *room : 64;
        atl_study_window *grown = realloc(study->windows, more * sizeof *grown);
        if (!grown)
            return atl_fail(note, ATL_NO_MEMORY, "no memory for %zu windows", more);
        study->windows = grown;
        *room = more;
    }
    const atl_status st = atl_study_parse_window(line, n, &study->windows[study->n_windows], note);
    if (st == ATL_OK)
        study->n_windows++;
    return st;
}

static atl_status read_lines(const char *bytes, size_t n, atl_study *study, atl_note *note)
{
    size_t room = 0;
    const char *end;
    for (int line = 1; (end = memchr(bytes, '\n', n)) != NULL; line++) {
        const size_t length = (size_t)(end - bytes);
        const atl_status st = add_window(study, &room, bytes, length, note);
        if (st != ATL_OK) {
            atl_note_prefix(note, ATL_STUDY_WINDOWS_NAME ":%d", line);
            return st;
        }
        bytes += length + 1;
        n -= length + 1;
    }
    return ATL_OK;
}

static atl_status read_windows(int dir_fd, atl_study *study, atl_note *note)
{
    char *bytes;
    size_t n;
    atl_status st = atl_dir_file_read(dir_fd, ATL_STUDY_WINDOWS_NAME, MAX_WINDOWS_BYTES, &bytes, &n, note);
    if (st == ATL_NOT_FOUND)
        return ATL_OK;
    if (st != ATL_OK)
        return st;
    st = read_lines(bytes, n, study, note);
    free(bytes);
    return st;
}

atl_status atl_study_read(int dir_fd, atl_study *ret, atl_note *note)
{
    atl_study study = {0};
    char *bytes;
    size_t n;
    atl_status st = atl_dir_file_read(dir_fd, ATL_STUDY_JSON_NAME, MAX_HEAD_BYTES, &bytes, &n, note);
    if (st != ATL_OK)
        return st;
    st = atl_study_parse_head(bytes, n, &study.head, note);
    free(bytes);
    if (st != ATL_OK)
        atl_note_prefix(note, ATL_STUDY_JSON_NAME);
    if (st == ATL_OK)
        st = read_windows(dir_fd, &study, note);
    if (st != ATL_OK) {
        atl_study_done(&study);
        return st;
    }
    *ret = study;
    return ATL_OK;
}

/* ---- writing ---- */

atl_status atl_study_write_head(int dir_fd, const atl_study_head *head, atl_note *note)
{
    atl_text text = {0};
    atl_study_put_head(head, &text);
    atl_text_putc(&text, '\n');
    atl_status st = ATL_OK;
    if (text.failed)
        st = atl_fail(note, ATL_NO_MEMORY, "no memory for " ATL_STUDY_JSON_NAME);
    else
        st = atl_dir_file_write(dir_fd, ATL_STUDY_JSON_NAME, text.data, text.length, note);
    atl_text_done(&text);
    return st;
}

/* Where the last whole line ends, or −1. */
static off_t whole_end(int fd)
{
    char block[4096];
    struct stat s;
    if (fstat(fd, &s) != 0)
        return -1;
    for (off_t end = s.st_size; end > 0;) {
        const off_t begin = end > (off_t)sizeof block ? end - (off_t)sizeof block : 0;
        const ssize_t got = pread(fd, block, (size_t)(end - begin), begin);
        if (got != (ssize_t)(end - begin))
            return -1;
        const char *last = memrchr(block, '\n', (size_t)got);
        if (last)
            return begin + (last - block) + 1;
        end = begin;
    }
    return 0;
}

static bool append_line(int fd, const atl_text *line)
{
    const off_t end = whole_end(fd);
    if (end < 0 || ftruncate(fd, end) != 0 || lseek(fd, end, SEEK_SET) != end)
        return false;
    if (atl_fd_write(fd, line->data, line->length) && fdatasync(fd) == 0)
        return true;
    const int error = errno;
    (void)!ftruncate(fd, end); /* what stays has no newline, or is a window that was measured */
    errno = error;
    return false;
}

atl_status atl_study_append(int dir_fd, const atl_study_window *window, atl_note *note)
{
    atl_text line = {0};
    atl_study_put_window(window, &line);
    atl_text_putc(&line, '\n');
    atl_status st = ATL_OK;
    int fd = -1;
    if (line.failed)
        st = atl_fail(note, ATL_NO_MEMORY, "no memory for a window");
    else if ((fd = openat(dir_fd, ATL_STUDY_WINDOWS_NAME, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644)) <
             0)
        st = atl_fail(note, ATL_IO, ATL_STUDY_WINDOWS_NAME ": cannot open: %s", strerror(errno));
    else if (!append_line(fd, &line))
        st = atl_fail(note, ATL_IO, ATL_STUDY_WINDOWS_NAME ": cannot write: %s", strerror(errno));
    if (fd >= 0)
        close(fd);
    atl_text_done(&line);
    return st;
}
