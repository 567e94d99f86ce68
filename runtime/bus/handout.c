/* handout.c: who is given mail, and when.
 *
 * Owns the turns in which mail is handed out: when an instance of its role has credit and the work on it has its places
 * (shares.c), one mail of each role at a time, and the turn is remembered. Mail past its deadline is not handed out;
 * its sender is told. Keeps no state that a crash could lose. */
#include "runtime/bus/books.h"
#include "runtime/base/assert.h"
#include "runtime/bus/custody.h"
#include "runtime/bus/dead_letters.h"
#include "runtime/bus/faults.h"
#include "runtime/bus/relayed.h"
#include "runtime/bus/shares.h"

#include <inttypes.h>
#include <stdio.h>

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

static void give(struct ry_router *router, struct mail *mail, struct attached_instance *instance)
{
    router_dequeue(router, mail);
    mail->returned = false;
    mail->attempt++;
    if (mail->attempt != mail->head.attempt && mail_set_attempt(mail, mail->attempt) != RY_OK)
        RY_LOG(RY_WARNING, "attempt_not_told", "id=%" PRIu64 " reason=%s", mail->head.id, "out of memory");
    bool custody = mail_has_custody(mail);
    if (custody)
        custody_begin(router, mail, instance);
    router->options.emit(router->options.emit_arg, instance->session, (struct ry_str){mail->bytes, mail->n},
                         mail->frames, mail->frame_count);
    if (!custody)
        router_forget(router, mail);
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
    unsigned suppressed = 0;
    (void)snprintf(why, sizeof why, "%s does not leave its node, and this one has no %s", mail->descriptor->record.name,
                   ry_role_name(mail->role));
    /* Its sender only tries again, and nobody would know why nothing goes on. */
    if (mail->from != RY_ROLE_RELAY && ry_log_allowed(&router->stays, 1, STAYS_PERIOD_MS, &suppressed))
        RY_LOG(RY_WARNING, "mail_cannot_leave", "reason=%s held_back=%u", why, suppressed);
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
    if (role_queue->mailbox.n == 0 || !shares_have_room_for_work(router, role))
        return false;
    struct mail *mail = mailbox_first(&role_queue->mailbox);
    struct attached_instance *instance = instance_to_serve(role_queue);
    /* What came from another node stays here. */
    bool may_go = mail->descriptor->may->crosses && mail->from != RY_ROLE_RELAY;
    if (instance == NULL && may_go && relayed_takes(router, role, mail->head.priority))
        instance = router->relay;
    if (instance == NULL)
        return !may_go && relayed_is_elsewhere(router, role) && send_back(router, mail);
    give(router, mail, instance);
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

/* The sum of a time and a wait, or the end of all times. */
static int64_t later_by(int64_t mono_ms, int64_t wait_ms)
{
    RY_ASSERT(mono_ms >= 0 && wait_ms > 0, "%" PRId64 " ms in %" PRId64, mono_ms, wait_ms);
    return wait_ms < INT64_MAX - mono_ms ? mono_ms + wait_ms : INT64_MAX;
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
            wake_mono_ms = later_by(now_mono_ms, router->next_deadline_wall_ms - now_wall_ms);
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
    books_turn(router);
    router->now_fresh = false;
    return wake_mono_ms;
}
