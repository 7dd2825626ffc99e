/* facts.h - judges a picture against what its prompt stated, from its pixels alone.
 *
 * Two readers. Plain shapes are measured by hand-written rules (shapes.c): background, colour, place, size.
 * Scenes are read by a small convolutional network (eye.c) that learned from drawn truth only and never saw a
 * prompt: what stands in six slots {sky, ground} x {left, middle, right}, and the time, weather, season and
 * terrain of the whole. score.c compares either with the truth of a prompts file. No painting model is known
 * here. Single-threaded, no global state. */
#ifndef ATELIER_TESTS_FACTS_H
#define ATELIER_TESTS_FACTS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

enum { FACTS_N_COLOURS = 9, FACTS_N_PLACES = 3, FACTS_MAX_SHAPES = 2, FACTS_NONE = -1 };

/* Names in the order of the network's outputs; tools/train/scenes.py has the same lists. */
extern const char *const facts_colours[FACTS_N_COLOURS];
extern const char *const facts_places[FACTS_N_PLACES];
extern const char *const facts_sizes[2];

/* rgb[height][width][3], owned. */
struct facts_picture {
    int width, height;
    uint8_t *rgb;
};

/* Reads a PNG of any kind as RGB. Returns 0, or -1 with a sentence on `say`. */
int facts_picture_open(const char *path, struct facts_picture *ret_picture, FILE *say);
void facts_picture_close(struct facts_picture *picture);

/* One plain shape; indices into the lists above. */
struct facts_shape {
    int colour, place, size;
};

struct facts_shapes {
    int background;
    int n;
    struct facts_shape shape[FACTS_MAX_SHAPES]; /* largest first */
};

/* Reads up to `wanted` (1 or 2) shapes on a plain background. Returns 0, or -1 when memory ran out. */
int facts_read_shapes(const struct facts_picture *picture, int wanted, struct facts_shapes *ret_shapes);

/* What the network sees. kind: a name, or "none"; colour and size are guesses that mean nothing where kind is
 * "none". */
struct facts_slot {
    const char *kind;
    int colour, size;
};

struct facts_sight {
    struct facts_slot sky[FACTS_N_PLACES], ground[FACTS_N_PLACES];
    const char *time, *weather, *season, *terrain;
};

struct facts_eye;

/* Reads the weights that tools/train/train_eye.py wrote. Returns 0, or -1 with a sentence on `say`. */
int facts_eye_open(const char *path, struct facts_eye **ret_eye, FILE *say);
void facts_eye_close(struct facts_eye *eye);
void facts_eye_look(struct facts_eye *eye, const struct facts_picture *picture,
                    struct facts_sight *ret_sight);

/* The sorts of fact, plain shapes first. */
enum facts_sort {
    FACT_BACKGROUND,
    FACT_SHAPE_COLOUR,
    FACT_SHAPE_SIZE,
    FACT_SHAPE_PLACE,
    FACT_TIME,
    FACT_KIND,
    FACT_COLOUR,
    FACT_PLACE,
    FACT_COUNT,
    FACT_BARE_KIND,
    FACT_BARE_COLOUR,
    FACT_BARE_COUNT,
    FACT_BARE_ALONE,
    FACT_SIZE,
    FACT_WEATHER,
    FACT_SEASON,
    FACT_TERRAIN,
    FACT_N_SORTS
};

extern const char *const facts_sort_names[FACT_N_SORTS];

struct facts_tally {
    size_t right[FACT_N_SORTS], asked[FACT_N_SORTS];
};

/* Adds what `truth` (the object of that name in a prompts file) states and whether the picture shows it.
 * Returns the number of wrong facts, or -1 when the truth is malformed or memory ran out. */
int facts_score(const struct facts_picture *picture, struct facts_eye *eye, const json_t *truth,
                struct facts_tally *tally);

#endif
