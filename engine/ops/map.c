/* map.c - views of activations; see map.h. */
#include "ops/map.h"

#include <assert.h>
#include <stdint.h>

atl_map atl_map_take(const atl_bench *bench, atl_dtype dtype, int n, int h, int w, int c)
{
    atl_map map = atl_map_over(NULL, dtype, n, h, w, c);
    map.data = atl_arena_take(bench->arena, atl_map_rows(&map) * (size_t)c * atl_dtype_bytes(dtype));
    return map;
}

atl_map atl_map_over(void *data, atl_dtype dtype, int n, int h, int w, int c)
{
    return (atl_map){.data = data, .dtype = dtype, .n = n, .h = h, .w = w, .c = c, .stride = (size_t)c};
}

static void *advanced(const atl_map *map, size_t n_elements)
{
    return (uint8_t *)map->data + n_elements * atl_dtype_bytes(map->dtype);
}

atl_map atl_map_channels(const atl_map *map, int first, int count)
{
    assert(first >= 0 && count >= 0 && first + count <= map->c);
    atl_map view = *map;
    view.data = advanced(map, (size_t)first);
    view.c = count;
    view.moments = NULL;
    return view;
}

atl_map atl_map_pictures(const atl_map *map, int first, int count)
{
    assert(first >= 0 && count >= 0 && first + count <= map->n);
    atl_map view = *map;
    view.data = advanced(map, (size_t)first * (size_t)map->h * (size_t)map->w * map->stride);
    view.n = count;
    view.moments = NULL;
    return view;
}

atl_map atl_map_lines(const atl_map *map, atl_lines lines)
{
    assert(map->n == 1 && lines.first >= 0 && lines.n >= 0 && lines.first + lines.n <= map->h);
    atl_map view = *map;
    view.data = advanced(map, (size_t)lines.first * ((size_t)map->w * map->stride + map->gap));
    view.h = lines.n;
    view.moments = NULL;
    return view;
}

size_t atl_map_line_bytes(const atl_map *map)
{
    return ((size_t)map->w * map->stride + map->gap) * atl_dtype_bytes(map->dtype);
}

atl_map atl_map_reshaped(const atl_map *map, int h, int w)
{
    assert((size_t)h * (size_t)w == (size_t)map->h * (size_t)map->w && map->gap == 0);
    atl_map view = *map;
    view.h = h;
    view.w = w;
    return view;
}
