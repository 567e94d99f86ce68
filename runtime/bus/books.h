/* books.h: whether the router's sums are what its lists say; only for the files of the router. */
#ifndef REELYARD_RUNTIME_BUS_BOOKS_H
#define REELYARD_RUNTIME_BUS_BOOKS_H

#include "runtime/bus/router_internal.h"

/* Counts everything anew and ends the process (RY_ASSERT) when a sum is wrong. Looks at every mail and instance. */
void books_check(struct ry_router *router);

/* A turn is over: checks if it is time to (ry_router_options.turns_between_checks). */
void books_turn(struct ry_router *router);

#endif
