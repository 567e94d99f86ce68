/* ingester.h: the ingester's spec; what it does stands at the top of ingester.c. */
#ifndef REELYARD_ACTORS_INGESTER_INGESTER_H
#define REELYARD_ACTORS_INGESTER_INGESTER_H

#include "runtime/actor/actor.h"

extern const struct ry_actor_spec ry_ingester_spec;

#endif
