/* nfc.c - Normalization Form C (UAX #15): decompose, put marks in their canonical order, compose.
 *
 * Not utf8proc's own NFC, for three reasons: its ordering is quadratic in a run of marks, which a prompt can
 * fill a mebibyte with; it swallows U+11A7 after a Hangul syllable; and it knows marks that came after
 * Unicode 9, which the reference's tables do not, so that it would move them. It does give the
 * decompositions, the combining classes and the pairs that compose. */
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "base/sizes.h"
#include "text/unicode.h"

#define FIRST_THAT_CHANGES 0x0300 /* below, every character is its own NFC and composes with none below */
#define MAX_DECOMPOSITION  8      /* code points; Unicode's longest canonical one has 4 */
#define CLASS_SHIFT        24     /* a mark is kept as class << 24 | code point */
#define CHAR_MASK          0xFFFFFFu
#define N_CLASSES          256
#define FEW                16 /* marks; below that, insertion beats counting */

/* Marks with a combining class that Unicode 9 did not have: the reference leaves them where they stand. */
static const struct {
    int32_t first, last;
} newer_marks[] = {
    {0x07FD, 0x07FD},   {0x0898, 0x089F},   {0x08CA, 0x08D3},   {0x09FE, 0x09FE},   {0x0C3C, 0x0C3C},
    {0x0D3B, 0x0D3C},   {0x0EBA, 0x0EBA},   {0x1715, 0x1715},   {0x1ABF, 0x1ACE},   {0x1DF6, 0x1DFA},
    {0xA82C, 0xA82C},   {0x10D24, 0x10D27}, {0x10EAB, 0x10EAC}, {0x10EFD, 0x10EFF}, {0x10F46, 0x10F50},
    {0x10F82, 0x10F85}, {0x11070, 0x11070}, {0x1133B, 0x1133B}, {0x1145E, 0x1145E}, {0x11839, 0x1183A},
    {0x1193D, 0x1193E}, {0x11943, 0x11943}, {0x119E0, 0x119E0}, {0x11A34, 0x11A34}, {0x11A47, 0x11A47},
    {0x11A99, 0x11A99}, {0x11D42, 0x11D42}, {0x11D44, 0x11D45}, {0x11D97, 0x11D97}, {0x11F41, 0x11F42},
    {0x16FF0, 0x16FF1}, {0x1E08F, 0x1E08F}, {0x1E130, 0x1E136}, {0x1E2AE, 0x1E2AE}, {0x1E2EC, 0x1E2EF},
    {0x1E4EC, 0x1E4EF},
};

/* The one character with a decomposition that Unicode 10 to 15 added, and what it would be made of. */
#define DIVES_AKURU_O 0x11938
#define DIVES_AKURU_E 0x11935

/* The combining class in the upper byte, the character below. */
static uint32_t with_class(int32_t c)
{
    for (size_t i = 0; i < ATL_COUNT(newer_marks) && newer_marks[i].first <= c; i++)
        if (c <= newer_marks[i].last)
            return (uint32_t)c;
    uint32_t combining = (uint32_t)utf8proc_get_property(c)->combining_class & 0xFFu;
    return combining << CLASS_SHIFT | (uint32_t)c;
}

static uint32_t class_of(uint32_t mark)
{
    return mark >> CLASS_SHIFT;
}

/* ---- decompose ---- */

static void decompose(const atl_ints *text, atl_ints *out)
{
    for (size_t i = 0; i < text->n; i++) {
        int32_t c = text->at[i];
        if (c < 0xC0 || c == DIVES_AKURU_O) {
            atl_ints_push(out, c);
            continue;
        }
        utf8proc_int32_t parts[MAX_DECOMPOSITION];
        int unused = 0;
        utf8proc_ssize_t n =
            utf8proc_decompose_char(c, parts, MAX_DECOMPOSITION, UTF8PROC_DECOMPOSE, &unused);
        for (utf8proc_ssize_t k = 0; k < n; k++)
            atl_ints_push(out, (int32_t)with_class(parts[k]));
    }
}

/* ---- order: each run of marks by class, equal classes as they stood ---- */

static void order_few(uint32_t *marks, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        uint32_t mark = marks[i];
        size_t k = i;
        for (; k > 0 && class_of(marks[k - 1]) > class_of(mark); k--)
            marks[k] = marks[k - 1];
        marks[k] = mark;
    }
}

/* Counting sort: linear and stable. */
static bool order_many(uint32_t *marks, size_t n)
{
    size_t start[N_CLASSES + 1] = {0};
    uint32_t *ordered = malloc(n * sizeof *ordered);
    if (!ordered)
        return false;
    for (size_t i = 0; i < n; i++)
        start[class_of(marks[i]) + 1]++;
    for (size_t c = 0; c < N_CLASSES; c++)
        start[c + 1] += start[c];
    for (size_t i = 0; i < n; i++)
        ordered[start[class_of(marks[i])]++] = marks[i];
    memcpy(marks, ordered, n * sizeof *marks);
    free(ordered);
    return true;
}

static bool order(uint32_t *text, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t end = i;
        while (end < n && class_of(text[end]) != 0)
            end++;
        if (end - i <= FEW)
            order_few(text + i, end - i);
        else if (!order_many(text + i, end - i))
            return false;
        i = end + 1;
    }
    return true;
}

/* ---- compose ---- */

/* Hangul by arithmetic (The Unicode Standard, 3.12), or 0. */
static int32_t compose_hangul(int32_t a, int32_t b)
{
    const int32_t l_base = 0x1100, v_base = 0x1161, t_base = 0x11A7, s_base = 0xAC00;
    const int32_t n_l = 19, n_v = 21, n_t = 28, n_s = n_l * n_v * n_t;
    if (a >= l_base && a < l_base + n_l && b >= v_base && b < v_base + n_v)
        return s_base + ((a - l_base) * n_v + (b - v_base)) * n_t;
    if (a >= s_base && a < s_base + n_s && (a - s_base) % n_t == 0 && b > t_base && b < t_base + n_t)
        return a + (b - t_base);
    return 0;
}

/* What a and b are as one character, or 0. */
static int32_t compose_pair(int32_t a, int32_t b)
{
    if (b < FIRST_THAT_CHANGES || a == DIVES_AKURU_E)
        return 0;
    if (b >= 0x1161 && b <= 0x11C2)
        return compose_hangul(a, b);
    utf8proc_int32_t pair[2] = {a, b};
    utf8proc_ssize_t n = utf8proc_normalize_utf32(pair, 2, UTF8PROC_COMPOSE | UTF8PROC_STABLE);
    return n == 1 ? pair[0] : 0;
}

/* Canonical composition in place: each character joins the last starter unless one of the same or a higher
 * class stands between them. */
static size_t compose(const uint32_t *text, size_t n, int32_t *out)
{
    size_t n_out = 0;
    size_t starter = SIZE_MAX; /* where in `out` */
    uint32_t last_class = 0;   /* of what was kept since the starter; 0: nothing was */
    for (size_t i = 0; i < n; i++) {
        int32_t c = (int32_t)(text[i] & CHAR_MASK);
        uint32_t combining = class_of(text[i]);
        bool blocked = starter == SIZE_MAX || (last_class != 0 && last_class >= combining);
        int32_t whole = blocked ? 0 : compose_pair(out[starter], c);
        if (whole) {
            out[starter] = whole;
            continue;
        }
        if (combining == 0)
            starter = n_out;
        last_class = combining;
        out[n_out++] = c;
    }
    return n_out;
}

bool atl_nfc(atl_ints *text)
{
    size_t i = 0;
    while (i < text->n && text->at[i] < FIRST_THAT_CHANGES)
        i++;
    if (i == text->n)
        return !text->failed;

    atl_ints apart = {0};
    decompose(text, &apart);
    bool ok = !text->failed && !apart.failed && order((uint32_t *)apart.at, apart.n);
    if (ok) {
        /* Composing never reads behind what it writes, so it may work in the array it reads. */
        apart.n = compose((const uint32_t *)apart.at, apart.n, apart.at);
        atl_ints_done(text);
        *text = apart;
    } else {
        atl_ints_done(&apart);
    }
    return ok;
}
