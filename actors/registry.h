/* registry.h: the troupe as a table of specs, made from registry.def. */
#ifndef REELYARD_ACTORS_REGISTRY_H
#define REELYARD_ACTORS_REGISTRY_H

#include "runtime/actor/actor.h"

#define ACTOR(role) extern const struct ry_actor_spec ry_##role##_spec;
#include "actors/registry.def"
#undef ACTOR

static const struct ry_actor_spec *const ry_registry[] = {
#define ACTOR(role) &ry_##role##_spec,
#include "actors/registry.def"
#undef ACTOR
};

enum {
#define ACTOR(role) RY_REGISTRY_##role,
#include "actors/registry.def"
#undef ACTOR
    RY_REGISTRY_COUNT
};

#endif
