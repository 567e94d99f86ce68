/* custody.h: a mail in the hands of an instance; only for the files of the router. */
#ifndef REELYARD_RUNTIME_BUS_CUSTODY_H
#define REELYARD_RUNTIME_BUS_CUSTODY_H

#include "runtime/bus/router_internal.h"

/* How many mails an instance of this role may hold that asks for `wished`. */
unsigned custody_credit(enum ry_role role, uint64_t wished);
/* The mail, which waits nowhere now, is handed out to an instance. */
void custody_begin(struct ry_router *router, struct mail *mail, struct attached_instance *instance);
/* Ends the custody of a mail: the holder's credit and the reservations come back. */
void custody_end(struct ry_router *router, struct mail *mail);

#endif
