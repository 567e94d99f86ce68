/* hear.h: what other nodes say to this one (hear.c). */
#ifndef REELYARD_ACTORS_RELAY_HEAR_H
#define REELYARD_ACTORS_RELAY_HEAR_H

#include "actors/relay/state.h"

/* Takes what was said since the last time. */
void relay_hear(struct relay *self);

#endif
