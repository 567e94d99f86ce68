/* router_desk.h: what tests of the router without sockets share: instances that join it, and what they say.
 *
 * The router is the test's, as is what becomes of what it emits. Everything that must hold on the way fails the test.
 */
#ifndef REELYARD_TESTS_BED_ROUTER_DESK_H
#define REELYARD_TESTS_BED_ROUTER_DESK_H

#include "runtime/bus/router.h"

/* Another instance of a role, with a name of its own (out, may be NULL); its session. */
uint32_t router_desk_join(struct ry_router *router, enum ry_role role, unsigned capacity, enum ry_locality place,
                          char name[40]);

/* Says a message under a head, of which id, tag and what a test is about are filled; correlation 0 becomes the id. What
 * the router made of it. */
int router_desk_say(struct ry_router *router, uint32_t session, struct ry_envelope *head, const void *message);

#endif
