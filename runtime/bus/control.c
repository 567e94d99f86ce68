/* control.c: what an instance says to the router itself.
 *
 * Ends custody (done, fail), changes credit, takes reports, lets an instance leave, and passes questions of people on
 * to notice.c. An instance can end only what it holds; anything else is refused and changes nothing. */
#include "runtime/base/utf8.h"
#include "runtime/bus/authority.h"

#include <stdio.h>

static void count_done(struct ry_router *router, struct member *member)
{
    member->done++;
    router->offices[member->role].done++;
}

static int take_done(struct ry_router *router, struct member *member, const struct ry_done *message,
                     struct ry_error *err)
{
    if (message->ids.n % sizeof(uint64_t) != 0)
        return post_refuse(router, member, err, "done without whole ids");
    const char *ids = message->ids.p;
    int rc = RY_OK;
    for (size_t at = 0; at < message->ids.n; at += sizeof(uint64_t)) {
        uint64_t id;
        memcpy(&id, ids + at, sizeof id);
        struct mail *mail = authority_held(router, member, id);
        if (mail == NULL) {
            rc = post_refuse(router, member, err, "done with a mail that it does not hold");
            continue;
        }
        if ((RY_ROLES_CONFINED & RY_ROLE_BIT(member->role)) && !authority_is_answered(mail)) {
            rc = post_refuse(router, member, err, "done with an ask that it has not answered");
            if (post_is_condemned(member))
                continue; /* what it holds when it is put out counts as tried */
            post_take_back(router, mail);
            mail->attempt--; /* the fault is not the mail's */
            mail->returned = true;
            post_enqueue(router, mail, true);
            continue;
        }
        post_take_back(router, mail);
        count_done(router, member);
        post_forget(router, mail);
    }
    return rc;
}

#define DEAD_RETRY_MS 1000

static int take_fail(struct ry_router *router, struct member *member, const struct ry_fail *message,
                     struct ry_error *err)
{
    struct mail *mail = authority_held(router, member, message->id);
    if (mail == NULL)
        return post_refuse(router, member, err, "failed a mail that it does not hold");
    bool confined = (RY_ROLES_CONFINED & RY_ROLE_BIT(member->role)) != 0;
    if (confined && message->class != RY_FAILURE_PERMANENT)
        post_fault(router, member); /* an honest one answers, or has a verdict; a dead letter is not its to make */
    post_take_back(router, mail);
    count_done(router, member);
    char reason[401];
    (void)ry_utf8_print(reason, sizeof reason, "%.*s", RY_STR_ARG(message->reason));
    if (mail->head.tag == RY_TAG_mail_dead && message->retry) {
        post_keep_dead(router, mail, DEAD_RETRY_MS);
    } else if ((message->retry || (confined && message->class != RY_FAILURE_PERMANENT)) &&
               mail->attempt < router->options.attempts_max) {
        mail->returned = true;
        post_enqueue(router, mail, true);
    } else if (message->class == RY_FAILURE_PERMANENT && mail->head.tag != RY_TAG_mail_dead) {
        post_fail_for_good(router, mail, reason);
    } else {
        post_bury(router, mail, reason);
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

static int take_report(struct ry_router *router, struct member *member, const struct ry_report *message)
{
    struct office *office = &router->offices[member->role];
    if (message->busy_ms > member->busy_ms)
        office->busy_ms += message->busy_ms - member->busy_ms;
    member->busy_ms = message->busy_ms;
    (void)post_busy_permille(router, office);
    member->heap_bytes = message->heap_bytes;
    bool confined = (RY_ROLES_CONFINED & RY_ROLE_BIT(member->role)) != 0;
    if (!confined) /* such a one needs nobody, and people would read it */
        (void)snprintf(member->trouble, sizeof member->trouble, "%.*s", RY_STR_ARG(message->trouble));
    memset(&member->stats, 0, sizeof member->stats);
    for (size_t i = 0; i < message->counters.n; i++) {
        size_t index = (size_t)message->counters.items[i].index;
        if (index < RY_STATS_FLAT && (!confined || is_own_figure(index)))
            *ry_stats_at(&member->stats, index) = message->counters.items[i].value;
    }
    return RY_OK;
}

static int take_control_body(struct ry_router *router, const struct post_said *said, const void *body,
                             struct ry_error *err)
{
    struct member *member = said->sender;
    switch ((enum ry_tag)said->head.tag) {
    case RY_TAG_done: return take_done(router, member, body, err);
    case RY_TAG_fail: return take_fail(router, member, body, err);
    case RY_TAG_credit:
        member->capacity = post_credit(member->role, ((const struct ry_credit *)body)->capacity);
        return RY_OK;
    case RY_TAG_report: return take_report(router, member, body);
    case RY_TAG_bye: ry_router_gone(router, member->session, true); return RY_OK;
    case RY_TAG_node_get: post_node_state(router, member, said->head.id); return RY_OK;
    case RY_TAG_relay_reach: return post_take_reach(router, member, body, err);
    case RY_TAG_undeliverable: return post_pass_undeliverable(router, member, said->head.correlation, body, err);
    case RY_TAG_heap_get: post_heap_get(router, member, body, said->head.id); return RY_OK;
    case RY_TAG_mail_replay: post_replay(router, member, body, said->head.id); return RY_OK;
    default: return post_refuse(router, member, err, "a control message that is not for the router now");
    }
}

int post_control(struct ry_router *router, const struct post_said *said, struct ry_error *err)
{
    struct ry_arena arena = ry_arena_make((size_t)16 << 20);
    void *body = NULL;
    int rc = ry_unpack(said->descriptor, said->head.body, said->frames, said->frame_count, &arena, &body, err);
    rc = rc == RY_OK ? take_control_body(router, said, body, err)
                     : post_refuse(router, said->sender, err, "a control message that does not unpack");
    ry_arena_free(&arena);
    return rc;
}
