/* score.c - compares what a picture shows with what its prompt stated.
 *
 * Only stated facts are asked. A thing that is missing costs its kind, colour, place and size alike. The
 * count of a kind is over the whole picture and exact: two boats where one was asked for is wrong. */
#include "facts.h"

#include <stdbool.h>
#include <string.h>

const char *const facts_sort_names[FACT_N_SORTS] = {
    "background", "shape colour", "shape size", "shape place", "time of day", "kind",
    "colour",     "place",        "count",      "bare kind",   "bare colour", "bare count",
    "bare alone", "size",         "weather",    "season",      "terrain"};

static int ask(struct facts_tally *tally, enum facts_sort sort, bool right)
{
    tally->asked[sort]++;
    tally->right[sort] += right;
    return !right;
}

static const char *text(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static bool is(const char *const *names, int index, const char *wanted)
{
    return index != FACTS_NONE && strcmp(names[index], wanted) == 0;
}

/* How many stated facts of `fact` the seen shape satisfies. */
static int agreement(const struct facts_shape *seen, const json_t *fact)
{
    const char *colour = text(fact, "colour"), *place = text(fact, "place"), *size = text(fact, "size");
    return (colour && is(facts_colours, seen->colour, colour)) +
           (place && is(facts_places, seen->place, place)) + (size && is(facts_sizes, seen->size, size));
}

static int score_shapes(const struct facts_picture *picture, const json_t *truth, struct facts_tally *tally)
{
    const json_t *stated = json_object_get(truth, "shapes");
    const char *background = text(truth, "background");
    const int n = (int)json_array_size(stated);
    struct facts_shapes seen;
    if (!background || n < 1 || n > FACTS_MAX_SHAPES || facts_read_shapes(picture, n, &seen) != 0)
        return -1;
    int wrong = ask(tally, FACT_BACKGROUND, is(facts_colours, seen.background, background));
    const struct facts_shape nothing = {FACTS_NONE, FACTS_NONE, FACTS_NONE};
    for (int k = seen.n; k < FACTS_MAX_SHAPES; k++)
        seen.shape[k] = nothing;
    bool crossed = false; /* whether the first stated shape is the second seen one */
    if (n == 2) {
        const json_t *a = json_array_get(stated, 0), *b = json_array_get(stated, 1);
        crossed = agreement(&seen.shape[1], a) + agreement(&seen.shape[0], b) >
                  agreement(&seen.shape[0], a) + agreement(&seen.shape[1], b);
    }
    for (int k = 0; k < n; k++) {
        const json_t *fact = json_array_get(stated, (size_t)k);
        const struct facts_shape *shape = &seen.shape[crossed ? 1 - k : k];
        const char *colour = text(fact, "colour"), *place = text(fact, "place"), *size = text(fact, "size");
        if (colour)
            wrong += ask(tally, FACT_SHAPE_COLOUR, is(facts_colours, shape->colour, colour));
        if (size)
            wrong += ask(tally, FACT_SHAPE_SIZE, is(facts_sizes, shape->size, size));
        if (place)
            wrong += ask(tally, FACT_SHAPE_PLACE, is(facts_places, shape->place, place));
    }
    return wrong;
}

static const struct facts_slot *slot_of(const struct facts_sight *sight, const char *kind, int place)
{
    if (strcmp(sight->sky[place].kind, kind) == 0)
        return &sight->sky[place];
    return strcmp(sight->ground[place].kind, kind) == 0 ? &sight->ground[place] : NULL;
}

static int count_kind(const struct facts_sight *sight, const char *kind)
{
    int n = 0;
    for (int place = 0; place < FACTS_N_PLACES; place++)
        n += slot_of(sight, kind, place) != NULL;
    return n;
}

static int count_all(const struct facts_sight *sight)
{
    int n = 0;
    for (int place = 0; place < FACTS_N_PLACES; place++)
        n += (strcmp(sight->sky[place].kind, "none") != 0) + (strcmp(sight->ground[place].kind, "none") != 0);
    return n;
}

/* Whether `want` of the kind's slots (all places, or the one at `only`) have this colour (or size, by
 * `names`). */
static bool shows(const struct facts_sight *sight, const char *kind, int only, int want,
                  const char *const *names, const char *value)
{
    int n = 0;
    for (int place = 0; place < FACTS_N_PLACES; place++) {
        const struct facts_slot *slot =
            only == FACTS_NONE || only == place ? slot_of(sight, kind, place) : NULL;
        n += slot && is(names, names == facts_colours ? slot->colour : slot->size, value);
    }
    return n >= want;
}

static int place_index(const char *name)
{
    for (int k = 0; name && k < FACTS_N_PLACES; k++)
        if (strcmp(facts_places[k], name) == 0)
            return k;
    return FACTS_NONE;
}

/* Asks about the thing number `at` of the stated list. */
static int score_thing(const struct facts_sight *sight, const json_t *stated, size_t at, bool bare,
                       struct facts_tally *tally)
{
    const json_t *fact = json_array_get(stated, at);
    const char *kind = text(fact, "kind"), *colour = text(fact, "colour"), *size = text(fact, "size");
    const json_int_t count = json_integer_value(json_object_get(fact, "count"));
    const int place = place_index(text(fact, "place"));
    if (!kind || count < 1 || count > FACTS_N_PLACES)
        return -1;
    const int n = (int)count;
    int wrong = ask(tally, bare ? FACT_BARE_KIND : FACT_KIND, count_kind(sight, kind) > 0);
    if (colour)
        wrong += ask(tally, bare ? FACT_BARE_COLOUR : FACT_COLOUR,
                     shows(sight, kind, place, n, facts_colours, colour));
    if (place != FACTS_NONE)
        wrong += ask(tally, FACT_PLACE, slot_of(sight, kind, place) != NULL);
    if (size)
        wrong += ask(tally, FACT_SIZE, shows(sight, kind, place, n, facts_sizes, size));
    json_int_t total = 0; /* "a red boat and two green boats" is three boats, asked once */
    size_t k;
    const json_t *other;
    json_array_foreach(stated, k, other)
    {
        const char *name = text(other, "kind");
        if (!name || strcmp(name, kind) != 0)
            continue;
        if (k < at)
            return wrong;
        total += json_integer_value(json_object_get(other, "count"));
    }
    return wrong + ask(tally, bare ? FACT_BARE_COUNT : FACT_COUNT, count_kind(sight, kind) == total);
}

static int score_scene(const struct facts_picture *picture, struct facts_eye *eye, const json_t *truth,
                       bool bare, struct facts_tally *tally)
{
    struct facts_sight sight;
    facts_eye_look(eye, picture, &sight);
    const json_t *stated = json_object_get(truth, "objects");
    int wrong = 0;
    json_int_t all = 0;
    for (size_t k = 0; k < json_array_size(stated); k++) {
        const int more = score_thing(&sight, stated, k, bare, tally);
        if (more < 0)
            return -1;
        wrong += more;
        all += json_integer_value(json_object_get(json_array_get(stated, k), "count"));
    }
    if (bare)
        return wrong +
               ask(tally, FACT_BARE_ALONE, count_all(&sight) == all && strcmp(sight.terrain, "none") == 0);
    static const struct {
        const char *key;
        enum facts_sort sort;
    } whole[] = {
        {"time", FACT_TIME}, {"weather", FACT_WEATHER}, {"season", FACT_SEASON}, {"terrain", FACT_TERRAIN}};
    const char *const seen[] = {sight.time, sight.weather, sight.season, sight.terrain};
    for (size_t k = 0; k < sizeof whole / sizeof *whole; k++)
        if (text(truth, whole[k].key))
            wrong += ask(tally, whole[k].sort, strcmp(seen[k], text(truth, whole[k].key)) == 0);
    return wrong;
}

int facts_score(const struct facts_picture *picture, struct facts_eye *eye, const json_t *truth,
                struct facts_tally *tally)
{
    const char *kind = text(truth, "kind");
    if (!kind)
        return -1;
    if (strcmp(kind, "shape") == 0)
        return score_shapes(picture, truth, tally);
    if (strcmp(kind, "scene") == 0 || strcmp(kind, "bare") == 0)
        return score_scene(picture, eye, truth, kind[0] == 'b', tally);
    return -1;
}
