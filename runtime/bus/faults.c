/* faults.c: when an instance of a confined role is put out.
 *
 * Such an instance works on bytes of strangers and may have been taken over by them. What it says beyond its authority,
 * and a mail that it ends without the answer, is a fault. One whose faults pile up, and one that holds a mail for too
 * long, is put out: it is told so, its mail goes to others, and whoever drives the router ends its process or bars its
 * key. The last ones are remembered for people to see. Nobody else is put out: a fault of a trusted role is a bug of
 * ours, which is refused and logged. */
#include "runtime/bus/faults.h"

#include <inttypes.h>
#include <stdio.h>

/* An honest instance has none. */
#define FAULTS_MAX 8

static bool is_confined(const struct attached_instance *instance)
{
    return (RY_ROLES_CONFINED & RY_ROLE_BIT(instance->role)) != 0;
}

bool faults_too_many(const struct attached_instance *instance)
{
    return is_confined(instance) && instance->faults >= FAULTS_MAX;
}

static void remember(struct ry_router *router, const struct attached_instance *instance, const char *reason)
{
    struct outcast *outcast = &router->outcasts[router->outcast_count++ % ROUTER_OUTCASTS];
    *outcast = (struct outcast){.role = instance->role, .at_mono_ms = router_now(router)};
    (void)snprintf(outcast->name, sizeof outcast->name, "%s", instance->name);
    (void)snprintf(outcast->reason, sizeof outcast->reason, "%s", reason);
}

static void put_out(struct ry_router *router, struct attached_instance *instance, const char *reason)
{
    RY_LOG(RY_ERROR, "instance_put_out", "name=%s reason=%s faults=%u mails=%zu", instance->name, reason,
           instance->faults, instance->held);
    const struct ry_unwelcome message = {.reason = ry_str_of(reason)};
    remember(router, instance, reason);
    router_say(router, instance, RY_TAG_unwelcome, &message, 0);
    if (router->options.put_out)
        router->options.put_out(router->options.emit_arg, instance->session);
    ry_router_gone(router, instance->session, false);
}

void faults_judge(struct ry_router *router, uint32_t session)
{
    struct attached_instance *instance = router_instance(router, session);
    if (instance == NULL || !faults_too_many(instance))
        return;
    char reason[200];
    (void)snprintf(reason, sizeof reason, "%u times it said what it may not say, or ended a mail without an answer",
                   instance->faults);
    put_out(router, instance, reason);
}

void ry_router_fault(struct ry_router *router, uint32_t session)
{
    struct attached_instance *instance = router_instance(router, session);
    if (instance == NULL)
        return;
    router_note_fault(router, instance);
    faults_judge(router, session);
}

void ry_router_put_out(struct ry_router *router, uint32_t session, const char *reason)
{
    struct attached_instance *instance = router_instance(router, session);
    if (instance && is_confined(instance))
        put_out(router, instance, reason);
}

/* Puts out the first one of a role that has held a mail for too long. False: there is none. */
static bool put_out_idle(struct ry_router *router, struct role_queue *role_queue)
{
    struct attached_instance *instance;
    TAILQ_FOREACH(instance, &role_queue->instances, of_role)
    {
        const struct mail *mail = TAILQ_FIRST(&instance->custody);
        if (mail == NULL)
            continue;
        int64_t due_mono_ms = mail->given_mono_ms + router->options.hold_ms_max;
        if (due_mono_ms <= router_now(router)) {
            char reason[200];
            (void)snprintf(reason, sizeof reason, "it held a mail (%s) for %" PRId64 " s and did not end it",
                           mail->descriptor->record.name, router->options.hold_ms_max / 1000);
            put_out(router, instance, reason);
            return true;
        }
        if (due_mono_ms < router->next_hold_mono_ms)
            router->next_hold_mono_ms = due_mono_ms;
    }
    return false;
}

int64_t faults_put_out_idle(struct ry_router *router)
{
    if (router->next_hold_mono_ms > router_now(router))
        return router->next_hold_mono_ms;
    router->next_hold_mono_ms = INT64_MAX;
    for (uint32_t roles = RY_ROLES_CONFINED; roles; roles &= roles - 1)
        while (put_out_idle(router, &router->role_queues[__builtin_ctz(roles)]))
            continue;
    return router->next_hold_mono_ms;
}
