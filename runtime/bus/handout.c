/* handout.c: who is given mail, and when.
 *
 * Owns the plan of reservations (made from the declarations of messages: which role's work sends requests to which
 * mailbox) and the turns in which mail is handed out. Each role that may send to a mailbox has a share of its own
 * there. A mail is handed out when an instance of its role has credit and, in every mailbox that the work on it may
 * need, this role's share has a place that is neither taken nor promised; the place is then promised to it until its
 * custody ends. Shares are what keeps a role that waits for another's work from holding the very place that this work
 * needs. Roles are served one mail at a time in turn, and the turn is remembered. */
#include "runtime/bus/authority.h"

#include <inttypes.h>
#include <stdio.h>

/* A confined instance holds one mail at a time: what it claims beyond that would only be kept from others, and counted
 * as tried when it dies. */
#define CONFINED_CREDIT_MAX 1

unsigned custody_credit(enum ry_role role, uint64_t wished)
{
    bool confined = (RY_ROLES_CONFINED & RY_ROLE_BIT(role)) != 0;
    return confined && wished > CONFINED_CREDIT_MAX ? CONFINED_CREDIT_MAX : (unsigned)wished;
}

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
static bool has_room_for_work(const struct ry_router *router, enum ry_role role)
{
    for (uint32_t roles = router->role_queues[role].sends_to; roles; roles &= roles - 1)
        if (!shares_have_room(router, role, (enum ry_role)__builtin_ctz(roles)))
            return false;
    return true;
}

/* The instance with the most free credit, of equals the one that was served longest ago; NULL when none has any. */
static struct attached_instance *instance_to_serve(struct role_queue *role_queue)
{
    struct attached_instance *best = NULL;
    size_t best_free = 0;
    struct attached_instance *instance;
    TAILQ_FOREACH(instance, &role_queue->instances, of_role)
    {
        size_t credit =
            instance->stopping || instance->held >= instance->capacity ? 0 : instance->capacity - instance->held;
        if (credit > best_free) {
            best = instance;
            best_free = credit;
        }
    }
    if (best && TAILQ_NEXT(best, of_role)) {
        TAILQ_REMOVE(&role_queue->instances, best, of_role);
        TAILQ_INSERT_TAIL(&role_queue->instances, best, of_role);
    }
    return best;
}

static void give(struct ry_router *router, struct role_queue *role_queue, struct mail *mail,
                 struct attached_instance *instance)
{
    router_dequeue(router, mail);
    mail->returned = false;
    mail->attempt++;
    if (mail->attempt != mail->head.attempt && mail_set_attempt(mail, mail->attempt) != RY_OK)
        RY_LOG(RY_WARNING, "attempt_not_told", "id=%" PRIu64 " reason=%s", mail->head.id, "out of memory");
    bool custody = mail_has_custody(mail);
    if (custody) {
        role_queue->relayed[ry_priority_is_urgent(mail->head.priority)] += instance == router->relay;
        mail->holder = instance;
        mail->given_mono_ms = router_now(router);
        authority_begin(mail);
        if (RY_ROLES_CONFINED & RY_ROLE_BIT(instance->role))
            faults_note_given(router);
        TAILQ_INSERT_TAIL(&instance->custody, mail, link);
        instance->held++;
        role_queue->held++;
        role_queue->held_bytes += mail->cost_bytes;
    }
    router->options.emit(router->options.emit_arg, instance->session, (struct ry_str){mail->bytes, mail->n},
                         mail->frames, mail->frame_count);
    if (!custody)
        router_forget(router, mail);
}

void custody_end(struct ry_router *router, struct mail *mail)
{
    struct attached_instance *instance = mail->holder;
    struct role_queue *role_queue = &router->role_queues[mail->role];
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

/* How often it is logged that mail cannot leave. */
#define STAYS_PERIOD_MS 60000

/* A mail that may not go where the only instances of its role are would keep the others waiting behind it. */
static bool send_back(struct ry_router *router, struct mail *mail)
{
    struct ry_envelope head = mail->head;
    head.body = (struct ry_str){0};
    uint32_t concerned = mail_has_custody(mail) ? router_concerned(&head, mail->descriptor) : 0;
    char why[200];
    unsigned held_back = 0;
    (void)snprintf(why, sizeof why, "%s does not leave its node, and this one has no %s", mail->descriptor->record.name,
                   ry_role_name(mail->role));
    /* Its sender only tries again, and nobody would know why nothing goes on. */
    if (mail->from != RY_ROLE_RELAY && ry_log_allowed(&router->stays, 1, STAYS_PERIOD_MS, &held_back))
        RY_LOG(RY_WARNING, "mail_cannot_leave", "reason=%s held_back=%u", why, held_back);
    router_dequeue(router, mail);
    router_forget(router, mail);
    if (concerned)
        router_undeliverable(router, concerned, &head, RY_UNDELIVERABLE_FULL, why);
    return true;
}

/* Gives one mail of a role, if it may be. */
static bool serve(struct ry_router *router, enum ry_role role)
{
    struct role_queue *role_queue = &router->role_queues[role];
    if (role_queue->mailbox.n == 0 || !has_room_for_work(router, role))
        return false;
    struct mail *mail = mailbox_first(&role_queue->mailbox);
    struct attached_instance *instance = instance_to_serve(role_queue);
    /* What came from another node stays here. */
    bool may_go = mail->descriptor->may->crosses && mail->from != RY_ROLE_RELAY;
    if (instance == NULL && may_go && relayed_takes(router, role, mail->head.priority))
        instance = router->relay;
    if (instance == NULL)
        return !may_go && relayed_is_elsewhere(router, role) && send_back(router, mail);
    give(router, role_queue, mail, instance);
    return true;
}

/* One mail of each role that has some, beginning behind the one that was given one last. False: nobody could be given
 * anything. */
static bool serve_round(struct ry_router *router)
{
    uint32_t up_to_last = ((uint32_t)2 << router->last_served) - 1;
    const uint32_t turns[2] = {router->waiting & ~up_to_last, router->waiting & up_to_last};
    bool gave = false;
    for (int i = 0; i < 2; i++)
        for (uint32_t roles = turns[i]; roles; roles &= roles - 1) {
            unsigned role = (unsigned)__builtin_ctz(roles);
            if (serve(router, (enum ry_role)role)) {
                router->last_served = role;
                gave = true;
            }
        }
    return gave;
}

static void expire(struct ry_router *router, int64_t now_wall_ms)
{
    int64_t next_wall_ms = INT64_MAX;
    struct mail *mail = LIST_FIRST(&router->deadlines);
    while (mail) {
        struct mail *next = LIST_NEXT(mail, deadline);
        if (mail->head.deadline_wall_ms <= now_wall_ms) {
            struct ry_envelope head = mail->head;
            head.body = (struct ry_str){0};
            uint32_t concerned = mail_has_custody(mail) ? router_concerned(&head, mail->descriptor) : 0;
            router->role_queues[mail->role].expired++;
            router_dequeue(router, mail);
            router_forget(router, mail);
            if (concerned)
                router_undeliverable(router, concerned, &head, RY_UNDELIVERABLE_EXPIRED,
                                     "its deadline passed before an instance had room");
        } else if (mail->head.deadline_wall_ms < next_wall_ms) {
            next_wall_ms = mail->head.deadline_wall_ms;
        }
        mail = next;
    }
    router->next_deadline_wall_ms = next_wall_ms;
}

int64_t ry_router_turn(struct ry_router *router)
{
    int64_t now_mono_ms = router_now(router);
    int64_t wake_mono_ms = INT64_MAX;
    if (router->next_deadline_wall_ms != INT64_MAX) {
        int64_t now_wall_ms = ry_wall_ms(router->options.clock);
        if (router->next_deadline_wall_ms <= now_wall_ms)
            expire(router, now_wall_ms);
        if (router->next_deadline_wall_ms != INT64_MAX)
            wake_mono_ms = now_mono_ms + (router->next_deadline_wall_ms - now_wall_ms);
    }
    int64_t dead_mono_ms = router->dead_count ? dead_letter_move(router) : INT64_MAX;
    if (dead_mono_ms < wake_mono_ms)
        wake_mono_ms = dead_mono_ms;

    int64_t hold_mono_ms = faults_put_out_idle(router);
    while (serve_round(router))
        continue;
    if (router->next_hold_mono_ms < hold_mono_ms)
        hold_mono_ms = router->next_hold_mono_ms;
    if (hold_mono_ms < wake_mono_ms)
        wake_mono_ms = hold_mono_ms;
    if (router->settled_count > 0)
        relayed_tell_settled(router);
    router->now_fresh = false;
    return wake_mono_ms;
}
