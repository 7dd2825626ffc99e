/* shapes.c - reads plain shapes off a plain background, by rules a person can check.
 *
 * The background is the median of the border. What differs clearly from it is shape; connected pieces are
 * told apart by flood fill and crumbs dropped. A piece's colour is the median of its inside (edges are
 * blends), its place the third its box is centred in, its size the longer side of its box: the generator
 * draws small shapes about 0.2 and big ones about 0.36 of the picture wide. */
#include "facts.h"

#include <stdlib.h>
#include <string.h>

const char *const facts_colours[FACTS_N_COLOURS] = {"red",    "orange", "yellow", "green", "blue",
                                                    "purple", "pink",   "white",  "black"};
const char *const facts_places[FACTS_N_PLACES] = {"left", "middle", "right"};
const char *const facts_sizes[2] = {"small", "big"};

static const uint8_t colour_rgb[FACTS_N_COLOURS][3] = {
    {219, 33, 36},  {247, 135, 26},  {250, 222, 41},  {41, 163, 66}, {33, 87, 219},
    {128, 46, 179}, {252, 153, 194}, {245, 245, 245}, {20, 20, 26},
};

static const double MIN_AREA = 0.004, LEFT_OF_MIDDLE = 0.36, RIGHT_OF_MIDDLE = 0.64, BIG_FROM = 0.265;
enum {
    FAINTEST = 51,
    CLEAR = 64,
    N_LEVELS = 256
}; /* sums of channel differences, of 765; the two nearest colours differ by 105 */

struct piece {
    size_t area;
    int x0, x1, y0, y1, label;
};

static int nearest_colour(const int rgb[3])
{
    int best = 0;
    long best_d = -1;
    for (int c = 0; c < FACTS_N_COLOURS; c++) {
        long d = 0;
        for (int k = 0; k < 3; k++) {
            long e = rgb[k] - colour_rgb[c][k];
            d += e * e;
        }
        if (best_d < 0 || d < best_d) {
            best_d = d;
            best = c;
        }
    }
    return best;
}

static int median_level(const size_t count[N_LEVELS])
{
    size_t all = 0, below = 0;
    for (int v = 0; v < N_LEVELS; v++)
        all += count[v];
    for (int v = 0; v < N_LEVELS; v++) {
        below += count[v];
        if (below * 2 >= all && all > 0)
            return v;
    }
    return 0;
}

static void border_median(const struct facts_picture *p, int ret_rgb[3])
{
    size_t count[3][N_LEVELS] = {{0}};
    const int m = p->height / 32 > 1 ? p->height / 32 : 1;
    for (int y = 0; y < p->height; y++) {
        if (y >= m && y < p->height - m)
            continue;
        for (int x = 0; x < p->width; x++)
            for (int k = 0; k < 3; k++)
                count[k][p->rgb[((size_t)y * (size_t)p->width + (size_t)x) * 3 + (size_t)k]]++;
    }
    for (int k = 0; k < 3; k++)
        ret_rgb[k] = median_level(count[k]);
}

/* Fills away[height][width] with the distance from the background, and returns the level that counts as
 * shape: half of what the most different 1.5 % of the pixels reach, but no more than CLEAR, or a strong shape
 * would hide a pale one beside it. */
static int measure_distance(const struct facts_picture *p, const int background[3], uint16_t *away)
{
    size_t count[766] = {0};
    const size_t n = (size_t)p->width * (size_t)p->height;
    for (size_t i = 0; i < n; i++) {
        int d = 0;
        for (size_t k = 0; k < 3; k++)
            d += abs(p->rgb[i * 3 + k] - background[k]);
        away[i] = (uint16_t)d;
        count[d]++;
    }
    size_t above = 0;
    int level = 765;
    while (level > 0 && (above + count[level]) * 1000 < n * 15)
        above += count[level--];
    level /= 2;
    return level < FAINTEST ? FAINTEST : level > CLEAR ? CLEAR : level;
}

/* Marks the piece that holds pixel `start` with `label` and measures it. stack: room for every pixel. */
static struct piece flood(const struct facts_picture *p, const uint16_t *away, int level, size_t start,
                          int label, int *labels, size_t *stack)
{
    const int w = p->width, h = p->height;
    struct piece piece = {.x0 = w, .y0 = h, .x1 = -1, .y1 = -1, .label = label};
    size_t n = 0;
    stack[n++] = start;
    labels[start] = label;
    while (n > 0) {
        const size_t at = stack[--n];
        const int x = (int)(at % (size_t)w), y = (int)(at / (size_t)w);
        piece.area++;
        piece.x0 = x < piece.x0 ? x : piece.x0;
        piece.x1 = x > piece.x1 ? x : piece.x1;
        piece.y0 = y < piece.y0 ? y : piece.y0;
        piece.y1 = y > piece.y1 ? y : piece.y1;
        static const int step[4][2] = {{1, 0}, {-1, 0}, {0, 1}, {0, -1}};
        for (int k = 0; k < 4; k++) {
            const int nx = x + step[k][0], ny = y + step[k][1];
            if (nx < 0 || ny < 0 || nx >= w || ny >= h)
                continue;
            const size_t next = (size_t)ny * (size_t)w + (size_t)nx;
            if (labels[next] == 0 && away[next] > level) {
                labels[next] = label;
                stack[n++] = next;
            }
        }
    }
    return piece;
}

/* The median colour of a piece's pixels whose four neighbours belong to it too. */
static int inside_colour(const struct facts_picture *p, const struct piece *piece, const int *labels)
{
    size_t count[3][N_LEVELS] = {{0}};
    const size_t w = (size_t)p->width;
    for (int y = piece->y0 > 1 ? piece->y0 : 1; y <= piece->y1 && y < p->height - 1; y++)
        for (int x = piece->x0 > 1 ? piece->x0 : 1; x <= piece->x1 && x < p->width - 1; x++) {
            const size_t i = (size_t)y * w + (size_t)x;
            const int l = piece->label;
            if (labels[i] != l || labels[i - 1] != l || labels[i + 1] != l || labels[i - w] != l ||
                labels[i + w] != l)
                continue;
            for (size_t k = 0; k < 3; k++)
                count[k][p->rgb[i * 3 + k]]++;
        }
    int rgb[3];
    for (int k = 0; k < 3; k++)
        rgb[k] = median_level(count[k]);
    return nearest_colour(rgb);
}

static struct facts_shape describe(const struct facts_picture *p, const struct piece *piece,
                                   const int *labels)
{
    const double centre = 0.5 * (piece->x0 + piece->x1 + 1) / p->width;
    const double wide = (double)(piece->x1 - piece->x0 + 1) / p->width,
                 tall = (double)(piece->y1 - piece->y0 + 1) / p->height;
    return (struct facts_shape){
        .colour = inside_colour(p, piece, labels),
        .place = centre < LEFT_OF_MIDDLE    ? 0
                 : centre > RIGHT_OF_MIDDLE ? 2
                                            : 1,
        .size = (wide > tall ? wide : tall) > BIG_FROM,
    };
}

int facts_read_shapes(const struct facts_picture *p, int wanted, struct facts_shapes *ret_shapes)
{
    const size_t n = (size_t)p->width * (size_t)p->height;
    int result = -1;
    uint16_t *away = malloc(n * sizeof *away);
    int *labels = calloc(n, sizeof *labels);
    size_t *stack = malloc(n * sizeof *stack);
    if (!away || !labels || !stack)
        goto done;
    int background[3];
    border_median(p, background);
    const int level = measure_distance(p, background, away);
    struct piece best[FACTS_MAX_SHAPES];
    memset(best, 0, sizeof best);
    int label = 0;
    for (size_t i = 0; i < n; i++) {
        if (labels[i] != 0 || away[i] <= level)
            continue;
        const struct piece piece = flood(p, away, level, i, ++label, labels, stack);
        if ((double)piece.area < MIN_AREA * (double)n)
            continue;
        if (piece.area > best[0].area) {
            best[1] = best[0];
            best[0] = piece;
        } else if (piece.area > best[1].area) {
            best[1] = piece;
        }
    }
    *ret_shapes = (struct facts_shapes){.background = nearest_colour(background)};
    for (int k = 0; k < wanted && k < FACTS_MAX_SHAPES && best[k].area > 0; k++)
        ret_shapes->shape[ret_shapes->n++] = describe(p, &best[k], labels);
    result = 0;
done:
    free(away);
    free(labels);
    free(stack);
    return result;
}
