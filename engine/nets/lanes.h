/* lanes.h - two buffers between which a feature map goes to and fro.
 *
 * The arena is a stack, but a chain of layers wants to free its input once the output stands: so the map
 * lives in one lane, the next layer writes into the other, and the two change roles. Each lane is as large as
 * the largest map that ever stands in it. How large that is nobody computes by hand: the chain is walked once
 * dry (atl_lanes_run: an arena that only measures, lanes that only note what is asked of them) and then for
 * real. Single-threaded, like the arena. */
#ifndef ATL_NETS_LANES_H
#define ATL_NETS_LANES_H

#include "ops/map.h"

typedef struct atl_lanes {
    void *data[2];
    size_t bytes[2];
    int current;   /* the lane in which the map stands */
    bool planning; /* only note how many bytes are asked for */
} atl_lanes;

/* A walk along the chain: takes the same lanes in the same order whether dry or not. */
typedef void (*atl_lanes_walk)(const void *net, const atl_bench *bench, atl_lanes *lanes, void *io);

/* Walks dry, takes both lanes from the arena, walks for real, and releases all that the walk took. */
void atl_lanes_run(const atl_bench *bench, atl_lanes_walk walk, const void *net, void *io);

/* A dense map in the lane where the current map does not stand. */
atl_map atl_lanes_other(atl_lanes *lanes, atl_dtype dtype, int n, int h, int w, int c);
/* The map in the other lane is the current one from now on. */
void atl_lanes_switch(atl_lanes *lanes);

#endif
