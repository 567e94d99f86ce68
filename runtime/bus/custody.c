/* custody.c: a mail in the hands of an instance.
 *
 * Owns the sums of custody: what each instance and each role holds, and the places that are promised to it. An instance
 * never holds more than its credit. If it ends, its mails go to others. */
#include "runtime/bus/custody.h"

#include <inttypes.h>

#include "runtime/base/assert.h"
#include "runtime/bus/authority.h"

/* A confined instance holds one mail at a time: what it claims beyond that would only be kept from others, and counted
 * as tried when it dies. */
#define CONFINED_CREDIT_MAX 1

unsigned custody_credit(enum ry_role role, uint64_t wished)
{
    bool confined = (RY_ROLES_CONFINED & RY_ROLE_BIT(role)) != 0;
    return confined && wished > CONFINED_CREDIT_MAX ? CONFINED_CREDIT_MAX : (unsigned)wished;
}

/* From now on a confined instance is looked after. */
static void note_hold(struct ry_router *router)
{
    int64_t due_mono_ms = router_now(router) + router->options.hold_ms_max;
    if (router->options.hold_ms_max > 0 && due_mono_ms < router->next_hold_mono_ms)
        router->next_hold_mono_ms = due_mono_ms;
}

void custody_begin(struct ry_router *router, struct mail *mail, struct attached_instance *instance)
{
    struct role_queue *role_queue = &router->role_queues[mail->role];
    bool relay = instance == router->relay;
    RY_ASSERT(mail->queue == NULL && mail->holder == NULL && !instance->stopping, "mail %" PRIu64 " for %s",
              mail->head.id, instance->name);
    RY_ASSERT(relay || (instance->held < instance->capacity && instance->role == mail->role),
              "%s: held %zu, credit %u; a mail of %s", instance->name, instance->held, instance->capacity,
              ry_role_name(mail->role));
    role_queue->relayed[ry_priority_is_urgent(mail->head.priority)] += relay;
    mail->holder = instance;
    mail->given_mono_ms = router_now(router);
    authority_begin(mail);
    if (RY_ROLES_CONFINED & RY_ROLE_BIT(instance->role))
        note_hold(router);
    TAILQ_INSERT_TAIL(&instance->custody, mail, link);
    instance->held++;
    role_queue->held++;
    role_queue->held_bytes += mail->cost_bytes;
}

void custody_end(struct ry_router *router, struct mail *mail)
{
    struct attached_instance *instance = mail->holder;
    struct role_queue *role_queue = &router->role_queues[mail->role];
    RY_ASSERT(instance != NULL && instance->held > 0 && role_queue->held_bytes >= mail->cost_bytes,
              "mail %" PRIu64 ", %zu mails of %zu bytes held", mail->head.id, role_queue->held, role_queue->held_bytes);
    TAILQ_REMOVE(&instance->custody, mail, link);
    mail->holder = NULL;
    instance->held--;
    role_queue->held--;
    role_queue->held_bytes -= mail->cost_bytes;
    role_queue->relayed[ry_priority_is_urgent(mail->head.priority)] -= instance == router->relay;
    for (uint32_t roles = role_queue->sends_to; roles; roles &= roles - 1) {
        unsigned role = (unsigned)__builtin_ctz(roles);
        /* What it sent there stays, but no longer in the place of a mail that is worked on. */
        if (instance->covered[role] > 0)
            instance->covered[role]--;
    }
}
