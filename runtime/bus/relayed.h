/* relayed.h: mail that comes from other nodes and goes to them; only for the files of the router. */
#ifndef REELYARD_RUNTIME_BUS_RELAYED_H
#define REELYARD_RUNTIME_BUS_RELAYED_H

#include "runtime/bus/router_internal.h"

/* Whether the relay may have mail of this role and priority now. */
bool relayed_takes(struct ry_router *router, enum ry_role role, unsigned priority);
/* The same for whether there will be somebody at all. */
bool relayed_reaches(struct ry_router *router, enum ry_role role);
/* Whether nobody here has this role, and will not soon, but other nodes have it. */
bool relayed_is_elsewhere(struct ry_router *router, enum ry_role role);
/* Tells the relay what router_note_settled noted. */
void relayed_tell_settled(struct ry_router *router);
/* relay_reach, and undeliverable of another node's mail. */
int relayed_take_reach(struct ry_router *router, struct attached_instance *from, const struct ry_relay_reach *message,
                       struct ry_error *err);
int relayed_pass_undeliverable(struct ry_router *router, struct attached_instance *from, uint64_t to,
                               const struct ry_undeliverable *message, struct ry_error *err);

#endif
