/* local.h: a store in a folder of this machine. */
#ifndef REELYARD_ACTORS_STORAGE_LOCAL_H
#define REELYARD_ACTORS_STORAGE_LOCAL_H

#include "actors/storage/store.h"
#include "runtime/base/rng.h"

struct store_local_options {
    const char *root;       /* folder; made if its parent is there */
    const char *access;     /* storage_access of options.def: owner, group, all */
    uint64_t reserve_bytes; /* free space that no put may use up */
    struct ry_rng *rng;     /* of temporary names; borrowed */
    bool swept;             /* what crashes left was removed by another store of this process */
};

/* Opens the folder, gives what is in it the modes that access means, and removes what crashes left in it. A disk that
 * fails or is read-only is a trouble that passes: the store is made, and its `ready` says no. RY_ECONFIG when the path
 * or its rights are wrong, with what to do. */
int store_local_open(const struct store_local_options *options, struct store **store, struct ry_error *err);

#endif
