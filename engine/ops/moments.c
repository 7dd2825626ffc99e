/* moments.c - see moments.h.
 *
 * A piece is summed STRIP_ROWS at a time, as a product in bf16 makes them, about the first of them:
 * differences from a value of the channel itself do not cancel when the mean is far from 0, and nobody has to
 * wait for somebody else. Larger pictures have larger pieces, so that what is left beside a map stays a small
 * part of it. */
#include "ops/moments.h"

#include "base/sizes.h"
#include "kernels/kernels.h"

#define STRIP_ROWS         ATL_BF16_TILE_ROWS
#define PIECE_ROWS         64
#define LARGE_PIECE_ROWS   256
#define LARGE_PICTURE_ROWS 65536

static size_t picture_rows(const atl_map *map)
{
    return (size_t)map->h * (size_t)map->w;
}

size_t atl_moments_rows(const atl_map *map)
{
    return picture_rows(map) < LARGE_PICTURE_ROWS ? PIECE_ROWS : LARGE_PIECE_ROWS;
}

size_t atl_moments_pieces(const atl_map *map)
{
    const size_t rows = atl_moments_rows(map);
    return (picture_rows(map) + rows - 1) / rows;
}

size_t atl_moments_bytes(const atl_map *map)
{
    const size_t n = (size_t)map->n * atl_moments_pieces(map) * 2 * (size_t)map->c;
    return sizeof(struct atl_moments) + n * sizeof(float);
}

void atl_moments_take(const atl_bench *bench, atl_map *map)
{
    map->moments = NULL;
    if (map->dtype == ATL_BF16)
        map->moments = atl_arena_take(bench->arena, atl_moments_bytes(map));
    atl_moments_forget(bench, map);
}

void atl_moments_forget(const atl_bench *bench, const atl_map *map)
{
    if (map->moments && !bench->arena->measuring)
        map->moments->n_rows = 0;
}

bool atl_moments_known(const atl_map *map)
{
    return map->moments && map->moments->n_rows == atl_map_rows(map);
}

float *atl_moments_at(const atl_map *map, size_t row, size_t col)
{
    return map->moments->pieces + row / atl_moments_rows(map) * 2 * (size_t)map->c + col;
}

void atl_moments_sum(const struct atl_kernels *kernels, const atl_map *map, size_t picture, size_t piece,
                     size_t n_c, float *sums)
{
    const size_t rows = atl_moments_rows(map), first = piece * rows, left = picture_rows(map) - first;
    const size_t m = left < rows ? left : rows;
    const size_t begin = picture * picture_rows(map) + first;
    atl_rows x = {.stride = map->stride, .dtype = map->dtype};
    for (size_t row = 0; row < m; row += STRIP_ROWS) {
        const size_t n = m - row < STRIP_ROWS ? m - row : STRIP_ROWS;
        x.data = (char *)map->data + atl_map_row_at(map, begin + row) * atl_dtype_bytes(map->dtype);
        kernels->moments_rows((int)n, map->c, &x, (int)row, sums, sums + n_c);
    }
}

void atl_moments_leave(const struct atl_kernels *kernels, const atl_map *map, size_t first, size_t end,
                       int first_c, int n)
{
    const size_t rows = atl_moments_rows(map), pieces = atl_moments_pieces(map), c = (size_t)map->c;
    const atl_map columns = atl_map_channels(map, first_c, n);
    for (size_t piece = first / rows; piece < end / rows; piece++)
        atl_moments_sum(kernels, &columns, piece / pieces, piece % pieces, c,
                        map->moments->pieces + piece * 2 * c + first_c);
}
