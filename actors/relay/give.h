/* give.h: mail of this node that other nodes work on (give.c). */
#ifndef REELYARD_ACTORS_RELAY_GIVE_H
#define REELYARD_ACTORS_RELAY_GIVE_H

#include "actors/relay/state.h"

/* The router gave a mail (kept until its end is known), or an event (kept for a moment). */
void relay_send(struct relay *self, struct ry_mail *mail);
/* Another node about a mail of ours: it wants to work on it, gives it up, has come to its end. */
void relay_on_claim(struct relay *self, struct ry_str from, uint64_t id, uint64_t ask);
void relay_on_given_up(struct relay *self, struct ry_str from, uint64_t id);
void relay_on_settled(struct relay *self, struct ry_str from, uint64_t id, struct ry_str failure);
/* Looks for what should be in Redis, and drops what is of no use any more; true: something is missing. */
bool relay_look_for_missing(struct relay *self);
/* Adds again what Redis did not take, or has lost at the last look. */
void relay_offer_again(struct relay *self);
void relay_sent_free(struct relay *self);

#endif
