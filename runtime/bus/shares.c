/* shares.c: who has a place in which mailbox.
 *
 * Owns the plan of reservations, made from the declarations of messages: which role's work sends requests to which
 * mailbox. Each role that may send to a mailbox has a share of its own there. A mail is handed out when, in every
 * mailbox that the work on it may need, this role's share has a place that is neither taken nor promised; the place is
 * then promised to it until its custody ends. Shares are what keeps a role that waits for another's work from holding
 * the very place that this work needs. */
#include "runtime/bus/shares.h"

void shares_plan(struct ry_router *router)
{
    size_t count = 0;
    const struct ry_descriptor *descriptors = ry_descriptors(&count);
    uint32_t senders[RY_ROLE_COUNT] = {0};
    for (size_t i = 0; i < count; i++) {
        const struct ry_descriptor *descriptor = &descriptors[i];
        if (descriptor->kind != RY_KIND_REQUEST && descriptor->kind != RY_KIND_ASK && descriptor->kind != RY_KIND_EVENT)
            continue;
        enum ry_role to = ry_descriptor_role(descriptor);
        senders[to] |= descriptor->senders;
        if (descriptor->kind == RY_KIND_EVENT)
            continue; /* a hint: no place is promised to it */
        /* Sources send by their own windows, not in the course of a mail: nothing is promised to them. */
        for (size_t role = 1; role < RY_ROLE_COUNT; role++)
            if ((descriptor->senders & ~RY_ROLES_SOURCES) & RY_ROLE_BIT(role))
                router->role_queues[role].sends_to |= RY_ROLE_BIT(to);
    }
    for (size_t role = 0; role < RY_ROLE_COUNT; role++)
        router->role_queues[role].sender_count = (unsigned)__builtin_popcount(senders[role]);
}

static bool has_room(const struct ry_router *router, enum ry_role from, enum ry_role to, size_t promised)
{
    const struct role_queue *role_queue = &router->role_queues[to];
    size_t share = router->options.mailbox_max / (role_queue->sender_count ? role_queue->sender_count : 1);
    return role_queue->queued_from[from] + promised < (share ? share : 1) &&
           role_queue->mailbox.bytes < router->options.mailbox_max_bytes;
}

bool shares_have_room(const struct ry_router *router, enum ry_role from, enum ry_role to)
{
    return has_room(router, from, to, RY_ROLES_SOURCES & RY_ROLE_BIT(from) ? 0 : router->role_queues[from].held);
}

bool shares_have_room_for_event(const struct ry_router *router, enum ry_role from, enum ry_role to)
{
    return has_room(router, from, to, 0);
}

/* Whether the work of this role has a place wherever it may send to. */
bool shares_have_room_for_work(const struct ry_router *router, enum ry_role role)
{
    for (uint32_t roles = router->role_queues[role].sends_to; roles; roles &= roles - 1)
        if (!shares_have_room(router, role, (enum ry_role)__builtin_ctz(roles)))
            return false;
    return true;
}
