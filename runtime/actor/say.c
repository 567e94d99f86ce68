/* say.c: what an instance says.
 *
 * Owns the out queue. A message is packed when it is told, so that its struct may go at once and a message that breaks
 * its declaration is found where it was made; the end of a custody is an entry of the same queue, so that a mail ends
 * only behind what was said about it. Entries are put back on a free list with their buffer, so that saying needs no
 * allocation in the long run.
 *
 * If the instance dies, what is in the queue dies with it; the mail it was said about is then still in custody and is
 * given out again. */
#include "runtime/actor/forward.h"
#include "runtime/actor/state.h"

#include <stdlib.h>

#include "runtime/base/assert.h"
#include "runtime/base/log.h"
#include "runtime/base/utf8.h"

/* Entries kept for re-use, and the largest buffer one may bring along. */
#define FREE_SAID_MAX   1024
#define FREE_SAID_BYTES ((size_t)16384)

_Noreturn void ry_actor_bug(const struct ry_ctx *ctx, const char *what, const char *detail)
{
    RY_LOG(RY_CRITICAL, "actor_bug", "instance=%s what=%s detail=%s", ctx->name, what, detail);
    ry_log_drain(RY_LOG_LAST_WORDS_MS);
    abort();
}

static struct ry_said *said_new(struct ry_ctx *ctx, enum ry_out_kind kind)
{
    struct ry_said *said = STAILQ_FIRST(&ctx->free_said);
    if (said) {
        RY_ASSERT(ctx->free_said_count > 0 && said->out.frame_count == 0, "%zu free", ctx->free_said_count);
        STAILQ_REMOVE_HEAD(&ctx->free_said, link);
        ctx->free_said_count--;
    } else {
        said = calloc(1, sizeof *said);
        if (said == NULL)
            ry_actor_bug(ctx, "out of memory", "out queue");
        said->bytes = ry_buf_make(RY_ENVELOPE_HEAD_MAX_BYTES + RY_BODY_MAX_BYTES);
    }
    said->out = (struct ry_out){.kind = kind};
    ry_buf_reset(&said->bytes);
    return said;
}

static void said_free(struct ry_ctx *ctx, struct ry_said *said)
{
    for (size_t i = 0; i < said->out.frame_count; i++)
        ry_frame_unref(said->out.frames[i]);
    if (said->out.frames != said->usual_frames)
        free(said->out.frames);
    said->out.frame_count = 0;
    if (ctx->free_said_count < FREE_SAID_MAX && said->bytes.capacity <= FREE_SAID_BYTES) {
        STAILQ_INSERT_HEAD(&ctx->free_said, said, link);
        ctx->free_said_count++;
        return;
    }
    ry_buf_free(&said->bytes);
    free(said);
}

void ry_say_free_all(struct ry_ctx *ctx)
{
    struct ry_said *said;
    while ((said = STAILQ_FIRST(&ctx->out)) != NULL) {
        STAILQ_REMOVE_HEAD(&ctx->out, link);
        said_free(ctx, said);
    }
    while ((said = STAILQ_FIRST(&ctx->free_said)) != NULL) {
        STAILQ_REMOVE_HEAD(&ctx->free_said, link);
        ry_buf_free(&said->bytes);
        free(said);
    }
    ctx->free_said_count = 0;
}

static void say_span(struct ry_ctx *ctx, struct ry_trace *trace)
{
    uint64_t span = ry_rng_u64(&ctx->trace_rng);
    memcpy(trace->span_id, &span, sizeof trace->span_id);
}

static void say_trace(struct ry_ctx *ctx, const struct ry_trace *from, struct ry_trace *trace)
{
    if (from) {
        memcpy(trace->trace_id, from->trace_id, sizeof trace->trace_id);
    } else {
        uint64_t halves[2] = {ry_rng_u64(&ctx->trace_rng), ry_rng_u64(&ctx->trace_rng)};
        memcpy(trace->trace_id, halves, sizeof trace->trace_id);
    }
    say_span(ctx, trace);
}

static uint64_t say_next_id(struct ry_ctx *ctx)
{
    if (++ctx->last_id == 0) /* an id is never 0, whatever the session */
        ctx->last_id = 1;
    return (uint64_t)ctx->session << 32 | ctx->last_id;
}

/* Takes over the references in frames. */
static void say_take_frames(struct ry_ctx *ctx, struct ry_said *said, const struct ry_frames *frames)
{
    struct ry_out *out = &said->out;
    RY_ASSERT(out->frame_count == 0 && frames->n <= RY_FRAMES_MAX, "%zu frames", frames->n);
    if (frames->n == 0)
        return;
    out->frames = frames->n <= RY_SAID_USUAL_FRAMES ? said->usual_frames : malloc(frames->n * sizeof *out->frames);
    if (out->frames == NULL)
        ry_actor_bug(ctx, "out of memory", "frames");
    memcpy(out->frames, frames->items, frames->n * sizeof *out->frames);
    out->frame_count = frames->n;
}

/* Packs the message into a new entry; the envelope's head is complete but for frame count and body. The body is packed
 * where it stays, behind room for the head, whose length depends on the body's. */
static void say_mail(struct ry_ctx *ctx, const struct ry_descriptor *descriptor, const void *message,
                     struct ry_envelope *envelope)
{
    struct ry_frames frames;
    frames.n = 0;
    struct ry_error err;
    struct ry_said *said = said_new(ctx, RY_OUT_MAIL);
    if (ry_buf_reserve(&said->bytes, RY_ENVELOPE_HEAD_MAX_BYTES) == NULL)
        ry_actor_bug(ctx, "out of memory", "out queue");
    said->bytes.n = RY_ENVELOPE_HEAD_MAX_BYTES;
    if (ry_pack_mended(descriptor, message, &said->bytes, &frames, &err) != RY_OK)
        ry_actor_bug(ctx, "message breaks its declaration", err.text);
    char head[RY_ENVELOPE_HEAD_MAX_BYTES];
    size_t head_bytes = 0;
    char *body = said->bytes.p + RY_ENVELOPE_HEAD_MAX_BYTES;
    envelope->frame_count = (uint16_t)frames.n;
    envelope->body = (struct ry_str){body, said->bytes.n - RY_ENVELOPE_HEAD_MAX_BYTES};
    if (ry_envelope_pack_head(envelope, head, &head_bytes) != RY_OK)
        ry_actor_bug(ctx, "envelope cannot be packed", descriptor->record.name);
    memcpy(body - head_bytes, head, head_bytes);
    said->out.bytes = (struct ry_str){body - head_bytes, head_bytes + envelope->body.n};
    said->out.envelope = *envelope;
    say_take_frames(ctx, said, &frames);
    STAILQ_INSERT_TAIL(&ctx->out, said, link);
}

/* The descriptor of what this role may say; anything else is a bug. */
static const struct ry_descriptor *say_descriptor(const struct ry_ctx *ctx, enum ry_tag tag, bool answer)
{
    const struct ry_descriptor *descriptor = ry_descriptor(tag);
    RY_ASSERT(descriptor != NULL, "%s: tag %d", ctx->name, (int)tag);
    RY_ASSERT(descriptor->senders & RY_ROLE_BIT(ctx->spec->role), "%s may not send %s", ctx->name,
              descriptor->record.name);
    RY_ASSERT((descriptor->kind == RY_KIND_ANSWER) == answer, "%s: ry_answer is for ANSWERs, ry_tell for all but %s",
              ctx->name, descriptor->record.name);
    return descriptor;
}

uint64_t ry_tell(struct ry_ctx *ctx, enum ry_tag tag, const void *message, const struct ry_send *send)
{
    const struct ry_descriptor *descriptor = say_descriptor(ctx, tag, false);
    bool custody = descriptor->kind == RY_KIND_REQUEST || descriptor->kind == RY_KIND_ASK;
    uint64_t id = say_next_id(ctx);
    struct ry_envelope envelope = {
        .id = id,
        .correlation = send->correlation == 0 && custody ? id : send->correlation,
        .tenant = send->tenant,
        .deadline_wall_ms = send->deadline_wall_ms,
        .tag = (uint16_t)tag,
        .priority = (uint8_t)send->priority,
        .attempt = 1,
    };
    say_trace(ctx, send->trace, &envelope.trace);
    say_mail(ctx, descriptor, message, &envelope);
    if (descriptor->kind == RY_KIND_ASK && !ry_asked_add(&ctx->asked, id, envelope.tag))
        ry_actor_bug(ctx, "out of memory", "questions");
    return id;
}

void ry_answer(struct ry_ctx *ctx, const struct ry_mail *mail, enum ry_tag tag, const void *message,
               uint64_t correlation)
{
    const struct ry_descriptor *descriptor = say_descriptor(ctx, tag, true);
    struct ry_envelope envelope = {
        .id = say_next_id(ctx),
        .correlation = correlation,
        .tenant = mail->envelope.tenant,
        .tag = (uint16_t)tag,
        .priority = mail->envelope.priority,
        .attempt = 1,
    };
    say_trace(ctx, &mail->envelope.trace, &envelope.trace);
    say_mail(ctx, descriptor, message, &envelope);
}

struct ry_send ry_send_from(const struct ry_mail *mail)
{
    return (struct ry_send){
        .correlation = mail->envelope.correlation,
        .tenant = mail->envelope.tenant,
        .deadline_wall_ms = mail->envelope.deadline_wall_ms,
        .priority = (enum ry_priority)mail->envelope.priority,
        .trace = &mail->envelope.trace,
    };
}

int ry_whole_read(struct ry_str whole, struct ry_envelope *envelope, const struct ry_descriptor **descriptor,
                  struct ry_error *err)
{
    struct ry_frames frames;
    frames.n = 0;
    int rc = ry_mail_thaw(whole, envelope, frames.items, RY_FRAMES_MAX, err);
    if (rc != RY_OK)
        return rc;
    frames.n = envelope->frame_count;
    ry_frames_clear(&frames);
    *descriptor = ry_descriptor(envelope->tag);
    if (*descriptor == NULL || (*descriptor)->kind == RY_KIND_CONTROL)
        return ry_fail(err, RY_EINVAL, "a mail of tag %u is not passed on", envelope->tag);
    return RY_OK;
}

uint64_t ry_forward(struct ry_ctx *ctx, struct ry_str whole, uint64_t correlation, struct ry_error *err)
{
    struct ry_frames frames;
    struct ry_envelope envelope;
    frames.n = 0;
    if (ry_mail_thaw(whole, &envelope, frames.items, RY_FRAMES_MAX, err) != RY_OK)
        return 0;
    frames.n = envelope.frame_count;
    envelope.id = say_next_id(ctx);
    envelope.correlation = correlation != 0 ? correlation : envelope.id;
    envelope.attempt = 1;
    struct ry_said *said = said_new(ctx, RY_OUT_MAIL);
    if (ry_envelope_pack(&envelope, &said->bytes) != RY_OK)
        ry_actor_bug(ctx, "a mail that was read cannot be packed", "");
    said->out.bytes = ry_buf_str(&said->bytes);
    envelope.body.p = said->bytes.p + said->bytes.n - envelope.body.n;
    said->out.envelope = envelope;
    say_take_frames(ctx, said, &frames);
    STAILQ_INSERT_TAIL(&ctx->out, said, link);
    return envelope.id;
}

int ry_check(enum ry_tag tag, const void *message, struct ry_error *err)
{
    const struct ry_descriptor *descriptor = ry_descriptor(tag);
    if (descriptor == NULL)
        return ry_fail(err, RY_EINVAL, "no message has the tag %d", (int)tag);
    struct ry_frames frames;
    frames.n = 0;
    RY_BUF_AUTO body = ry_buf_make(RY_BODY_MAX_BYTES);
    int rc = ry_pack(descriptor, message, &body, &frames, err);
    ry_frames_clear(&frames);
    return rc;
}

void ry_say_done(struct ry_ctx *ctx, uint64_t id)
{
    struct ry_said *said = said_new(ctx, RY_OUT_DONE);
    said->out.id = id;
    STAILQ_INSERT_TAIL(&ctx->out, said, link);
}

static void say_reason(struct ry_buf *out, const char *reason)
{
    struct ry_str text = ry_utf8_head(ry_str_of(reason), RY_REASON_MAX_BYTES);
    (void)ry_buf_add_str(out, text.n > 0 ? text : RY_STR("no reason given"));
    ry_utf8_mend(out->p, out->n);
}

void ry_say_fail(struct ry_ctx *ctx, uint64_t id, bool retry, const char *reason)
{
    struct ry_said *said = said_new(ctx, RY_OUT_FAIL);
    said->out.id = id;
    said->out.retry = retry;
    say_reason(&said->bytes, reason);
    said->out.reason = ry_buf_cstr(&said->bytes);
    if (said->out.reason == NULL)
        ry_actor_bug(ctx, "out of memory", "reason");
    STAILQ_INSERT_TAIL(&ctx->out, said, link);
}

const struct ry_out *ry_instance_out(struct ry_instance *instance)
{
    struct ry_said *said = STAILQ_FIRST(&instance->ctx.out);
    return said ? &said->out : NULL;
}

void ry_instance_out_pop(struct ry_instance *instance)
{
    struct ry_said *said = STAILQ_FIRST(&instance->ctx.out);
    if (said == NULL)
        return;
    STAILQ_REMOVE_HEAD(&instance->ctx.out, link);
    said_free(&instance->ctx, said);
}
