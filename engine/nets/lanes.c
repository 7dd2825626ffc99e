/* lanes.c - see lanes.h. */
#include "nets/lanes.h"

#include <assert.h>

#include "ops/moments.h"

static void give_back(atl_lanes *lanes, atl_lane lane)
{
    if (lane == ATL_LANE_NEAR)
        atl_arena_release(lanes->arena, lanes->mark);
    else
        atl_arena_far(lanes->arena, 0);
}

void atl_lanes_run(const atl_bench *bench, size_t moments_bytes, atl_lanes_walk walk, const void *net,
                   void *io)
{
    const size_t begin = atl_arena_mark(bench->arena);
    atl_lanes lanes = {.arena = bench->arena, .current = ATL_LANE_NEAR, .room_bytes = moments_bytes};
    if (moments_bytes > 0)
        lanes.room = atl_arena_take(bench->arena, moments_bytes);
    lanes.mark = atl_arena_mark(bench->arena);
    walk(net, bench, &lanes, io);
    give_back(&lanes, ATL_LANE_NEAR);
    give_back(&lanes, ATL_LANE_FAR);
    atl_arena_release(bench->arena, begin);
}

static atl_lane other_lane(const atl_lanes *lanes)
{
    return lanes->current == ATL_LANE_NEAR ? ATL_LANE_FAR : ATL_LANE_NEAR;
}

atl_map atl_lanes_other(atl_lanes *lanes, atl_dtype dtype, int n, int h, int w, int c)
{
    const size_t bytes = (size_t)n * (size_t)h * (size_t)w * (size_t)c * atl_dtype_bytes(dtype);
    const atl_lane other = other_lane(lanes);
    give_back(lanes, other);
    void *data =
        other == ATL_LANE_NEAR ? atl_arena_take(lanes->arena, bytes) : atl_arena_far(lanes->arena, bytes);
    atl_map map = atl_map_over(data, dtype, n, h, w, c);
    map.moments = atl_lanes_room(lanes, &map);
    return map;
}

struct atl_moments *atl_lanes_room(const atl_lanes *lanes, const atl_map *map)
{
    return map->dtype == ATL_BF16 && atl_moments_bytes(map) <= lanes->room_bytes ? lanes->room : NULL;
}

void *atl_lanes_stretch(atl_lanes *lanes, size_t bytes)
{
    assert(lanes->current == ATL_LANE_FAR);
    return atl_arena_far(lanes->arena, bytes);
}

void atl_lanes_switch(atl_lanes *lanes)
{
    const atl_lane before = lanes->current;
    lanes->current = other_lane(lanes);
    give_back(lanes, before);
}
