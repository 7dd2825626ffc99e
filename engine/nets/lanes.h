/* lanes.h - two ends of the arena between which a feature map goes to and fro.
 *
 * A stack would keep each layer's input below its output. So the map stands in one lane, the next layer
 * writes into the other, the two change roles, and what was read is given back: one lane is the arena's stack
 * from where the walk began, the other is the piece at its far end. Between them is what ops take on the way.
 * No more is ever in use than a map, its successor and that. Single-threaded, like the arena; walks do not
 * nest. */
#ifndef ATL_NETS_LANES_H
#define ATL_NETS_LANES_H

#include "ops/map.h"

typedef enum atl_lane { ATL_LANE_NEAR, ATL_LANE_FAR } atl_lane;

typedef struct atl_lanes {
    atl_arena *arena;
    size_t mark;      /* where the near lane begins */
    atl_lane current; /* where the map stands */
    size_t room_bytes;
    struct atl_moments *room; /* for moments of the map in bf16 that is made next, or NULL */
} atl_lanes;

/* A walk along the chain. It begins as if its input stood in the near lane. */
typedef void (*atl_lanes_walk)(const void *net, const atl_bench *bench, atl_lanes *lanes, void *io);

/* Walks, and releases all that the walk took. Maps that need no more have room for their moments
 * (ops/moments.h), which may be 0 bytes. They share it: each is normed before the next is made. */
void atl_lanes_run(const atl_bench *bench, size_t moments_bytes, atl_lanes_walk walk, const void *net,
                   void *io);

/* A dense map in the lane where the current map does not stand; an earlier one there is lost. Whoever asks
 * has released what it took from the arena since the walk began. */
atl_map atl_lanes_other(atl_lanes *lanes, atl_dtype dtype, int n, int h, int w, int c);
/* What such a map has beside it; a map that is made in another way may have it, too. NULL: none. */
struct atl_moments *atl_lanes_room(const atl_lanes *lanes, const atl_map *map);
/* Where the map stands in the far lane: makes that lane so long, at its beginning, and returns where it
 * begins now. */
void *atl_lanes_stretch(atl_lanes *lanes, size_t bytes);
/* The map in the other lane is the current one from now on, and the one before is given back. */
void atl_lanes_switch(atl_lanes *lanes);

#endif
