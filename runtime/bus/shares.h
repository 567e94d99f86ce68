/* shares.h: who has a place in which mailbox; only for the files of the router. */
#ifndef REELYARD_RUNTIME_BUS_SHARES_H
#define REELYARD_RUNTIME_BUS_SHARES_H

#include "runtime/bus/router_internal.h"

/* Makes the plan from the declarations of messages. */
void shares_plan(struct ry_router *router);

/* Whether one more mail from role `from` may wait for role `to`: its share of the mailbox is neither taken by its mails
 * that wait nor promised to the mails that its instances work on, and the mailbox has bytes left. */
bool shares_have_room(const struct ry_router *router, enum ry_role from, enum ry_role to);
/* The same for an EVENT, for which nothing was promised. */
bool shares_have_room_for_event(const struct ry_router *router, enum ry_role from, enum ry_role to);
/* Whether the work of this role has a place wherever it may send to. */
bool shares_have_room_for_work(const struct ry_router *router, enum ry_role role);

#endif
