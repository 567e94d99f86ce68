/* ghost_node.h: a node of a fleet that is played by a test: it says of itself what it is told to, seals what it says
 * with the key that it is given, and reads and answers what others say to it, or does not.
 *
 * A thread of its own keeps its news fresh while it is there, and answers its words. */
#ifndef REELYARD_TESTS_BED_GHOST_NODE_H
#define REELYARD_TESTS_BED_GHOST_NODE_H

#include "runtime/queue/mail_stream.h"

struct ghost_node;

/* owner: "name/start". fleet_key: NULL for none. */
struct ghost_node *ghost_node_new(const char *redis_url, const char *owner, const char *fleet_key);
void ghost_node_free(struct ghost_node *ghost);

/* Is there from now on, with these roles; is there no more, and its news are gone. */
void ghost_node_appear(struct ghost_node *ghost, uint32_t roles);
void ghost_node_go(struct ghost_node *ghost);

/* Leaves news that were said so long ago, and is not there. */
void ghost_node_say_old_news(struct ghost_node *ghost, int64_t age_s);

/* Reads its words from now on and answers each claim with this verdict ("granted"). */
void ghost_node_answer(struct ghost_node *ghost, const char *verdict);
/* How many claims and ends (settled) it has read. */
unsigned ghost_node_claims(struct ghost_node *ghost);
unsigned ghost_node_ends(struct ghost_node *ghost);

/* Says a word to a start of a node: kind, id, and one more field (name NULL: none). Numbered and sealed. */
void ghost_node_say(struct ghost_node *ghost, const char *to, const char *kind, const char *id, const char *name,
                    const char *value);

/* Adds an entry with these fields, sealed for the stream. */
void ghost_node_add(struct ghost_node *ghost, const char *stream, const struct ry_mail_field *fields, size_t n);

#endif
