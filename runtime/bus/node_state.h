/* node_state.h: what the router reports of itself; only for the files of the router. */
#ifndef REELYARD_RUNTIME_BUS_NODE_STATE_H
#define REELYARD_RUNTIME_BUS_NODE_STATE_H

#include "runtime/bus/router_internal.h"

/* How much of the last one to two windows its instances were busy, in thousandths; moves the marks on. */
uint64_t node_state_busy_permille(struct ry_router *router, struct role_queue *role_queue);
/* Answers node_get. */
void node_state_say(struct ry_router *router, const struct attached_instance *to, uint64_t correlation);

#endif
