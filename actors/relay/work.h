/* work.h: mail of other nodes that is worked on here (work.c). */
#ifndef REELYARD_ACTORS_RELAY_WORK_H
#define REELYARD_ACTORS_RELAY_WORK_H

#include "actors/relay/state.h"

/* Its sender about a mail that was asked for. */
void relay_on_claimed(struct relay *self, struct ry_str from, uint64_t ask, struct ry_str verdict);
/* An ANSWER to, or in the course of, another node's mail. */
void relay_answer(struct relay *self, struct ry_mail *mail);
void relay_on_undeliverable(struct relay *self, const struct ry_undeliverable *lost);
void relay_on_mail_settled(struct relay *self, const struct ry_mail_settled *settled);
/* Says to the router again what it had no room for. */
void relay_say_again(struct relay *self);

#endif
