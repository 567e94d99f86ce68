/* take.h: entries of other nodes: read, asked for, renewed, given back (take.c). */
#ifndef REELYARD_ACTORS_RELAY_TAKE_H
#define REELYARD_ACTORS_RELAY_TAKE_H

#include "actors/relay/state.h"

/* Reads as much of these roles (bits) as the instances here have room for. */
void relay_read(struct relay *self, uint32_t roles);
/* Renews what is in hand, asks again for what was not answered, and takes over what nobody renews. */
void relay_renew(struct relay *self);
/* Gives back what is not finished, for other nodes to take at once. */
void relay_release(struct relay *self);

#endif
