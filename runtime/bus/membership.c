/* membership.c: who is attached to the router.
 *
 * Owns the sessions. Accepts an instance that says hello (the caller has checked by what right), names the owner of its
 * leases, and when it ends gives its mail to others: to the front, in its old order. A session number is not used
 * again for as long as possible, so that a late word of one that has gone is never taken for another's. */
#include "runtime/bus/router_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/base/assert.h"
#include "runtime/bus/custody.h"
#include "runtime/bus/dead_letters.h"

#define OWNER_BYTES 201 /* as welcome takes */

uint32_t ry_router_named(const struct ry_router *router, const char *name)
{
    const struct attached_instance *instance = router_instance_named(router, ry_str_of(name));
    return instance ? instance->session : 0;
}

bool ry_router_has_process(const struct ry_router *router, pid_t pid)
{
    for (size_t i = 1; i < INSTANCE_SLOTS; i++)
        if (router->slots[i] && router->slots[i]->pid == (uint32_t)pid && router->slots[i]->role != RY_ROLE_CONSOLE)
            return true;
    return false;
}

static int join_check(const struct ry_router *router, const struct ry_hello *hello, uint32_t allowed,
                      struct ry_error *err)
{
    if (hello->version != RY_PROTO_VERSION)
        return ry_fail(err, RY_EINVAL, "protocol version %" PRIu64 " is not %d: use the node's own program",
                       hello->version, RY_PROTO_VERSION);
    if (hello->role == RY_ROLE_NONE || hello->role >= RY_ROLE_COUNT || hello->role == RY_ROLE_ROUTER)
        return ry_fail(err, RY_EINVAL, "no instance has the role %" PRIu64, hello->role);
    if (!(allowed & RY_ROLE_BIT(hello->role)))
        return ry_fail(err, RY_EACCES, "the role %s may not join here", ry_role_name((enum ry_role)hello->role));
    if (hello->name.n == 0 || hello->name.n > 64 || hello->capacity > 65536)
        return ry_fail(err, RY_EINVAL, "the name or the capacity is out of range");
    if (hello->role == RY_ROLE_RELAY && router->relay != NULL)
        return ry_fail(err, RY_EBUSY, "the node has a relay: %s", router->relay->name);
    if (router_instance_named(router, hello->name))
        return ry_fail(err, RY_EBUSY, "the name %.*s is in use", RY_STR_ARG(hello->name));
    if (router->instance_count + 1 >= INSTANCE_SLOTS)
        return ry_fail(err, RY_EFULL, "%zu instances are attached already", router->instance_count);
    return RY_OK;
}

/* A slot that is free, the longest unused ones first, and a session that it never had. */
static uint32_t session_new(struct ry_router *router)
{
    while (router->slots[router->next_slot])
        router->next_slot = router->next_slot + 1 < INSTANCE_SLOTS ? router->next_slot + 1 : 1;
    unsigned slot = router->next_slot;
    router->next_slot = slot + 1 < INSTANCE_SLOTS ? slot + 1 : 1;
    uint32_t session = router->slot_sessions[slot] + INSTANCE_SLOTS;
    if (session < INSTANCE_SLOTS) /* wrapped: the lower bits are the slot, the upper ones never 0 */
        session = INSTANCE_SLOTS;
    session = (session & ~(INSTANCE_SLOTS - 1)) | slot;
    router->slot_sessions[slot] = session;
    RY_ASSERT(session != 0 && session % INSTANCE_SLOTS == slot && slot != 0, "session %" PRIu32 ", slot %u", session,
              slot);
    return session;
}

/* Whose leases they are: this start of this instance. What its previous incarnations held is known by all before the
 * last slash, so an instance that is started again takes back its own, and no neighbour's. The relay speaks for the
 * node: to other nodes it is the same as long as the router is. */
static void owner_of(const struct ry_router *router, const struct attached_instance *instance, char owner[OWNER_BYTES])
{
    const char *start = strrchr(router->owner, '/');
    if (instance->role == RY_ROLE_RELAY) {
        (void)snprintf(owner, OWNER_BYTES, "%s", router->owner);
        return;
    }
    int node = start ? (int)(start - router->owner) : (int)strlen(router->owner);
    (void)snprintf(owner, OWNER_BYTES, "%.*s/%s/%s.%" PRIu32, node, router->owner, instance->name,
                   start ? start + 1 : "", instance->session);
}

int ry_router_join(struct ry_router *router, const struct ry_hello *hello, uint32_t allowed, enum ry_locality locality,
                   uint32_t *session, struct ry_error *err)
{
    int rc = join_check(router, hello, allowed, err);
    if (rc != RY_OK) {
        router->rejected++;
        return rc;
    }
    struct attached_instance *instance = calloc(1, sizeof *instance);
    if (instance == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for an instance");
    instance->session = session_new(router);
    instance->role = (enum ry_role)hello->role;
    memcpy(instance->name, hello->name.p, hello->name.n);
    instance->pid = (uint32_t)hello->pid;
    instance->locality = locality;
    instance->sandboxed = hello->sandboxed;
    instance->capacity = custody_credit(instance->role, hello->capacity);
    TAILQ_INIT(&instance->custody);
    router->slots[instance->session % INSTANCE_SLOTS] = instance;
    router->instance_count++;
    struct role_queue *role_queue = &router->role_queues[instance->role];
    TAILQ_INSERT_HEAD(&role_queue->instances, instance, of_role); /* served longest ago, namely never */
    role_queue->instance_count++;
    if (instance->role == RY_ROLE_RELAY)
        router->relay = instance;
    *session = instance->session;
    RY_LOG(RY_DEBUG, "instance_joined", "name=%s session=%" PRIu32, instance->name, instance->session);
    char owner[OWNER_BYTES];
    owner_of(router, instance, owner);
    const struct ry_welcome welcome = {
        .session = instance->session, .attempts_max = router->options.attempts_max, .owner = ry_str_of(owner)};
    router_say(router, instance, RY_TAG_welcome, &welcome, 0);
    return RY_OK;
}

/* ---- the end of an instance -------------------------------------------------------------------------------------- */

/* What an instance held goes to others: to the front, in its old order. */
static void give_back(struct ry_router *router, struct mail *mail, bool graceful)
{
    struct role_queue *role_queue = &router->role_queues[mail->role];
    custody_end(router, mail);
    if (graceful)
        mail->attempt--;
    else
        role_queue->redelivered++;
    if (!graceful && mail->attempt >= router->options.attempts_max && mail->head.tag != RY_TAG_mail_dead) {
        char reason[120];
        (void)snprintf(reason, sizeof reason, "the %s crashed or was killed on it %u times", ry_role_name(mail->role),
                       mail->attempt);
        dead_letter_bury(router, mail, reason);
        return;
    }
    router_requeue(router, mail);
}

/* A role has stopped for good: what people asked it in the last moment is answered, not left to wait, and hints are of
 * no use to anybody. */
static void refuse_waiting(struct ry_router *router, struct role_queue *role_queue)
{
    struct mail *mail = TAILQ_FIRST(&role_queue->mailbox.by_age);
    while (mail) {
        struct mail *next = TAILQ_NEXT(mail, age);
        struct ry_envelope head = mail->head;
        const struct attached_instance *sender = router_instance(router, RY_SESSION_OF(head.id));
        bool asker_gone = sender == NULL && mail->descriptor->kind == RY_KIND_ASK;
        if (mail->descriptor->kind == RY_KIND_EVENT) {
            router_dequeue(router, mail);
            router_forget(router, mail);
            router->dropped_events++;
        } else if (asker_gone || (sender && asks_for_people(sender->role))) {
            router_dequeue(router, mail);
            router_forget(router, mail);
            head.body = (struct ry_str){0};
            router_undeliverable(router, RY_SESSION_OF(head.id), &head, RY_UNDELIVERABLE_REFUSED,
                                 "the role has stopped");
        }
        mail = next;
    }
}

void ry_router_gone(struct ry_router *router, uint32_t session, bool graceful)
{
    struct attached_instance *instance = router_instance(router, session);
    if (instance == NULL)
        return;
    if (instance->held > 0)
        RY_LOG(RY_WARNING, "instance_left_mail", "name=%s graceful=%d mails=%zu", instance->name, graceful,
               instance->held);
    struct mail *mail;
    while ((mail = TAILQ_LAST(&instance->custody, mail_list)) != NULL)
        give_back(router, mail, graceful);
    RY_ASSERT(instance->held == 0, "%s: held %zu", instance->name, instance->held);
    struct role_queue *role_queue = &router->role_queues[instance->role];
    TAILQ_REMOVE(&role_queue->instances, instance, of_role);
    role_queue->instance_count--;
    role_queue->left_mono_ms = router_now(router);
    if (instance == router->relay) {
        router->relay = NULL;
        router->relay_notice[0] = '\0';
        router->settled_count = 0;
    }
    if (instance->stopping && role_queue->instance_count == 0)
        refuse_waiting(router, role_queue);
    ry_stats_merge(&router->ended, &instance->stats);
    router->slots[session % INSTANCE_SLOTS] = NULL;
    router->instance_count--;
    free(instance);
}

bool ry_router_knows(const struct ry_router *router, uint32_t session)
{
    return router_instance(router, session) != NULL;
}
