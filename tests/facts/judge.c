/* judge.c - judge PROMPTS.jsonl PICTURES [--eye FILE] [--shuffle SEED] [--wrong] [--expect shapes=0.98]
 * [--expect scenes=0.90]
 *
 * Judges PICTURES/<id>.png of every line {"id", "prompt", "truth"} and prints a table of the facts that are
 * right. --shuffle hands each picture the truth of another one of its kind, drawn at random: what is then
 * still right is luck. --wrong lists the prompts with wrong facts. --expect makes a worse figure exit 1:
 * "shapes" is background, colour, size, place and time of day, each alone; "scenes" is kind, colour, place
 * and count of things, each alone. Exit 2: usage or unreadable files. */
#include "facts.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LINES = 100000, MAX_PATH_BYTES = 4096 };

struct options {
    const char *prompts, *pictures, *eye;
    bool shuffle, list_wrong;
    uint64_t seed;
    double shapes_least, scenes_least;
};

static int usage(void)
{
    fputs("usage: judge PROMPTS.jsonl PICTURES [--eye FILE] [--shuffle SEED] [--wrong] [--expect shapes=R] "
          "[--expect scenes=R]\n",
          stderr);
    return 2;
}

static int parse(int argc, char **argv, struct options *ret)
{
    *ret = (struct options){.eye = "tests/facts/eye.bin"};
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--wrong") == 0) {
            ret->list_wrong = true;
        } else if (strcmp(argv[i], "--eye") == 0 && value) {
            ret->eye = value;
            i++;
        } else if (strcmp(argv[i], "--shuffle") == 0 && value) {
            ret->shuffle = true;
            ret->seed = strtoull(value, NULL, 10);
            i++;
        } else if (strcmp(argv[i], "--expect") == 0 && value && strncmp(value, "shapes=", 7) == 0) {
            ret->shapes_least = strtod(value + 7, NULL);
            i++;
        } else if (strcmp(argv[i], "--expect") == 0 && value && strncmp(value, "scenes=", 7) == 0) {
            ret->scenes_least = strtod(value + 7, NULL);
            i++;
        } else if (argv[i][0] == '-') {
            return -1;
        } else if (!ret->prompts) {
            ret->prompts = argv[i];
        } else if (!ret->pictures) {
            ret->pictures = argv[i];
        } else {
            return -1;
        }
    }
    return ret->pictures ? 0 : -1;
}

/* -> a new array of the file's lines, or NULL with a sentence on stderr. */
static json_t *read_lines(const char *path)
{
    FILE *file = fopen(path, "r");
    if (!file) {
        fprintf(stderr, "%s: cannot be opened\n", path);
        return NULL;
    }
    json_t *lines = json_array();
    json_error_t error;
    for (int n = 1; n <= MAX_LINES; n++) {
        json_t *line = json_loadf(file, JSON_DISABLE_EOF_CHECK, &error);
        if (!line)
            break;
        if (!json_is_string(json_object_get(line, "id")) || !json_is_object(json_object_get(line, "truth"))) {
            fprintf(stderr, "%s: object %d: wanted \"id\" and \"truth\"\n", path, n);
            json_decref(line);
            json_decref(lines);
            fclose(file);
            return NULL;
        }
        json_array_append_new(lines, line);
    }
    fclose(file);
    if (json_array_size(lines) == 0) {
        fprintf(stderr, "%s: no prompts: %s\n", path, error.text);
        json_decref(lines);
        return NULL;
    }
    return lines;
}

/* xorshift64* (Vigna 2016): the same shuffle everywhere. */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

static const char *kind_of(const json_t *lines, size_t at)
{
    const char *kind =
        json_string_value(json_object_get(json_object_get(json_array_get(lines, at), "truth"), "kind"));
    return kind ? kind : "";
}

/* order[n]: a random permutation that keeps every truth among the lines of its kind. */
static void shuffle_truths(const json_t *lines, uint64_t seed, size_t *order)
{
    uint64_t state = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
    const size_t n = json_array_size(lines);
    for (size_t i = 0; i < n; i++)
        order[i] = i;
    for (size_t i = n; i-- > 1;) {
        size_t k;
        do /* Fisher and Yates within the kind: i itself is a candidate, so this ends */
            k = (size_t)(next_random(&state) % (i + 1));
        while (strcmp(kind_of(lines, order[k]), kind_of(lines, order[i])) != 0);
        const size_t swap = order[i];
        order[i] = order[k];
        order[k] = swap;
    }
}

static int judge_all(const struct options *o, const json_t *lines, struct facts_eye *eye,
                     struct facts_tally *tally)
{
    const size_t n = json_array_size(lines);
    size_t *order = malloc(n * sizeof *order);
    if (!order)
        return -1;
    for (size_t i = 0; i < n; i++)
        order[i] = i;
    if (o->shuffle)
        shuffle_truths(lines, o->seed, order);
    int result = 0;
    for (size_t i = 0; i < n && result == 0; i++) {
        const json_t *line = json_array_get(lines, i);
        char path[MAX_PATH_BYTES];
        struct facts_picture picture;
        const int length = snprintf(path, sizeof path, "%s/%s.png", o->pictures,
                                    json_string_value(json_object_get(line, "id")));
        if (length < 0 || length >= (int)sizeof path || facts_picture_open(path, &picture, stderr) != 0) {
            result = -1;
            break;
        }
        const int wrong =
            facts_score(&picture, eye, json_object_get(json_array_get(lines, order[i]), "truth"), tally);
        facts_picture_close(&picture);
        if (wrong < 0) {
            fprintf(stderr, "%s: object %zu: malformed truth\n", o->prompts, order[i] + 1);
            result = -1;
        }
        if (wrong > 0 && o->list_wrong)
            printf("%d wrong: %s: %s\n", wrong, path, json_string_value(json_object_get(line, "prompt")));
    }
    free(order);
    return result;
}

/* Prints the facts from `first` to `last` and returns the worst share among them. */
static double print_sorts(const struct facts_tally *t, enum facts_sort first, enum facts_sort last)
{
    double worst = 1.0;
    size_t right = 0, asked = 0;
    for (unsigned s = first; s <= (unsigned)last; s++) {
        if (t->asked[s] == 0)
            continue;
        const double share = (double)t->right[s] / (double)t->asked[s];
        printf("  %-14s %.4f  %zu/%zu\n", facts_sort_names[s], share, t->right[s], t->asked[s]);
        worst = share < worst ? share : worst;
        right += t->right[s];
        asked += t->asked[s];
    }
    printf("  %-14s %.4f  %zu/%zu\n", "together", asked ? (double)right / (double)asked : 1.0, right, asked);
    return worst;
}

int main(int argc, char **argv)
{
    struct options o;
    if (parse(argc, argv, &o) != 0)
        return usage();
    int code = 2;
    struct facts_eye *eye = NULL;
    struct facts_tally tally = {{0}, {0}};
    json_t *lines = read_lines(o.prompts);
    if (!lines || facts_eye_open(o.eye, &eye, stderr) != 0 || judge_all(&o, lines, eye, &tally) != 0)
        goto done;
    puts("plain shapes, skies");
    const double shapes = print_sorts(&tally, FACT_BACKGROUND, FACT_TIME);
    puts("things in scenes");
    const double scenes = print_sorts(&tally, FACT_KIND, FACT_COUNT);
    puts("bare prompts");
    print_sorts(&tally, FACT_BARE_KIND, FACT_BARE_ALONE);
    puts("beside");
    print_sorts(&tally, FACT_SIZE, FACT_TERRAIN);
    code = shapes < o.shapes_least || scenes < o.scenes_least;
    if (code)
        fprintf(stderr, "below what was expected: shapes %.4f, scenes %.4f\n", shapes, scenes);
done:
    facts_eye_close(eye);
    json_decref(lines);
    return code;
}
