/* relay.h: the spec of the relay; what it does stands at the top of relay.c. */
#ifndef REELYARD_ACTORS_RELAY_RELAY_H
#define REELYARD_ACTORS_RELAY_RELAY_H

#include "runtime/actor/actor.h"

extern const struct ry_actor_spec ry_relay_spec;

#endif
