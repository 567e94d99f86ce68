/* control.h: what an instance says to the router itself; only for the files of the router. */
#ifndef REELYARD_RUNTIME_BUS_CONTROL_H
#define REELYARD_RUNTIME_BUS_CONTROL_H

#include "runtime/bus/router_internal.h"

/* Takes a CONTROL message that authority_check allowed. The sender may have left behind it. */
int router_control(struct ry_router *router, const struct router_said *said, struct ry_error *err);

#endif
