/* switches.c - which plain prompt each step sees: [before:after:when], [after:when], [before::when], [a|b|c].
 *
 * Read as AUTOMATIC1111's web UI reads it, whose grammar is
 *   text     := (group | switch | turns | any sign but \ [ ] ( ) : | | "\" any sign but a newline)*
 *   group    := "(" text ")" | "(" text ":" text ")" | "[" text "]"
 *   switch   := "[" [text ":"] text ":" NUMBER "]"          white space may stand around the number
 *   turns    := "[" text ("|" text)+ "]"
 * A bracket or a colon that fits none of this is literal, and so is all that would have had to contain it. A
 * "|" outside turns, or a backslash before a newline or the end, makes the whole prompt literal.
 *
 * `before` holds while step ≤ when (steps counted from 1). A number with a point is a share of the steps:
 * 0.5 is after half of them, 1.0 never (as is every number of steps or more); one without is a step.
 * int(when) rounds toward 0, and below 1 `after` holds from the first step on.
 *
 * The web UI's parser takes cubic time; this one is linear. Brackets wait on a stack; a closing one that
 * cannot close the topmost makes all that wait literal, since each of them would have to contain it. Nothing
 * recurses. Groups stay text: weights.c reads them later. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "text/grammar.h"

#define MAX_ALL_BYTES    ((size_t)64 << 20) /* of all the prompts of a schedule */
#define MAX_NUMBER_BYTES 64
#define NONE             ((size_t)-1)

typedef enum frame_kind { OPEN, LITERAL, SWITCH, TURNS } frame_kind;

/* A pair of brackets. */
typedef struct frame {
    frame_kind kind;
    size_t open, close; /* where its brackets stand */
    size_t n_colons, n_bars;
    size_t first_mark, last_mark; /* its colons and bars, in `marks` */
    int when;                     /* of a switch */
    size_t resume;                /* while rendering: how far the chosen text goes */
} frame;

typedef struct mark {
    size_t at, next; /* where it stands; the frame's next one */
} mark;

typedef struct scanner {
    const char *text;
    size_t n_bytes;
    int n_steps;
    frame *frames; /* in the order of their opening brackets */
    size_t n_frames;
    mark *marks;
    size_t n_marks;
    size_t *waiting; /* frames that are open, outermost first; while rendering: those gone into */
    size_t n_waiting;
    bool all_literal;
} scanner;

/* ---- numbers ---- */

static size_t digits(const char *text, size_t n)
{
    size_t i = 0;
    while (i < n && text[i] >= '0' && text[i] <= '9')
        i++;
    return i;
}

/* How long the number at the start of text[n] is: sign, digits with a point anywhere, exponent; 0: none. */
static size_t number_length(const char *text, size_t n)
{
    size_t i = n > 0 && (text[0] == '+' || text[0] == '-');
    size_t whole = digits(text + i, n - i);
    i += whole;
    if (i < n && text[i] == '.') {
        size_t fraction = digits(text + i + 1, n - i - 1);
        i += 1 + fraction;
        whole += fraction;
    }
    if (whole == 0)
        return 0;
    if (i < n && (text[i] == 'e' || text[i] == 'E')) {
        size_t sign = i + 1 < n && (text[i + 1] == '+' || text[i + 1] == '-');
        size_t exponent = digits(text + i + 1 + sign, n - i - 1 - sign);
        if (exponent > 0)
            i += 1 + sign + exponent;
    }
    return i;
}

/* Whether text[n] is a number with white space around it, and the step that it means. */
static bool parse_when(const char *text, size_t n, int n_steps, int *ret)
{
    size_t begin = atl_grammar_spaces(text, n);
    size_t length = number_length(text + begin, n - begin);
    size_t end = begin + length;
    char number[MAX_NUMBER_BYTES];
    if (length == 0 || length >= sizeof number || end + atl_grammar_spaces(text + end, n - end) != n)
        return false;
    memcpy(number, text + begin, length);
    number[length] = '\0';
    double when = strtod(number, NULL);
    if (strchr(number, '.'))
        when *= n_steps;
    *ret = when >= n_steps ? n_steps : when < 1 ? 0 : (int)when;
    return true;
}

/* ---- reading ---- */

static void open_frame(scanner *s, size_t at)
{
    s->frames[s->n_frames] = (frame){.kind = OPEN, .open = at, .first_mark = NONE, .last_mark = NONE};
    s->waiting[s->n_waiting++] = s->n_frames++;
}

static void add_mark(scanner *s, size_t at)
{
    bool is_bar = s->text[at] == '|';
    if (s->n_waiting == 0) {
        s->all_literal |= is_bar;
        return;
    }
    frame *f = &s->frames[s->waiting[s->n_waiting - 1]];
    f->n_bars += is_bar;
    f->n_colons += !is_bar;
    s->marks[s->n_marks] = (mark){.at = at, .next = NONE};
    if (f->last_mark == NONE)
        f->first_mark = s->n_marks;
    else
        s->marks[f->last_mark].next = s->n_marks;
    f->last_mark = s->n_marks++;
}

/* What the topmost frame is if it closes at `at`; OPEN if it cannot. */
static frame_kind kind_of(const scanner *s, const frame *f, size_t at, int *ret_when)
{
    bool square = s->text[f->open] == '[';
    if (square != (s->text[at] == ']'))
        return OPEN;
    if (f->n_bars > 0)
        return square && f->n_colons == 0 ? TURNS : OPEN;
    if (f->n_colons == 0)
        return LITERAL;
    if (!square)
        return f->n_colons == 1 ? LITERAL : OPEN;
    size_t last = s->marks[f->last_mark].at + 1;
    return f->n_colons <= 2 && parse_when(s->text + last, at - last, s->n_steps, ret_when) ? SWITCH : OPEN;
}

static void give_up_waiting(scanner *s)
{
    for (size_t i = 0; i < s->n_waiting; i++) {
        frame *f = &s->frames[s->waiting[i]];
        f->kind = LITERAL;
        s->all_literal |= f->n_bars > 0;
    }
    s->n_waiting = 0;
}

static void close_frame(scanner *s, size_t at)
{
    if (s->n_waiting == 0)
        return;
    frame *f = &s->frames[s->waiting[s->n_waiting - 1]];
    frame_kind kind = kind_of(s, f, at, &f->when);
    if (kind == OPEN) {
        give_up_waiting(s);
        return;
    }
    f->kind = kind;
    f->close = at;
    s->n_waiting--;
}

static void scan(scanner *s)
{
    for (size_t at = 0; at < s->n_bytes; at++) {
        switch (s->text[at]) {
        case '\\':
            at++;
            s->all_literal |= at == s->n_bytes || s->text[at] == '\n';
            break;
        case '(':
        case '[':
            open_frame(s, at);
            break;
        case ':':
        case '|':
            add_mark(s, at);
            break;
        case ')':
        case ']':
            close_frame(s, at);
            break;
        default:
            break;
        }
    }
    give_up_waiting(s);

    size_t kept = 0; /* what is literal is only text from here on */
    for (size_t i = 0; i < s->n_frames; i++)
        if (!s->all_literal && s->frames[i].kind != LITERAL)
            s->frames[kept++] = s->frames[i];
    s->n_frames = kept;
}

/* ---- rendering ---- */

/* Which text a frame gives at `step` ≥ 1: [*ret_begin, f->resume). */
static void choose(const scanner *s, frame *f, int step, size_t *ret_begin)
{
    size_t begin = f->open + 1;
    size_t m = f->first_mark;
    if (f->kind == TURNS) {
        for (size_t turn = (size_t)(step - 1) % (f->n_bars + 1); turn > 0; turn--) {
            begin = s->marks[m].at + 1;
            m = s->marks[m].next;
        }
    } else if (f->n_colons == 2 && step > f->when) {
        begin = s->marks[m].at + 1;
        m = s->marks[m].next;
    }
    f->resume = m == NONE ? f->close : s->marks[m].at;
    if (f->kind == SWITCH && f->n_colons == 1 && step <= f->when)
        f->resume = begin; /* [after:when]: nothing before */
    *ret_begin = begin;
}

/* Appends the prompt of `step`. Positions only grow, so one walk over the frames does. */
static void render(scanner *s, int step, atl_text *out)
{
    size_t next = 0;
    s->n_waiting = 0;
    for (size_t at = 0;;) {
        frame *inside = s->n_waiting > 0 ? &s->frames[s->waiting[s->n_waiting - 1]] : NULL;
        if (inside && at == inside->resume) {
            at = inside->close + 1;
            s->n_waiting--;
            continue;
        }
        while (next < s->n_frames && s->frames[next].open < at)
            next++;
        size_t end = inside ? inside->resume : s->n_bytes;
        if (next < s->n_frames && s->frames[next].open < end)
            end = s->frames[next].open;
        atl_text_append(out, s->text + at, end - at);
        at = end;
        if (next < s->n_frames && at == s->frames[next].open) {
            s->waiting[s->n_waiting++] = next;
            choose(s, &s->frames[next], step, &at);
        } else if (!inside) {
            return;
        }
    }
}

/* Whether the prompt of step + 1 may differ from that of `step`. */
static bool may_end(const bool *ends, int step, int n_steps)
{
    return step == n_steps || ends[0] || ends[step];
}

/* ends[step], step ≥ 1; ends[0]: after every step. */
static void find_ends(const scanner *s, bool *ends)
{
    for (size_t i = 0; i < s->n_frames; i++) {
        if (s->frames[i].kind == TURNS)
            ends[0] = true;
        else if (s->frames[i].when >= 1)
            ends[s->frames[i].when] = true;
    }
}

static atl_status add_stretch(atl_prompt_schedule *schedule, int step, atl_text *prompt)
{
    atl_stretch *last = schedule->n > 0 ? &schedule->at[schedule->n - 1] : NULL;
    if (last && last->n_bytes == prompt->length && memcmp(last->prompt, prompt->data, prompt->length) == 0) {
        last->until_step = step;
        return ATL_OK;
    }
    atl_stretch *at = realloc(schedule->at, (schedule->n + 1) * sizeof *at);
    if (!at)
        return ATL_NO_MEMORY;
    schedule->at = at;
    at[schedule->n++] = (atl_stretch){.until_step = step, .prompt = prompt->data, .n_bytes = prompt->length};
    *prompt = (atl_text){0}; /* the schedule's now */
    return ATL_OK;
}

static atl_status render_all(scanner *s, const bool *ends, atl_prompt_schedule *schedule, atl_note *note)
{
    size_t all_bytes = 0;
    atl_status st = ATL_OK;
    for (int step = 1; step <= s->n_steps && st == ATL_OK; step++) {
        if (!may_end(ends, step, s->n_steps))
            continue;
        atl_text prompt = {0};
        atl_text_append(&prompt, "", 0); /* so that an empty prompt is a string too */
        render(s, step, &prompt);
        st = prompt.failed ? ATL_NO_MEMORY : add_stretch(schedule, step, &prompt);
        atl_text_done(&prompt);
        if (st == ATL_NO_MEMORY)
            atl_fail(note, st, "out of memory for the prompt's switches");
        all_bytes += schedule->n > 0 ? schedule->at[schedule->n - 1].n_bytes : 0;
        if (st == ATL_OK && all_bytes > MAX_ALL_BYTES)
            st = atl_fail(note, ATL_BAD_INPUT, "the prompts that its switches make of it have over %zu bytes",
                          MAX_ALL_BYTES);
    }
    return st;
}

/* Room for the most frames and marks that the text can have. */
static bool make_room(scanner *s)
{
    size_t n_open = 0, n_marks = 0;
    for (size_t i = 0; i < s->n_bytes; i++) {
        n_open += s->text[i] == '(' || s->text[i] == '[';
        n_marks += s->text[i] == ':' || s->text[i] == '|';
    }
    s->frames = malloc((n_open + 1) * sizeof *s->frames);
    s->waiting = malloc((n_open + 1) * sizeof *s->waiting);
    s->marks = malloc((n_marks + 1) * sizeof *s->marks);
    return s->frames && s->waiting && s->marks;
}

atl_status atl_prompt_schedule_parse(const char *prompt, size_t n_bytes, int n_steps,
                                     atl_prompt_schedule *ret, atl_note *note)
{
    atl_status st = atl_prompt_check_bytes(prompt, n_bytes, note);
    if (st != ATL_OK)
        return st;
    scanner s = {.text = prompt, .n_bytes = n_bytes, .n_steps = n_steps};
    atl_prompt_schedule schedule = {0};
    bool *ends = calloc((size_t)n_steps + 1, sizeof *ends);
    if (!ends || !make_room(&s)) {
        st = atl_fail(note, ATL_NO_MEMORY, "out of memory for the prompt's switches");
    } else {
        scan(&s);
        find_ends(&s, ends);
        st = render_all(&s, ends, &schedule, note);
    }
    if (st == ATL_OK)
        *ret = schedule;
    else
        atl_prompt_schedule_done(&schedule);
    free(s.frames);
    free(s.waiting);
    free(s.marks);
    free(ends);
    return st;
}

void atl_prompt_schedule_done(atl_prompt_schedule *schedule)
{
    for (size_t i = 0; i < schedule->n; i++)
        free(schedule->at[i].prompt);
    free(schedule->at);
    *schedule = (atl_prompt_schedule){0};
}
