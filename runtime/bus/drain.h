/* drain.h: the order in which a node ends; for node.c and tests of that order. */
#ifndef REELYARD_RUNTIME_BUS_DRAIN_H
#define REELYARD_RUNTIME_BUS_DRAIN_H

#include "runtime/bus/router_thread.h"

/* Text of the mails that a drain leaves. */
#define DRAIN_LEFT_BYTES 200

/* The roles in the order in which they drain: whoever sends requests to a role comes before it, the relay and the
 * monitor last. How many. */
size_t drain_order(enum ry_role order[RY_ROLE_COUNT]);

/* Drains role by role; blocks until all have left or the time is up (false). Not from the router's thread. */
bool drain_all(struct ry_router_thread *router, int64_t until_mono_ms);

/* How many mails are left; where: of which roles, as text. */
uint32_t drain_left(struct ry_router_thread *router, char where[DRAIN_LEFT_BYTES]);

#endif
