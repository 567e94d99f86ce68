/* dead_letters.c: mails that failed for good.
 *
 * Owns the dead letters that wait for an ingester: of this node, or of another that the relay reaches. The list is
 * bounded, so that without one it does not fill the memory; what finds no place there is logged with its one-line
 * description, which is then all that is left of it. A mail_dead never becomes a dead letter itself: it is offered
 * again until it is taken. A crash loses those that wait; what they were about comes back from leases and rows. */
#include "runtime/bus/dead_letters.h"

#include <inttypes.h>

#include "proto/codec.h"
#include "runtime/base/assert.h"
#include "runtime/bus/relayed.h"
#include "runtime/bus/shares.h"

#define DEAD_MAX       1024
#define DEAD_MAX_BYTES ((size_t)256 << 20)

/* Ends a mail of which nothing is kept: who waits for it is told. */
static void end_without_letter(struct ry_router *router, struct mail *mail, enum ry_failure_class class,
                               const char *reason)
{
    struct ry_envelope head = mail->head;
    uint32_t concerned = router_concerned(&head, mail->descriptor);
    RY_LOG(RY_WARNING, "mail_failed", "id=%" PRIu64 " role=%s message=%s reason=%s", head.id, ry_role_name(mail->role),
           mail->descriptor->record.name, reason);
    router_forget(router, mail);
    head.body = (struct ry_str){0};
    router_undeliverable_for(router, concerned, &head, RY_UNDELIVERABLE_DEAD, class, reason);
}

void dead_letter_fail(struct ry_router *router, struct mail *mail, const char *reason)
{
    end_without_letter(router, mail, RY_FAILURE_PERMANENT, reason);
}

/* The one-line description of a mail; empty when it does not even unpack. */
static void describe(const struct mail *mail, struct ry_buf *out)
{
    struct ry_arena arena = ry_arena_make((size_t)256 << 20);
    void *body = NULL;
    struct ry_error err;
    if (ry_unpack(mail->descriptor, mail->head.body, mail->frames, mail->frame_count, &arena, &body, &err) == RY_OK)
        ry_describe(mail->descriptor, body, out);
    ry_arena_free(&arena);
}

static void dead_lost(const struct mail *mail, struct ry_str summary, const char *reason)
{
    RY_LOG(RY_ERROR, "dead_letter_lost", "id=%" PRIu64 " message=%s reason=%s summary=%.*s", mail->head.id,
           mail->descriptor->record.name, reason, RY_STR_ARG(summary));
}

/* The letter itself, a mail of the router to the ingester. NULL when it cannot be written. */
static struct mail *dead_letter(struct ry_router *router, const struct mail *mail, const char *reason,
                                struct ry_str summary, struct ry_error *err)
{
    RY_BUF_AUTO frozen = ry_buf_make((size_t)128 << 20);
    if (ry_mail_freeze(&mail->head, mail->frames, &frozen) != RY_OK) {
        (void)ry_fail(err, RY_ELIMIT, "the mail is too large to be kept");
        return NULL;
    }
    const struct ry_mail_dead message = {
        .id = mail->head.id,
        .role = ry_str_of(ry_role_name(mail->role)),
        .message = ry_str_of(mail->descriptor->record.name),
        .attempts = mail->attempt < 1000 ? mail->attempt : 1000,
        .reason = ry_str_of(reason),
        .summary = summary.n ? summary : (struct ry_str){0},
        .mail = {.p = frozen.p, .n = frozen.n},
    };
    struct ry_envelope head;
    struct ry_frames frames;
    if (router_pack(router, RY_TAG_mail_dead, &message, 0, &head, &frames, err) != RY_OK)
        return NULL;
    struct mail *letter = mail_new(&router->pool, ry_buf_str(&router->packed), &head, frames.items, frames.n);
    ry_frames_clear(&frames);
    if (letter == NULL) {
        (void)ry_fail(err, RY_ENOMEM, "out of memory");
        return NULL;
    }
    letter->descriptor = ry_descriptor(RY_TAG_mail_dead);
    letter->role = RY_ROLE_INGESTER;
    letter->from = RY_ROLE_ROUTER;
    letter->since_mono_ms = router_now(router);
    return letter;
}

static void dead_keep(struct ry_router *router, struct mail *letter, int64_t not_before_mono_ms)
{
    letter->not_before_mono_ms = not_before_mono_ms;
    TAILQ_INSERT_TAIL(&router->dead, letter, link);
    router->dead_count++;
    router->dead_bytes += letter->cost_bytes;
}

void dead_letter_keep(struct ry_router *router, struct mail *mail)
{
    mail_index_remove(&router->index, mail);
    dead_keep(router, mail, router_now(router) + DEAD_RETRY_MS);
}

void dead_letter_bury(struct ry_router *router, struct mail *mail, const char *reason)
{
    if (ry_descriptor_is_remade(mail->descriptor)) {
        end_without_letter(router, mail, RY_FAILURE_PASSING, reason);
        return;
    }
    RY_BUF_AUTO summary = ry_buf_make(2000);
    describe(mail, &summary);
    struct ry_envelope head = mail->head;
    uint32_t concerned = router_concerned(&head, mail->descriptor);
    router->role_queues[mail->role].dead++;
    RY_LOG(RY_WARNING, "mail_dead", "id=%" PRIu64 " role=%s message=%s attempts=%u reason=%s", head.id,
           ry_role_name(mail->role), mail->descriptor->record.name, mail->attempt, reason);
    if (head.tag == RY_TAG_mail_dead) {
        dead_lost(mail, ry_buf_str(&summary), reason);
    } else if (router->dead_count >= DEAD_MAX || router->dead_bytes >= DEAD_MAX_BYTES) {
        dead_lost(mail, ry_buf_str(&summary), "too many wait for an ingester");
    } else {
        struct ry_error err = {0};
        struct mail *letter = dead_letter(router, mail, reason, ry_buf_str(&summary), &err);
        if (letter)
            dead_keep(router, letter, 0);
        else
            dead_lost(mail, ry_buf_str(&summary), err.text);
    }
    router_forget(router, mail);
    head.body = (struct ry_str){0};
    router_undeliverable(router, concerned, &head, RY_UNDELIVERABLE_DEAD, reason);
}

/* Puts a letter into the ingester's mailbox; without memory it is tried again later. */
static void dead_offer(struct ry_router *router, struct mail *letter)
{
    RY_ASSERT(router->dead_count > 0 && router->dead_bytes >= letter->cost_bytes, "%zu letters", router->dead_count);
    TAILQ_REMOVE(&router->dead, letter, link);
    router->dead_count--;
    router->dead_bytes -= letter->cost_bytes;
    if (router_enqueue(router, letter, false) != RY_OK) {
        dead_keep(router, letter, router_now(router) + DEAD_RETRY_MS);
        return;
    }
    router->role_queues[RY_ROLE_INGESTER].accepted++;
    mail_index_add(&router->index, letter);
}

int64_t dead_letter_move(struct ry_router *router)
{
    int64_t now_mono_ms = router_now(router);
    int64_t wake_mono_ms = INT64_MAX;
    struct mail *letter = TAILQ_FIRST(&router->dead);
    bool reached = router->role_queues[RY_ROLE_INGESTER].instance_count > 0 ||
                   relayed_takes(router, RY_ROLE_INGESTER, RY_PRIORITY_CONTROL);
    while (letter && reached && shares_have_room(router, RY_ROLE_ROUTER, RY_ROLE_INGESTER)) {
        struct mail *next = TAILQ_NEXT(letter, link);
        if (letter->not_before_mono_ms <= now_mono_ms)
            dead_offer(router, letter);
        if (letter->not_before_mono_ms > now_mono_ms && letter->not_before_mono_ms < wake_mono_ms)
            wake_mono_ms = letter->not_before_mono_ms;
        letter = next;
    }
    return wake_mono_ms;
}

/* ---- replay ------------------------------------------------------------------------------------------------------ */

/* Puts the mail into its mailbox under an id of the router's: its sender and its origin are history, and their sessions
 * may be somebody else's by now. */
static int replay(struct ry_router *router, struct ry_envelope *head, struct ry_frame *const *frames,
                  struct ry_error *err)
{
    const struct ry_descriptor *descriptor = ry_descriptor(head->tag);
    if (descriptor == NULL || (descriptor->kind != RY_KIND_REQUEST && descriptor->kind != RY_KIND_ASK) ||
        head->tag == RY_TAG_mail_dead || head->priority >= RY_PRIORITY_COUNT)
        return ry_fail(err, RY_EINVAL, "this is not a mail that a mailbox takes");
    enum ry_role role = ry_descriptor_role(descriptor);
    if (!shares_have_room(router, RY_ROLE_ROUTER, role))
        return ry_fail(err, RY_EFULL, "the mailbox of the %s is full; try again later", ry_role_name(role));
    head->id = router_next_id(router);
    head->correlation = head->id;
    head->attempt = 1;
    head->deadline_wall_ms = 0;
    ry_buf_reset(&router->packed);
    struct ry_str body = head->body;
    if (ry_envelope_pack(head, &router->packed) != RY_OK)
        return ry_fail(err, RY_ELIMIT, "the mail does not fit");
    head->body = (struct ry_str){router->packed.p + router->packed.n - body.n, body.n};
    struct mail *mail = mail_new(&router->pool, ry_buf_str(&router->packed), head, frames, head->frame_count);
    if (mail == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory");
    mail->descriptor = descriptor;
    mail->role = role;
    mail->from = RY_ROLE_ROUTER;
    mail->since_mono_ms = router_now(router);
    if (router_enqueue(router, mail, false) != RY_OK) {
        mail_free(&router->pool, mail);
        return ry_fail(err, RY_ENOMEM, "out of memory");
    }
    router->role_queues[role].accepted++;
    mail_index_add(&router->index, mail);
    return RY_OK;
}

void dead_letter_replay(struct ry_router *router, const struct attached_instance *from,
                        const struct ry_mail_replay *message, uint64_t correlation)
{
    struct ry_frames frames = {.n = 0};
    struct ry_envelope head;
    struct ry_error err = {0};
    int rc = ry_mail_thaw((struct ry_str){message->mail.p, message->mail.n}, &head, frames.items, RY_FRAMES_MAX, &err);
    if (rc == RY_OK) {
        frames.n = head.frame_count;
        rc = replay(router, &head, frames.items, &err);
    }
    ry_frames_clear(&frames);
    const struct ry_replayed answer = {.accepted = rc == RY_OK,
                                       .reason = rc == RY_OK ? (struct ry_str){0} : ry_str_of(err.text)};
    router_say(router, from, RY_TAG_replayed, &answer, correlation);
}
