/* faults.c: when an instance of a confined role is put out.
 *
 * Such an instance works on bytes of strangers and may have been taken over by them. What it says beyond its authority,
 * and a mail that it ends without the answer, is a fault. One whose faults pile up, and one that holds a mail for too
 * long, is put out: it is told so, its mail goes to others, and whoever drives the router ends its process or bars its
 * key. The last ones are remembered for people to see. Nobody else is put out: a fault of a trusted role is a bug of
 * ours, which is refused and logged. */
#include "runtime/bus/post.h"

#include <inttypes.h>
#include <stdio.h>

/* An honest instance has none. */
#define FAULTS_MAX       8
#define FAULTS_PERIOD_MS 600000

static bool is_confined(const struct member *member)
{
    return (RY_ROLES_CONFINED & RY_ROLE_BIT(member->role)) != 0;
}

void post_fault(struct ry_router *router, struct member *member)
{
    int64_t now_mono_ms = post_now(router);
    if (member->faults > 0 && now_mono_ms - member->fault_mono_ms > FAULTS_PERIOD_MS)
        member->faults = 0;
    if (member->faults == 0)
        member->fault_mono_ms = now_mono_ms;
    member->faults++;
}

bool post_is_condemned(const struct member *member)
{
    return is_confined(member) && member->faults >= FAULTS_MAX;
}

static void remember(struct ry_router *router, const struct member *member, const char *reason)
{
    struct outcast *outcast = &router->outcasts[router->outcast_count++ % POST_OUTCASTS];
    *outcast = (struct outcast){.role = member->role, .at_mono_ms = post_now(router)};
    (void)snprintf(outcast->name, sizeof outcast->name, "%s", member->name);
    (void)snprintf(outcast->reason, sizeof outcast->reason, "%s", reason);
}

static void put_out(struct ry_router *router, struct member *member, const char *reason)
{
    RY_LOG(RY_ERROR, "instance_put_out", "name=%s reason=%s faults=%u mails=%zu", member->name, reason, member->faults,
           member->held);
    const struct ry_unwelcome message = {.reason = ry_str_of(reason)};
    remember(router, member, reason);
    post_say(router, member, RY_TAG_unwelcome, &message, 0);
    if (router->options.put_out)
        router->options.put_out(router->options.emit_arg, member->session);
    ry_router_gone(router, member->session, false);
}

void post_judge(struct ry_router *router, uint32_t session)
{
    struct member *member = post_member(router, session);
    if (member == NULL || !post_is_condemned(member))
        return;
    char reason[200];
    (void)snprintf(reason, sizeof reason, "%u times it said what it may not say, or ended a mail without an answer",
                   member->faults);
    put_out(router, member, reason);
}

void ry_router_fault(struct ry_router *router, uint32_t session)
{
    struct member *member = post_member(router, session);
    if (member == NULL)
        return;
    post_fault(router, member);
    post_judge(router, session);
}

void ry_router_put_out(struct ry_router *router, uint32_t session, const char *reason)
{
    struct member *member = post_member(router, session);
    if (member && is_confined(member))
        put_out(router, member, reason);
}

void post_note_given(struct ry_router *router)
{
    int64_t due_mono_ms = post_now(router) + router->options.hold_ms_max;
    if (router->options.hold_ms_max > 0 && due_mono_ms < router->next_hold_mono_ms)
        router->next_hold_mono_ms = due_mono_ms;
}

/* Puts out the first one of a role that has held a mail for too long. False: there is none. */
static bool put_out_idle(struct ry_router *router, struct office *office)
{
    struct member *member;
    TAILQ_FOREACH(member, &office->members, of_role)
    {
        const struct mail *mail = TAILQ_FIRST(&member->custody);
        if (mail == NULL)
            continue;
        int64_t due_mono_ms = mail->given_mono_ms + router->options.hold_ms_max;
        if (due_mono_ms <= post_now(router)) {
            char reason[200];
            (void)snprintf(reason, sizeof reason, "it held a mail (%s) for %" PRId64 " s and did not end it",
                           mail->descriptor->record.name, router->options.hold_ms_max / 1000);
            put_out(router, member, reason);
            return true;
        }
        if (due_mono_ms < router->next_hold_mono_ms)
            router->next_hold_mono_ms = due_mono_ms;
    }
    return false;
}

int64_t post_put_out_idle(struct ry_router *router)
{
    if (router->next_hold_mono_ms > post_now(router))
        return router->next_hold_mono_ms;
    router->next_hold_mono_ms = INT64_MAX;
    for (uint32_t roles = RY_ROLES_CONFINED; roles; roles &= roles - 1)
        while (put_out_idle(router, &router->offices[__builtin_ctz(roles)]))
            continue;
    return router->next_hold_mono_ms;
}
