/* peers.h: the other nodes (peers.c). */
#ifndef REELYARD_ACTORS_RELAY_PEERS_H
#define REELYARD_ACTORS_RELAY_PEERS_H

#include "actors/relay/state.h"

/* Writes the record of this node, and reads those of the others. False: one of both failed. */
bool relay_exchange_news(struct relay *self);
struct relay_peer *relay_peer_of(const struct relay *self, struct ry_str owner);
/* The same, with a look whether there are news of it. */
struct relay_peer *relay_peer_found(struct relay *self, struct ry_str owner);
bool relay_is_alive(const struct relay *self, struct ry_str owner);
void relay_peers_free(struct relay *self);

#endif
