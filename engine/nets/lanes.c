/* lanes.c - see lanes.h. */
#include "nets/lanes.h"

#include <assert.h>

static void give_back(atl_lanes *lanes, atl_lane lane)
{
    if (lane == ATL_LANE_NEAR)
        atl_arena_release(lanes->arena, lanes->mark);
    else
        atl_arena_far(lanes->arena, 0);
}

void atl_lanes_run(const atl_bench *bench, atl_lanes_walk walk, const void *net, void *io)
{
    atl_lanes lanes = {.arena = bench->arena, .mark = atl_arena_mark(bench->arena), .current = ATL_LANE_NEAR};
    walk(net, bench, &lanes, io);
    give_back(&lanes, ATL_LANE_NEAR);
    give_back(&lanes, ATL_LANE_FAR);
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
    return atl_map_over(data, dtype, n, h, w, c);
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
