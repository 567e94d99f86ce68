/* local.h: a store in a folder of this machine. */
#ifndef REELYARD_ACTORS_STORAGE_LOCAL_H
#define REELYARD_ACTORS_STORAGE_LOCAL_H

#include "actors/storage/store.h"
#include "runtime/base/rng.h"

struct store_local_options {
    const char *root;       /* folder; made if its parent is there */
    uint64_t reserve_bytes; /* free space that no put may use up */
    struct ry_rng *rng;     /* of temporary names; borrowed */
};

/* Opens the folder and removes what crashes left in it. RY_ECONFIG when it cannot be used, with what to do. */
int store_local_open(const struct store_local_options *options, struct store **store, struct ry_error *err);

#endif
