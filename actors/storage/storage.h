/* storage.h: the storage's spec; what it does stands at the top of storage.c. */
#ifndef REELYARD_ACTORS_STORAGE_STORAGE_H
#define REELYARD_ACTORS_STORAGE_STORAGE_H

#include "runtime/actor/actor.h"

extern const struct ry_actor_spec ry_storage_spec;

#endif
