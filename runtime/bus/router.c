/* router.c: the router of a node: who is there, what they may say, and custody.
 *
 * Owns the mailboxes, the instances that joined and every mail until it is done. Accepts what instances say (the sender
 * is known by its session, never by what the envelope claims), sorts it into mailboxes, passes answers on, and takes
 * mail back when an instance ends. What an instance may not say is refused, counted, and logged at a bounded rate; it
 * changes nothing.
 *
 * Promises: a mail that was accepted ends in exactly one of done, dead letter, or undeliverable; an instance never gets
 * more than its credit; no mailbox grows past its limit, but by mail that came back from an instance that ended
 * and by one mail for each source.
 *
 * A crash of the router is a crash of the node: what was in its mailboxes comes back from the queue's leases and from
 * the rows that wait in the database. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/bus/authority.h"
#include "runtime/base/assert.h"
#include "runtime/bus/control.h"
#include "runtime/bus/faults.h"
#include "runtime/bus/relayed.h"
#include "runtime/bus/shares.h"
#include "runtime/bus/version.h"

int ry_router_new(struct ry_router **router, const struct ry_router_options *options, struct ry_error *err)
{
    RY_ASSERT(options->emit && options->clock && options->mailbox_max >= 1 && options->attempts_max >= 1,
              "mailbox_max %zu, attempts_max %u", options->mailbox_max, options->attempts_max);
    *router = NULL;
    struct ry_router *made = calloc(1, sizeof *made);
    if (made == NULL || mail_index_init(&made->index) != RY_OK) {
        free(made);
        return ry_fail(err, RY_ENOMEM, "no memory for the router");
    }
    made->options = *options;
    (void)snprintf(made->node, sizeof made->node, "%s", options->node);
    made->options.node = made->node;
    (void)snprintf(made->owner, sizeof made->owner, "%s", options->owner ? options->owner : options->node);
    made->options.owner = made->owner;
    made->start_mono_ms = ry_mono_ms(options->clock);
    made->next_deadline_wall_ms = INT64_MAX;
    made->next_hold_mono_ms = INT64_MAX;
    made->next_slot = 1;
    made->body = ry_buf_make((size_t)16 << 20);
    made->packed = ry_buf_make((size_t)17 << 20);
    made->stamped = ry_buf_make((size_t)1 << 20);
    LIST_INIT(&made->deadlines);
    TAILQ_INIT(&made->dead);
    for (size_t i = 0; i < RY_ROLE_COUNT; i++) {
        mailbox_init(&made->role_queues[i].mailbox);
        TAILQ_INIT(&made->role_queues[i].instances);
        made->role_queues[i].marks[0].at_mono_ms = made->role_queues[i].marks[1].at_mono_ms = made->start_mono_ms;
    }
    shares_plan(made);
    *router = made;
    return RY_OK;
}

static void instance_free(struct ry_router *router, struct attached_instance *instance)
{
    struct mail *mail;
    while ((mail = TAILQ_FIRST(&instance->custody)) != NULL) {
        TAILQ_REMOVE(&instance->custody, mail, link);
        mail->holder = NULL;
        mail_free(&router->pool, mail);
    }
    free(instance);
}

void ry_router_free(struct ry_router **router)
{
    struct ry_router *old = *router;
    *router = NULL;
    if (old == NULL)
        return;
    for (size_t i = 0; i < INSTANCE_SLOTS; i++)
        if (old->slots[i])
            instance_free(old, old->slots[i]);
    struct mail *mail;
    while ((mail = TAILQ_FIRST(&old->dead)) != NULL) {
        RY_LOG(RY_ERROR, "dead_letter_lost", "id=%" PRIu64 " reason=%s", mail->head.id, "the node ends");
        TAILQ_REMOVE(&old->dead, mail, link);
        mail_free(&old->pool, mail);
    }
    for (size_t i = 0; i < RY_ROLE_COUNT; i++)
        mailbox_free(&old->role_queues[i].mailbox, &old->pool);
    mail_pool_free(&old->pool);
    mail_index_free(&old->index);
    ry_buf_free(&old->body);
    ry_buf_free(&old->packed);
    ry_buf_free(&old->stamped);
    free(old->settled);
    free(old->children_report);
    free(old);
}

/* ---- what an instance says --------------------------------------------------------------------------------------- */

void ry_router_reject(struct ry_router *router)
{
    router->rejected++;
}

static int take_answer(struct ry_router *router, const struct router_said *said, struct ry_error *err)
{
    uint32_t to = RY_SESSION_OF(said->head.correlation);
    const struct attached_instance *asker = router_instance(router, to);
    if (asker == NULL) { /* with a replayed dead letter, it is history */
        router->dropped_answers += to != ROUTER_SESSION;
        authority_note(said);
        return RY_OK;
    }
    if (asker->role != RY_ROLE_RELAY && !(said->descriptor->receivers & RY_ROLE_BIT(asker->role)))
        return router_refuse(router, said->sender, err, "an answer to a role that it is not for");
    authority_note(said);
    router->options.emit(router->options.emit_arg, to, said->bytes, said->frames, said->frame_count);
    return RY_OK;
}

/* A mail of what was said, in the mailbox of the role; NULL: there is no memory for it, and nothing has changed. */
static struct mail *put_mail(struct ry_router *router, const struct router_said *said, enum ry_role role)
{
    struct mail *mail = mail_new(&router->pool, said->bytes, &said->head, said->frames, said->frame_count);
    if (mail == NULL)
        return NULL;
    mail->descriptor = said->descriptor;
    mail->role = role;
    mail->from = said->sender->role;
    mail->since_mono_ms = router_now(router);
    if (router_enqueue(router, mail, false) != RY_OK) {
        mail_free(&router->pool, mail);
        return NULL;
    }
    router->role_queues[role].accepted++;
    return mail;
}

static int take_event(struct ry_router *router, const struct router_said *said)
{
    enum ry_role role = ry_descriptor_role(said->descriptor);
    const struct role_queue *role_queue = &router->role_queues[role];
    bool somebody = role_queue->instance_count > 0 || relayed_reaches(router, role);
    if (!somebody || !shares_have_room_for_event(router, said->sender->role, role) || !put_mail(router, said, role))
        router->dropped_events++;
    return RY_OK;
}

/* Whether this request has a place whatever else waits: one that was reserved when its sender was given the mail that
 * it works on; for a source, which sends of itself, the one place beyond the limit that every source has in every
 * mailbox, so that small mailboxes that others keep full do not shut it out for ever. */
static bool has_own_place(const struct ry_router *router, const struct attached_instance *sender, enum ry_role role)
{
    if (RY_ROLES_SOURCES & RY_ROLE_BIT(sender->role))
        return sender->covered[role] == 0 && !shares_have_room(router, sender->role, role);
    return sender->covered[role] < sender->held;
}

static int take_request(struct ry_router *router, const struct router_said *said, struct ry_error *err)
{
    struct attached_instance *sender = said->sender;
    enum ry_role role = ry_descriptor_role(said->descriptor);
    struct role_queue *role_queue = &router->role_queues[role];
    if (mail_index_find(&router->index, said->head.id))
        return router_refuse(router, sender, err, "an id that is in custody already");
    bool covered = has_own_place(router, sender, role);
    const char *why = NULL;
    enum ry_undeliverable_cause cause = RY_UNDELIVERABLE_FULL;
    if (!covered && !shares_have_room(router, sender->role, role)) {
        why = "the mailbox is full";
    } else if (role_queue->instance_count == 0 && asks_for_people(sender->role) && !relayed_reaches(router, role)) {
        /* People wait for these; everything else waits for an instance to come back. */
        why = "no instance of the role is there";
        cause = RY_UNDELIVERABLE_REFUSED;
    }
    struct mail *mail = why ? NULL : put_mail(router, said, role);
    if (mail == NULL) {
        role_queue->refused++;
        router_undeliverable(router, sender->session, &said->head, cause, why ? why : ROUTER_NO_MEMORY);
        return RY_OK;
    }
    authority_note(said);
    mail->covered = covered;
    sender->covered[role] += covered;
    mail_index_add(&router->index, mail);
    return RY_OK;
}

/* A relay says what an instance of another node said, and that node's router has looked at it. */
static bool may_say(const struct attached_instance *sender, const struct ry_descriptor *descriptor)
{
    bool relayed = sender->role == RY_ROLE_RELAY && descriptor->kind != RY_KIND_CONTROL;
    return relayed || (descriptor->senders & RY_ROLE_BIT(sender->role));
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

/* What belongs to no mail of its sender. The relay is told of a request, so that it can tell the node where that came
 * from; what it says behind the end of a conversation is no fault. */
static int take_unauthorized(struct ry_router *router, const struct router_said *said, int rc, const char *why,
                             struct ry_error *err)
{
    bool request = said->descriptor->kind == RY_KIND_REQUEST || said->descriptor->kind == RY_KIND_ASK;
    if (said->sender->role == RY_ROLE_RELAY && request)
        router_undeliverable(router, said->sender->session, &said->head, RY_UNDELIVERABLE_REFUSED, why);
    if (rc != RY_EAWAY)
        return router_refuse(router, said->sender, err, why);
    router->dropped_answers += !request;
    return RY_OK;
}

static int take(struct ry_router *router, struct router_said *said, struct ry_error *err)
{
    if (ry_envelope_unpack(said->bytes, &said->head, err) != RY_OK)
        return router_refuse(router, said->sender, err, "an envelope that does not unpack");
    said->descriptor = ry_descriptor(said->head.tag);
    if (said->descriptor == NULL)
        return router_refuse(router, said->sender, err, "an unknown tag");
    if (!may_say(said->sender, said->descriptor))
        return router_refuse(router, said->sender, err, "a message that its role may not send");
    if (said->head.frame_count != said->frame_count)
        return router_refuse(router, said->sender, err, "another number of frames than it says");
    if (RY_SESSION_OF(said->head.id) != said->sender->session)
        return router_refuse(router, said->sender, err, "an id of another session");
    if (said->head.priority >= RY_PRIORITY_COUNT)
        return router_refuse(router, said->sender, err, "an unknown priority");
    const char *why = NULL;
    int rc = authority_check(router, said, &why);
    if (rc != RY_OK)
        return take_unauthorized(router, said, rc, why, err);
    if (RY_ROLES_CONFINED & RY_ROLE_BIT(said->sender->role)) {
        rc = version_write(router, said, err);
        router->dropped_events += rc == RY_ENOENT;
        if (rc != RY_OK)
            return rc == RY_ENOENT ? RY_OK : router_refuse(router, said->sender, err, "a message that does not unpack");
    }
    switch (said->descriptor->kind) {
    case RY_KIND_ANSWER: return take_answer(router, said, err);
    case RY_KIND_EVENT: return take_event(router, said);
    case RY_KIND_REQUEST:
    case RY_KIND_ASK: return take_request(router, said, err);
    case RY_KIND_CONTROL: return router_control(router, said, err);
    }
    return router_refuse(router, said->sender, err, "an unknown kind");
}

int ry_router_take(struct ry_router *router, uint32_t session, struct ry_str envelope, struct ry_frame *const *frames,
                   size_t frame_count, struct ry_error *err)
{
    struct router_said said = {
        .sender = router_instance(router, session), .bytes = envelope, .frames = frames, .frame_count = frame_count};
    if (said.sender == NULL)
        return router_refuse(router, NULL, err, "it has not joined");
    bool confined = (RY_ROLES_CONFINED & RY_ROLE_BIT(said.sender->role)) != 0;
    int rc = take(router, &said, err);
    if (confined)
        faults_judge(router, session);
    return rc;
}

/* ---- the end, and looking ---------------------------------------------------------------------------------------- */

void ry_router_stop_role(struct ry_router *router, enum ry_role role)
{
    const struct ry_stop stop = {0};
    struct attached_instance *instance;
    TAILQ_FOREACH(instance, &router->role_queues[role].instances, of_role)
    {
        if (instance->stopping)
            continue;
        instance->stopping = true;
        router_say(router, instance, RY_TAG_stop, &stop, 0);
    }
}

size_t ry_router_role_load(const struct ry_router *router, enum ry_role role)
{
    return router->role_queues[role].mailbox.n + router->role_queues[role].held;
}

size_t ry_router_load(const struct ry_router *router)
{
    size_t load = router->dead_count;
    for (size_t i = 0; i < RY_ROLE_COUNT; i++)
        load += ry_router_role_load(router, (enum ry_role)i);
    return load;
}

size_t ry_router_instances(const struct ry_router *router, enum ry_role role)
{
    return router->role_queues[role].instance_count;
}

int ry_router_children(struct ry_router *router, const struct ry_children_report *report)
{
    if (router->children_report == NULL)
        router->children_report = malloc(sizeof *router->children_report);
    if (router->children_report == NULL)
        return RY_ENOMEM;
    *router->children_report = *report;
    return RY_OK;
}
