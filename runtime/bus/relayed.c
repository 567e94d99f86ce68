/* relayed.c: mail that comes from other nodes and goes to them.
 *
 * To the router the relay is an instance that takes mail of any role, as far as other nodes have instances of it: of a
 * role that nobody here has, all; of a shared role, what nobody here has room for. It holds that mail like any other
 * instance, until its end on the other node is known. What it brings from other nodes is sent under its own session:
 * its ids are the relay's, and so is, mostly, the origin of all that follows from it. The relay is told when the
 * custody of such a mail has ended and how much follows from it still, so that the node where it came from can forget
 * it only when nothing of it is left here.
 *
 * A role that somebody here has just left is not given away for a while: the instance may only be being replaced. */
#include "runtime/bus/relayed.h"

#include "runtime/bus/authority.h"

#include <stdio.h>
#include <stdlib.h>

#define REPLACED_MS 10000

static bool is_here(struct ry_router *router, const struct role_queue *role_queue)
{
    bool just_left = role_queue->left_mono_ms != 0 && router_now(router) - role_queue->left_mono_ms < REPLACED_MS;
    return role_queue->instance_count > 0 || just_left;
}

bool relayed_reaches(struct ry_router *router, enum ry_role role)
{
    return router->relay != NULL && !router->relay->stopping && (router->reach & RY_ROLE_BIT(role));
}

bool relayed_is_elsewhere(struct ry_router *router, enum ry_role role)
{
    return relayed_reaches(router, role) && !is_here(router, &router->role_queues[role]);
}

bool relayed_takes(struct ry_router *router, enum ry_role role, unsigned priority)
{
    const struct role_queue *role_queue = &router->role_queues[role];
    if (!relayed_reaches(router, role) || role_queue->relayed[ry_priority_is_urgent(priority)] >= router->relay_window)
        return false;
    return (router->shared & RY_ROLE_BIT(role)) || !is_here(router, role_queue);
}

void relayed_tell_settled(struct ry_router *router)
{
    for (size_t i = 0; i < router->settled_count && router->relay != NULL; i++) {
        const struct settled *settled = &router->settled[i];
        const struct ry_mail_settled message = {
            .id = settled->id, .origin = settled->origin, .left = mail_index_count(&router->index, settled->origin)};
        router_say(router, router->relay, RY_TAG_mail_settled, &message, settled->id);
    }
    router->settled_count = 0;
}

int relayed_take_reach(struct ry_router *router, struct attached_instance *from, const struct ry_relay_reach *message,
                       struct ry_error *err)
{
    if (from != router->relay)
        return router_refuse(router, from, err, "it is not the relay");
    router->reach = (uint32_t)message->roles;
    router->shared = (uint32_t)message->shared;
    router->relay_window = (size_t)message->window;
    (void)snprintf(router->relay_notice, sizeof router->relay_notice, "%.*s", RY_STR_ARG(message->notice));
    return RY_OK;
}

int relayed_pass_undeliverable(struct ry_router *router, struct attached_instance *from, uint64_t to,
                               const struct ry_undeliverable *message, struct ry_error *err)
{
    const struct attached_instance *concerned = router_instance(router, RY_SESSION_OF(to));
    if (from != router->relay)
        return router_refuse(router, from, err, "it is not the relay");
    if (concerned != NULL && authority_relays(router, from, to)) /* of a mail that it has */
        router_say(router, concerned, RY_TAG_undeliverable, message, to);
    return RY_OK;
}
