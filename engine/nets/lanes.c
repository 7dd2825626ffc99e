/* lanes.c - see lanes.h. */
#include "nets/lanes.h"

#include <stdio.h>
#include <stdlib.h>

void atl_lanes_run(const atl_bench *bench, atl_lanes_walk walk, const void *net, void *io)
{
    size_t mark = atl_arena_mark(bench->arena);
    atl_arena ruler = atl_arena_measure();
    atl_bench dry = *bench;
    atl_lanes lanes = {.planning = true};

    dry.arena = &ruler;
    for (int i = 0; i < 2; i++) /* an address that nobody touches */
        lanes.data[i] = atl_arena_take(&ruler, 0);
    walk(net, &dry, &lanes, io);

    lanes.planning = false;
    lanes.current = 0;
    for (int i = 0; i < 2; i++)
        lanes.data[i] = atl_arena_take(bench->arena, lanes.bytes[i]);
    walk(net, bench, &lanes, io);
    atl_arena_release(bench->arena, mark);
}

atl_map atl_lanes_other(atl_lanes *lanes, atl_dtype dtype, int n, int h, int w, int c)
{
    int other = !lanes->current;
    size_t bytes = (size_t)n * (size_t)h * (size_t)w * (size_t)c * atl_dtype_bytes(dtype);

    if (lanes->planning && lanes->bytes[other] < bytes)
        lanes->bytes[other] = bytes;
    if (lanes->bytes[other] < bytes) {
        fprintf(stderr, "lanes: %zu bytes asked for where %zu were planned\n", bytes, lanes->bytes[other]);
        abort();
    }
    return atl_map_over(lanes->data[other], dtype, n, h, w, c);
}

void atl_lanes_switch(atl_lanes *lanes)
{
    lanes->current = !lanes->current;
}
