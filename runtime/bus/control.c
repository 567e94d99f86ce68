/* control.c: what an instance says to the router itself.
 *
 * Ends custody (done, fail), changes credit, takes reports, lets an instance leave, and passes questions of people
 * on. An instance can end only what it holds; anything else is refused and changes nothing. */
#include "runtime/bus/control.h"

#include <stdio.h>

#include "runtime/base/utf8.h"
#include "runtime/bus/authority.h"
#include "runtime/bus/custody.h"
#include "runtime/bus/dead_letters.h"
#include "runtime/bus/faults.h"
#include "runtime/bus/heap_notice.h"
#include "runtime/bus/node_state.h"
#include "runtime/bus/relayed.h"

static void count_done(struct ry_router *router, struct attached_instance *instance)
{
    instance->done++;
    router->role_queues[instance->role].done++;
}

static int take_done(struct ry_router *router, struct attached_instance *instance, const struct ry_done *message,
                     struct ry_error *err)
{
    if (message->ids.n % sizeof(uint64_t) != 0)
        return router_refuse(router, instance, err, "done without whole ids");
    const char *ids = message->ids.p;
    int rc = RY_OK;
    for (size_t at = 0; at < message->ids.n; at += sizeof(uint64_t)) {
        uint64_t id;
        memcpy(&id, ids + at, sizeof id);
        struct mail *mail = authority_held(router, instance, id);
        if (mail == NULL) {
            rc = router_refuse(router, instance, err, "done with a mail that it does not hold");
            continue;
        }
        if ((RY_ROLES_CONFINED & RY_ROLE_BIT(instance->role)) && !authority_is_answered(mail)) {
            rc = router_refuse(router, instance, err, "done with an ask that it has not answered");
            if (faults_too_many(instance))
                continue; /* what it holds when it is put out counts as tried */
            custody_end(router, mail);
            mail->attempt--; /* the fault is not the mail's */
            router_requeue(router, mail);
            continue;
        }
        custody_end(router, mail);
        count_done(router, instance);
        router_forget(router, mail);
    }
    return rc;
}

static int take_fail(struct ry_router *router, struct attached_instance *instance, const struct ry_fail *message,
                     struct ry_error *err)
{
    struct mail *mail = authority_held(router, instance, message->id);
    if (mail == NULL)
        return router_refuse(router, instance, err, "failed a mail that it does not hold");
    bool confined = (RY_ROLES_CONFINED & RY_ROLE_BIT(instance->role)) != 0;
    if (confined && message->class != RY_FAILURE_PERMANENT)
        router_note_fault(router,
                          instance); /* an honest one answers, or has a verdict; a dead letter is not its to make */
    custody_end(router, mail);
    count_done(router, instance);
    char reason[401];
    (void)ry_utf8_print(reason, sizeof reason, "%.*s", RY_STR_ARG(message->reason));
    if (mail->head.tag == RY_TAG_mail_dead && message->retry) {
        dead_letter_keep(router, mail);
    } else if ((message->retry || (confined && message->class != RY_FAILURE_PERMANENT)) &&
               mail->attempt < router->options.attempts_max) {
        router_requeue(router, mail);
    } else if (message->class == RY_FAILURE_PERMANENT && mail->head.tag != RY_TAG_mail_dead) {
        dead_letter_fail(router, mail, reason);
    } else {
        dead_letter_bury(router, mail, reason);
    }
    return RY_OK;
}

/* Whether this number of a report is one of a confined role's own. Any other would be said of the work of others, in
 * the node's figures and after it has gone. */
static bool is_own_figure(size_t index)
{
    const size_t each = RY_HISTOGRAM_BOUNDS + 2;
    if (index >= RY_COUNTER_COUNT)
        return (index - RY_COUNTER_COUNT) / each == RY_HISTOGRAM_encode;
    return index == RY_COUNTER_encode_rounds || index == RY_COUNTER_encode_done || index == RY_COUNTER_encode_failed ||
           index == RY_COUNTER_log_dropped;
}

static int take_report(struct ry_router *router, struct attached_instance *instance, const struct ry_report *message)
{
    struct role_queue *role_queue = &router->role_queues[instance->role];
    if (message->busy_ms > instance->busy_ms)
        role_queue->busy_ms += message->busy_ms - instance->busy_ms;
    instance->busy_ms = message->busy_ms;
    (void)node_state_busy_permille(router, role_queue);
    instance->heap_bytes = message->heap_bytes;
    bool confined = (RY_ROLES_CONFINED & RY_ROLE_BIT(instance->role)) != 0;
    if (!confined) /* such a one needs nobody, and people would read it */
        (void)snprintf(instance->trouble, sizeof instance->trouble, "%.*s", RY_STR_ARG(message->trouble));
    memset(&instance->stats, 0, sizeof instance->stats);
    for (size_t i = 0; i < message->counters.n; i++) {
        size_t index = (size_t)message->counters.items[i].index;
        if (index < RY_STATS_FLAT && (!confined || is_own_figure(index)))
            *ry_stats_at(&instance->stats, index) = message->counters.items[i].value;
    }
    return RY_OK;
}

static int take_control_body(struct ry_router *router, const struct router_said *said, const void *body,
                             struct ry_error *err)
{
    struct attached_instance *instance = said->sender;
    switch ((enum ry_tag)said->head.tag) {
    case RY_TAG_done: return take_done(router, instance, body, err);
    case RY_TAG_fail: return take_fail(router, instance, body, err);
    case RY_TAG_credit:
        instance->capacity = custody_credit(instance->role, ((const struct ry_credit *)body)->capacity);
        return RY_OK;
    case RY_TAG_report: return take_report(router, instance, body);
    case RY_TAG_bye: ry_router_gone(router, instance->session, true); return RY_OK;
    case RY_TAG_node_get: node_state_say(router, instance, said->head.id); return RY_OK;
    case RY_TAG_relay_reach: return relayed_take_reach(router, instance, body, err);
    case RY_TAG_undeliverable: return relayed_pass_undeliverable(router, instance, said->head.correlation, body, err);
    case RY_TAG_heap_get: heap_notice_get(router, instance, body, said->head.id); return RY_OK;
    case RY_TAG_mail_replay: dead_letter_replay(router, instance, body, said->head.id); return RY_OK;
    default: return router_refuse(router, instance, err, "a control message that is not for the router now");
    }
}

int router_control(struct ry_router *router, const struct router_said *said, struct ry_error *err)
{
    struct ry_arena arena = ry_arena_make((size_t)16 << 20);
    void *body = NULL;
    int rc = ry_unpack(said->descriptor, said->head.body, said->frames, said->frame_count, &arena, &body, err);
    rc = rc == RY_OK ? take_control_body(router, said, body, err)
                     : router_refuse(router, said->sender, err, "a control message that does not unpack");
    ry_arena_free(&arena);
    return rc;
}
