/* version.h: which version of its role's work an instance is; only for the files of the router.
 *
 * The VERSION fields of proto/messages.def decide what is tried again (a video that failed for good is, by another
 * encoder), so the router does not believe the sender, which may have been taken over:
 *
 *   this host          the node's own version, since the instance is the same program
 *   another host       the node's own if that is what it claims, else RY_ENCODER_UNKNOWN, which starts nothing
 *   another node       as it is: the router of that node has written it */
#ifndef REELYARD_RUNTIME_BUS_VERSION_H
#define REELYARD_RUNTIME_BUS_VERSION_H

#include "runtime/bus/router_internal.h"

/* Writes the version over what the sender claims in a message that authority_check allowed. said then borrows from
 * router->stamped, until the next call. RY_ENOENT: nothing but a version is in it and that is not known, so it is not
 * to be passed on. RY_EINVAL and others of ry_unpack and ry_pack: it makes no sense. */
int version_write(struct ry_router *router, struct router_said *said, struct ry_error *err);

#endif
