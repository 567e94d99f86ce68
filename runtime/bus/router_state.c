/* router_state.c: what all steps of the router do with its state; see router_internal.h.
 *
 * Owns the list of mails that wait (mailboxes, deadlines, places that are covered) and what is counted of senders. Each
 * verb keeps the sums of struct ry_router true, and calls no step. A crash loses what waits; leases and rows bring it
 * back. */
#include "runtime/bus/router_internal.h"

#include <inttypes.h>
#include <stdlib.h>

#include "runtime/base/assert.h"

#define REFUSALS_LOGGED    10
#define REFUSALS_PERIOD_MS 10000
#define FAULTS_PERIOD_MS   600000

int64_t router_now(struct ry_router *router)
{
    if (!router->now_fresh) {
        router->now_mono_ms = ry_mono_ms(router->options.clock);
        router->now_fresh = true;
    }
    return router->now_mono_ms;
}

struct attached_instance *router_instance(const struct ry_router *router, uint32_t session)
{
    struct attached_instance *instance = router->slots[session % INSTANCE_SLOTS];
    return instance && instance->session == session ? instance : NULL;
}

struct attached_instance *router_instance_named(const struct ry_router *router, struct ry_str name)
{
    for (size_t i = 1; i < INSTANCE_SLOTS; i++)
        if (router->slots[i] && ry_str_is(name, router->slots[i]->name))
            return router->slots[i];
    return NULL;
}

/* ---- mail on its way --------------------------------------------------------------------------------------------- */

int router_enqueue(struct ry_router *router, struct mail *mail, bool front)
{
    RY_ASSERT(mail->magic == MAIL_MAGIC, "from %u to %u", mail->from, mail->role);
    int rc = mailbox_put(&router->role_queues[mail->role].mailbox, mail, front);
    if (rc != RY_OK)
        return rc;
    router->waiting |= RY_ROLE_BIT(mail->role);
    router->role_queues[mail->role].queued_from[mail->from]++;
    if (mail->head.deadline_wall_ms != 0) {
        LIST_INSERT_HEAD(&router->deadlines, mail, deadline);
        if (mail->head.deadline_wall_ms < router->next_deadline_wall_ms)
            router->next_deadline_wall_ms = mail->head.deadline_wall_ms;
    }
    return RY_OK;
}

void router_dequeue(struct ry_router *router, struct mail *mail)
{
    struct role_queue *role_queue = &router->role_queues[mail->role];
    RY_ASSERT(role_queue->queued_from[mail->from] > 0, "from %u to %u", mail->from, mail->role);
    mailbox_remove(&role_queue->mailbox, mail);
    role_queue->queued_from[mail->from]--;
    if (role_queue->mailbox.n == 0)
        router->waiting &= ~RY_ROLE_BIT(mail->role);
    if (mail->head.deadline_wall_ms != 0)
        LIST_REMOVE(mail, deadline);
    if (mail->covered) {
        mail->covered = false;
        struct attached_instance *sender = router_instance(router, RY_SESSION_OF(mail->head.id));
        if (sender && sender->covered[mail->role] > 0)
            sender->covered[mail->role]--;
    }
}

void router_note_settled(struct ry_router *router, uint64_t id, uint64_t origin)
{
    if (router->relay == NULL ||
        (RY_SESSION_OF(id) != router->relay->session && RY_SESSION_OF(origin) != router->relay->session))
        return;
    if (router->settled_count == router->settled_room) {
        size_t room = router->settled_room ? router->settled_room * 2 : 64;
        struct settled *more = realloc(router->settled, room * sizeof *more);
        if (more == NULL) {
            /* The other node will ask for it again, when the entry's lease has ended. */
            RY_LOG(RY_ERROR, "settled_not_told", "reason=%s", "out of memory");
            return;
        }
        router->settled = more;
        router->settled_room = room;
    }
    router->settled[router->settled_count++] = (struct settled){id, origin};
}

void router_forget(struct ry_router *router, struct mail *mail)
{
    if (mail_has_custody(mail)) {
        mail_index_remove(&router->index, mail);
        router_note_settled(router, mail->head.id, mail->head.correlation);
    }
    mail_free(&router->pool, mail);
}

/* ---- what may not be said ---------------------------------------------------------------------------------------- */

void router_note_fault(struct ry_router *router, struct attached_instance *instance)
{
    int64_t now_mono_ms = router_now(router);
    if (instance->faults > 0 && now_mono_ms - instance->fault_mono_ms > FAULTS_PERIOD_MS)
        instance->faults = 0;
    if (instance->faults == 0)
        instance->fault_mono_ms = now_mono_ms;
    instance->faults++;
}

int router_refuse(struct ry_router *router, struct attached_instance *sender, struct ry_error *err, const char *what)
{
    if (sender)
        router_note_fault(router, sender);
    router->rejected++;
    unsigned suppressed = 0;
    if (ry_log_allowed(&router->refusals, REFUSALS_LOGGED, REFUSALS_PERIOD_MS, &suppressed))
        RY_LOG(RY_WARNING, "message_refused", "from=%s reason=%s held_back=%u", sender ? sender->name : "nobody", what,
               suppressed);
    return ry_fail(err, RY_EINVAL, "%s: %s", sender ? sender->name : "nobody", what);
}
