/* drain.c: the order in which a node ends.
 *
 * From the sources down, as the declarations of the messages say who sends to whom: a role is asked to drain when those
 * that send to it have left and its mailbox is empty. Owns nothing; what a crash leaves comes back by its leases. */
#include "runtime/bus/drain.h"

#include <inttypes.h>
#include <stdio.h>

#include "proto/message.h"
#include "runtime/base/assert.h"
#include "runtime/base/clock.h"
#include "runtime/base/wait.h"

/* How often a drain looks whether a role has come to its end, milliseconds. */
#define DRAIN_LOOK_MS 5

size_t drain_order(enum ry_role order[RY_ROLE_COUNT])
{
    uint32_t sends_to[RY_ROLE_COUNT] = {0};
    size_t count = 0;
    const struct ry_descriptor *descriptors = ry_descriptors(&count);
    for (size_t i = 0; i < count; i++)
        if (descriptors[i].kind == RY_KIND_REQUEST || descriptors[i].kind == RY_KIND_ASK)
            for (unsigned role = 1; role < RY_ROLE_ROUTER; role++)
                if (descriptors[i].senders & RY_ROLE_BIT(role))
                    sends_to[role] |= RY_ROLE_BIT(ry_descriptor_role(&descriptors[i]));
    /* Take away, again and again, a role that nobody who is left sends to. The monitor watches to the end, and what
     * people ask does not hold up the order. */
    uint32_t left = 0;
    for (unsigned role = 1; role < RY_ROLE_MONITOR; role++)
        left |= RY_ROLE_BIT(role);
    size_t n = 0;
    while (left) {
        uint32_t reached = 0;
        for (unsigned role = 1; role < RY_ROLE_MONITOR; role++)
            if (left & RY_ROLE_BIT(role))
                reached |= sends_to[role];
        uint32_t free_roles = left & ~reached;
        if (free_roles == 0) /* a cycle, which a test of the declarations forbids */
            free_roles = left;
        for (uint32_t roles = free_roles; roles; roles &= roles - 1)
            order[n++] = (enum ry_role)__builtin_ctz(roles);
        left &= ~free_roles;
    }
    RY_ASSERT(n + 2 <= RY_ROLE_COUNT, "%zu roles", n);
    order[n++] = RY_ROLE_RELAY;
    order[n++] = RY_ROLE_MONITOR;
    return n;
}

/* Waits for the mailbox of a role to run empty, then for its instances to leave. They are asked at every look, since
 * one that was on its way may join after the others were asked; nobody is told twice. False: the time is up. */
static bool drain_role(struct ry_router_thread *router, enum ry_role role, int64_t until_mono_ms)
{
    for (;;) {
        struct ry_router_thread_load load = ry_router_thread_load(router, role);
        if (load.instances == 0)
            return true;
        bool late = ry_mono_ms(ry_clock_system()) >= until_mono_ms;
        if (load.role_load == 0 || late)
            ry_router_thread_drain(router, role);
        if (late)
            return false;
        (void)ry_wait(NULL, 0, DRAIN_LOOK_MS);
    }
}

uint32_t drain_left(struct ry_router_thread *router, char where[DRAIN_LEFT_BYTES])
{
    size_t n = 0;
    where[0] = '\0';
    for (unsigned role = 1; role < RY_ROLE_COUNT && n < DRAIN_LEFT_BYTES; role++) {
        struct ry_router_thread_load load = ry_router_thread_load(router, (enum ry_role)role);
        if (load.role_load > 0)
            n += (size_t)snprintf(where + n, DRAIN_LEFT_BYTES - n, "%s %s %" PRIu32 " (%" PRIu32 " instances)",
                                  n > 0 ? "," : " for", ry_role_name((enum ry_role)role), load.role_load,
                                  load.instances);
    }
    return ry_router_thread_load(router, RY_ROLE_NONE).total_load;
}

bool drain_all(struct ry_router_thread *router, int64_t until_mono_ms)
{
    enum ry_role order[RY_ROLE_COUNT];
    size_t count = drain_order(order);
    bool finished = true;
    for (size_t i = 0; i < count; i++)
        finished = drain_role(router, order[i], until_mono_ms) && finished;
    return finished;
}
