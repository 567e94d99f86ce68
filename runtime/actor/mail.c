/* mail.c: the mail that an instance was given.
 *
 * Owns every mail from its delivery to its end: the one whose handler runs, and those that were kept. A mail with
 * custody ends exactly once, by done or by fail; whoever ends one twice, or keeps one whose handler has returned, has a
 * bug that would lose or repeat work, and aborts.
 *
 * If the instance dies, all of it is gone, and the router, which still has custody, gives it to another. */
#include "runtime/actor/forward.h"
#include "runtime/actor/state.h"

#include <stdlib.h>

#include "runtime/base/assert.h"
#include "runtime/base/log.h"

/* Memory of one unpacked mail: the largest envelope, and its lists as structs. */
#define MAIL_MAX_BYTES ((size_t)256 << 20)

/* Mails kept for re-use; none under the address sanitizer, which then sees every use after the end. */
#if defined(__SANITIZE_ADDRESS__)
#define FREE_HELD_MAX 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FREE_HELD_MAX 0
#endif
#endif
#ifndef FREE_HELD_MAX
#define FREE_HELD_MAX 256
#endif

static struct ry_held *held_new(struct ry_ctx *ctx)
{
    struct ry_held *held = LIST_FIRST(&ctx->free_held);
    if (held) {
        RY_ASSERT(held->magic == RY_HELD_FREE && ctx->free_held_count > 0, "%zu free", ctx->free_held_count);
        LIST_REMOVE(held, link);
        ctx->free_held_count--;
    } else {
        held = calloc(1, sizeof *held);
        if (held == NULL)
            ry_actor_bug(ctx, "out of memory", "mail");
        held->arena = ry_arena_make(MAIL_MAX_BYTES);
    }
    held->mail = (struct ry_mail){0};
    held->magic = RY_HELD_LIVE;
    held->custody = false;
    held->kept = false;
    held->frames = NULL;
    held->frame_count = 0;
    return held;
}

static void held_free(struct ry_ctx *ctx, struct ry_held *held)
{
    RY_ASSERT(held->magic == RY_HELD_LIVE, "magic %x", held->magic);
    held->magic = RY_HELD_FREE;
    for (size_t i = 0; i < held->frame_count; i++)
        ry_frame_unref(held->frames[i]);
    held->frame_count = 0;
    if (ctx->free_held_count + 1 <= (size_t)FREE_HELD_MAX) {
        ry_arena_reset(&held->arena);
        LIST_INSERT_HEAD(&ctx->free_held, held, link);
        ctx->free_held_count++;
        return;
    }
    ry_arena_free(&held->arena);
    free(held);
}

/* Only the body is read again, so only it is copied. */
static int held_copy(struct ry_held *held, const struct ry_envelope *envelope, struct ry_frame *const *frames,
                     size_t frame_count, struct ry_error *err)
{
    held->mail.envelope = *envelope;
    held->mail.envelope.body = ry_arena_str(&held->arena, envelope->body);
    held->frames = ry_arena_array(&held->arena, frame_count, sizeof *held->frames);
    if (held->mail.envelope.body.p == NULL || held->frames == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for a mail of %zu bytes", envelope->body.n);
    for (size_t i = 0; i < frame_count; i++)
        held->frames[i] = ry_frame_ref(frames[i]);
    held->frame_count = frame_count;
    return RY_OK;
}

static int held_unpack(const struct ry_ctx *ctx, struct ry_held *held, struct ry_error *err)
{
    const struct ry_envelope *envelope = &held->mail.envelope;
    const struct ry_descriptor *descriptor = ry_descriptor(envelope->tag);
    if (descriptor == NULL)
        return ry_fail(err, RY_EINVAL, "no message has the tag %u", envelope->tag);
    held->mail.descriptor = descriptor;
    held->custody = descriptor->kind == RY_KIND_REQUEST || descriptor->kind == RY_KIND_ASK;
    /* The relay passes on what is for others, and reads none of it. */
    if (ctx->spec->role == RY_ROLE_RELAY && descriptor->kind != RY_KIND_CONTROL)
        return RY_OK;
    if (!(descriptor->receivers & RY_ROLE_BIT(ctx->spec->role)))
        return ry_fail(err, RY_EACCES, "%s is not for a %s", descriptor->record.name, ry_role_name(ctx->spec->role));
    if (envelope->frame_count != held->frame_count)
        return ry_fail(err, RY_EINVAL, "%s says %u frames and came with %zu", descriptor->record.name,
                       envelope->frame_count, held->frame_count);
    void *body = NULL;
    int rc = ry_unpack(descriptor, envelope->body, held->frames, held->frame_count, &held->arena, &body, err);
    held->mail.body = body;
    return rc;
}

/* Whether an ANSWER is to what this instance asked, or, to an origin, to what it said; as the router has checked it. */
static int held_check_answer(struct ry_ctx *ctx, const struct ry_held *held, struct ry_error *err)
{
    const struct ry_descriptor *descriptor = held->mail.descriptor;
    const struct ry_capability *may = descriptor->may;
    uint64_t to = held->mail.envelope.correlation;
    bool asked = false;
    if (descriptor->kind != RY_KIND_ANSWER || ctx->spec->role == RY_ROLE_RELAY)
        return RY_OK;
    if (may->right == RY_RIGHT_ANSWER) {
        uint16_t tag = ry_asked_tag(&ctx->asked, to);
        for (size_t i = 0; i < RY_CAPABILITY_WITHIN_MAX; i++)
            asked = asked || (tag != RY_TAG_NONE && may->within[i] == tag);
    } else {
        asked = RY_SESSION_OF(to) == ctx->session;
    }
    if (!asked)
        return ry_fail(err, RY_EACCES, "%s to what was not asked", descriptor->record.name);
    ry_asked_end(&ctx->asked, to);
    return RY_OK;
}

/* A question that will have no answer is none any more. */
static void held_end_lost(struct ry_ctx *ctx, const struct ry_held *held)
{
    if (held->mail.envelope.tag == RY_TAG_undeliverable && ctx->spec->role != RY_ROLE_RELAY)
        ry_asked_end(&ctx->asked, RY_BODY(&held->mail, undeliverable)->id);
}

struct ry_held *ry_held_take(struct ry_ctx *ctx, const struct ry_envelope *envelope, struct ry_frame *const *frames,
                             size_t frame_count)
{
    struct ry_held *held = held_new(ctx);
    struct ry_error err; /* as large as a mail, so not cleared for each */
    int rc = held_copy(held, envelope, frames, frame_count, &err);
    if (rc == RY_OK)
        rc = held_unpack(ctx, held, &err);
    if (rc == RY_OK)
        rc = held_check_answer(ctx, held, &err);
    if (rc == RY_OK) {
        held_end_lost(ctx, held);
        return held;
    }
    RY_LOG(RY_WARNING, "mail_malformed", "id=%llu reason=%s", (unsigned long long)held->mail.envelope.id, err.text);
    if (held->custody)
        ry_say_fail(ctx, held->mail.envelope.id, false, err.text);
    held_free(ctx, held);
    return NULL;
}

void ry_held_settle(struct ry_ctx *ctx, struct ry_held *held)
{
    RY_ASSERT(held == ctx->current, "%s", ctx->name);
    if (held->kept && !ctx->current_ended)
        return;
    if (!ctx->current_ended && held->custody)
        ry_say_done(ctx, held->mail.envelope.id);
    held_free(ctx, held);
}

void ry_held_free_all(struct ry_ctx *ctx)
{
    struct ry_held *held;
    while ((held = LIST_FIRST(&ctx->kept)) != NULL) {
        LIST_REMOVE(held, link);
        held_free(ctx, held);
    }
    while ((held = LIST_FIRST(&ctx->free_held)) != NULL) {
        LIST_REMOVE(held, link);
        ry_arena_free(&held->arena);
        free(held);
    }
    ctx->free_held_count = 0;
    ctx->kept_custody = 0;
}

const void *ry_mail_body(const struct ry_mail *mail, enum ry_tag tag)
{
    RY_ASSERT(mail->envelope.tag == (uint16_t)tag, "tag %u is read as %d", mail->envelope.tag, (int)tag);
    return mail->body;
}

/* The mail as what it is, if it may still be ended or kept. */
static struct ry_held *mail_held(const struct ry_ctx *ctx, struct ry_mail *mail, const char *what)
{
    struct ry_held *held = (struct ry_held *)mail;
    RY_ASSERT(held->magic == RY_HELD_LIVE && !(held == ctx->current && ctx->current_ended),
              "%s: %s of a mail that has ended", ctx->name, what);
    RY_ASSERT(held == ctx->current || held->kept, "%s: %s of a mail that was not kept", ctx->name, what);
    return held;
}

int ry_mail_whole(const struct ry_mail *mail, struct ry_buf *out)
{
    const struct ry_held *held = (const struct ry_held *)mail;
    RY_ASSERT(held->magic == RY_HELD_LIVE, "magic %x", held->magic);
    return ry_mail_freeze(&mail->envelope, held->frames, out);
}

void ry_mail_keep(struct ry_ctx *ctx, struct ry_mail *mail)
{
    struct ry_held *held = mail_held(ctx, mail, "keep");
    RY_ASSERT(!held->kept, "%s keeps a mail twice", ctx->name);
    held->kept = true;
    ctx->kept_custody += held->custody;
    LIST_INSERT_HEAD(&ctx->kept, held, link);
}

/* The instance is through with a mail. The one whose handler runs lives until that returns. */
static void mail_release(struct ry_ctx *ctx, struct ry_held *held)
{
    if (held->kept) {
        RY_ASSERT(ctx->kept_custody >= held->custody, "%s", ctx->name);
        LIST_REMOVE(held, link);
        ctx->kept_custody -= held->custody;
    }
    if (held == ctx->current)
        ctx->current_ended = true;
    else
        held_free(ctx, held);
}

void ry_mail_done(struct ry_ctx *ctx, struct ry_mail *mail)
{
    struct ry_held *held = mail_held(ctx, mail, "done");
    if (held->custody)
        ry_say_done(ctx, mail->envelope.id);
    mail_release(ctx, held);
}

void ry_mail_fail(struct ry_ctx *ctx, struct ry_mail *mail, bool retry, const char *reason)
{
    struct ry_held *held = mail_held(ctx, mail, "fail");
    if (held->custody)
        ry_say_fail(ctx, mail->envelope.id, retry, reason);
    mail_release(ctx, held);
}

void ry_instance_give_up(struct ry_instance *instance, const char *reason)
{
    struct ry_ctx *ctx = &instance->ctx;
    while (!LIST_EMPTY(&ctx->kept))
        ry_mail_fail(ctx, &LIST_FIRST(&ctx->kept)->mail, true, reason);
}

size_t ry_mail_kept(const struct ry_ctx *ctx)
{
    return ctx->kept_custody;
}
