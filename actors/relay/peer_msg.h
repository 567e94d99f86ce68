/* peer_msg.h: what the relays of nodes say to each other about a mail; see the top of peer_msg.c. */
#ifndef REELYARD_ACTORS_RELAY_PEER_MSG_H
#define REELYARD_ACTORS_RELAY_PEER_MSG_H

#include "actors/relay/state.h"

/* The verdicts on a claim. */
#define RELAY_GRANTED "granted"
#define RELAY_BUSY    "busy" /* another node has it */
#define RELAY_VOID    "void" /* there is no such mail, or no longer */

/* To the sender of an entry: may this node work on it? ask: by what number the answer is known. */
void relay_say_claim(struct relay *self, const char *to, uint64_t id, uint64_t ask);
void relay_say_claimed(struct relay *self, struct ry_str to, uint64_t ask, const char *verdict);
void relay_say_given_up(struct relay *self, const char *to, uint64_t id);
/* To the sender of an entry. failure: absent, or why the mail is dead. */
void relay_say_settled(struct relay *self, const char *to, uint64_t id, struct ry_str failure);
void relay_say_answer(struct relay *self, const char *to, uint64_t correlation, struct ry_str whole);
void relay_say_undeliverable(struct relay *self, const char *to, uint64_t concerned,
                             const struct ry_undeliverable *lost);
/* Behind all that was said about it: the entry is over. */
void relay_say_end(struct relay *self, const char *stream, const char *entry);
void relay_say_entry_end(struct relay *self, const struct relay_entry *entry);
/* Says what waits. */
void relay_flush(struct relay *self);
void relay_peer_msgs_free(struct relay *self);

#endif
